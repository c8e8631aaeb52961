"""What became of the places of a bulletin: where each is, in words, and how many devices answered what."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import LedgerRow
from controller.bulletins import place_words, store
from controller.bulletins.tables import Bulletin
from controller.receipts import rules


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one place: Σ `outcomes` + `waiting` = `expected`; all 0 where it is part of a session or not on air yet."""

    placement_id: str
    place: str
    expected: int
    waiting: int
    outcomes: dict[str, int]


async def of_bulletin(session: AsyncSession, row: Bulletin, *seen: ColumnElement[bool]) -> list[Outcome]:
    """All of its places, in the order in which they were asked for; `seen` holds of `LedgerRow`s to be counted."""
    places = await store.placements(session, row.id)
    answers = await _answers(session, [one.broadcast_id for one in places if one.broadcast_id], *seen)
    found: list[Outcome] = []
    for one in places:
        counted = answers.get(one.broadcast_id or "", {})
        outcomes = {name: count for name, count in counted.items() if name is not None}
        waiting = counted.get(None, 0)
        summary = rules.Summary(waiting + sum(outcomes.values()), waiting, outcomes)
        words = await place_words.where(session, one)
        found.append(Outcome(one.id, words, summary.expected, summary.waiting, dict(summary.outcomes)))
    return found


async def _answers(
    session: AsyncSession, broadcast_ids: Sequence[str], *seen: ColumnElement[bool]
) -> dict[str, dict[str | None, int]]:
    query = select(LedgerRow.broadcast_id, LedgerRow.outcome, func.count())
    query = query.where(LedgerRow.broadcast_id.in_(broadcast_ids), *seen)
    found: dict[str, dict[str | None, int]] = {}
    for broadcast_id, outcome, count in await session.execute(
        query.group_by(LedgerRow.broadcast_id, LedgerRow.outcome)
    ):
        found.setdefault(broadcast_id, {})[outcome] = count
    return found
