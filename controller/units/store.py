"""All queries about units, and which devices a scope reaches."""

import json
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, Select, Text, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices.tables import Device, GroupMember
from controller.runtime.database import kept
from controller.units.languages import spoken
from controller.units.tables import Group, Unit
from loa_protocol.documents.device import DeviceKind, Membership
from loa_protocol.ids import unit_scope

AGENCY = "agency"
_AT_ONCE = 5_000
_TREE, _LISTED, _GROUPS = "units above", "units that list languages", "groups of devices"
_OWNERS = (("u", Unit.id, Unit.id), ("g", Group.id, Group.unit_id), ("d", Device.id, Device.unit_id))


async def find(session: AsyncSession, unit_id: str) -> Unit | None:
    """One unit."""
    return await session.get(Unit, unit_id)


async def everything(session: AsyncSession, *where: ColumnElement[bool]) -> Sequence[Unit]:
    """All units, by id."""
    return (await session.scalars(select(Unit).where(*where).order_by(Unit.id))).all()


async def roots(session: AsyncSession) -> Sequence[str]:
    """The topmost units that stand, by id."""
    query = select(Unit.id).where(Unit.parent_id.is_(None), Unit.closed_at.is_(None)).order_by(Unit.id)
    return (await session.scalars(query)).all()


async def chain(session: AsyncSession, unit_id: str) -> tuple[str, ...]:
    """The unit and all above it, narrowest first."""
    return _upwards(await _parents(session, [unit_id]), unit_id)


