"""Journals of the devices, as far as they are committed: what batches add, and what is wrong with them.

Key of an entry: (device, journal, sequence). What is there already is compared by hash, never written twice; a
difference is a fork (a cloned card, a restored disk) and nothing of it is taken. A hole is asked for again; what the
device no longer has is recorded as a gap and passed. Many batches of many devices are taken at once by the same rules
as one: each goes on where the one before it ended.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controller.receipts.bulk import bulk_of
from controller.receipts.odd import Odd
from controller.receipts.rows import EntryRow, HeadRow, Key, Span
from controller.receipts.tables import JournalGap
from loa_protocol.receipts import MAX_SEQUENCE, Body, ChainBroken, Gone, Line, ReceiptBatch, read_line

_FORKED = "tells another story than before; was its card cloned or restored? Provision the device anew"


@dataclass(frozen=True, slots=True)
class Received:
    """A verified batch and its entries, read."""

    batch: ReceiptBatch
    lines: tuple[Line | ChainBroken, ...]

    @classmethod
    def of(cls, batch: ReceiptBatch) -> "Received":
        """Read the entries here and now."""
        return cls(batch, tuple(read_line(bytes(raw)) for raw in batch.entries))

    @property
    def key(self) -> Key:
        """Which journal."""
        return self.batch.device, self.batch.journal


@dataclass(slots=True)
class Head:
    """Where a journal stands; `held`: sequence → hash of entries that batches of this group may repeat."""

    sequence: int
    hash: str
    held: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class Taken:
    """What became of a batch: where the journal stands after it, what is new, what is odd, what is to be sent again."""

    device: str
    journal: str
    sequence: int
    hash: str
    entries: list[Line] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    odd: list[Odd] = field(default_factory=list)
    resend_from: int | None = None

    def note(self, code: str, told: str) -> None:
        """Something is odd about this journal."""
        self.odd.append(Odd(code, f"journal {self.journal}: {told}"))


async def take(session: AsyncSession, batch: ReceiptBatch, now: datetime) -> Taken:
    """Add what one batch brings to its journal, in the caller's transaction."""
    return (await take_all(session, [Received.of(batch)], now))[0]


async def take_all(session: AsyncSession, group: Sequence[Received], now: datetime) -> list[Taken]:
    """Add what batches bring to their journals, in the caller's transaction; gives one `Taken` for each."""
    bulk = await bulk_of(session)
    rows = await bulk.lock_heads(sorted({one.key for one in group}), now)
    held = await bulk.hashes(spans) if (spans := list(_repeated(group, rows))) else {}
    heads = {key: Head(row.sequence, row.hash, held.get(key, {})) for key, row in rows.items()}
    taken = [follow(heads[one.key], one) for one in group]
    if entries := _entries(taken):
        await bulk.add_entries(entries, now)
    if gaps := [gap for one in taken for gap in _gaps(one, now)]:
        await session.execute(insert(JournalGap), gaps)
    moved = [
        HeadRow(*key, head.sequence, head.hash) for key, head in heads.items() if head.sequence != rows[key].sequence
    ]
    if moved:
        await bulk.move_heads(sorted(moved))
    return taken


def follow(head: Head, received: Received) -> Taken:
    """What a batch adds behind `head`, which moves. Pure but for that."""
    batch = received.batch
    taken = Taken(batch.device, batch.journal, head.sequence, head.hash)
    if batch.gone is not None:
        _pass_gone(head, batch.gone, taken)
    for line in received.lines:
        if isinstance(line, ChainBroken):
            taken.note(line.code, str(line))
            break
        if not _take_one(head, line, taken):
            break
    taken.sequence, taken.hash = head.sequence, head.hash
    return taken


def _pass_gone(head: Head, gone: Gone, taken: Taken) -> None:
    """Step over what the device no longer has, if it is what comes next here."""
    wanted = head.sequence + 1
    if gone.last < wanted:
        return
    if gone.first > wanted:
        taken.resend_from = wanted
        return
    if gone.last > MAX_SEQUENCE:
        taken.note("chain_broken", f"it claims to have lost entries up to {gone.last}; no journal is that long")
        return
    taken.gaps.append((wanted, gone.last))
    taken.note("journal_gap", f"entries {wanted} to {gone.last} are lost; what they told is not known")
    head.sequence, head.hash, taken.resend_from = gone.last, gone.hash, None


def _take_one(head: Head, line: Line, taken: Taken) -> bool:
    """One entry; False where the rest of the batch cannot follow."""
    if line.sequence > head.sequence + 1:
        taken.resend_from = head.sequence + 1
        return False
    known = line.sequence <= head.sequence
    if (known and head.held.get(line.sequence, line.hash) != line.hash) or (not known and line.previous != head.hash):
        taken.note("journal_fork", f"entry {line.sequence} {_FORKED}")
        return False
    if not known:
        if line.entry is None:
            taken.note("entry_unreadable", f"{line.why}; it is kept, the controller may be too old for it")
        taken.entries.append(line)
        head.sequence, head.hash, taken.resend_from = line.sequence, line.hash, None
        head.held[line.sequence] = line.hash
    return True


def _repeated(group: Iterable[Received], rows: dict[Key, HeadRow]) -> Iterable[Span]:
    """What batches bring that is committed already, to be compared."""
    for one in group:
        numbers = [line.sequence for line in one.lines if isinstance(line, Line)]
        head = rows[one.key].sequence
        if numbers and (first := max(min(numbers), 1)) <= head:
            yield Span(*one.key, first, min(first + len(one.lines), head))


def _entries(taken: Iterable[Taken]) -> list[EntryRow]:
    return [
        EntryRow(one.device, one.journal, line.sequence, line.hash, _kind(line), line.raw)
        for one in taken
        for line in one.entries
    ]


def _kind(line: Line) -> str:
    return "unreadable" if line.entry is None else _tag(type(line.entry.body))


@cache
def _tag(body: type[Body]) -> str:
    return str(body.__struct_config__.tag)


def _gaps(taken: Taken, now: datetime) -> Iterable[dict[str, object]]:
    for first, last in taken.gaps:
        yield {
            "device_id": taken.device,
            "journal_id": taken.journal,
            "first": first,
            "last": last,
            "recorded_at": now,
        }
