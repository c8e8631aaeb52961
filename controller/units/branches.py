"""One place of the tree: what stands above it, and what is right below it, each with everything under it counted."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Subquery, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices.tables import Device, DeviceReport, GroupMember
from controller.people.tables import Person
from controller.policies.tables import QuietZone
from controller.units import store
from controller.units.tables import Group, Unit

_SPEAKER = "speaker"
MOST = 1000


@dataclass(frozen=True, slots=True)
class Twig:
    """A unit, and with all that is below it: how many units, loudspeakers, boards, and devices that are silent."""

    id: str
    name: str
    kind: str
    units: int
    speakers: int
    boards: int
    silent: int
    people: int


@dataclass(frozen=True, slots=True)
class Branch:
    """`path`: what stands above, the widest first; `own`: what stands at the unit itself; `below`: by name."""

    own: Twig
    path: Sequence[tuple[str, str]]
    below: Sequence[Twig]


async def look(session: AsyncSession, unit: Unit, *seen: ColumnElement[bool], counted: bool = True) -> Branch:
    """The branch of a unit; `seen`: of which devices somebody may know; not `counted`: names, and noughts."""
    chain = await store.chain(session, unit.id)
    names = {row.id: row.name for row in await session.execute(select(Unit.id, Unit.name).where(Unit.id.in_(chain)))}
    path = [(one, names[one]) for one in reversed(chain[1:]) if one in names]
    children = select(Unit).where(Unit.parent_id == unit.id, Unit.closed_at.is_(None)).order_by(Unit.sort_key, Unit.id)
    below = (await session.scalars(children.limit(MOST))).all()
    sums = await _counted(session, [unit.id, *(one.id for one in below)], unit.id, seen) if counted else {}
    return Branch(_twig(unit, sums), path, [_twig(one, sums) for one in below])


async def closed(session: AsyncSession, unit_id: str) -> Sequence[Unit]:
    """Units right below one that are closed, the last one first."""
    query = select(Unit).where(Unit.parent_id == unit_id, Unit.closed_at.is_not(None))
    return (await session.scalars(query.order_by(Unit.closed_at.desc(), Unit.id).limit(MOST))).all()


def _twig(unit: Unit, counted: dict[str, dict[str, int]]) -> Twig:
    found = counted.get(unit.id, {})
    return Twig(
        unit.id,
        unit.name,
        unit.kind,
        *(found.get(name, 0) for name in ("units", "speakers", "boards", "silent", "people")),
    )


async def _counted(
    session: AsyncSession, tops: Sequence[str], whole: str, seen: tuple[ColumnElement[bool], ...]
) -> dict[str, dict[str, int]]:
    """Top → what is under it; of `whole` itself only what stands right there."""
    tree = select(Unit.id.label("top"), Unit.id.label("id")).where(Unit.id.in_([one for one in tops if one != whole]))
    under = tree.cte("under", recursive=True)
    under = under.union_all(select(under.c.top, Unit.id).where(Unit.parent_id == under.c.id, Unit.closed_at.is_(None)))
    places = select(under.c.top, under.c.id).union_all(select(Unit.id, Unit.id).where(Unit.id == whole)).subquery()
    devices, people = _devices(seen), _people()
    columns = (devices.c.speakers, devices.c.boards, devices.c.silent, people.c.people)
    query = (
        select(places.c.top, func.count(), *(func.coalesce(func.sum(one), 0) for one in columns))
        .select_from(places)
        .outerjoin(devices, devices.c.unit_id == places.c.id)
        .outerjoin(people, people.c.unit_id == places.c.id)
        .group_by(places.c.top)
    )
    names = ("speakers", "boards", "silent", "people")
    return {
        top: {"units": count - 1, **{name: int(value) for name, value in zip(names, values, strict=True)}}
        for top, count, *values in await session.execute(query)
    }


def _devices(seen: tuple[ColumnElement[bool], ...]) -> Subquery:
    """Unit → its devices, counted."""
    return (
        select(
            Device.unit_id,
            func.count().filter(Device.kind == _SPEAKER).label("speakers"),
            func.count().filter(Device.kind != _SPEAKER).label("boards"),
            func.count().filter(DeviceReport.device_id.is_(None) | ~DeviceReport.online).label("silent"),
        )
        .outerjoin(DeviceReport, DeviceReport.device_id == Device.id)
        .where(Device.retired_at.is_(None), *seen)
        .group_by(Device.unit_id)
        .subquery()
    )


def _people() -> Subquery:
    """Unit → its people, counted."""
    counted = select(Person.unit_id, func.count().label("people")).where(Person.retired_at.is_(None))
    return counted.group_by(Person.unit_id).subquery()


@dataclass(frozen=True, slots=True)
class GroupFound:
    """A group, whose it is, and how many of its devices one may know of; `zone`: it is a quiet zone's."""

    id: str
    name: str
    unit_id: str
    unit_name: str
    devices: int
    zone: bool


@dataclass(frozen=True, slots=True)
class GroupWhole(GroupFound):
    """A group with its devices told apart; `units`: at how many of them they stand."""

    speakers: int
    boards: int
    units: int


async def groups(
    session: AsyncSession, mine: ColumnElement[bool], seen: ColumnElement[bool], limit: int = MOST
) -> list[GroupFound]:
    """Groups that stand, by name."""
    counted = (
        select(GroupMember.group_id, func.count().label("devices"))
        .join(Device, Device.id == GroupMember.device_id)
        .where(Device.retired_at.is_(None), seen)
        .group_by(GroupMember.group_id)
        .subquery()
    )
    query = (
        select(Group, Unit.name, func.coalesce(counted.c.devices, 0), QuietZone.id)
        .join(Unit, Unit.id == Group.unit_id)
        .outerjoin(counted, counted.c.group_id == Group.id)
        .outerjoin(QuietZone, QuietZone.id == Group.id)
        .where(mine, Group.retired_at.is_(None), QuietZone.retired_at.is_(None), Unit.closed_at.is_(None))
        .order_by(Group.name, Group.id)
        .limit(limit)
    )
    return [
        GroupFound(group.id, group.name, group.unit_id, unit, devices, zone is not None)
        for group, unit, devices, zone in await session.execute(query)
    ]


async def group(session: AsyncSession, group_id: str, *seen: ColumnElement[bool]) -> GroupWhole:
    """One of them, which is there."""
    named = (
        select(Group, Unit.name, QuietZone.id)
        .join(Unit, Unit.id == Group.unit_id)
        .outerjoin(QuietZone, QuietZone.id == Group.id)
        .where(Group.id == group_id)
    )
    row, unit, zone = (await session.execute(named)).one()
    counted = (
        select(func.count(), func.count().filter(Device.kind == _SPEAKER), func.count(Device.unit_id.distinct()))
        .select_from(GroupMember)
        .join(Device, Device.id == GroupMember.device_id)
        .where(GroupMember.group_id == group_id, Device.retired_at.is_(None), *seen)
    )
    devices, speakers, places = (await session.execute(counted)).one()
    return GroupWhole(
        row.id, row.name, row.unit_id, unit, devices, zone is not None, speakers, devices - speakers, places
    )
