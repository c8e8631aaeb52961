"""Journals of the devices, as far as they are committed: what batches add, and what is wrong with them.

Key of an entry: (device, journal, sequence). What is there already is compared by hash, never written twice; a
difference is a fork (a cloned card, a restored disk) and nothing of it is taken. A hole is asked for again; what the
device no longer has is recorded as a gap and passed. Many batches of many devices are taken at once by the same rules
as one: each goes on where the one before it ended.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controller.receipts.bulk import Bulk, bulk_of
from controller.receipts.heads import Heads, Overtaken
from controller.receipts.odd import Odd
from controller.receipts.rows import AddedRows, HeadRow, Key, MovedRow, Span
from controller.receipts.tables import JournalGap
from controller.receipts.told import UNREADABLE, Received, Told
from loa_protocol.receipts import MAX_SEQUENCE, ChainBroken, Gone, ReceiptBatch

_FORKED = "tells another story than before; was its card cloned or restored? Provision the device anew"


@dataclass(slots=True)
class Head:
    """Where a journal stands; `held`: sequence → hash of entries that batches of this group may repeat."""

    sequence: int
    hash: str
    held: dict[int, str] = field(default_factory=dict)
    added: list[Told] = field(default_factory=list)
    """What this group has added and `held` does not show yet."""

    def differs(self, line: Told) -> bool:
        """Whether something else is held under the number of `line`."""
        self.held.update((one.sequence, one.hash) for one in self.added)
        self.added.clear()
        return self.held.get(line.sequence, line.hash) != line.hash


@dataclass(slots=True)
class Taken:
    """What became of a batch: where the journal stands after it, what is new, what is odd, what is to be sent again."""

    device: str
    journal: str
    sequence: int
    hash: str
    entries: list[Told] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    odd: list[Odd] = field(default_factory=list)
    resend_from: int | None = None

    def note(self, code: str, told: str) -> None:
        """Something is odd about this journal."""
        self.odd.append(Odd(code, f"journal {self.journal}: {told}"))


async def take(session: AsyncSession, batch: ReceiptBatch, now: datetime) -> Taken:
    """Add what one batch brings to its journal, in the caller's transaction."""
    return (await take_all(session, [Received.read(batch)], now))[0]


async def take_all(
    session: AsyncSession, group: Sequence[Received], now: datetime, known: Heads | None = None
) -> list[Taken]:
    """Add what batches bring to their journals, in the caller's transaction; gives one `Taken` for each.

    Raises:
        Overtaken: the transaction is to be run again; what was `known` of these journals is forgotten.
    """
    bulk, known = await bulk_of(session), known or Heads()
    rows = await _heads(bulk, group, now, known)
    held = await bulk.hashes(spans) if (spans := list(_repeated(group, rows))) else {}
    heads = {key: Head(row.sequence, row.hash, held.get(key, {})) for key, row in rows.items()}
    taken = [follow(heads[one.key], one) for one in group]
    moved = sorted(
        MovedRow(*key, rows[key].hash, head.sequence, head.hash)
        for key, head in heads.items()
        if head.sequence != rows[key].sequence
    )
    if moved and await bulk.move_heads(moved) < len(moved):
        known.forget(rows)
        raise Overtaken("journals have moved on since they were looked at; they are looked at again")
    if added := [AddedRows(one.device, one.journal, one.entries) for one in taken if one.entries]:
        await bulk.add_entries(added, now)
    if gaps := [gap for one in taken for gap in _gaps(one, now)]:
        await session.execute(insert(JournalGap), gaps)
    return taken


async def _heads(bulk: Bulk, group: Sequence[Received], now: datetime, known: Heads) -> dict[Key, HeadRow]:
    """Where the journals of a group stand: as it is known, or read and locked."""
    rows = known.going_on(group)
    if others := sorted({one.key for one in group} - rows.keys()):
        rows |= await bulk.lock_heads(others, now)
    return rows


def follow(head: Head, received: Received) -> Taken:
    """What a batch adds behind `head`, which moves. Pure but for that."""
    taken = Taken(received.device, received.journal, head.sequence, head.hash)
    if not (received.plain and _take_whole(head, received.lines, taken)):
        _take_each(head, received, taken)
    taken.sequence, taken.hash = head.sequence, head.hash
    return taken


def _take_whole(head: Head, lines: Sequence[Told], taken: Taken) -> bool:
    """The usual batch: it begins where the journal ends. False where it does not, and nothing is taken."""
    if not lines or lines[0].sequence != head.sequence + 1 or lines[0].previous != head.hash:
        return False
    head.added += lines
    taken.entries += lines
    head.sequence, head.hash = lines[-1].sequence, lines[-1].hash
    return True


def _take_each(head: Head, received: Received, taken: Taken) -> None:
    """Line by line, as far as they can follow."""
    if received.gone is not None:
        _pass_gone(head, received.gone, taken)
    if all(_take_one(head, line, taken) for line in received.lines) and received.broken:
        taken.note(ChainBroken.code, received.broken)


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


def _take_one(head: Head, line: Told, taken: Taken) -> bool:
    """One entry; False where the rest of the batch cannot follow."""
    if line.sequence > head.sequence + 1:
        taken.resend_from = head.sequence + 1
        return False
    known = line.sequence <= head.sequence
    if (known and head.differs(line)) or (not known and line.previous != head.hash):
        taken.note("journal_fork", f"entry {line.sequence} {_FORKED}")
        return False
    if not known:
        if line.kind == UNREADABLE:
            taken.note("entry_unreadable", f"{line.why}; it is kept, the controller may be too old for it")
        taken.entries.append(line)
        head.added.append(line)
        head.sequence, head.hash, taken.resend_from = line.sequence, line.hash, None
    return True


def _repeated(group: Iterable[Received], rows: dict[Key, HeadRow]) -> Iterable[Span]:
    """What batches bring that is committed already, to be compared."""
    for one in group:
        head = rows[one.key].sequence
        if one.plain and one.lines and one.lines[0].sequence > head:
            continue
        first = max(min((line.sequence for line in one.lines), default=head + 1), 1)
        if first <= head:
            yield Span(*one.key, first, min(first + len(one.lines), head))


def _gaps(taken: Taken, now: datetime) -> Iterable[dict[str, object]]:
    for first, last in taken.gaps:
        yield {
            "device_id": taken.device,
            "journal_id": taken.journal,
            "first": first,
            "last": last,
            "recorded_at": now,
        }
