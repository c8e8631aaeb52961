"""All queries of the ledger and of findings."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only

from controller.broadcasts.tables import BroadcastRow, BroadcastScope, LedgerRow
from controller.devices.tables import Finding
from controller.receipts.tables import JournalEntry
from controller.runtime.upsert import insert
from controller.units import store as units
from loa_protocol.lines import one_line
from loa_protocol.outcomes import Outcome, Reason

FOLD = timedelta(hours=1)
_LONGEST = 500
_AT_ONCE = 100
_LEDGERS_COLUMNS = (
    BroadcastRow.start,
    BroadcastRow.cancelled_at,
    BroadcastRow.expected_at,
    BroadcastRow.deadline,
    BroadcastRow.closed_at,
)


async def due(session: AsyncSession, now: datetime, *, locked: bool = False) -> Sequence[BroadcastRow]:
    """Broadcasts under way or over that are not closed; `locked`: for us alone, without those others are at."""
    query = select(BroadcastRow).where(BroadcastRow.closed_at.is_(None), BroadcastRow.start <= now)
    return await _some(session, query.order_by(BroadcastRow.start, BroadcastRow.id), locked=locked)


async def cancelled_early(session: AsyncSession, *, locked: bool = False) -> Sequence[BroadcastRow]:
    """Broadcasts taken back before their start that are not closed yet; `locked` as for `due`."""
    query = select(BroadcastRow).where(BroadcastRow.closed_at.is_(None), BroadcastRow.cancelled_at.is_not(None))
    query = query.where(BroadcastRow.cancelled_at < BroadcastRow.start)
    return await _some(session, query.order_by(BroadcastRow.id), locked=locked)


async def _some(session: AsyncSession, query: Select[BroadcastRow], *, locked: bool) -> Sequence[BroadcastRow]:
    if locked:
        query = query.with_for_update(skip_locked=True, key_share=True).execution_options(populate_existing=True)
    return (await session.scalars(query.limit(_AT_ONCE))).all()


async def expected_devices(session: AsyncSession, broadcast_id: str) -> tuple[str, ...]:
    """Whom the broadcast reaches by the unit tree as it is now."""
    scopes = await session.scalars(select(BroadcastScope.scope).where(BroadcastScope.broadcast_id == broadcast_id))
    return tuple(device.id for device in await units.devices_of_scopes(session, scopes.all()))


async def expect(session: AsyncSession, broadcast_id: str, devices: Iterable[str]) -> None:
    """Open a row for each device; rows that are there stay as they are."""
    wanted = sorted(devices)
    for at in range(0, len(wanted), _AT_ONCE):
        rows = [{"broadcast_id": broadcast_id, "device_id": device} for device in wanted[at : at + _AT_ONCE]]
        statement = insert(session, LedgerRow).values(rows)
        await session.execute(statement.on_conflict_do_nothing(index_elements=["broadcast_id", "device_id"]))


async def broadcasts(session: AsyncSession, ids: Sequence[str]) -> Sequence[BroadcastRow]:
    """Those of the ids that there are, in the order of their ids; only what the ledger needs of them is read."""
    query = select(BroadcastRow).where(BroadcastRow.id.in_(ids)).order_by(BroadcastRow.id)
    query = query.options(load_only(*_LEDGERS_COLUMNS)).execution_options(populate_existing=True)
    return (await session.scalars(query)).all()


async def close_answered(session: AsyncSession, ids: Sequence[str], now: datetime) -> Sequence[str]:
    """Close those that everybody has answered; gives them.

    One that somebody else holds at this moment is passed over: the next tick closes it. The first row that awaits an
    answer is a value of its own, not an EXISTS: PostgreSQL would make that a join, and where its statistics know of
    answered rows only, one that reads the whole ledger for each of the broadcasts.
    """
    awaited = select(LedgerRow.device_id).where(LedgerRow.broadcast_id == BroadcastRow.id, LedgerRow.outcome.is_(None))
    first_awaited = awaited.limit(1).scalar_subquery()
    answered = (
        select(BroadcastRow.id)
        .where(BroadcastRow.id.in_(ids), BroadcastRow.closed_at.is_(None), BroadcastRow.expected_at.is_not(None))
        .where(first_awaited.is_(None))
        .with_for_update(skip_locked=True, key_share=True)
    )
    closed = (await session.scalars(answered)).all()
    if closed:
        statement = update(BroadcastRow).where(BroadcastRow.id.in_(closed)).values(closed_at=now)
        await session.execute(statement.execution_options(synchronize_session=False))
    return closed


async def give_up(session: AsyncSession, broadcast_id: str, now: datetime) -> Sequence[str]:
    """Answer `unknown` for every device that has not; returns them. Who is answering at this moment has answered."""
    silent = select(LedgerRow.device_id).where(LedgerRow.broadcast_id == broadcast_id, LedgerRow.outcome.is_(None))
    statement = (
        update(LedgerRow)
        .where(LedgerRow.broadcast_id == broadcast_id, LedgerRow.outcome.is_(None))
        .where(LedgerRow.device_id.in_(silent.with_for_update(skip_locked=True)))
        .values(outcome=str(Outcome.UNKNOWN), reason=str(Reason.NO_ANSWER), answered_at=now)
        .returning(LedgerRow.device_id)
    )
    return (await session.scalars(statement)).all()


async def rows(session: AsyncSession, broadcast_id: str, *where: ColumnElement[bool]) -> Sequence[LedgerRow]:
    """All rows of a broadcast, by device."""
    query = select(LedgerRow).where(LedgerRow.broadcast_id == broadcast_id, *where).order_by(LedgerRow.device_id)
    return (await session.scalars(query)).all()


async def answering_entries(
    session: AsyncSession, broadcast_id: str, *where: ColumnElement[bool]
) -> Sequence[tuple[str, bytes]]:
    """Device and raw entry of every receipt that a row of the broadcast refers to."""
    query = (
        select(LedgerRow.device_id, JournalEntry.raw)
        .join(
            JournalEntry,
            (JournalEntry.device_id == LedgerRow.device_id)
            & (JournalEntry.journal_id == LedgerRow.journal_id)
            & (JournalEntry.sequence == LedgerRow.sequence),
        )
        .where(LedgerRow.broadcast_id == broadcast_id, *where)
    )
    return [(device, raw) for device, raw in await session.execute(query)]


def meant() -> ColumnElement[bool]:
    """Of rows of the ledger: those whose device can sound or show it. A board is not counted for what is only heard."""
    return LedgerRow.reason.is_distinct_from(str(Reason.NOT_FOR_DEVICE))


async def outcomes(session: AsyncSession, broadcast_id: str) -> Sequence[str | None]:
    """What each device answered."""
    return (await session.scalars(select(LedgerRow.outcome).where(LedgerRow.broadcast_id == broadcast_id))).all()


async def note(session: AsyncSession, device_id: str, code: str, detail: str, now: datetime) -> bool:
    """Write down that something was odd; the same code of the same device within an hour is one finding.

    True if it is a new one.
    """
    return bool(await note_all(session, {(device_id, code): detail}, now))


async def note_all(
    session: AsyncSession, found: Mapping[tuple[str, str], str], now: datetime
) -> dict[tuple[str, str], str]:
    """As `note` for many: (device, code) → detail; gives those that are new."""
    told = {(device, one_line(code)): _brief(detail) for (device, code), detail in found.items()}
    devices = sorted({device for device, _ in told})
    query = select(Finding).where(Finding.device_id.in_(devices), Finding.at > now - FOLD).order_by(Finding.id)
    known = {(one.device_id, one.code): one for one in await session.scalars(query)}
    for key in told.keys() & known.keys():
        known[key].detail, known[key].at = told[key], now
    fresh = {key: detail for key, detail in told.items() if key not in known}
    session.add_all(Finding(device_id=key[0], code=key[1], detail=detail, at=now) for key, detail in fresh.items())
    await session.flush()
    return fresh


def _brief(text: str) -> str:
    """A device may say anything, and as long as it likes."""
    line = one_line(text)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
