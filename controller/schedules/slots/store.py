"""All queries about what waits in slots, and about the sounds sessions are made of."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.media.tables import Asset
from controller.schedules.slots.filling import Waiting
from controller.schedules.tables import SlotItem
from loa_protocol.ids import Level


async def find_to_change(session: AsyncSession, item_id: str) -> SlotItem | None:
    """One item, which nobody else changes before the commit."""
    return await session.get(SlotItem, item_id, with_for_update=True, populate_existing=True)


async def of_unit(session: AsyncSession, unit_id: str, limit: int) -> Sequence[SlotItem]:
    """What waits at a unit and was not withdrawn, by position; what is over comes too."""
    query = select(SlotItem).where(SlotItem.unit_id == unit_id, SlotItem.withdrawn_at.is_(None))
    query = query.order_by(SlotItem.position, SlotItem.created_at, SlotItem.id).limit(limit)
    return (await session.scalars(query)).all()


async def named(session: AsyncSession, item_ids: Collection[str]) -> dict[str, SlotItem]:
    """These items, locked in the order of their ids."""
    query = select(SlotItem).where(SlotItem.id.in_(item_ids)).order_by(SlotItem.id).with_for_update()
    rows = await session.scalars(query.execution_options(populate_existing=True))
    return {row.id: row for row in rows}


async def own(session: AsyncSession, unit_id: str) -> Sequence[SlotItem]:
    """What a unit itself has put into its queue and not withdrawn, in its order."""
    query = select(SlotItem).where(SlotItem.unit_id == unit_id, SlotItem.owner_id == unit_id)
    query = query.where(SlotItem.withdrawn_at.is_(None)).order_by(SlotItem.position, SlotItem.created_at, SlotItem.id)
    return (await session.scalars(query)).all()


async def of_origins(session: AsyncSession, origins: Collection[str]) -> frozenset[str]:
    """Ids of everything that was ever handed in for these."""
    return frozenset(await session.scalars(select(SlotItem.id).where(SlotItem.origin.in_(origins))))


async def last_position(session: AsyncSession, unit_id: str) -> int:
    """The highest place anything at a unit has."""
    query = select(func.max(SlotItem.position)).where(SlotItem.unit_id == unit_id)
    return int(await session.scalar(query) or 0)


async def waiting(session: AsyncSession, unit_ids: Collection[str], since: datetime) -> dict[str, list[Waiting]]:
    """Unit → what may fill its slots from `since` on."""
    found: dict[str, list[Waiting]] = {unit_id: [] for unit_id in unit_ids}
    if not found:
        return found
    query = (
        select(SlotItem, Asset.duration_ms)
        .join(Asset, Asset.id == SlotItem.asset_id)
        .where(SlotItem.unit_id.in_(unit_ids), SlotItem.withdrawn_at.is_(None))
        .where(or_(SlotItem.valid_until.is_(None), SlotItem.valid_until > since))
        .order_by(SlotItem.id)
    )
    for row, duration_ms in await session.execute(query.execution_options(populate_existing=True)):
        found[row.unit_id].append(_waiting(row, duration_ms))
    return found


def _waiting(row: SlotItem, duration_ms: int) -> Waiting:
    return Waiting(
        id=row.id,
        title=row.title,
        asset=row.asset_id,
        variants=row.variants,
        duration_ms=duration_ms,
        level=Level(row.level),
        authority=row.authority,
        position=row.position,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        created_at=row.created_at,
    )
