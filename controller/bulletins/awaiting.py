"""What waits for somebody's approval, the longest first.

Who may decide is asked of the rules that an approval asks. Of many bulletins everything is looked up together: the work
grows with what is shown, never with devices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.bulletins import naming, slot_times, unit_rules
from controller.bulletins.place_words import SLOTS_AHEAD
from controller.bulletins.places import PlacementState
from controller.bulletins.rules import State
from controller.bulletins.tables import Bulletin, BulletinRevision, Placement
from controller.people import approving
from controller.people.rules import Stand, independent


@dataclass(frozen=True, slots=True)
class Waiting:
    """A bulletin in review. `since`: when its last step was; `first`: when it should be on air; `stand`: as whom.

    `own`: who asks wrote it, or stands in for who did, so that somebody else decides.
    """

    row: Bulletin
    unit: str
    author: str
    since: datetime
    first: datetime | None
    own: bool
    stand: Stand


@dataclass(frozen=True, slots=True)
class Queue:
    """One page of what waits for somebody, the longest first, and how much waits in all."""

    items: Sequence[Waiting]
    total: int
    more: bool


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last of a page."""

    changed_at: datetime
    id: str


async def waiting(
    session: AsyncSession,
    person_id: str,
    reach: ColumnElement[bool],
    *,
    now: datetime,
    limit: int,
    after: Cursor | None = None,
) -> Queue:
    """What this person may approve today, and what only their own hand in it keeps from them."""
    open_ones = (Bulletin.state == State.IN_REVIEW, Bulletin.author_id.is_not(None), reach)
    unit_ids = (await session.scalars(select(Bulletin.unit_id).where(*open_ones).distinct())).all()
    mine = await approving.units_of(session, person_id, unit_ids, approving.local_day(now))
    ours = (*open_ones, Bulletin.unit_id.in_(sorted(mine)))
    total = await session.scalar(select(func.count()).select_from(Bulletin).where(*ours)) or 0
    query = select(Bulletin).where(*ours).order_by(Bulletin.changed_at, Bulletin.id)
    if after is not None:
        same = and_(Bulletin.changed_at == after.changed_at, Bulletin.id > after.id)
        query = query.where(or_(Bulletin.changed_at > after.changed_at, same))
    rows = (await session.scalars(query.limit(limit + 1))).all()
    return Queue(await _told(session, rows[:limit], mine, now), total, len(rows) > limit)


async def _told(
    session: AsyncSession, rows: Sequence[Bulletin], mine: Mapping[str, Sequence[Stand]], now: datetime
) -> list[Waiting]:
    names = await naming.unit_names(session, {row.unit_id for row in rows})
    authors = await naming.people_names(session, {row.author_id for row in rows if row.author_id})
    firsts = await _first_starts(session, rows, now)
    writers = await _writers(session, [row.id for row in rows])
    lenient = {
        one: (await unit_rules.effective(session, one)).self_approval
        for one in sorted({row.unit_id for row in rows if not independent(mine[row.unit_id], writers[row.id])})
    }
    return [
        Waiting(
            row=row,
            unit=names.get(row.unit_id, row.unit_id),
            author=authors.get(row.author_id or "", ""),
            since=row.changed_at,
            first=firsts.get(row.id),
            own=not independent(mine[row.unit_id], writers[row.id]) and not lenient[row.unit_id],
            stand=next(iter(independent(mine[row.unit_id], writers[row.id])), mine[row.unit_id][0]),
        )
        for row in rows
    ]


async def _writers(session: AsyncSession, bulletin_ids: Sequence[str]) -> dict[str, set[str]]:
    query = select(BulletinRevision.bulletin_id, BulletinRevision.made_by).distinct()
    found: dict[str, set[str]] = {one: set() for one in bulletin_ids}
    for key, person in await session.execute(query.where(BulletinRevision.bulletin_id.in_(bulletin_ids))):
        if person is not None:
            found[key].add(person)
    return found


async def _first_starts(session: AsyncSession, rows: Sequence[Bulletin], now: datetime) -> dict[str, datetime]:
    """When each of them should be heard first; the sessions of a unit are worked out once for all."""
    valid = {row.id: max(now, row.valid_from or now) for row in rows}
    query = select(Placement).where(
        Placement.bulletin_id.in_(sorted(valid)), Placement.state == PlacementState.RESERVED
    )
    starts: dict[str, list[datetime]] = {}
    slots: dict[str, list[datetime]] = {}
    for one in await session.scalars(query):
        if one.slot_unit_id is None:
            found = [] if one.start is None else [one.start]
        else:
            if one.slot_unit_id not in slots:
                coming = await slot_times.ahead(session, one.slot_unit_id, now, now + SLOTS_AHEAD)
                slots[one.slot_unit_id] = [at.start for at in coming]
            found = slots[one.slot_unit_id]
        starts.setdefault(one.bulletin_id, []).extend(at for at in found if at >= valid[one.bulletin_id])
    return {key: min(found) for key, found in starts.items() if found}
