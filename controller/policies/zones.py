"""Quiet zones: a circle around a school or a hospital, whose devices are a group with a policy of its own.

Who is in the group, `membership` decides. A zone is changed from the revision that was read, like a policy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices.geo import Point
from controller.policies import membership, service, store
from controller.policies.document import Rules
from controller.policies.membership import ZONES
from controller.policies.service import PolicyMovedOn, Saved
from controller.policies.tables import QuietZone
from controller.runtime.database import alone
from controller.units import service as units
from controller.units.tables import Group
from loa_protocol.errors import LoaError


class ZoneUnknown(LoaError):
    """No quiet zone has this id."""

    code = "zone_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """What a quiet zone is; `radius_m` in metres around `centre`."""

    title: str
    unit_id: str
    centre: Point
    radius_m: int


async def everything(session: AsyncSession, *where: ColumnElement[bool]) -> Sequence[tuple[QuietZone, Group]]:
    """All zones in force with their groups, by id."""
    query = select(QuietZone, Group).join(Group, Group.id == QuietZone.id).where(QuietZone.retired_at.is_(None), *where)
    return [(zone, group) for zone, group in await session.execute(query.order_by(QuietZone.id))]


def unknown(zone_id: str) -> ZoneUnknown:
    """Why nothing is answered about an id: nothing has it, or whoever asks may not know of it."""
    return ZoneUnknown(f"there is no quiet zone {zone_id}; list them to find the right id", zone=zone_id)


async def require(session: AsyncSession, zone_id: str) -> tuple[QuietZone, Group]:
    """A zone in force and its group.

    Raises:
        ZoneUnknown: there is none.
    """
    zone = await session.get(QuietZone, zone_id, populate_existing=True)
    group = await session.get(Group, zone_id)
    if zone is None or group is None or zone.retired_at is not None:
        raise unknown(zone_id)
    return zone, group


async def put(
    session: AsyncSession,
    zone_id: str,
    circle: Circle,
    rules: Rules,
    *,
    expected: int | None,
    by: str = "",
    now: datetime,
) -> tuple[QuietZone, Saved]:
    """Make a zone, or change where it lies and what it allows; `expected` is the revision it had, None if it is new.

    Raises:
        UnitUnknown, IdTaken, PolicyMovedOn, PolicyUnsound: what is wrong; nothing is changed.
    """
    await alone(session, ZONES)
    await units.require_open(session, circle.unit_id)
    zone = await session.get(QuietZone, zone_id, populate_existing=True)
    _require_revision(zone, zone_id, expected)
    if zone is None:
        await units.create_group(session, group_id=zone_id, name=circle.title, unit_id=circle.unit_id, devices=())
        zone = QuietZone(id=zone_id, revision=0)
    group = await session.get_one(Group, zone_id)
    group.name, group.unit_id = circle.title, circle.unit_id
    zone.latitude, zone.longitude = circle.centre.latitude, circle.centre.longitude
    zone.radius_m, zone.revision = circle.radius_m, zone.revision + 1
    zone.made_at, zone.made_by, zone.retired_at = now, by, None
    session.add(zone)
    await session.flush()
    await membership.gather(session, zone)
    scope = f"g-{zone_id}"
    return zone, await service.put(session, scope, rules, expected=await _standing(session, scope), by=by, now=now)


async def _standing(session: AsyncSession, scope: str) -> int | None:
    """The revision of the zone's policy, if it has one."""
    held = await store.find(session, scope)
    return held.revision if held is not None and held.in_force else None


async def retire(session: AsyncSession, zone_id: str, *, expected: int | None, by: str = "", now: datetime) -> None:
    """Lift a zone: its devices leave the group and its policy is cleared. The group's id stays taken.

    Raises:
        ZoneUnknown, PolicyMovedOn: what is wrong; nothing is changed.
    """
    await alone(session, ZONES)
    zone, _ = await require(session, zone_id)
    _require_revision(zone, zone_id, expected)
    scope = f"g-{zone_id}"
    standing = await _standing(session, scope)
    if standing is not None:
        await service.clear(session, scope, expected=standing, by=by, now=now)
    zone.retired_at, zone.revision, zone.made_by = now, zone.revision + 1, by
    await membership.settle(session, zone_id, coming=(), going=await membership.members(session, zone_id))


def _require_revision(zone: QuietZone | None, zone_id: str, expected: int | None) -> None:
    standing = zone.revision if zone is not None and zone.retired_at is None else None
    if standing != expected:
        raise PolicyMovedOn(
            f"quiet zone {zone_id} has revision {standing or 'none'} now, not {expected or 'none'}; read it again",
            zone=zone_id,
            revision=standing,
        )
