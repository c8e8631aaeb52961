"""All queries of a map to choose on: the places of devices below a unit, and by which scopes each can be spoken to.

What a choice reaches follows from the answer alone, so that a page shows it while one chooses, without asking again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices.tables import Device, GroupMember
from controller.policies.tables import QuietZone
from controller.units import store as units
from controller.units.tables import Group, Unit

MOST_POINTS = 2_000


@dataclass(frozen=True, slots=True)
class Point:
    """Where a device is, in degrees; it listens to its unit, to all above that, and to its groups."""

    id: str
    latitude: float
    longitude: float
    unit: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Points:
    """`above`: scope of a unit → scope of the unit above it; `left_out`: have a place, too, and are too many.

    `nowhere`: devices of which nobody wrote down where they are.
    """

    points: tuple[Point, ...]
    above: Mapping[str, str | None]
    left_out: int
    nowhere: int


async def points(session: AsyncSession, unit_id: str, mine: Iterable[ColumnElement[bool]]) -> Points:
    """Where devices are to which a unit's word may go; `mine` as of `store.tree`.

    Of too many those that come first by name are shown, which are some of every unit.
    """
    here = await _standing(session, unit_id, mine)
    counted = select(func.count(Device.id), func.count(Device.latitude)).where(_in_service(here))
    devices, placed = (await session.execute(counted)).one()
    shown = select(Device).where(_in_service(here), Device.latitude.is_not(None))
    shown = shown.order_by(Device.sort_key, Device.id).limit(MOST_POINTS)
    rows = (await session.scalars(shown)).all()
    groups = await _groups(session, here) if rows else {}
    found = tuple(
        Point(row.id, row.latitude, row.longitude, f"u-{row.unit_id}", tuple(groups.get(row.id, ())))
        for row in rows
        if row.latitude is not None and row.longitude is not None
    )
    above = await _above(session, here, {row.unit_id for row in rows})
    return Points(found, above, placed - len(found), devices - placed)


async def _standing(session: AsyncSession, unit_id: str, mine: Iterable[ColumnElement[bool]]) -> Select[str]:
    """Units that stand where a unit's word may be heard."""
    area = await units.area(session, unit_id)
    return select(Unit.id).where(Unit.id.in_(units.subtree([area])), Unit.closed_at.is_(None), *mine)


def _in_service(here: Select[str]) -> ColumnElement[bool]:
    return Device.retired_at.is_(None) & Device.unit_id.in_(here)


async def _groups(session: AsyncSession, here: Select[str]) -> dict[str, list[str]]:
    """Device → scopes of the groups that people made and one can speak to."""
    asked = (
        select(GroupMember.device_id, GroupMember.group_id)
        .join(Group, Group.id == GroupMember.group_id)
        .where(Group.unit_id.in_(here), Group.id.not_in(select(QuietZone.id)), Group.retired_at.is_(None))
        .order_by(GroupMember.device_id, GroupMember.group_id)
    )
    found: dict[str, list[str]] = {}
    for device_id, group_id in await session.execute(asked):
        found.setdefault(device_id, []).append(f"g-{group_id}")
    return found


async def _above(session: AsyncSession, here: Select[str], wanted: Iterable[str]) -> dict[str, str | None]:
    """Of these units and of those above them, as far as they are among those `here`."""
    chains = await units.chains(session, wanted)
    among = sorted({one for chain in chains.values() for one in chain})
    known = set(await session.scalars(select(Unit.id).where(Unit.id.in_(among), Unit.id.in_(here))))
    pairs = {pair for chain in chains.values() for pair in zip(chain, (*chain[1:], None), strict=True)}
    return {f"u-{one}": f"u-{above}" if above in known else None for one, above in pairs if one in known}
