"""All queries about policies: what is stored, whom a scope's sound reaches by class, and what is planned for them.

A class is the devices that hear the same of the scopes that matter; it is counted in the database, so that the work
grows with the units and the special devices, not with the devices.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow, BroadcastScope
from controller.delivery import drafts
from controller.delivery import store as delivery
from controller.devices.tables import Device, GroupMember
from controller.policies import document
from controller.policies.document import Rules
from controller.policies.rules import Airing, airing
from controller.policies.tables import PolicyRevision, PolicyRow
from controller.units.store import listens_to
from controller.units.tables import Group, Unit
from loa_protocol.documents.device import DeviceKind
from loa_protocol.documents.policy import Policy
from loa_protocol.documents.trust import Ceilings, TrustList
from loa_protocol.envelope import open_payload, parse
from loa_protocol.ids import device_scope, unit_scope

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Crowd:
    """Loudspeakers that hear the same of the scopes that matter, and have the same turn among their neighbours."""

    scopes: frozenset[str]
    turn: int
    devices: int


@dataclass(frozen=True, slots=True)
class Audience:
    """Loudspeakers that hear certain scopes: how many in each unit and turn, and the units above each."""

    units: Mapping[tuple[str, int], int]
    parents: Mapping[str, str | None]

    def chain(self, unit: str) -> frozenset[str]:
        """The scopes of a unit and of all above it."""
        found: set[str] = set()
        at: str | None = unit
        while at is not None and unit_scope(at) not in found:
            found.add(unit_scope(at))
            at = self.parents.get(at)
        return frozenset(found)


async def find(session: AsyncSession, scope: str) -> PolicyRow | None:
    """The newest revision of a scope's policy, also a removed one."""
    return await session.get(PolicyRow, scope, populate_existing=True)


async def find_to_change(session: AsyncSession, scope: str) -> PolicyRow | None:
    """As `find`; nobody else changes it before the commit."""
    return await session.get(PolicyRow, scope, with_for_update=True, populate_existing=True)


async def everything(session: AsyncSession, *where: ColumnElement[bool]) -> Sequence[PolicyRow]:
    """All policies in force but those of closed units, by scope."""
    closed = select("u-" + Unit.id).where(Unit.closed_at.is_not(None))
    query = select(PolicyRow).where(PolicyRow.in_force, PolicyRow.scope.not_in(closed), *where)
    return (await session.scalars(query.order_by(PolicyRow.scope))).all()


async def history(session: AsyncSession, scope: str) -> Sequence[PolicyRevision]:
    """Every revision of a scope's policy, newest first."""
    query = select(PolicyRevision).where(PolicyRevision.scope == scope).order_by(PolicyRevision.revision.desc())
    return (await session.scalars(query)).all()


async def rules_of(session: AsyncSession, scopes: Collection[str] | None = None) -> dict[str, Rules]:
    """Scope → its rules, of these scopes or of all that have any."""
    query = select(PolicyRow.scope, PolicyRow.document).where(PolicyRow.in_force)
    if scopes is None:
        return await _rules(session, query)
    found: dict[str, Rules] = {}
    named = sorted(scopes)
    for at in range(0, len(named), _AT_ONCE):
        found |= await _rules(session, query.where(PolicyRow.scope.in_(named[at : at + _AT_ONCE])))
    return found


async def _rules(session: AsyncSession, query: Select[str, dict[str, Any]]) -> dict[str, Rules]:
    return {scope: document.read(data) for scope, data in await session.execute(query)}


async def policies_of(session: AsyncSession, scopes: Collection[str] | None = None) -> dict[str, Policy]:
    """As `rules_of`, as devices merge them (with a version that says nothing)."""
    return {scope: document.as_policy(scope, rules) for scope, rules in (await rules_of(session, scopes)).items()}


async def binding(session: AsyncSession, scopes: Collection[str]) -> dict[str, Policy]:
    """The policies that bind any loudspeaker which hears one of the scopes, by their own scopes."""
    query = select(PolicyRow.scope, PolicyRow.document).where(PolicyRow.in_force, _is_heard(PolicyRow.scope, scopes))
    return {scope: document.as_policy(scope, rules) for scope, rules in (await _rules(session, query)).items()}


async def ceilings(session: AsyncSession) -> Ceilings:
    """Those of the newest root-signed trust list."""
    lists = await delivery.trust_lists(session)
    return open_payload(parse(lists[-1].envelope), TrustList).ceilings if lists else Ceilings()


async def any_policy(session: AsyncSession) -> bool:
    """Whether there is any policy in force."""
    return bool(await session.scalar(select(exists().where(PolicyRow.in_force))))


async def names(session: AsyncSession, scopes: Iterable[str]) -> dict[str, str]:
    """What people call these scopes; those that are not there are left out."""
    found: dict[str, str] = {}
    wanted = sorted(set(scopes))
    for kind, table in (("u", Unit), ("g", Group), ("d", Device)):
        ids = [scope[2:] for scope in wanted if scope.startswith(f"{kind}-")]
        for at in range(0, len(ids), _AT_ONCE):
            query = select(table.id, table.name).where(table.id.in_(ids[at : at + _AT_ONCE]))
            found |= {f"{kind}-{row.id}": row.name for row in await session.execute(query)}
    return found


