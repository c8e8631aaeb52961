"""What the clock does to bulletins: they expire, are reminded of, and miss their starts. Idempotent.

A start that comes near without an approval is told to author and approvers, once for each reminder, and passes without
the bulletin: it is written down, and what stands in for it (the placement's fallback, else the unit's) is planned. Each
bulletin is looked at alone, in a transaction that holds its row, and left for the next round where somebody is at it.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from controller.audit import recording as audit
from controller.bulletins import announcing, passing, places, reminders, service, slot_times, store, unit_rules
from controller.bulletins.passing import Start
from controller.bulletins.reminders import Due
from controller.bulletins.tables import Bulletin, Placement, PlacementReminder
from controller.runtime.database import Database
from controller.runtime.telling import tell_failure
from controller.schedules.making import Terms
from controller.schedules.rules import Occurrence
from loa_protocol.errors import LoaError

log = logging.getLogger(__name__)

AT_ONCE = 100


Work = Callable[[AsyncSession, Bulletin], Awaitable[bool]]


async def tick(db: Database, terms: Terms) -> bool:
    """One round; whether anything changed that may have to be signed."""
    now = terms.now
    async with db.reading() as session:
        work: dict[str, list[Work]] = {}
        for bulletin_id in await store.over(session, now, AT_ONCE):
            work.setdefault(bulletin_id, []).append(partial(_expire, now=now))
        for bulletin_id in await store.with_ended_placement(session, now, AT_ONCE):
            work.setdefault(bulletin_id, []).append(partial(_end, now=now))
        found = await _look(session, now)
        for bulletin_id, starts in found.due.items():
            work.setdefault(bulletin_id, []).append(partial(_approach, starts=starts, terms=terms))
    if found.again:
        await db.attempt(lambda session: store.look_again(session, found.again))
    done = [await _attempt(db, bulletin_id, own, now) for bulletin_id, own in work.items()]
    return any(done)


async def _attempt(db: Database, bulletin_id: str, work: Sequence[Work], now: datetime) -> bool:
    async def alone(session: AsyncSession) -> bool:
        audit.as_loa(session, "bulletin watch", now, about={"bulletin_id": bulletin_id})
        row = await store.find_to_change(session, bulletin_id, skip_locked=True)
        return row is not None and any([await one(session, row) for one in work])

    try:
        return await db.attempt(alone)
    except LoaError as error:
        tell_failure(log, error, "bulletin %s could not be looked after; trying again", bulletin_id)
        return False


async def _expire(session: AsyncSession, row: Bulletin, *, now: datetime) -> bool:
    return await service.expire(session, row, now=now)


async def _end(session: AsyncSession, row: Bulletin, *, now: datetime) -> bool:
    """What was placed at a time is over; nothing has to be signed for it."""
    for one in await store.placements(session, row.id):
        if one.state == places.PlacementState.PLACED and one.until is not None and one.until <= now:
            one.state, one.ended_at = str(places.PlacementState.OVER), one.until
    return False


@dataclass(frozen=True, slots=True)
class _Looked:
    """Bulletin → starts of its waiting placements of which something has come due; placement → when to look again."""

    due: dict[str, list[Start]] = field(default_factory=dict)
    again: dict[str, datetime] = field(default_factory=dict)


async def _look(session: AsyncSession, now: datetime) -> _Looked:
    """What there is to do for what waits; takes no lock."""
    found = _Looked()
    coming: dict[str, list[Occurrence]] = {}
    for row, one in await store.waiting_placements(session, now, AT_ONCE):
        unit_id = one.slot_unit_id
        if unit_id is not None and unit_id not in coming:
            coming[unit_id] = await slot_times.ahead(session, unit_id, now - reminders.BEHIND, now + reminders.AHEAD)
        starts = await _to_come(session, row, one, passing.starts(one, coming.get(unit_id or "", [])))
        due = [one.start for one in starts if one.found(now).anything]
        if due:
            found.due.setdefault(row.id, []).extend(due)
            found.again[one.id] = now + reminders.TRY_AGAIN
        else:
            found.again[one.id] = min([now + reminders.LOOK_AGAIN, *(start.next for start in starts)])
    return found


@dataclass(frozen=True, slots=True)
class _Coming:
    """A start that was not missed yet, its unit's reminders, and which of them count as sent."""

    start: Start
    before_min: tuple[int, ...]
    sent: frozenset[int]

    @property
    def next(self) -> datetime:
        """When something comes due."""
        return reminders.next_due(self.start.at, self.before_min, self.sent)

    def found(self, now: datetime) -> Due:
        """What has come due."""
        return reminders.due(self.start.at, self.before_min, self.sent, now)


async def _to_come(session: AsyncSession, row: Bulletin, one: Placement, starts: Sequence[Start]) -> list[_Coming]:
    valid = [start for start in starts if passing.would_play(row, start.at)]
    if not valid:
        return []
    ruled = await unit_rules.effective(session, row.unit_id)
    missed = {miss.start for miss in await store.misses(session, [one.id])}
    sent = await store.reminded(session, one.id)
    return [
        _Coming(start, ruled.remind_before_min, sent.get(start.at, frozenset()))
        for start in valid
        if start.at not in missed
    ]


async def _approach(session: AsyncSession, row: Bulletin, *, starts: Sequence[Start], terms: Terms) -> bool:
    """Remind of what comes near, and let pass what is too late."""
    waiting = [one for one in await store.placements(session, row.id) if one.state == "reserved"]
    changed = False
    for one in waiting:
        own = list({start.at: start for start in starts if start.placement_id == one.id}.values())
        for coming in await _to_come(session, row, one, own):
            start, due = coming.start, coming.found(terms.now)
            if due.too_late:
                changed |= await passing.let_pass(session, row, one, start, terms)
                continue
            session.add_all(
                PlacementReminder(placement_id=one.id, start=start.at, before_min=minutes, at=terms.now)
                for minutes in due.passed_min
            )
            if due.told_min is not None:
                await announcing.reminder(session, row, start.at, due.told_min, terms.now)
    await session.flush()
    return changed
