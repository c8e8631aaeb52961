"""What devices say of broadcasts, put into the ledger: many words at once, by the same rules as one.

First the expected sets of broadcasts that have begun are fixed. Then the answers are set where nothing (or only our own
`unknown`) stands, in one statement. That is the usual end; only where some were not set, the ledger is read and
`rules.step` says of each word that is left what it is. At last, broadcasts that everybody has answered are closed.

A row of the ledger refers to the journal entry that answers it, which is committed with it; the receipt stands there.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow
from controller.receipts import expected, rules, store
from controller.receipts.bulk import Bulk, bulk_of
from controller.receipts.journals import Taken
from controller.receipts.odd import Odd
from controller.receipts.rows import AnswerRow, BegunRow, Key, Standing
from controller.receipts.rules import Step
from controller.runtime.changes import Change
from loa_protocol.outcomes import Outcome
from loa_protocol.receipts import Receipt, Started, decode_entry


class Answer(NamedTuple):
    """A device's receipt for a broadcast, and the entry of its journal in which it stands."""

    broadcast: str
    device: str
    receipt: Receipt
    journal: str
    sequence: int

    @property
    def key(self) -> Key:
        """(broadcast, device)."""
        return self.broadcast, self.device


class Begun(NamedTuple):
    """A device has begun a broadcast; its answer follows."""

    broadcast: str
    device: str
    at: datetime


Word = Answer | Begun


def words(taken: Iterable[Taken]) -> Iterable[Word]:
    """What new entries of journals say of broadcasts."""
    for one in taken:
        for line in one.entries:
            body = None if line.entry is None else line.entry.body
            if not isinstance(body, (Receipt, Started)) or body.occurrence.kind != "broadcast":
                continue
            if isinstance(body, Receipt):
                yield Answer(body.occurrence.id, one.device, body, one.journal, line.sequence)
            else:
                yield Begun(body.occurrence.id, one.device, _storable(body.at))


@dataclass(slots=True)
class Heard:
    """What became of a group of words: changes to be told after the commit, and findings by device."""

    changes: list[Change] = field(default_factory=list)
    odd: list[tuple[str, Odd]] = field(default_factory=list)


@dataclass(slots=True)
class _Sorted:
    """The words of a group: the first answer and the last beginning of every pair, and answers to be judged."""

    answers: dict[Key, Answer] = field(default_factory=dict)
    begun: dict[Key, datetime] = field(default_factory=dict)
    left: list[Answer] = field(default_factory=list)


async def hear(session: AsyncSession, words: Sequence[Word], now: datetime) -> Heard:
    """Put words into the ledger, in the order in which they came, in the caller's transaction."""
    heard = Heard()
    if not words:
        return heard
    broadcasts = await _opened(session, words, now)
    bulk = await bulk_of(session)
    known = _sort(words, broadcasts)
    await _begin(bulk, known, heard)
    await _answer(bulk, known, heard, now)
    await _judge(bulk, known.left, broadcasts, heard)
    for closed in await store.close_answered(session, sorted({key[0] for key in known.answers}), now):
        heard.changes.append(Change("ledger", {"broadcast_id": closed, "closed": True}))
    return heard


async def _opened(session: AsyncSession, words: Sequence[Word], now: datetime) -> dict[str, BroadcastRow]:
    """The broadcasts the words are about, their sets fixed where it is time."""
    speakers: dict[str, set[str]] = {}
    for one in words:
        speakers.setdefault(one.broadcast, set()).add(one.device)
    found = {one.id: one for one in await store.broadcasts(session, sorted(speakers))}
    for broadcast_id, broadcast in found.items():
        if broadcast.expected_at is None:
            await expected.open_for(session, broadcast, speakers[broadcast_id], now)
    return found


def _sort(words: Sequence[Word], broadcasts: Container[str]) -> _Sorted:
    known = _Sorted()
    for one in words:
        key = one.broadcast, one.device
        if isinstance(one, Begun):
            if key not in known.answers:
                known.begun[key] = one.at
        elif key in known.answers or one.broadcast not in broadcasts or one.receipt.outcome is Outcome.UNKNOWN:
            known.left.append(one)
        else:
            known.answers[key] = one
    return known