async def chains(session: AsyncSession, unit_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """As `chain` for many, in one query."""
    wanted = sorted(set(unit_ids))
    parents = await _parents(session, wanted)
    return {one: _upwards(parents, one) for one in wanted}


async def area(session: AsyncSession, unit_id: str) -> str:
    """Where a unit's word may be heard: the unit itself; of an agency, the nearest unit above that is none."""
    above = await chain(session, unit_id)
    kinds = {row.id: row.kind for row in await session.execute(select(Unit.id, Unit.kind).where(Unit.id.in_(above)))}
    return next((one for one in above if kinds[one] != AGENCY), unit_id)


async def _parents(session: AsyncSession, unit_ids: Iterable[str]) -> dict[str, str | None]:
    """Unit → parent of these units and of all above them. A snapshot has one tree: what was read of it is kept."""
    known: dict[str, str | None] = kept(session).setdefault(_TREE, {})
    wanted = set(unit_ids)
    if missing := sorted(wanted - known.keys()):
        known |= await _read_parents(session, missing)
    found: dict[str, str | None] = {}
    while wanted := {one for one in wanted if one in known and one not in found}:
        found |= {one: known[one] for one in wanted}
        wanted = {parent for one in wanted if (parent := known[one]) is not None}
    return found


async def _read_parents(session: AsyncSession, unit_ids: Sequence[str]) -> dict[str, str | None]:
    above = select(Unit.id, Unit.parent_id).where(Unit.id.in_(unit_ids)).cte("above", recursive=True)
    above = above.union(select(Unit.id, Unit.parent_id).where(Unit.id == above.c.parent_id))
    return {row.id: row.parent_id for row in await session.execute(select(above.c.id, above.c.parent_id))}


def _upwards(parents: Mapping[str, str | None], unit_id: str) -> tuple[str, ...]:
    found: list[str] = []
    at: str | None = unit_id
    while at is not None and at in parents and at not in found:
        found.append(at)
        at = parents[at]
    return tuple(found)


async def below(session: AsyncSession, unit_ids: Iterable[str]) -> frozenset[str]:
    """The units and all below them."""
    return frozenset(await session.scalars(subtree(unit_ids)))


async def ancestry(session: AsyncSession, unit_ids: Iterable[str]) -> frozenset[str]:
    """The units and all above them."""
    return frozenset(await _parents(session, unit_ids))


async def tops(session: AsyncSession) -> frozenset[str]:
    """The units that are below none, closed ones, too."""
    return frozenset(await session.scalars(select(Unit.id).where(Unit.parent_id.is_(None))))


def subtree(unit_ids: Iterable[str]) -> Select[str]:
    """As `below`, as a query."""
    under = select(Unit.id).where(Unit.id.in_(list(unit_ids))).cte(recursive=True)
    under = under.union(select(Unit.id).where(Unit.parent_id == under.c.id))
    return select(under.c.id)


def listens_to(scopes: Iterable[str]) -> ColumnElement[bool]:
    """The condition that a device is in service and listens to any of the scopes.

    The units below stay in the database: a country has more of them than a statement may have parameters.
    """
    named: dict[str, list[str]] = {"u": [], "g": [], "d": []}
    for scope in scopes:
        named[scope[0]].append(scope[2:])
    members = select(GroupMember.device_id).where(GroupMember.group_id.in_(named["g"]))
    reached = [Device.id.in_(named["d"]), Device.id.in_(members)]
    if named["u"]:
        reached.append(Device.unit_id.in_(subtree(named["u"])))
    return Device.retired_at.is_(None) & or_(*reached)


async def any_listens(session: AsyncSession, scopes: Iterable[str]) -> bool:
    """Whether any device in service listens to any of the scopes."""
    query = select(Device.id).where(listens_to(scopes)).limit(1)
    return (await session.scalars(query)).first() is not None


async def devices_of_scopes(
    session: AsyncSession, scopes: Iterable[str], *where: ColumnElement[bool]
) -> tuple[Device, ...]:
    """Devices in service that listen to any of the scopes and of which the conditions hold, by id."""
    query = select(Device).where(listens_to(scopes), *where).order_by(Device.id)
    return tuple(await session.scalars(query))


async def last_turn(session: AsyncSession, scopes: Iterable[str]) -> int:
    """The highest turn of the devices in service that listen to any of the scopes."""
    found = select(Device.turn).where(Device.turn > 0, listens_to(scopes)).order_by(Device.turn.desc()).limit(1)
    return (await session.scalars(found)).first() or 0


async def scopes_of_device(session: AsyncSession, device: Device) -> tuple[tuple[str, ...], tuple[Membership, ...]]:
    """Unit scopes narrowest first, and the groups the device is in."""
    return (await scopes_of_devices(session, [device]))[device.id]


async def scopes_of_devices(
    session: AsyncSession, devices: Sequence[Device]
) -> dict[str, tuple[tuple[str, ...], tuple[Membership, ...]]]:
    """As `scopes_of_device` for many, in two queries."""
    parents = await _parents(session, {device.unit_id for device in devices})
    groups = await _groups_of(session, [device.id for device in devices])
    units = {device.id: tuple(map(unit_scope, _upwards(parents, device.unit_id))) for device in devices}
    return {device.id: (units[device.id], tuple(groups[device.id])) for device in devices}


async def _groups_of(session: AsyncSession, device_ids: Sequence[str]) -> Mapping[str, Sequence[Membership]]:
    known: dict[str, list[Membership]] = kept(session).setdefault(_GROUPS, {})
    if missing := [one for one in device_ids if one not in known]:
        query = (
            select(GroupMember.device_id, Group.id, Group.unit_id)
            .join(GroupMember, GroupMember.group_id == Group.id)
            .where(GroupMember.device_id.in_(missing))
            .order_by(Group.id)
        )
        known |= {one: [] for one in missing}
        for row in await session.execute(query):
            known[row.device_id].append(Membership(group=f"g-{row.id}", owner=unit_scope(row.unit_id)))
    return known


async def heirs(session: AsyncSession, unit_id: str) -> Sequence[Device]:
    """Devices in service at the unit or below it that list no languages themselves, by id."""
    query = select(Device).where(Device.unit_id.in_(subtree([unit_id])), Device.retired_at.is_(None))
    query = query.where(cast(Device.languages, Text) == "[]").order_by(Device.id)
    return (await session.scalars(query)).all()


async def languages_of_devices(session: AsyncSession, devices: Sequence[Device]) -> dict[str, tuple[str, ...]]:
    """Device → what it speaks, its own or its unit's, the first spoken first."""
    listed = await _listed(session)
    inheriting = {device.unit_id for device in devices if not device.languages} if listed else set()
    inherited = await _inherited(session, inheriting, listed)
    return {device.id: spoken(device.languages, [inherited.get(device.unit_id)]) for device in devices}


async def languages_of_scopes(session: AsyncSession, scopes: Iterable[str]) -> frozenset[tuple[str, ...]]:
    """Every list of languages that a loudspeaker in service speaks which listens to any of the scopes."""
    query = select(Device.unit_id, cast(Device.languages, Text)).where(Device.kind == DeviceKind.SPEAKER)
    rows = (await session.execute(query.where(listens_to(scopes)).distinct())).all()
    own = [(unit_id, json.loads(text)) for unit_id, text in rows]
    listed = await _listed(session)
    inherited = await _inherited(session, {unit_id for unit_id, names in own if listed and not names}, listed)
    return frozenset(spoken(names, [inherited.get(unit_id)]) for unit_id, names in own)


async def _listed(session: AsyncSession) -> dict[str, list[str]]:
    """Units that list languages themselves."""
    known = kept(session)
    if _LISTED not in known:
        query = select(Unit.id, Unit.languages).where(Unit.languages.is_not(None))
        known[_LISTED] = {row.id: row.languages for row in await session.execute(query) if row.languages}
    found: dict[str, list[str]] = known[_LISTED]
    return found


async def _inherited(
    session: AsyncSession, unit_ids: Iterable[str], listed: Mapping[str, list[str]]
) -> dict[str, tuple[str, ...]]:
    """What devices of these units speak that list nothing themselves."""
    wanted = sorted(unit_ids)
    found: dict[str, tuple[str, ...]] = {}
    for at in range(0, len(wanted), _AT_ONCE):
        part = wanted[at : at + _AT_ONCE]
        parents = await _parents(session, part)
        found |= {unit_id: spoken((), map(listed.get, _upwards(parents, unit_id))) for unit_id in part}
    return found


async def missing_scopes(session: AsyncSession, scopes: Iterable[str]) -> tuple[str, ...]:
    """Those scopes that name nothing that stands; groups that are named stay until the commit (`groups.retire`)."""
    return tuple([scope for scope in scopes if not await _stands(session, scope)])


async def _stands(session: AsyncSession, scope: str) -> bool:
    kind, key = scope[:1], scope[2:]
    if kind == "u":
        unit = await session.get(Unit, key)
        return unit is not None and unit.closed_at is None
    if kind == "g":
        held = {"read": True, "key_share": True}
        group = await session.get(Group, key, with_for_update=held, populate_existing=True)
        return group is not None and group.retired_at is None
    return kind == "d" and await session.get(Device, key) is not None


async def owners(session: AsyncSession, scopes: Iterable[str]) -> dict[str, str]:
    """Scope → the unit that it is or that has it; unknown ones are not told."""
    named = list(scopes)
    found: dict[str, str] = {}
    for prefix, key, owner in (
        ("u", Unit.id, Unit.id),
        ("g", Group.id, Group.unit_id),
        ("d", Device.id, Device.unit_id),
    ):
        ids = [one[2:] for one in named if one[0] == prefix]
        rows = await session.execute(select(key, owner).where(key.in_(ids))) if ids else ()
        found |= {f"{prefix}-{key}": unit for key, unit in rows}
    return found


async def outside_of(session: AsyncSession, unit_id: str, scopes: Iterable[str]) -> tuple[str, ...]:
    """Those scopes that are not the unit, nor below it, nor a group or device of theirs; unknown ones are not told."""
    named = list(scopes)
    owned = await owners(session, named)
    parents = await _parents(session, set(owned.values()))
    return tuple(one for one in named if one in owned and unit_id not in _upwards(parents, owned[one]))
