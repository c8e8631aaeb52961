"""Finding devices: by unit with all below, kind, state and words of the name; a page at a time.

In the order of names for who looks for one, or, for who watches many, what needs somebody first before the rest. All of
it is decided in the database; only the rows of one page come here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
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


class Order(StrEnum):
    """How a list is ordered: by name, or by state as in `URGENCY` and by name within each."""

    NAME = "name"
    URGENCY = "urgency"


URGENCY = (State.SILENT, State.FAULTY, State.NEVER, State.OK)
"""What needs somebody first: one that is out of reach hears no alert, one that tells of a fault can still be asked."""


class CursorBad(LoaError):
    """A list of devices cannot go on from where it was asked to."""

    code = "device_cursor_bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A search; every field narrows it. `unit_id` with all below it; `after`: what the page before gave as its end."""

    q: str = ""
    unit_id: str | None = None
    kind: str | None = None
    state: State | None = None
    order: Order = Order.NAME
    after: str | None = None
    limit: int = PAGE


@dataclass(frozen=True, slots=True)
class Page:
    """Devices with their newest report and the name of their unit; `after` is where the next page begins."""

    rows: Sequence[Row[Any]]
    after: str | None


def state() -> Any:
    """The state of a device as a column; reports are joined from outside."""
    return _by_state({one: str(one) for one in State})


def _by_state(told: Mapping[State, Any]) -> Any:
    """A column with what is told of the state of a device."""
    return case(
        (DeviceReport.device_id.is_(None), told[State.NEVER]),
        (~DeviceReport.online, told[State.SILENT]),
        (DeviceReport.alarms != 0, told[State.FAULTY]),
        else_=told[State.OK],
    )


async def search(session: AsyncSession, wanted: Wanted, *mine: ColumnElement[bool]) -> Page:
    """One page: first which devices stand on it, so that by urgency only keys are sorted, then all of these alone.

    Raises:
        CursorBad: `after` is no device, or no end of a page in this order.
    """
    by = _keys(wanted.order)
    found = (
        select(Device.id)
        .outerjoin(DeviceReport, DeviceReport.device_id == Device.id)
        .where(*narrowed(session, wanted), *mine)
    )
    if wanted.state is not None:
        found = found.where(state() == str(wanted.state))
    if wanted.after is not None:
        found = found.where(tuple_(*by) > tuple_(*await _place(session, wanted.after, wanted.order)))
    page = found.order_by(*by).limit(wanted.limit + 1).subquery("page")
    query = (
        select(Device, DeviceReport, Unit.name.label("unit_name"), state().label("state_now"))
        .join(page, page.c.id == Device.id)
        .join(Unit, Unit.id == Device.unit_id)
        .outerjoin(DeviceReport, DeviceReport.device_id == Device.id)
        .order_by(*by)
    )
    rows = (await session.execute(query)).all()
    shown = rows[: wanted.limit]
    return Page(shown, _end(shown[-1], wanted.order) if len(rows) > wanted.limit else None)


def _keys(order: Order) -> Sequence[Any]:
    by_name = (Device.sort_key, Device.id)
    return by_name if order is Order.NAME else (_by_state({one: at for at, one in enumerate(URGENCY)}), *by_name)


def _end(row: Row[Any], order: Order) -> str:
    """Where the next page begins; by urgency with the state as it was when the device was shown."""
    return str(row[0].id) if order is Order.NAME else f"{row.state_now}.{row[0].id}"


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


async def _place(session: AsyncSession, after: str, order: Order) -> tuple[int | str, ...]:
    """The keys of the end of a page; its state is that of the cursor, whatever it is by now."""
    named, _, key = after.rpartition(".")
    row = (await session.execute(select(Device.sort_key, Device.id).where(Device.id == key))).first()
    known = set(State) if order is Order.URGENCY else {""}
    if row is None or named not in known:
        raise CursorBad(f"the list cannot go on after {after}, which is not in it; begin it anew", after=after)
    by_name = (row.sort_key, row.id)
    return by_name if order is Order.NAME else (URGENCY.index(State(named)), *by_name)


async def last_heard(
    session: AsyncSession, devices: Sequence[Device], now: datetime
) -> Mapping[str, tuple[datetime, str]]:
    """Device → when and what it last played, within `LATELY`.

    The newest of what went to each is looked up first: all of them times all that went to any is many more.
    """
    if not devices:
        return {}
    goes_to = {
        device: (device_scope(device), *above, *(one.group for one in groups))
        for device, (above, groups) in (await units.scopes_of_devices(session, devices)).items()
    }
    lately = await _lately(session, {scope for scopes in goes_to.values() for scope in scopes}, now)
    left = {device: _newest_first(lately, scopes) for device, scopes in goes_to.items()}
    found: dict[str, tuple[datetime, str]] = {}
    for upto in (1, None):  # nearly all played the newest of what went to them
        played = await _played(session, {one.id for newest in left.values() for one in newest[:upto]}, left)
        for device, newest in left.items():
            last = next((one for one in newest[:upto] if (one.id, device) in played), None)
            if last is not None:
                found[device] = (last.start, last.title)
        left = {device: newest[1:] for device, newest in left.items() if device not in found}
    return found


async def _lately(session: AsyncSession, scopes: Collection[str], now: datetime) -> Mapping[str, Sequence[Row[Any]]]:
    """Scope → what went there (`id`, `start`, `title`) within `LATELY`."""
    query = (
        select(BroadcastScope.scope, BroadcastRow.id, BroadcastRow.start, BroadcastRow.title)
        .join(BroadcastRow, BroadcastRow.id == BroadcastScope.broadcast_id)
        .where(BroadcastScope.scope.in_(sorted(scopes)), BroadcastRow.start > now - LATELY, BroadcastRow.start <= now)
    )
    found: dict[str, list[Any]] = {}
    for row in await session.execute(query):
        found.setdefault(row.scope, []).append(row)
    return found


def _newest_first(lately: Mapping[str, Sequence[Row[Any]]], scopes: Iterable[str]) -> Sequence[Row[Any]]:
    there = {one.id: one for scope in scopes for one in lately.get(scope, ())}
    return sorted(there.values(), key=lambda one: (one.start, one.id), reverse=True)


async def _played(
    session: AsyncSession, broadcasts: Collection[str], devices: Collection[str]
) -> frozenset[tuple[str, str]]:
    """(broadcast, device) of those of these that sounded, whole or in part."""
    if not broadcasts:
        return frozenset()
    query = select(LedgerRow.broadcast_id, LedgerRow.device_id).where(
        LedgerRow.broadcast_id.in_(sorted(broadcasts)),
        LedgerRow.device_id.in_(sorted(devices)),
        LedgerRow.outcome.in_(_HEARD),
    )
    return frozenset((row.broadcast_id, row.device_id) for row in await session.execute(query))


async def title_of(session: AsyncSession, broadcast_id: str) -> str:
    """What a broadcast is called; empty: there is none of that id."""
    found = await session.scalar(select(BroadcastRow.title).where(BroadcastRow.id == broadcast_id))
    return found or ""
