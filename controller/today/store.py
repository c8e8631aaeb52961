"""All queries of the overview of a day: what sounds, what comes next, how the last one went."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow, BroadcastScope, LedgerRow
from controller.bulletins.places import PlacementState
from controller.bulletins.tables import Bulletin, Placement
from controller.delivery.tables import StopRow
from controller.receipts.store import meant
from controller.units.tables import Unit

LONGEST = timedelta(hours=24)
"""No broadcast lasts longer, so that none that sounds began earlier."""
LOOKED_BACK = timedelta(days=14)


async def begun(session: AsyncSession, now: datetime, *mine: ColumnElement[bool]) -> Sequence[BroadcastRow]:
    """Those that began within the longest that one lasts, and stand; the latest first."""
    query = _standing(*mine).where(BroadcastRow.start <= now, BroadcastRow.start > now - LONGEST)
    return (await session.scalars(query.order_by(BroadcastRow.start.desc(), BroadcastRow.id).limit(200))).all()


async def following(
    session: AsyncSession, now: datetime, limit: int, *mine: ColumnElement[bool]
) -> Sequence[BroadcastRow]:
    """Those that are yet to begin, the next first."""
    query = _standing(*mine).where(BroadcastRow.start > now)
    return (await session.scalars(query.order_by(BroadcastRow.start, BroadcastRow.id).limit(limit))).all()


async def before(
    session: AsyncSession, now: datetime, limit: int, *mine: ColumnElement[bool]
) -> Sequence[BroadcastRow]:
    """The last that began, whether they sound or not, the latest first."""
    query = _standing(*mine).where(BroadcastRow.start <= now, BroadcastRow.start > now - LOOKED_BACK)
    return (await session.scalars(query.order_by(BroadcastRow.start.desc(), BroadcastRow.id).limit(limit))).all()


async def from_above(
    session: AsyncSession,
    limit: int,
    *,
    ours: ColumnElement[bool],
    here: ColumnElement[bool],
    heard: ColumnElement[bool],
) -> Sequence[tuple[Placement, Bulletin, str]]:
    """Bulletins that others put on our air and that are not over, the newest first, with whose they are.

    Conditions: `ours` that a bulletin's unit is one of ours, `here` that a slot's unit is, `heard` that a scope that a
    broadcast goes to is one that we hear.
    """
    goes = select(BroadcastScope.scope).where(BroadcastScope.broadcast_id == Placement.broadcast_id, heard)
    query = (
        select(Placement, Bulletin, Unit.name)
        .join(Bulletin, Bulletin.id == Placement.bulletin_id)
        .join(Unit, Unit.id == Bulletin.unit_id)
        .where(Placement.state == str(PlacementState.PLACED))
        .where(or_(Bulletin.author_id.is_(None), ~ours))
        .where(or_(here, goes.correlate(Placement).exists()))
        .order_by(Placement.made_at.desc(), Placement.id)
        .limit(limit)
    )
    return [(placement, bulletin, name) for placement, bulletin, name in await session.execute(query)]


async def answers(
    session: AsyncSession, broadcast_id: str, *mine: ColumnElement[bool]
) -> Sequence[tuple[str | None, int]]:
    """Outcome → how many devices; None: not answered yet."""
    query = select(LedgerRow.outcome, func.count()).where(LedgerRow.broadcast_id == broadcast_id, meant(), *mine)
    return [(outcome, count) for outcome, count in await session.execute(query.group_by(LedgerRow.outcome))]


async def stops(session: AsyncSession, broadcast_ids: Sequence[str]) -> Sequence[tuple[str, str, StopRow | None]]:
    """Broadcast, a scope it goes to, and the newest stop of that scope."""
    query = (
        select(BroadcastScope.broadcast_id, BroadcastScope.scope, StopRow)
        .outerjoin(StopRow, StopRow.scope == BroadcastScope.scope)
        .where(BroadcastScope.broadcast_id.in_(broadcast_ids))
    )
    return [(one, scope, stop) for one, scope, stop in await session.execute(query)]


def _standing(*mine: ColumnElement[bool]) -> Select[BroadcastRow]:
    return select(BroadcastRow).where(BroadcastRow.cancelled_at.is_(None), *mine)
