"""A start passes without a bulletin because nobody approved it in time: written down, stood in for, told."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from controller.bulletins import announcing, reminders, slot_times, standing_in, store, unit_rules
from controller.bulletins.places import NOT_APPROVED, PlacementState
from controller.bulletins.rules import Step
from controller.bulletins.store import Done
from controller.bulletins.tables import Bulletin, Placement, PlacementMiss
from controller.schedules.making import Terms
from controller.schedules.planning import scopes_of
from controller.schedules.rules import Occurrence
from loa_protocol.errors import LoaError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a placement that waits; `where` names the session of a slot, and the scopes that hear it."""

    placement_id: str
    at: datetime
    where: Mapping[str, Any] = field(default_factory=dict)


def starts(one: Placement, occurrences: Iterable[Occurrence]) -> list[Start]:
    """The starts that a placement has, or that the sessions of its slot give it, since it waits."""
    own = [] if one.start is None else [Start(one.id, one.start, {"scopes": list(one.scopes)})]
    return [*own, *(Start(one.id, at.start, _where(at)) for at in occurrences if at.start > one.waits_since)]


def _where(one: Occurrence) -> dict[str, Any]:
    named = dict(zip(("programme_id", "session_id", "occurrence"), one.key, strict=True))
    return {**named, "scopes": list(scopes_of(one))}


def would_play(row: Bulletin, start: datetime) -> bool:
    """Whether the newest revision is valid then."""
    begun = row.valid_from is None or row.valid_from <= start
    return begun and (row.valid_until is None or start < row.valid_until)


async def let_pass(session: AsyncSession, row: Bulletin, one: Placement, start: Start, terms: Terms) -> bool:
    """A start passes without the bulletin; whether something stands in for it. The caller holds the bulletin's row."""
    made = PlacementMiss(placement_id=one.id, start=start.at, reason=NOT_APPROVED, at=terms.now, **start.where)
    session.add(made)
    if one.kind == "time":
        one.state, one.ended_at = str(PlacementState.SKIPPED), terms.now
    await store.note(session, row, Done(step=Step.SKIPPED, person=None, at=terms.now, why=start.at.isoformat()))
    made.fallback_asset = one.fallback_asset or (await unit_rules.effective(session, row.unit_id)).fallback_asset
    if made.fallback_asset is not None:
        try:
            async with session.begin_nested():
                await standing_in.plan(session, row, one, made, terms)
        except LoaError as error:
            log.warning("nothing stands in for bulletin %s at %s: %s", row.id, start.at, error)
            made.fallback_error = error.code
            made.fallback_broadcast_id = made.fallback_slot_item_id = None
    await session.flush()
    stood_in = made.fallback_broadcast_id is not None or made.fallback_slot_item_id is not None
    await announcing.skipped(session, row, start.at, stood_in=stood_in, now=terms.now)
    log.info("bulletin %s is not approved: its start at %s passes without it", row.id, start.at)
    return stood_in


async def let_past_pass(session: AsyncSession, row: Bulletin, one: Placement, soonest: datetime, terms: Terms) -> None:
    """All its starts before `soonest` that nobody wrote down yet, now that it is decided upon."""
    unit_id = one.slot_unit_id
    begin = terms.now - reminders.BEHIND
    past = [] if unit_id is None else await slot_times.ahead(session, unit_id, begin, soonest)
    missed = {miss.start for miss in await store.misses(session, [one.id])}
    for start in {start.at: start for start in starts(one, past)}.values():
        if start.at <= soonest and start.at not in missed and would_play(row, start.at):
            await let_pass(session, row, one, start, terms)
