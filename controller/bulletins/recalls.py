"""Taking a bulletin off the air, and who has heard of it.

What waits never starts, what sounds stops: broadcasts of its own are cancelled, slots are filled anew without it, and a
session that was composed with it and cannot be filled anew any more (it sounds, or is too near) is cancelled whole.
What a session was composed of is known by the items of the slots, not by their sounds: another bulletin may have the
same one. Of each broadcast that it was taken out of is kept which plan versions still had it: a device that holds a
later one, or has answered for the broadcast, has let go of it. Of every other one it is said that it may still play.
"""

from collections.abc import Container, Sequence
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import service as broadcasts
from controller.broadcasts import store as broadcast_store
from controller.broadcasts.tables import BroadcastRow
from controller.bulletins.tables import Bulletin, Placement, Recall
from controller.delivery import store as delivery
from controller.runtime.database import alone
from controller.schedules import broadcast_store as programme_broadcasts
from controller.schedules import making
from controller.schedules.making import LEAD, Terms
from controller.schedules.slots import service as slots
from controller.schedules.slots import store as slot_store
from loa_protocol import topics
from loa_protocol.topics import Family


async def take_back(
    session: AsyncSession, row: Bulletin, step: int, placements: Sequence[Placement], terms: Terms
) -> Sequence[BroadcastRow]:
    """Take these placements off the air; gives the sessions that stop by it. The caller holds the bulletin's row."""
    for unit_id in sorted({one.slot_unit_id for one in placements if one.slot_unit_id is not None}):
        await alone(session, making.slot_lock(unit_id))
    items = await _items(session, placements)
    carrying = await _carrying(session, placements, items, terms.now)
    for one in placements:
        if one.slot_item_id is not None:
            await slots.withdraw(session, one.slot_item_id, terms)
    still = set(await session.scalars(programme_broadcasts.carrying(items)))
    changed, stopped = await _end(session, carrying, still, terms.now)
    await _note(session, row, step, changed)
    await _ended(session, placements, terms.now)
    return stopped


async def take_back_timed(
    session: AsyncSession, row: Bulletin, step: int, placements: Sequence[Placement], now: datetime
) -> None:
    """Take placements at a time off the air, which leave no slot to fill anew. The caller holds the bulletin's row."""
    carrying = await _carrying(session, placements, frozenset(), now)
    changed, _ = await _end(session, carrying, {}, now)
    await _note(session, row, step, changed)
    await _ended(session, placements, now)


async def running(session: AsyncSession, placements: Sequence[Placement], now: datetime) -> Sequence[BroadcastRow]:
    """The sessions that would stop if these placements were taken back now: too near to be filled anew, or sounding."""
    carrying = programme_broadcasts.carrying(await _items(session, placements))
    query = _open(now).where(BroadcastRow.id.in_(carrying), BroadcastRow.start <= now + LEAD)
    return (await session.scalars(query.order_by(BroadcastRow.start, BroadcastRow.id))).all()


async def stopped(session: AsyncSession, bulletin_id: str) -> Sequence[BroadcastRow]:
    """The sessions that stopped because a bulletin was taken back."""
    recalled = select(Recall.broadcast_id).where(Recall.bulletin_id == bulletin_id)
    query = select(BroadcastRow).where(BroadcastRow.id.in_(recalled), BroadcastRow.programme_id.is_not(None))
    query = query.where(BroadcastRow.cancelled_at.is_not(None), ~BroadcastRow.cancelled_by_plan)
    return (await session.scalars(query.order_by(BroadcastRow.start, BroadcastRow.id))).all()


async def _ended(session: AsyncSession, placements: Sequence[Placement], now: datetime) -> None:
    for one in placements:
        one.state, one.ended_at = "withdrawn", now
    await session.flush()


async def _items(session: AsyncSession, placements: Sequence[Placement]) -> frozenset[str]:
    """All that was ever handed in for these: a session may still sound what was approved before."""
    in_slots = sorted(one.id for one in placements if one.slot_unit_id is not None)
    return await slot_store.of_origins(session, in_slots) if in_slots else frozenset()


def _open(now: datetime) -> Select[BroadcastRow]:
    """Broadcasts that are not over."""
    return select(BroadcastRow).where(
        BroadcastRow.cancelled_at.is_(None), BroadcastRow.closed_at.is_(None), BroadcastRow.deadline >= now
    )


async def _carrying(
    session: AsyncSession, placements: Sequence[Placement], items: frozenset[str], now: datetime
) -> Sequence[str]:
    """Ids of the broadcasts that are not over and have the bulletin in them, or are made of it."""
    own = sorted({one.broadcast_id for one in placements if one.broadcast_id is not None})
    named = BroadcastRow.id.in_(own) | BroadcastRow.id.in_(programme_broadcasts.carrying(items))
    query = _open(now).where(named).with_only_columns(BroadcastRow.id)
    return (await session.scalars(query.order_by(BroadcastRow.id))).all()


async def _end(
    session: AsyncSession, broadcast_ids: Sequence[str], still: Container[str], now: datetime
) -> tuple[list[BroadcastRow], list[BroadcastRow]]:
    """Cancel what is made of it, and sessions that `still` have it; gives all to hear of, and the sessions."""
    changed: list[BroadcastRow] = []
    sessions: list[BroadcastRow] = []
    for broadcast_id in broadcast_ids:
        row = await broadcast_store.find_to_change(session, broadcast_id)
        if row is None:
            continue
        if row.cancelled_at is None and (row.programme_id is None or broadcast_id in still):
            await broadcasts.cancel(session, broadcast_id, now=now)
            sessions += [row] if row.programme_id is not None else []
        changed.append(row)
    await session.flush()
    return changed, sessions


async def _note(session: AsyncSession, row: Bulletin, step: int, changed: Sequence[BroadcastRow]) -> None:
    scopes = await broadcast_store.scopes_of(session, [one.id for one in changed])
    plans = {scope: topics.scoped(Family.PLAN, scope) for named in scopes.values() for scope in named}
    await delivery.want(session, plans.values())  # holds them: what is signed by now still had it, what comes has not
    versions = await delivery.versions_of(session, list(plans.values()))
    session.add_all(
        Recall(
            bulletin_id=row.id,
            step=step,
            broadcast_id=one.id,
            scope=scope,
            after_version=versions.get(plans[scope], 0),
            until=one.deadline,
        )
        for one in changed
        for scope in scopes.get(one.id, ())
    )
    await session.flush()
