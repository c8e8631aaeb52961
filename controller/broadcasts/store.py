"""All queries about broadcasts."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.rules import Sound
from controller.broadcasts.tables import BroadcastRow, BroadcastScope
from controller.media.tables import Asset, Rendition


async def find(session: AsyncSession, broadcast_id: str) -> BroadcastRow | None:
    """One broadcast."""
    return await session.get(BroadcastRow, broadcast_id)


async def find_to_change(session: AsyncSession, broadcast_id: str) -> BroadcastRow | None:
    """One broadcast, which nobody else changes before the commit."""
    return await session.get(BroadcastRow, broadcast_id, with_for_update={"key_share": True}, populate_existing=True)


async def newest(
    session: AsyncSession,
    limit: int,
    *where: ColumnElement[bool],
    programme_id: str | None = None,
    until: datetime | None = None,
) -> Sequence[BroadcastRow]:
    """Those of a programme, or those of none, that start by `until`; the latest starts first."""
    query = select(BroadcastRow).where(BroadcastRow.programme_id == programme_id, *where)
    if until is not None:
        query = query.where(BroadcastRow.start <= until)
    query = query.order_by(BroadcastRow.start.desc(), BroadcastRow.id.desc()).limit(limit)
    return (await session.scalars(query)).all()


def heard(scope: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition that a broadcast goes to any scope of which a condition on `BroadcastScope.scope` holds.

    It is asked of one broadcast after another (the offset has PostgreSQL keep it so): whoever asks wants a few, in
    order, of very many.
    """
    goes = select(BroadcastScope.scope).where(BroadcastScope.broadcast_id == BroadcastRow.id, scope)
    return goes.correlate(BroadcastRow).offset(0).exists()


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


async def sounds(session: AsyncSession, asset_ids: Collection[str]) -> dict[str, Sound]:
    """Those of the sounds that there are, as today's devices fetch them."""
    if not asset_ids:
        return {}
    query = (
        select(Asset.id, Asset.duration_ms, func.min(Rendition.id).label("ref"))
        .join(Rendition, Rendition.asset_id == Asset.id)
        .where(Asset.id.in_(asset_ids), Asset.purged_at.is_(None), Rendition.codec == "opus")
        .group_by(Asset.id, Asset.duration_ms)
    )
    return {row.id: Sound(row.id, row.ref, row.duration_ms) for row in await session.execute(query)}
