"""What a device wrote down itself, newest first: the tail of its journal, whose entries came signed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow
from controller.receipts.tables import JournalEntry, JournalRow
from loa_protocol.lines import one_line
from loa_protocol.receipts import Body, ChainBroken, Note, Receipt, Refused, Started, decode_entry

PAGE = 30


@dataclass(frozen=True, slots=True)
class Line:
    """One entry. `kind`: started, receipt, refused, note or unreadable; what it is about, and how it went.

    `at` is what the device's clock said; `title` of the broadcast, where it is about one.
    """

    journal: str
    sequence: int
    at: datetime
    received_at: datetime
    kind: str
    code: str = ""
    text: str = ""
    broadcast: str = ""
    title: str = ""
    level_db: float | None = None


async def tail(session: AsyncSession, device_id: str, limit: int = PAGE) -> list[Line]:
    """The newest entries of the journal that the device began last."""
    newest = select(JournalRow.journal_id).where(JournalRow.device_id == device_id)
    journal = (await session.scalars(newest.order_by(JournalRow.first_seen.desc()).limit(1))).first()
    if journal is None:
        return []
    query = select(JournalEntry).where(JournalEntry.device_id == device_id, JournalEntry.journal_id == journal)
    rows = (await session.scalars(query.order_by(JournalEntry.sequence.desc()).limit(limit))).all()
    lines = [_line(row) for row in rows]
    titles = await _titles(session, {one.broadcast for one in lines if one.broadcast})
    return [_titled(one, titles) for one in lines]


def _line(row: JournalEntry) -> Line:
    try:
        entry = decode_entry(row.raw)
    except ChainBroken as error:
        told = one_line(str(error))[:300]
        return Line(row.journal_id, row.sequence, row.received_at, row.received_at, "unreadable", text=told)
    kind, code, text, broadcast, level = _told(entry.body)
    code, text = one_line(code), one_line(text)
    return Line(row.journal_id, row.sequence, entry.at, row.received_at, kind, code, text, broadcast, level_db=level)


def _told(body: Body) -> tuple[str, str, str, str, float | None]:
    """Kind, code, words, broadcast and level of an entry."""
    match body:
        case Started():
            return "started", "", "", _about(body), None
        case Receipt():
            return "receipt", str(body.outcome), str(body.reason or ""), _about(body), body.rms_dbfs
        case Refused():
            return "refused", body.reason, body.topic, "", None
        case Note():
            return "note", body.code, body.text, "", None


def _about(body: Started | Receipt) -> str:
    return body.occurrence.id if body.occurrence.kind == "broadcast" else ""


async def _titles(session: AsyncSession, ids: set[str]) -> dict[str, str]:
    query = select(BroadcastRow.id, BroadcastRow.title).where(BroadcastRow.id.in_(sorted(ids)))
    return {row.id: row.title for row in await session.execute(query)} if ids else {}


def _titled(one: Line, titles: Mapping[str, str]) -> Line:
    if not one.broadcast:
        return one
    return Line(
        one.journal,
        one.sequence,
        one.at,
        one.received_at,
        one.kind,
        one.code,
        one.text,
        one.broadcast,
        titles.get(one.broadcast, ""),
        one.level_db,
    )
