"""Which sounds, images and videos somebody may know of: the one place where lookups by their ids ask.

Whoever sees a unit knows what it has, and what the units above it have. What nobody's unit has is known only to who may
act everywhere. Work in the background is not restricted, nor what was named before by somebody who knew of it.
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.may import acting_in
from controller.library.tables import AssetUnit
from controller.media.tables import Asset


async def known(session: AsyncSession) -> ColumnElement[bool]:
    """The condition that an asset is one that may be known of by whoever acts in this session."""
    may = acting_in(session)
    if may is None or may.actor.everywhere:
        return true()
    return Asset.id.in_(select(AssetUnit.asset_id).where(await may.knows(AssetUnit.unit_id)))


async def may_know(session: AsyncSession, asset_id: str) -> bool:
    """Whether one asset is."""
    may = acting_in(session)
    if may is None or may.actor.everywhere:
        return True
    query = select(Asset.id).where(Asset.id == asset_id, await known(session))
    return (await session.scalar(query)) is not None


async def among(session: AsyncSession, asset_ids: Collection[str]) -> frozenset[str]:
    """Those of these ids that are of assets that may be known of."""
    query = select(Asset.id).where(Asset.id.in_(sorted(set(asset_ids))), await known(session))
    return frozenset(await session.scalars(query))
