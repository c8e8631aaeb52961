"""Finding devices: by unit with all below, kind, state and words of the name; a page at a time, in the order of names.

All of it is decided in the database; only the rows of one page come here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow, BroadcastScope, LedgerRow
from controller.devices.tables import Device, DeviceReport
from controller.library.finding import holds
from controller.library.folding import words
from controller.units import store as units
from controller.units.tables import Unit
from loa_protocol.errors import LoaError
from loa_protocol.ids import device_scope

PAGE = 50
MOST_WORDS = 8
LATELY = timedelta(days=3)
"""How far back it is looked for what a device last played."""
_HEARD = ("played", "partial")


class State(StrEnum):
    """How a device is, as lists tell it: the worst that is true of it."""

    OK = "ok"
    FAULTY = "faulty"
    SILENT = "silent"
    NEVER = "never"


class CursorBad(LoaError):
    """A list of devices cannot go on from where it was asked to."""

    code = "device_cursor_bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A search; every field narrows it. `unit_id` with all below it; `after`: the last id of the page before."""

    q: str = ""
    unit_id: str | None = None
    kind: str | None = None
    state: State | None = None
    after: str | None = None
    limit: int = PAGE


@dataclass(frozen=True, slots=True)
class Page:
    """Devices with their newest report and the name of their unit; `after` is where the next page begins."""

    rows: Sequence[Row[Any]]
    after: str | None


def state() -> Any:
    """The state of a device as a column; reports are joined from outside."""
    return case(
        (DeviceReport.device_id.is_(None), str(State.NEVER)),
        (~DeviceReport.online, str(State.SILENT)),
        (DeviceReport.alarms != 0, str(State.FAULTY)),
        else_=str(State.OK),
    )


async def search(session: AsyncSession, wanted: Wanted, *mine: ColumnElement[bool]) -> Page:
    """One page.

    Raises:
        CursorBad: `after` is no device.
    """
    query = (
        select(Device, DeviceReport, Unit.name.label("unit_name"), state().label("state_now"))
        .join(Unit, Unit.id == Device.unit_id)
        .outerjoin(DeviceReport, DeviceReport.device_id == Device.id)
        .where(*narrowed(session, wanted), *mine)
    )
    if wanted.state is not None:
        query = query.where(state() == str(wanted.state))
    if wanted.after is not None:
        query = query.where(tuple_(Device.sort_key, Device.id) > tuple_(*await _place(session, wanted.after)))
    query = query.order_by(Device.sort_key, Device.id).limit(wanted.limit + 1)
    rows = (await session.execute(query)).all()
    shown = rows[: wanted.limit]
    return Page(shown, shown[-1][0].id if len(rows) > wanted.limit else None)


async def counts(session: AsyncSession, wanted: Wanted, *mine: ColumnElement[bool]) -> dict[str, int]:
    """State → how many devices there are of it, whatever state and page are asked for."""
    now = state().label("state_now")
    query = (
        select(now, func.count())
        .select_from(Device)
        .outerjoin(DeviceReport, DeviceReport.device_id == Device.id)
        .where(*narrowed(session, wanted), *mine)
        .group_by(now)
    )
    found = {row[0]: row[1] for row in await session.execute(query)}
    return {str(one): found.get(str(one), 0) for one in State}


def narrowed(session: AsyncSession, wanted: Wanted) -> list[ColumnElement[bool]]:
    """What a search asks for but its state and page, as conditions."""
    dialect = session.get_bind().dialect.name
    found: list[ColumnElement[bool]] = [Device.retired_at.is_(None)]
    found += [holds(Device.folded, word, dialect) for word in words(wanted.q)[:MOST_WORDS]]
    if wanted.kind is not None:
        found.append(Device.kind == wanted.kind)
    if wanted.unit_id is not None:
        found.append(Device.unit_id.in_(units.subtree([wanted.unit_id])))
    return found


async def _place(session: AsyncSession, after: str) -> tuple[str, str]:
    row = (await session.execute(select(Device.sort_key, Device.id).where(Device.id == after))).first()
    if row is None:
        raise CursorBad(f"the list cannot go on after {after}, which is not in it; begin it anew", after=after)
    return row.sort_key, row.id


async def last_heard(
    session: AsyncSession, devices: Sequence[Device], now: datetime, *mine: ColumnElement[bool]
) -> Mapping[str, tuple[datetime, str]]:
    """Device → when and what it last played, within `LATELY`."""
    if not devices:
        return {}
    places = await units.scopes_of_devices(session, devices)
    scopes = {device_scope(one) for one in places}
    scopes.update(scope for above, groups in places.values() for scope in (*above, *(one.group for one in groups)))
    ids = [device.id for device in devices]
    lately = (
        select(BroadcastRow.id, BroadcastRow.start, BroadcastRow.title)
        .join(BroadcastScope, BroadcastScope.broadcast_id == BroadcastRow.id)
        .where(BroadcastScope.scope.in_(sorted(scopes)), BroadcastRow.start > now - LATELY, BroadcastRow.start <= now)
        .distinct()
        .subquery()
    )
    place = func.row_number().over(partition_by=LedgerRow.device_id, order_by=lately.c.start.desc())
    heard = (
        select(LedgerRow.device_id, lately.c.start, lately.c.title, place.label("place"))
        .join(lately, lately.c.id == LedgerRow.broadcast_id)
        .where(LedgerRow.device_id.in_(ids), LedgerRow.outcome.in_(_HEARD), *mine)
        .subquery()
    )
    query = select(heard.c.device_id, heard.c.start, heard.c.title).where(heard.c.place == 1)
    return {row.device_id: (row.start, row.title) for row in await session.execute(query)}


async def title_of(session: AsyncSession, broadcast_id: str) -> str:
    """What a broadcast is called; empty: there is none of that id."""
    found = await session.scalar(select(BroadcastRow.title).where(BroadcastRow.id == broadcast_id))
    return found or ""
