"""Taking a bulletin off the air, and who has heard of it.

What waits never starts, what sounds stops: broadcasts of its own are cancelled, slots are filled anew without it, and a
session that sounds now, or too soon to be filled anew, and has it in it, is cancelled whole. Of each broadcast that it
was taken out of is kept which plan versions still had it: a device that holds a later one, or has answered for the
broadcast, has let go of it. Of every other one it is said that it may still play.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import service as broadcasts
from controller.broadcasts import store as broadcast_store
from controller.broadcasts.tables import BroadcastRendition, BroadcastRow
from controller.bulletins import store
from controller.bulletins.rules import Step
from controller.bulletins.tables import Bulletin, Placement, Recall
from controller.delivery import store as delivery
from controller.media.tables import Rendition
from controller.runtime.database import alone
from controller.schedules import making
from controller.schedules.making import LEAD, Terms
from controller.schedules.slots import service as slots
from controller.schedules.tables import ProgrammeSlot
from loa_protocol import topics
from loa_protocol.topics import Family


async def take_back(
    session: AsyncSession, row: Bulletin, step: int, placements: Sequence[Placement], terms: Terms
) -> None:
    """Take these placements off the air. The caller holds the bulletin's row."""
    for unit_id in sorted({one.slot_unit_id for one in placements if one.slot_unit_id is not None}):
        await alone(session, making.slot_lock(unit_id))
    refs = await _refs(session, row)
    carrying = await _carrying(session, placements, refs, terms.now)
    for one in placements:
        if one.slot_item_id is not None:
            await slots.withdraw(session, one.slot_item_id, terms)
    await _note(session, row, step, await _end(session, carrying, refs, terms.now))
    await _ended(session, placements, terms.now)


async def take_back_timed(
    session: AsyncSession, row: Bulletin, step: int, placements: Sequence[Placement], now: datetime
) -> None:
    """Take placements at a time off the air, which leave no slot to fill anew. The caller holds the bulletin's row."""
    refs = await _refs(session, row)
    carrying = await _carrying(session, placements, refs, now)
    await _note(session, row, step, await _end(session, carrying, refs, now))
    await _ended(session, placements, now)


async def _ended(session: AsyncSession, placements: Sequence[Placement], now: datetime) -> None:
    for one in placements:
        one.state, one.ended_at = "withdrawn", now
    await session.flush()


async def _carrying(
    session: AsyncSession, placements: Sequence[Placement], refs: frozenset[str], now: datetime
) -> Sequence[str]:
    """Ids of the broadcasts that are not over and have the bulletin in them, or are made of it."""
    own = [one.broadcast_id for one in placements if one.broadcast_id is not None]
    slot_units = sorted({one.slot_unit_id for one in placements if one.slot_unit_id is not None})
    in_slots = (
        select(BroadcastRow.id)
        .join(BroadcastRendition, BroadcastRendition.broadcast_id == BroadcastRow.id)
        .join(ProgrammeSlot, ProgrammeSlot.programme_id == BroadcastRow.programme_id)
        .where(ProgrammeSlot.unit_id.in_(slot_units), BroadcastRendition.rendition_id.in_(sorted(refs)))
    )
    query = select(BroadcastRow.id).where(BroadcastRow.id.in_(own) | BroadcastRow.id.in_(in_slots))
    query = query.where(
        BroadcastRow.cancelled_at.is_(None), BroadcastRow.closed_at.is_(None), BroadcastRow.deadline >= now
    )
    return (await session.scalars(query.order_by(BroadcastRow.id))).all()


async def _refs(session: AsyncSession, row: Bulletin) -> frozenset[str]:
    """The renditions of every sound it was ever approved with: a session may still sound what was approved before."""
    numbers = {one.revision for one in await store.steps(session, row.id) if one.step == Step.APPROVED}
    texts = await store.documents(session, row.id, numbers)
    assets = {asset for text in texts.values() for asset in text.sounds.values()}
    return frozenset(await session.scalars(select(Rendition.id).where(Rendition.asset_id.in_(sorted(assets)))))


async def _end(
    session: AsyncSession, broadcast_ids: Sequence[str], refs: frozenset[str], now: datetime
) -> list[BroadcastRow]:
    """Cancel what is made of it and what sounds with it in it; gives all that devices must hear of.

    A coming session that still has the sound has it for another reason, e.g. a segment of its own.
    """
    changed: list[BroadcastRow] = []
    for broadcast_id in broadcast_ids:
        row = await broadcast_store.find_to_change(session, broadcast_id)
        if row is None:
            continue
        if row.cancelled_at is None:
            in_session = row.programme_id is not None
            if in_session and row.start > now + LEAD:
                if await _has(session, broadcast_id, refs):
                    continue
            else:
                await broadcasts.cancel(session, broadcast_id, now=now)
        changed.append(row)
    await session.flush()
    return changed


async def _has(session: AsyncSession, broadcast_id: str, refs: frozenset[str]) -> bool:
    query = select(BroadcastRendition.rendition_id).where(BroadcastRendition.broadcast_id == broadcast_id)
    return not refs.isdisjoint(await session.scalars(query))


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
