"""All queries of results: past broadcasts with what became of them, and each device's answer to one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from controller.broadcasts.tables import BroadcastRendition, BroadcastRow, LedgerRow
from controller.delivery.tables import DocumentRow
from controller.devices.tables import Device, DeviceReport
from controller.library.finding import holds
from controller.media.tables import Rendition
from controller.receipts.store import meant
from controller.receipts.tables import JournalEntry
from controller.results.places import Tops
from controller.results.rules import OF_OUTCOME, RANKS, Kind
from controller.results.tables import Tally
from controller.units.tables import Unit
from loa_protocol.outcomes import Outcome

OUTCOMES = tuple(map(str, Outcome))
_COUNTS = ("expected", *OUTCOMES)
Key = tuple[datetime, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which broadcasts: begun in [`begin`, `end`), before `before` in the list, with answers of a `kind`."""

    begin: datetime | None = None
    end: datetime | None = None
    before: Key | None = None
    kind: Kind | None = None
    limit: int = 25


@dataclass(frozen=True, slots=True)
class Went:
    """One broadcast, and how many of the devices in question answered what; None: not answered yet."""

    row: BroadcastRow
    outcomes: Mapping[str | None, int]

    @property
    def key(self) -> Key:
        """Its place in the list."""
        return self.row.start, self.row.id

    def has(self, kind: Kind | None) -> bool:
        """Whether any device answered so."""
        return kind is None or any(count and OF_OUTCOME[outcome] is kind for outcome, count in self.outcomes.items())


async def past(session: AsyncSession, tops: Tops, wanted: Wanted, now: datetime) -> list[Went]:
    """Those that have begun and concern any device there, the latest first."""
    if not tops.units:
        return []
    found = await _live(session, tops, wanted, now)
    if tops.tallied:
        found += await _tallied(session, tops, wanted)
    return sorted(found, key=lambda one: one.key, reverse=True)[: wanted.limit]


async def _tallied(session: AsyncSession, tops: Tops, wanted: Wanted) -> list[Went]:
    """What is counted already: a row a broadcast and unit, in the order of the index where it is one unit."""
    columns = [getattr(Tally, name) for name in _COUNTS]
    limits = _limits(Tally.start, Tally.broadcast_id, wanted)
    query: Select[Any]
    if len(tops.units) == 1:
        query = select(Tally.broadcast_id, *columns).where(Tally.unit_id == tops.units[0], *limits)
        if (condition := _tally_has(wanted.kind, columns)) is not None:
            query = query.where(condition)
    else:
        sums = [func.sum(column).label(column.key) for column in columns]
        query = select(Tally.broadcast_id, *sums).where(Tally.unit_id.in_(tops.units), *limits)
        query = query.group_by(Tally.start, Tally.broadcast_id)
        if (condition := _tally_has(wanted.kind, [func.sum(column) for column in columns])) is not None:
            query = query.having(condition)
    query = query.join(BroadcastRow, BroadcastRow.id == Tally.broadcast_id).where(BroadcastRow.tallied_at.is_not(None))
    query = query.order_by(Tally.start.desc(), Tally.broadcast_id.desc()).limit(wanted.limit)
    counted: dict[str, dict[str | None, int]] = {
        row[0]: dict(zip(OUTCOMES, row[2:], strict=True)) for row in await session.execute(query)
    }
    rows = await session.scalars(select(BroadcastRow).where(BroadcastRow.id.in_(counted)))
    return [Went(row, counted[row.id]) for row in rows]


def _tally_has(kind: Kind | None, columns: Sequence[Any]) -> ColumnElement[bool] | None:
    """`columns` in the order of `_COUNTS`."""
    if kind is None:
        return None
    sums = [column for name, column in zip(OUTCOMES, columns[1:], strict=True) if OF_OUTCOME[name] is kind]
    return sum(sums[1:], start=sums[0]) > 0 if sums else literal(value=False)


async def _live(session: AsyncSession, tops: Tops, wanted: Wanted, now: datetime) -> list[Went]:
    """What is not counted yet, or nowhere at these units: receipt by receipt, of no more than are shown."""
    there = select(LedgerRow.device_id).join(Device, Device.id == LedgerRow.device_id)
    there = there.where(LedgerRow.broadcast_id == BroadcastRow.id, tops.devices, meant())
    if (kind := _kind_of_ledger(wanted.kind)) is not None:
        there = there.where(kind)
    query = select(BroadcastRow).where(BroadcastRow.start <= now, BroadcastRow.expected_at.is_not(None), there.exists())
    query = query.where(*_limits(BroadcastRow.start, BroadcastRow.id, wanted))
    if tops.tallied:
        query = query.where(BroadcastRow.tallied_at.is_(None))
    query = query.order_by(BroadcastRow.start.desc(), BroadcastRow.id.desc()).limit(wanted.limit)
    rows = {row.id: row for row in await session.scalars(query)}
    counted: dict[str, dict[str | None, int]] = {key: {} for key in rows}
    for broadcast_id, outcome, count in await _counts(session, list(rows), tops):
        counted[broadcast_id][outcome] = count
    return [Went(row, counted[key]) for key, row in rows.items()]


