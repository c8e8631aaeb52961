"""Bulletins that were to be heard somewhere and were not approved in time, for the timelines of devices there."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.bulletins.tables import Bulletin, Placement, PlacementMiss


@dataclass(frozen=True, slots=True)
class Missed:
    """A start that passed without a bulletin; `stood_in`: something else was planned in its place."""

    bulletin: str
    title: str
    level: str
    start: datetime
    reason: str
    stood_in: bool


async def of_scopes(session: AsyncSession, scopes: Collection[str], begin: datetime, end: datetime) -> list[Missed]:
    """What was to be heard under any of these scopes at begin <= start < end, once for each start of a bulletin."""
    query = (
        select(Bulletin.id, Bulletin.title, Bulletin.level, PlacementMiss)
        .join(Placement, Placement.id == PlacementMiss.placement_id)
        .join(Bulletin, Bulletin.id == Placement.bulletin_id)
        .where(PlacementMiss.start >= begin, PlacementMiss.start < end)
        .order_by(PlacementMiss.start, Bulletin.id, PlacementMiss.placement_id)
    )
    found: dict[tuple[str, datetime], Missed] = {}
    for bulletin, title, level, miss in await session.execute(query):
        if not set(scopes).isdisjoint(miss.scopes):
            held = found.get((bulletin, miss.start))
            other = miss.fallback_broadcast_id or miss.fallback_slot_item_id
            stood_in = other is not None or (held is not None and held.stood_in)
            found[bulletin, miss.start] = Missed(bulletin, title, level, miss.start, miss.reason, stood_in)
    return list(found.values())