async def audience(session: AsyncSession, scopes: Collection[str]) -> Audience:
    """The loudspeakers that hear any of the scopes, counted by unit."""
    heard = _hears(scopes)
    units = {(unit, turn): count for unit, turn, count in await session.execute(_by_unit(heard))}
    above = _above(heard)
    rows = await session.execute(select(above.c.id, above.c.parent_id))
    return Audience(units, {row.id: row.parent_id for row in rows})


def _hears(scopes: Iterable[str]) -> ColumnElement[bool]:
    return listens_to(scopes) & (Device.kind == str(DeviceKind.SPEAKER))


def _by_unit(heard: ColumnElement[bool]) -> Select[str, int, int]:
    return select(Device.unit_id, Device.turn, func.count()).where(heard).group_by(Device.unit_id, Device.turn)


def _above(heard: ColumnElement[bool]) -> CTE:
    """The units of these devices and all above them, with their parents."""
    above = select(Unit.id, Unit.parent_id).where(Unit.id.in_(select(Device.unit_id).where(heard)))
    found = above.cte("above", recursive=True)
    return found.union(select(Unit.id, Unit.parent_id).where(Unit.id == found.c.parent_id))


async def planned(session: AsyncSession, scopes: Collection[str], begin: datetime, end: datetime) -> tuple[Airing, ...]:
    """What sounds, begins in [begin, end) and is for any loudspeaker that hears one of the scopes; by start.

    `scopes` of an answer are those that such a loudspeaker hears.
    """
    row = BroadcastRow
    query = (
        select(BroadcastScope.scope, row)
        .join(row, row.id == BroadcastScope.broadcast_id)
        .where(row.start >= begin, row.start < end, row.cancelled_at.is_(None), row.duration_ms > 0)
        .where(_is_heard(BroadcastScope.scope, scopes))
    )
    rows: dict[str, BroadcastRow] = {}
    found: dict[str, set[str]] = {}
    for scope, one in await session.execute(query):
        rows[one.id] = one
        found.setdefault(one.id, set()).add(scope)
    ordered = sorted(rows.values(), key=lambda one: (one.start, one.id))
    return tuple(airing(drafts.wire_broadcast(one), found[one.id]) for one in ordered)


def _is_heard(scope: Any, by: Collection[str]) -> ColumnElement[bool]:
    """The condition that a loudspeaker which hears any of the scopes `by` hears that scope too."""
    heard = _hears(by)
    groups = select("g-" + GroupMember.group_id).join(Device, Device.id == GroupMember.device_id).where(heard)
    devices = select("d-" + Device.id).where(heard)
    return or_(scope.in_(select("u-" + _above(heard).c.id)), scope.in_(groups), scope.in_(devices))


async def crowds(
    session: AsyncSession, scopes: Collection[str], heard_by: Audience, matter: frozenset[str]
) -> list[Crowd]:
    """The loudspeakers that hear any of the scopes, in classes by what they hear of those that `matter`."""
    special = await _special(session, scopes, matter)
    counted: Counter[tuple[frozenset[str], int]] = Counter()
    units = Counter(heard_by.units)
    for (unit, turn), own in special.values():
        counted[(heard_by.chain(unit) & matter) | own, turn] += 1
        units[unit, turn] -= 1
    for (unit, turn), count in units.items():
        if count > 0:
            counted[heard_by.chain(unit) & matter, turn] += count
    ordered = sorted(counted.items(), key=lambda one: (sorted(one[0][0]), one[0][1]))
    return [Crowd(heard, turn, count) for (heard, turn), count in ordered]


async def _special(
    session: AsyncSession, scopes: Collection[str], matter: frozenset[str]
) -> dict[str, tuple[tuple[str, int], set[str]]]:
    """Device → its unit and turn, and which of the groups that matter, or itself, it hears; if it hears any."""
    found: dict[str, tuple[tuple[str, int], set[str]]] = {}
    heard = _hears(scopes)
    place = (Device.id, Device.unit_id, Device.turn)
    for ids in _pages(matter, "g"):
        members = (
            select(*place, GroupMember.group_id)
            .join(GroupMember, GroupMember.device_id == Device.id)
            .where(GroupMember.group_id.in_(ids), heard)
        )
        for device, unit, turn, group in await session.execute(members):
            found.setdefault(device, ((unit, turn), set()))[1].add(f"g-{group}")
    for ids in _pages(matter, "d"):
        for device, unit, turn in await session.execute(select(*place).where(Device.id.in_(ids), heard)):
            found.setdefault(device, ((unit, turn), set()))[1].add(device_scope(device))
    return found


def _pages(scopes: Iterable[str], kind: str) -> Iterable[list[str]]:
    ids = sorted(scope[2:] for scope in scopes if scope.startswith(f"{kind}-"))
    return [ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE)]