async def _counts(
    session: AsyncSession, broadcast_ids: Sequence[str], tops: Tops
) -> Sequence[Row[str, str | None, int]]:
    query = select(LedgerRow.broadcast_id, LedgerRow.outcome, func.count())
    if not tops.everywhere:
        query = query.join(Device, Device.id == LedgerRow.device_id).where(tops.devices)
    query = query.where(LedgerRow.broadcast_id.in_(broadcast_ids), meant())
    query = query.group_by(LedgerRow.broadcast_id, LedgerRow.outcome)
    return (await session.execute(query)).all() if broadcast_ids else []


def _limits(start: Any, key: Any, wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.begin is not None:
        found.append(start >= wanted.begin)
    if wanted.end is not None:
        found.append(start < wanted.end)
    if wanted.before is not None:
        found.append(start <= wanted.before[0])  # the index's first column, for planners that read no pairs
        found.append(tuple_(start, key) < tuple_(*wanted.before))
    return found


def _kind_of_ledger(kind: Kind | None) -> ColumnElement[bool] | None:
    if kind is None:
        return None
    if kind is Kind.WAITING:
        return LedgerRow.outcome.is_(None)
    return LedgerRow.outcome.in_([one for one in OUTCOMES if OF_OUTCOME[one] is kind])


async def outcomes(session: AsyncSession, broadcast_id: str, tops: Tops) -> dict[str | None, int]:
    """How many of the devices answered what."""
    return {outcome: count for _, outcome, count in await _counts(session, [broadcast_id], tops)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which devices of a broadcast: with these words in their name, answers of a `kind`; behind rank and device."""

    words: Sequence[str] = ()
    kind: Kind | None = None
    device: str | None = None
    after: tuple[int, str] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One device's row of the ledger, with what else is known of it; `entry`: its receipt's journal entry."""

    row: LedgerRow
    device: Device
    unit: str
    above: str | None
    unit_kind: str
    report: DeviceReport | None
    entry: bytes | None

    @property
    def rank(self) -> int:
        """Its first place in the list."""
        return RANKS[self.row.outcome]


async def answers(session: AsyncSession, broadcast_id: str, tops: Tops, asked: Asked) -> list[Answered]:
    """What needs somebody first, then by name: put in order as narrow rows, for there may be ten thousand."""
    rank = case(*((LedgerRow.outcome == str(name), place) for name, place in RANKS.items() if name), else_=RANKS[None])
    dialect = session.get_bind().dialect.name
    query = (
        select(Device.id)
        .join(LedgerRow, LedgerRow.device_id == Device.id)
        .where(LedgerRow.broadcast_id == broadcast_id, tops.devices, meant())
        .where(*(holds(Device.folded, word, dialect) for word in asked.words))
    )
    if (kind := _kind_of_ledger(asked.kind)) is not None:
        query = query.where(kind)
    if asked.device is not None:
        query = query.where(LedgerRow.device_id == asked.device)
    if asked.after is not None:
        place = select(Device.sort_key).where(Device.id == asked.after[1]).scalar_subquery()
        query = query.where(tuple_(rank, Device.sort_key, Device.id) > tuple_(asked.after[0], place, asked.after[1]))
    shown = (await session.scalars(query.order_by(rank, Device.sort_key, Device.id).limit(asked.limit))).all()
    whole = {one.device.id: one for one in await _whole(session, broadcast_id, shown)}
    return [whole[device_id] for device_id in shown]


async def _whole(session: AsyncSession, broadcast_id: str, device_ids: Sequence[str]) -> list[Answered]:
    above = aliased(Unit)
    query = (
        select(LedgerRow, Device, Unit.name, Unit.kind, above.name, DeviceReport, JournalEntry.raw)
        .join(Device, Device.id == LedgerRow.device_id)
        .join(Unit, Unit.id == Device.unit_id)
        .outerjoin(above, above.id == Unit.parent_id)
        .outerjoin(DeviceReport, DeviceReport.device_id == Device.id)
        .outerjoin(
            JournalEntry,
            (JournalEntry.device_id == LedgerRow.device_id)
            & (JournalEntry.journal_id == LedgerRow.journal_id)
            & (JournalEntry.sequence == LedgerRow.sequence),
        )
        .where(LedgerRow.broadcast_id == broadcast_id, LedgerRow.device_id.in_(device_ids))
    )
    return [
        Answered(row=row, device=device, unit=unit, unit_kind=kind, above=over, report=report, entry=entry)
        for row, device, unit, kind, over, report, entry in await session.execute(query)
    ]


async def plans(session: AsyncSession, topics: Sequence[str]) -> list[tuple[str, int, datetime, bool]]:
    """Topic, version, when it was signed and whether a broker has it, of those topics that have a document."""
    query = select(DocumentRow.topic, DocumentRow.version, DocumentRow.issued, DocumentRow.published_version)
    found = await session.execute(query.where(DocumentRow.topic.in_(topics)))
    return [(topic, version, issued, published > 0) for topic, version, issued, published in found]


async def roots(session: AsyncSession, broadcast_id: str) -> frozenset[str]:
    """The content that it needs, as devices name it."""
    query = select(Rendition.root).join(BroadcastRendition, BroadcastRendition.rendition_id == Rendition.id)
    return frozenset(await session.scalars(query.where(BroadcastRendition.broadcast_id == broadcast_id)))


async def again(session: AsyncSession, broadcast_id: str) -> Sequence[BroadcastRow]:
    """Those by which it was played again, the first first."""
    query = select(BroadcastRow).where(BroadcastRow.retry_of == broadcast_id).order_by(BroadcastRow.start)
    return (await session.scalars(query)).all()