async def _begin(bulk: Bulk, known: _Sorted, heard: Heard) -> None:
    """Those that have begun and are not answered in the same group."""
    rows = [BegunRow(*key, at) for key, at in sorted(known.begun.items()) if key not in known.answers]
    if not rows:
        return
    keys = [(row.broadcast, row.device) for row in rows]
    if await bulk.begin(rows) < len(rows):
        standing = await bulk.standing(keys)
        keys = [key for key in keys if key in standing and standing[key].outcome is None]
    heard.changes += [_changed(key, None) for key in keys]


async def _answer(bulk: Bulk, known: _Sorted, heard: Heard, now: datetime) -> None:
    """Set what is open; what was not set is left to be judged."""
    rows = [_row(answer, known.begun.get(key)) for key, answer in sorted(known.answers.items())]
    if not rows:
        return
    if await bulk.answer(rows, now) < len(rows):
        known.left = [*known.answers.values(), *known.left]
    else:
        heard.changes += [_changed(key, str(answer.receipt.outcome)) for key, answer in known.answers.items()]


async def _judge(bulk: Bulk, left: Sequence[Answer], broadcasts: Mapping[str, BroadcastRow], heard: Heard) -> None:
    if not left:
        return
    standing = await bulk.standing(sorted({answer.key for answer in left}))
    for answer in left:
        stands = standing.get(answer.key)
        odd = _unexpected(answer, broadcasts.get(answer.broadcast)) if stands is None else _odd(answer, stands)
        if odd is not None:
            heard.odd.append((answer.device, odd))
        elif stands is not None:
            heard.changes.append(_changed(answer.key, stands.outcome))


def _odd(answer: Answer, stands: Standing) -> Odd | None:
    """What is odd about an answer that was perhaps not set."""
    same = stands.raw is not None and decode_entry(stands.raw).body == answer.receipt
    match rules.step(stands.outcome, answer.receipt.outcome, same=same):
        case Step.CONFLICT:
            told = f"{answer.broadcast}: first {stands.outcome}, now {answer.receipt.outcome}; the first stays"
            return Odd("receipt_conflict", told)
        case Step.NOT_A_DEVICES_WORD:
            return Odd("receipt_unknown", f"{answer.broadcast}: a device cannot answer “unknown”")
        case _:
            return None


def _unexpected(answer: Answer, broadcast: BroadcastRow | None) -> Odd | None:
    """What is odd about an answer for which there is no row."""
    if broadcast is None:
        return Odd("receipt_unexpected", f"{answer.broadcast}: there is no such broadcast")
    if not rules.expects_nobody(broadcast.start, broadcast.cancelled_at):
        return Odd("receipt_unexpected", f"{broadcast.id}: this device is not in its expected set")
    if answer.receipt.outcome in rules.SOUNDLESS:
        return None
    return Odd("receipt_after_cancel", f"{broadcast.id}: it was cancelled before its start and still sounded")


def _row(answer: Answer, begun: datetime | None) -> AnswerRow:
    receipt = answer.receipt
    return AnswerRow(
        answer.broadcast,
        answer.device,
        str(receipt.outcome),
        None if receipt.reason is None else str(receipt.reason),
        begun if receipt.started is None else _storable(receipt.started),
        receipt.played_ms,
        answer.journal,
        answer.sequence,
    )


def _storable(at: datetime) -> datetime:
    """Instants at the edge of the calendar have no UTC; a device's clock may say anything."""
    try:
        return at if at.tzinfo is UTC else at.astimezone(UTC)
    except OverflowError:
        return at.replace(tzinfo=UTC)


def _changed(key: Key, outcome: str | None) -> Change:
    return Change("ledger", {"broadcast_id": key[0], "device_id": key[1], "outcome": outcome})
