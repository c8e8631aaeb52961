"""All queries about sounds."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.media.tables import Asset, Rendition, WaveformRow


async def find(session: AsyncSession, asset_id: str) -> Asset | None:
    """One sound."""
    return await session.get(Asset, asset_id)


async def newest(session: AsyncSession, limit: int, *where: ColumnElement[bool]) -> Sequence[Asset]:
    """The latest taken in first."""
    query = select(Asset).where(*where).order_by(Asset.created_at.desc()).limit(limit)
    return (await session.scalars(query)).all()


async def by_source(session: AsyncSession, source_sha256: str, wishes: str) -> Asset | None:
    """The sound that was made from a source file by these wishes' key."""
    query = select(Asset).where(Asset.source_sha256 == source_sha256, Asset.wishes == wishes)
    return (await session.scalars(query)).one_or_none()


async def waveform(session: AsyncSession, asset_id: str) -> WaveformRow | None:
    """The picture of a sound."""
    return await session.get(WaveformRow, asset_id)


async def uses(session: AsyncSession, sha256: str) -> bool:
    """Whether any rendition lies in the object store under this name."""
    return (await session.scalar(select(Rendition.id).where(Rendition.sha256 == sha256).limit(1))) is not None


async def best_rendition(session: AsyncSession, asset_id: str) -> Rendition:
    """The encoding of a sound to work from: Opus, whose length is exact to the sample, where there is one."""
    query = select(Rendition).where(Rendition.asset_id == asset_id).order_by(Rendition.codec != "opus").limit(1)
    return (await session.scalars(query)).one()
