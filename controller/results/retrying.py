"""A broadcast is played again, at once, to those devices alone that failed at it, where that makes sense.

The try is a broadcast of its own that names the one it repeats (`retry_of`), and goes through the same checks as any
other. A device that played it in an earlier try does not hear it again. A bulletin's withdrawal reaches the try, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import service as broadcasts
from controller.broadcasts.rules import NOW_LEAD
from controller.broadcasts.tables import BroadcastRendition, BroadcastRow, BroadcastScope, LedgerRow
from controller.bulletins.tables import Placement, Recall
from controller.delivery import drafts
from controller.delivery import store as delivery
from controller.devices.tables import Device
from controller.media.tables import Rendition
from controller.policies import service as policies
from controller.policies.rules import airing
from controller.results import rules
from controller.results.rules import Hindrance
from controller.results.views import ends
from controller.runtime.ids import new_id
from loa_protocol.errors import LoaError
from loa_protocol.ids import device_scope
from loa_protocol.outcomes import Outcome, Reason

_LATE = timedelta(minutes=5)


class RetryRefused(LoaError):
    """A broadcast is not played again to the devices that failed; the message says why."""

    code = "retry_refused"


@dataclass(frozen=True, slots=True)
class Chance:
    """Which devices would hear it again, and why nothing is done."""

    devices: Sequence[str]
    hindrance: Hindrance | None


async def chance(session: AsyncSession, row: BroadcastRow, mine: ColumnElement[bool], now: datetime) -> Chance:
    """`mine`: the condition that a device (`Device.unit_id`) is one at which they may place."""
    failed = await _failed(session, row.id, mine)
    past = rules.Past(
        closed=row.closed_at is not None,
        cancelled=row.cancelled_at is not None or await _withdrawn(session, row.id),
        ended=ends(row),
        segments=row.segments,
        kept=await _kept(session, row.id),
        retried=await _under_way(session, row.id),
        devices=len(failed),
    )
    return Chance(failed, rules.hindrance(past, now))


async def retry(
    session: AsyncSession, row: BroadcastRow, mine: ColumnElement[bool], *, now: datetime, answer_deadline: timedelta
) -> BroadcastRow:
    """Play it again to the devices that failed, in the caller's transaction.

    Raises:
        RetryRefused: it makes no sense (any more).
        PolicyViolated, PlanTooLarge: the rules of the air forbid it, or plans would not fit.
    """
    await session.refresh(row, with_for_update={"key_share": True})
    found = await chance(session, row, mine, now)
    if found.hindrance is not None:
        why = found.hindrance
        raise RetryRefused(f"“{row.title}” is not played again: {why.en}", vi=why.vi, broadcast=row.id, why=why.word)
    scopes = [device_scope(one) for one in found.devices]
    made = _copy(row, now, answer_deadline)
    session.add(made)
    await session.flush()
    made.deadline += await broadcasts.turns(session, made, scopes)
    session.add_all(BroadcastScope(broadcast_id=made.id, scope=scope) for scope in scopes)
    session.add_all(
        BroadcastRendition(broadcast_id=made.id, rendition_id=one) for one in await _renditions(session, row.id)
    )
    await _follow_bulletin(session, row, made, scopes, now)
    await session.flush()
    await delivery.want(session, broadcasts.plan_topics(scopes))
    policies.require_allowed(await policies.check(session, [airing(drafts.wire_broadcast(made), scopes)], now=now))
    await drafts.require_fitting(session, scopes, now=now)
    return made


def _copy(row: BroadcastRow, now: datetime, answer_deadline: timedelta) -> BroadcastRow:
    """The same content, from now on, without what is behind it."""
    start = now + NOW_LEAD
    board = None
    if row.board is not None:
        until = start + (datetime.fromisoformat(row.board["until"]) - row.start)
        board = {**row.board, "until": until.isoformat()}
    made = BroadcastRow(
        id=new_id(now),
        rev=0,
        title=row.title,
        level=row.level,
        authority=row.authority,
        start=start,
        latest_start=start + _LATE,
        duration_ms=row.duration_ms,
        segments=row.segments,
        board=board,
        repeats=row.repeats,
        on_preempt=row.on_preempt,
        on_late=row.on_late,
        volume=row.volume,
        stagger=row.stagger,
        created_at=now,
        deadline=now,
        retry_of=row.id,
    )
    made.deadline = max(ends(made), made.latest_start + timedelta(milliseconds=row.duration_ms)) + answer_deadline
    return made


async def _failed(session: AsyncSession, broadcast_id: str, mine: ColumnElement[bool]) -> Sequence[str]:
    """Those that failed in a way that may be mended, are in service, and have not played it since."""
    tries = select(BroadcastRow.id).where(BroadcastRow.retry_of == broadcast_id)
    since = select(LedgerRow.device_id).where(LedgerRow.broadcast_id.in_(tries))
    since = since.where(LedgerRow.outcome == str(Outcome.PLAYED))
    curable = [
        (LedgerRow.outcome == str(outcome)) & (LedgerRow.reason == str(reason))
        for outcome in Outcome
        for reason in Reason
        if outcome is Outcome.SKIPPED and rules.curable(outcome, reason)
    ]
    whole = [LedgerRow.outcome == str(one) for one in Outcome if rules.curable(one, None)]
    query = (
        select(LedgerRow.device_id)
        .join(Device, Device.id == LedgerRow.device_id)
        .where(LedgerRow.broadcast_id == broadcast_id, Device.retired_at.is_(None), mine, or_(*whole, *curable))
        .where(LedgerRow.device_id.not_in(since))
        .order_by(LedgerRow.device_id)
        .limit(rules.MOST_RETRIED)
    )
    return (await session.scalars(query)).all()


async def _withdrawn(session: AsyncSession, broadcast_id: str) -> bool:
    """Whether what it says was taken back since."""
    query = select(Recall.broadcast_id).where(Recall.broadcast_id == broadcast_id).limit(1)
    return (await session.scalars(query)).first() is not None


async def _kept(session: AsyncSession, broadcast_id: str) -> bool:
    query = select(Rendition.id).join(BroadcastRendition, BroadcastRendition.rendition_id == Rendition.id)
    query = query.where(BroadcastRendition.broadcast_id == broadcast_id, Rendition.purged_at.is_not(None))
    return (await session.scalars(query.limit(1))).first() is None


async def _under_way(session: AsyncSession, broadcast_id: str) -> bool:
    query = select(BroadcastRow.id).where(BroadcastRow.retry_of == broadcast_id, BroadcastRow.closed_at.is_(None))
    return (await session.scalars(query.limit(1))).first() is not None


async def _renditions(session: AsyncSession, broadcast_id: str) -> Sequence[str]:
    query = select(BroadcastRendition.rendition_id).where(BroadcastRendition.broadcast_id == broadcast_id)
    return (await session.scalars(query)).all()


async def _follow_bulletin(
    session: AsyncSession, row: BroadcastRow, made: BroadcastRow, scopes: Sequence[str], now: datetime
) -> None:
    """What is a bulletin's stays a bulletin's: its withdrawal takes the try back."""
    placed = await session.scalars(select(Placement).where(Placement.broadcast_id == row.id))
    for one in placed.all():
        session.add(
            Placement(
                id=new_id(now),
                bulletin_id=one.bulletin_id,
                kind=one.kind,
                state="placed",
                scopes=list(scopes),
                start=made.start,
                late_s=one.late_s,
                volume=one.volume,
                repeats=one.repeats,
                chime=one.chime,
                board_s=one.board_s,
                revision=one.revision,
                broadcast_id=made.id,
                until=made.deadline,
                look_at=made.deadline,
                waits_since=now,
                made_by=one.made_by,
                made_at=now,
            )
        )
