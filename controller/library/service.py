"""Use cases of the library that look at one thing."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.library.errors import AssetGone, AssetOfOtherKind
from controller.library.finding import COLUMNS
from controller.library.tables import AssetUnit
from controller.media import service as media
from controller.media.known import known
from controller.media.tables import Asset, Rendition

_SAME = 20


async def require_usable(session: AsyncSession, asset_id: str, *kinds: str) -> Asset:
    """An asset that may be put on the air now, of one of these kinds.

    Raises:
        AssetUnknown: there is none.
        AssetOfOtherKind: it is something else.
        AssetGone: its bytes have gone.
    """
    asset = await media.require(session, asset_id)
    if asset.kind not in kinds:
        raise AssetOfOtherKind(
            f"“{asset.title}” is of kind {asset.kind}, and {' or '.join(kinds)} is wanted here; name another",
            asset=asset_id,
        )
    if asset.purged_at is not None:
        raise AssetGone(
            f"the bytes of “{asset.title}” went after the retention period; hand the file in again", asset=asset_id
        )
    return asset


async def rendition_of(session: AsyncSession, asset_id: str, *kinds: str) -> tuple[Asset, Rendition]:
    """An image or video and the one file that boards get of it.

    Raises:
        AssetUnknown, AssetOfOtherKind, AssetGone: as `require_usable`.
    """
    asset = await require_usable(session, asset_id, *kinds)
    query = select(Rendition).where(Rendition.asset_id == asset_id, Rendition.purged_at.is_(None))
    return asset, (await session.scalars(query)).one()


async def picture(session: AsyncSession, asset_id: str) -> Rendition:
    """The file of an image or video.

    Raises:
        AssetUnknown, AssetOfOtherKind, AssetGone: as `require_usable`.
    """
    return (await rendition_of(session, asset_id, "image", "video"))[1]


async def sound(session: AsyncSession, asset_id: str, codec: str) -> tuple[Asset, Rendition]:
    """A sound and its file in one encoding, `opus` or `mp3`.

    Raises:
        AssetUnknown, AssetOfOtherKind, AssetGone: as `require_usable`.
    """
    asset = await require_usable(session, asset_id, "sound")
    query = select(Rendition).where(Rendition.asset_id == asset_id, Rendition.purged_at.is_(None))
    return asset, (await session.scalars(query.where(Rendition.codec == codec))).one()


async def detail(session: AsyncSession, asset_id: str) -> tuple[Asset, dict[str, Any]]:
    """One asset; its units, renditions, and what else has the same content that whoever acts may know of.

    Raises:
        AssetUnknown: there is none.
    """
    asset = await media.require(session, asset_id)
    units = select(AssetUnit.unit_id).where(AssetUnit.asset_id == asset_id).order_by(AssetUnit.added_at)
    renditions = select(Rendition).where(Rendition.asset_id == asset_id).order_by(Rendition.codec)
    same = (
        select(*COLUMNS)
        .where(Asset.content_sha256 == asset.content_sha256, Asset.id != asset_id, await known(session))
        .order_by(Asset.created_at)
        .limit(_SAME)
    )
    return asset, {
        "units": list(await session.scalars(units)),
        "renditions": list(await session.scalars(renditions)),
        "same": list(await session.execute(same)) if asset.content_sha256 is not None else [],
    }
