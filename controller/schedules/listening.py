"""What is planned for a group follows who is in it: lengths by the languages spoken there, patience by the last turn.

Who must answer is decided at each start by who listens then (`receipts.expected`), so that nothing is done about that
here. Whoever changes a group calls this in the same transaction.
"""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import service as broadcasts
from controller.broadcasts import store as broadcast_store
from controller.broadcasts.tables import BroadcastRow, BroadcastScope
from controller.schedules import languages
from controller.schedules.making import Terms


async def follow(session: AsyncSession, scope: str, terms: Terms) -> None:
    """Other devices than before listen to a scope.

    Raises:
        PlanTooLarge: a plan would no longer fit; the change must be refused.
    """
    await languages.follow_scopes(session, [scope], terms)
    await session.flush()
    query = (
        select(BroadcastRow)
        .join(BroadcastScope, BroadcastScope.broadcast_id == BroadcastRow.id)
        .where(BroadcastScope.scope == scope, BroadcastRow.stagger, BroadcastRow.cancelled_at.is_(None))
        .where(BroadcastRow.closed_at.is_(None), BroadcastRow.deadline >= terms.now)
        .order_by(BroadcastRow.id)
    )
    rows = (await session.scalars(query)).all()
    reached = await broadcast_store.scopes_of(session, [row.id for row in rows])
    for row in rows:
        turns = await broadcasts.turns(session, row, reached[row.id])
        ends = row.latest_start + timedelta(milliseconds=row.duration_ms) + turns
        row.deadline = max(row.deadline, ends + terms.grace)
