"""What devices say of broadcasts, put into the ledger: many words at once, by the same rules as one.

First the expected sets of broadcasts that have begun are fixed. Then the answers are set where nothing (or only our own
`unknown`) stands, in one statement. That is the usual end; only where some were not set, the ledger is read and
`rules.step` says of each word that is left what it is. At last, broadcasts that everybody has answered are closed.

A row of the ledger refers to the journal entry that answers it, which is committed with it; the receipt stands there.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow
from controller.receipts import expected, rules, store
from controller.receipts.bulk import Bulk, bulk_of
from controller.receipts.journals import Taken
from controller.receipts.odd import Odd
from controller.receipts.rows import AnswerRow, BegunRow, Key, Standing
from controller.receipts.rules import Step
from controller.results import tallying
from controller.runtime.changes import QUEUED, REREAD, Change
from loa_protocol.outcomes import Outcome
from loa_protocol.receipts import decode_entry


@dataclass(slots=True)
class Heard:
    """What became of a group of words: changes to be told after the commit, and findings by device."""

    changes: list[Change] = field(default_factory=list)
    odd: list[tuple[str, Odd]] = field(default_factory=list)


@dataclass(slots=True)
class _Sorted:
    """The words of a group: the first answer and the last beginning of every pair, and answers to be judged."""

    answers: dict[Key, AnswerRow] = field(default_factory=dict)
    begun: dict[Key, str] = field(default_factory=dict)
    left: list[AnswerRow] = field(default_factory=list)


async def hear(session: AsyncSession, taken: Sequence[Taken], now: datetime) -> Heard:
    """Put what new entries say of broadcasts into the ledger, in the order in which they came.

    In the caller's transaction, the one that adds the entries.
    """
    heard = Heard()
    ids = {line.broadcast for one in taken for line in one.entries}
    ids.discard("")
    if not ids:
        return heard
    broadcasts = await _opened(session, ids, taken, now)
    bulk = await bulk_of(session)
    known = _sort(taken, broadcasts)
    await _begin(bulk, known, heard)
    await _answer(bulk, known, heard, now)
    if known.answers:
        await tallying.recount(session, (key[0] for key in known.answers))
    await _judge(bulk, known.left, broadcasts, heard)
    await _close(session, bulk, known.answers, heard, now)
    return heard


async def _opened(
    session: AsyncSession, ids: Iterable[str], taken: Sequence[Taken], now: datetime
) -> dict[str, BroadcastRow]:
    """Those of the broadcasts that there are, their sets fixed where it is time."""
    found = {one.id: one for one in await store.broadcasts(session, sorted(ids))}
    for broadcast_id, broadcast in found.items():
        if broadcast.expected_at is None:
            speakers = {one.device for one in taken if any(line.broadcast == broadcast_id for line in one.entries)}
            await expected.open_for(session, broadcast, speakers, now)
    return found


def _sort(taken: Sequence[Taken], broadcasts: Container[str]) -> _Sorted:
    known = _Sorted()
    answers, begun = known.answers, known.begun
    for one in taken:
        device, journal = one.device, one.journal
        for line in one.entries:
            if not line.broadcast:
                continue
            key = line.broadcast, device
            if not line.outcome:
                if key not in answers and line.started is not None:
                    begun[key] = line.started
                continue
            row = AnswerRow(
                *key,
                line.outcome,
                line.reason,
                line.started or begun.get(key),
                line.played_ms,
                journal,
                line.sequence,
                line.raw,
            )
            if key in answers or line.broadcast not in broadcasts or line.outcome == Outcome.UNKNOWN:
                known.left.append(row)
            else:
                answers[key] = row
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
    heard.changes += _changed([(key, None) for key in keys])


async def _answer(bulk: Bulk, known: _Sorted, heard: Heard, now: datetime) -> None:
    """Set what is open; what was not set is left to be judged."""
    rows = sorted(known.answers.values())
    if not rows:
        return
    if await bulk.answer(rows, now) < len(rows):
        known.left = [*known.answers.values(), *known.left]
    else:
        heard.changes += _changed([(key, row.outcome) for key, row in known.answers.items()])


async def _close(session: AsyncSession, bulk: Bulk, answered: Iterable[Key], heard: Heard, now: datetime) -> None:
    """Close what everybody has answered; where somebody near who spoke last is awaited, nobody looks further."""
    last = {key[0]: key[1] for key in answered}
    perhaps = last.keys() - await bulk.awaiting(sorted(last.items())) if last else ()
    for closed in await store.close_answered(session, sorted(perhaps), now) if perhaps else ():
        heard.changes.append(Change("ledger", {"broadcast_id": closed, "closed": True}))


async def _judge(bulk: Bulk, left: Sequence[AnswerRow], broadcasts: Mapping[str, BroadcastRow], heard: Heard) -> None:
    if not left:
        return
    standing = await bulk.standing(sorted({(answer.broadcast, answer.device) for answer in left}))
    same: list[tuple[Key, str | None]] = []
    for answer in left:
        stands = standing.get((answer.broadcast, answer.device))
        odd = _unexpected(answer, broadcasts.get(answer.broadcast)) if stands is None else _odd(answer, stands)
        if odd is not None:
            heard.odd.append((answer.device, odd))
        elif stands is not None:
            same.append(((answer.broadcast, answer.device), stands.outcome))
    heard.changes += _changed(same)


def _odd(answer: AnswerRow, stands: Standing) -> Odd | None:
    """What is odd about an answer that was perhaps not set."""
    match rules.step(stands.outcome, Outcome(answer.outcome), same=_same(answer.raw, stands.raw)):
        case Step.CONFLICT:
            told = f"{answer.broadcast}: first {stands.outcome}, now {answer.outcome}; the first stays"
            return Odd("receipt_conflict", told)
        case Step.NOT_A_DEVICES_WORD:
            return Odd("receipt_unknown", f"{answer.broadcast}: a device cannot answer “unknown”")
        case _:
            return None


def _same(entry: bytes, standing: bytes | None) -> bool:
    """Whether both entries bring the same receipt."""
    if standing is None or entry == standing:
        return standing is not None
    return decode_entry(entry).body == decode_entry(standing).body


def _unexpected(answer: AnswerRow, broadcast: BroadcastRow | None) -> Odd | None:
    """What is odd about an answer for which there is no row."""
    if broadcast is None:
        return Odd("receipt_unexpected", f"{answer.broadcast}: there is no such broadcast")
    if not rules.expects_nobody(broadcast.start, broadcast.cancelled_at):
        return Odd("receipt_unexpected", f"{broadcast.id}: this device is not in its expected set")
    if answer.outcome in rules.SOUNDLESS:
        return None
    return Odd("receipt_after_cancel", f"{broadcast.id}: it was cancelled before its start and still sounded")


def _changed(told: Sequence[tuple[Key, str | None]]) -> list[Change]:
    """More than a watcher could queue is told as what the watcher would make of it."""
    if len(told) > QUEUED:
        return [Change(REREAD)]
    return [
        Change("ledger", {"broadcast_id": key[0], "device_id": key[1], "outcome": outcome}) for key, outcome in told
    ]
