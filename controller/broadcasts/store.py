"""All queries about broadcasts."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow, BroadcastScope


async def find(session: AsyncSession, broadcast_id: str) -> BroadcastRow | None:
    """One broadcast."""
    return await session.get(BroadcastRow, broadcast_id)


async def find_to_change(session: AsyncSession, broadcast_id: str) -> BroadcastRow | None:
    """One broadcast, which nobody else changes before the commit."""
    return await session.get(BroadcastRow, broadcast_id, with_for_update={"key_share": True}, populate_existing=True)


async def newest(
    session: AsyncSession, limit: int, programme_id: str | None = None, until: datetime | None = None
) -> Sequence[BroadcastRow]:
    """Those of a programme, or those of none, that start by `until`; the latest starts first."""
    query = select(BroadcastRow).where(BroadcastRow.programme_id == programme_id)
    if until is not None:
        query = query.where(BroadcastRow.start <= until)
    query = query.order_by(BroadcastRow.start.desc(), BroadcastRow.id.desc()).limit(limit)
    return (await session.scalars(query)).all()


async def scopes(session: AsyncSession, broadcast_id: str) -> tuple[str, ...]:
    """Where a broadcast goes."""
    query = select(BroadcastScope.scope).where(BroadcastScope.broadcast_id == broadcast_id)
    return tuple(await session.scalars(query.order_by(BroadcastScope.scope)))


async def scopes_of(session: AsyncSession, broadcast_ids: Iterable[str]) -> dict[str, list[str]]:
    """Where each of several broadcasts goes."""
    query = select(BroadcastScope).where(BroadcastScope.broadcast_id.in_(list(broadcast_ids)))
    found: dict[str, list[str]] = {}
    for row in await session.scalars(query.order_by(BroadcastScope.scope)):
        found.setdefault(row.broadcast_id, []).append(row.scope)
    return found
