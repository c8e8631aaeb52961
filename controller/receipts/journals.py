"""Journals of the devices, as far as they are committed: what a batch adds, and what is wrong with it.

Key of an entry: (device, journal, sequence). What is there already is compared by hash, never written twice; a
difference is a fork (a cloned card, a restored disk) and nothing of it is taken. A hole is asked for again; what the
device no longer has is recorded as a gap and passed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.receipts.service import Odd
from controller.receipts.tables import JournalEntry, JournalGap, JournalRow
from loa_protocol.documents import Wire
from loa_protocol.receipts import (
    GENESIS,
    ChainBroken,
    Entry,
    Gone,
    ReceiptBatch,
    decode_entry,
    entry_hash,
)


class _Joint(Wire, frozen=True, kw_only=True):
    """What the chain needs of an entry whose body this controller is too old to read."""

    sequence: int
    previous: str


@dataclass(slots=True)
class Taken:
    """What became of a batch: where the journal stands now, what is new, what is odd, what is to be sent again."""

    device: str
    journal: str
    sequence: int
    hash: str
    entries: list[Entry] = field(default_factory=list)
    rows: list[JournalEntry] = field(default_factory=list)
    odd: list[Odd] = field(default_factory=list)
    resend_from: int | None = None

    def note(self, code: str, told: str) -> None:
        """Something is odd about this journal."""
        self.odd.append(Odd(code, f"journal {self.journal}: {told}"))


async def take(session: AsyncSession, batch: ReceiptBatch, now: datetime) -> Taken:
    """Add what a batch brings to its journal, in the caller's transaction."""
    row = await _journal(session, batch, now)
    taken = Taken(batch.device, batch.journal, row.sequence, row.hash)
    if batch.gone is not None:
        _pass_gone(session, batch.gone, taken, now)
    held = await _held(session, batch, taken.sequence)
    for raw in batch.entries:
        if not _take_one(bytes(raw), held, taken, now):
            break
    session.add_all(taken.rows)
    row.sequence, row.hash = taken.sequence, taken.hash
    await session.flush()
    return taken


async def _journal(session: AsyncSession, batch: ReceiptBatch, now: datetime) -> JournalRow:
    key = (batch.device, batch.journal)
    row = await session.get(JournalRow, key, with_for_update=True, populate_existing=True)
    if row is None:
        row = JournalRow(device_id=batch.device, journal_id=batch.journal, sequence=0, hash=GENESIS, first_seen=now)
        session.add(row)
        await session.flush()
    return row


def _pass_gone(session: AsyncSession, gone: Gone, taken: Taken, now: datetime) -> None:
    """Step over what the device no longer has, if it is what comes next here."""
    wanted = taken.sequence + 1
    if gone.last < wanted:
        return
    if gone.first > wanted:
        taken.resend_from = wanted
        return
    gap = JournalGap(device_id=taken.device, journal_id=taken.journal, first=wanted, last=gone.last, recorded_at=now)
    session.add(gap)
    taken.sequence, taken.hash, taken.resend_from = gone.last, gone.hash, None
    taken.note("journal_gap", f"entries {wanted} to {gone.last} are lost; what they told is not known")


async def _held(session: AsyncSession, batch: ReceiptBatch, sequence: int) -> dict[int, str]:
    """Hashes of the entries that are committed, from the first sequence of the batch on."""
    if not batch.entries:
        return {}
    try:
        first = _joint(bytes(batch.entries[0])).sequence
    except ChainBroken:
        return {}
    if first > sequence:
        return {}
    query = select(JournalEntry.sequence, JournalEntry.hash).where(
        JournalEntry.device_id == batch.device,
        JournalEntry.journal_id == batch.journal,
        JournalEntry.sequence.between(first, first + len(batch.entries)),
    )
    return {row.sequence: row.hash for row in await session.execute(query)}


def _take_one(raw: bytes, held: Mapping[int, str], taken: Taken, now: datetime) -> bool:
    """One entry; False where the rest of the batch cannot follow."""
    try:
        joint = _joint(raw)
    except ChainBroken as error:
        taken.note(error.code, str(error))
        return False
    mark = entry_hash(raw)
    if joint.sequence > taken.sequence + 1:
        taken.resend_from = taken.sequence + 1
        return False
    known = joint.sequence <= taken.sequence
    if (known and held.get(joint.sequence, mark) != mark) or (not known and joint.previous != taken.hash):
        told = "tells another story than before; was its card cloned or restored? Provision the device anew"
        taken.note("journal_fork", f"entry {joint.sequence} {told}")
        return False
    if not known:
        _append(raw, joint.sequence, mark, taken, now)
    return True


def _append(raw: bytes, sequence: int, mark: str, taken: Taken, now: datetime) -> None:
    entry = _readable(raw, taken)
    kind = "unreadable" if entry is None else str(entry.body.__struct_config__.tag)
    row = JournalEntry(
        device_id=taken.device,
        journal_id=taken.journal,
        sequence=sequence,
        hash=mark,
        kind=kind,
        raw=raw,
        received_at=now,
    )
    taken.rows.append(row)
    taken.sequence, taken.hash, taken.resend_from = sequence, mark, None


def _readable(raw: bytes, taken: Taken) -> Entry | None:
    """The entry; what cannot be read is kept as bytes all the same, or the journal would stand still for ever."""
    try:
        entry = decode_entry(raw)
    except ChainBroken as error:
        taken.note("entry_unreadable", f"{error}; it is kept, the controller may be too old for it")
        return None
    taken.entries.append(entry)
    return entry


def _joint(raw: bytes) -> _Joint:
    try:
        return msgspec.json.decode(raw, type=_Joint)
    except msgspec.MsgspecError as error:
        raise ChainBroken(f"an entry has no place in the chain: {error}") from error
