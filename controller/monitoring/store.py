"""All queries of the overview of many communes: who broadcast today, how the week went, where devices are."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CTE, ColumnElement, RowMapping, Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from controller.broadcasts.tables import BroadcastRow
from controller.devices import listing
from controller.devices.listing import State
from controller.devices.tables import Device, DeviceReport
from controller.library.finding import holds
from controller.library.folding import words
from controller.monitoring.rules import Box
from controller.results.places import Tops
from controller.results.tables import Fault, Tally
from controller.results.tallying import COMMUNE
from controller.runtime.database import kept
from controller.units import store as units
from controller.units.tables import Unit
from loa_protocol.outcomes import Outcome

Cell = RowMapping
"""A row by the names of its columns."""
MOST_CELLS = 1_500
_NAMES = sorted(map(str, Outcome))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which communes: with these words in their name; that broadcast today, or did not.

    `after`: the last of the page before, and whether it had been heard.
    """

    q: str = ""
    heard: bool | None = None
    after: tuple[bool, str] | None = None
    limit: int = 25


def _standing(tops: Tops) -> Sequence[ColumnElement[bool]]:
    """The conditions that a unit is a commune there that stands."""
    stands = [Unit.kind == COMMUNE, Unit.closed_at.is_(None)]
    return stands if tops.everywhere else [*stands, Unit.id.in_(units.subtree(tops.units))]


def ids(tops: Tops) -> Select[str]:
    """As `standing`, as a query."""
    return select(Unit.id).where(*_standing(tops))


async def standing(session: AsyncSession, tops: Tops) -> Mapping[str, str]:
    """The communes there that stand, with what they are put in order by. Read once for all of a page."""
    known, key = kept(session), ("communes", tops)
    if key not in known:
        query = select(Unit.id, Unit.sort_key).where(*_standing(tops))
        known[key] = {row.id: row.sort_key for row in await session.execute(query)}
    found: Mapping[str, str] = known[key]
    return found


def under(commune_ids: Select[str] | Sequence[str]) -> CTE:
    """Units with the commune that they are or stand below."""
    found = select(Unit.id, Unit.id.label("commune")).where(Unit.id.in_(commune_ids)).cte("under", recursive=True)
    return found.union_all(select(Unit.id, found.c.commune).where(Unit.parent_id == found.c.id))


async def failing(session: AsyncSession, tops: Tops, since: datetime) -> int:
    """Devices in service that failed at something since then and have played nothing whole later."""
    query = select(func.count()).select_from(Fault).join(Device, Device.id == Fault.device_id)
    query = query.where(Fault.at >= since, Device.retired_at.is_(None), tops.devices)
    return int(await session.scalar(query) or 0)


async def some_communes(
    session: AsyncSession, tops: Tops, wanted: Wanted, heard: frozenset[str]
) -> Sequence[tuple[Unit, str | None]]:
    """Communes that have not been heard first, then by name; each with the name of what stands above it.

    They are put in order here: to name all that were heard to the database takes longer than to be told of all.
    """
    there = await standing(session, tops)
    if named := words(wanted.q)[: listing.MOST_WORDS]:
        dialect = session.get_bind().dialect.name
        query = ids(tops).where(*(holds(Unit.folded, word, dialect) for word in named))
        there = {key: there[key] for key in await session.scalars(query)}
    found = [(key in heard, sort_key, key) for key, sort_key in there.items()]
    if wanted.heard is not None:
        found = [one for one in found if one[0] is wanted.heard]
    if wanted.after is not None:
        was_heard, last = wanted.after
        sort_key = await session.scalar(select(Unit.sort_key).where(Unit.id == last))
        found = [one for one in found if sort_key is not None and one > (was_heard, sort_key, last)]
    shown = [key for _, _, key in sorted(found)[: wanted.limit]]
    above = aliased(Unit)
    whole = select(Unit, above.name).outerjoin(above, above.id == Unit.parent_id).where(Unit.id.in_(shown))
    known = {unit.id: (unit, name) for unit, name in await session.execute(whole)}
    return [known[key] for key in shown]


async def tallies(
    session: AsyncSession, unit_ids: Sequence[str], since: datetime
) -> AsyncIterator[tuple[str, str, datetime, int, Mapping[str, int]]]:
    """Unit, broadcast, its start, devices expected, and how many answered what: of these units since then, in order.

    Past the mapper, and by the place of columns: a week of a page of communes has well over a thousand.
    """
    columns, broadcasts = Tally.__table__.c, BroadcastRow.__table__.c
    named = ("unit_id", "broadcast_id", "start", "expected", *_NAMES)
    query = select(*(columns[name] for name in named)).join(
        BroadcastRow.__table__, broadcasts.id == columns.broadcast_id
    )
    query = query.where(broadcasts.tallied_at.is_not(None), columns.unit_id.in_(unit_ids), columns.start >= since)
    rows = await (await session.connection()).execute(query.order_by(columns.unit_id, columns.start))
    for unit, broadcast, start, expected, *counts in rows:
        answered = {name: count for name, count in zip(_NAMES, counts, strict=True) if count}
        yield unit, broadcast, start, expected, answered


async def device_states(session: AsyncSession, unit_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Commune → state → how many of its devices."""
    below = under(unit_ids)
    state = listing.state().label("state_now")
    query = (
        select(below.c.commune, state, func.count())
        .join(Device, Device.unit_id == below.c.id)
        .outerjoin(DeviceReport, DeviceReport.device_id == Device.id)
        .where(Device.retired_at.is_(None))
        .group_by(below.c.commune, state)
    )
    found: dict[str, dict[str, int]] = {one: {} for one in unit_ids}
    for commune, name, count in await session.execute(query):
        found[commune][name] = count
    return found


async def cells(
    session: AsyncSession, where: Sequence[ColumnElement[bool]], box: Box, degrees: float
) -> Sequence[Cell]:
    """Devices in a box, by cells: the middle of those in each, how many of each state, one of them."""
    state = listing.state()
    counted = [func.sum(case((state == str(one), 1), else_=0)).label(str(one)) for one in State]
    row, column = (func.round(axis / degrees) for axis in (Device.latitude, Device.longitude))
    query = (
        select(
            func.avg(Device.latitude).label("latitude"),
            func.avg(Device.longitude).label("longitude"),
            func.min(Device.id).label("id"),
            func.min(Device.name).label("name"),
            *counted,
        )
        .outerjoin(DeviceReport, DeviceReport.device_id == Device.id)
        .where(*where, Device.latitude.between(box.south, box.north), Device.longitude.between(box.west, box.east))
        .group_by(row, column)
        .limit(MOST_CELLS)
    )
    return (await session.execute(query)).mappings().all()


async def extent(session: AsyncSession, where: Sequence[ColumnElement[bool]]) -> Cell:
    """Where devices are: the box around those with a place, and how many have none."""
    latitude, longitude = Device.latitude, Device.longitude
    query = select(
        func.min(longitude).label("west"),
        func.min(latitude).label("south"),
        func.max(longitude).label("east"),
        func.max(latitude).label("north"),
        (func.count() - func.count(latitude)).label("nowhere"),
    ).outerjoin(DeviceReport, DeviceReport.device_id == Device.id)
    return (await session.execute(query.where(*where))).mappings().one()
