"""What was taken in is put on the shelf, in its job's transaction: labelled, found by searching, counted, known again.

The same file once more is the asset that is there: it keeps its labels, gets those that nobody gave it yet, and the
other unit has it, too. The same
content from another file is an asset of its own (somebody may need to call it otherwise) that says which one it is the
same as; its bytes lie in the store once.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.jobs.kinds import Kind, Made, Order, Progress
from controller.library import quotas
from controller.library.folding import folded
from controller.library.labels import Labels, Origin
from controller.library.tables import AssetUnit
from controller.media.tables import Asset, Rendition
from controller.runtime.clock import Clock
from controller.runtime.database import alone

SAME_CONTENT = "same_content_as"
_BEST_FIRST = ("opus", "webp", "vp9", "mp3")


@dataclass(frozen=True, slots=True)
class Shelf:
    """The rules of this station: whose clock, and how much a unit may keep where nothing else is said."""

    clock: Clock
    usual_bytes: int | None

    def around(self, kind: Kind, usual: Origin = Origin.UPLOAD) -> "ShelvedKind":
        """A kind of job whose assets are put on the shelf; `usual` is how they come about."""
        return ShelvedKind(kind, self, usual)


@dataclass(frozen=True, slots=True)
class ShelvedKind:
    """Implements `Kind`."""

    kind: Kind
    shelf: Shelf
    usual: Origin

    async def run(self, order: Order, folder: Path, progress: Progress) -> "ShelvedMade":
        """Do it, and remember what was said about it."""
        made = await self.kind.run(order, folder, progress)
        return ShelvedMade(made, self.shelf, Labels.of(order.given, self.usual))


@dataclass(frozen=True, slots=True)
class ShelvedMade:
    """Implements `Made`."""

    made: Made
    shelf: Shelf
    labels: Labels

    async def record(self, session: AsyncSession) -> str | None:
        """Make it real, and put it on the shelf.

        Raises:
            QuotaFull: its unit has no room for it.
        """
        asset_id = await self.made.record(session)
        if asset_id is not None:
            await shelve(session, asset_id, self.labels, self.shelf.usual_bytes, now=self.shelf.clock.now())
        return asset_id

    async def discard(self) -> None:
        """Nothing of it stays."""
        await self.made.discard()


async def shelve(
    session: AsyncSession, asset_id: str, labels: Labels, usual_bytes: int | None, *, now: datetime
) -> None:
    """Describe a new asset, or give one that was there to one more unit; its bytes will not go now.

    Raises:
        QuotaFull: its unit has no room for it.
    """
    asset = await session.get_one(Asset, asset_id, with_for_update=True, populate_existing=True)
    asset.purged_at = None
    if asset.content_sha256 is None:
        await _describe(session, asset, labels)
    else:
        _complete(asset, labels)
    if labels.unit_id is not None and await session.get(AssetUnit, (asset_id, labels.unit_id)) is None:
        await alone(session, f"library of {labels.unit_id}")
        session.add(AssetUnit(asset_id=asset_id, unit_id=labels.unit_id, added_at=now))
        await session.flush()
        if labels.bounded:
            await quotas.require_within(session, labels.unit_id, usual_bytes)
    await session.flush()


async def _describe(session: AsyncSession, asset: Asset, labels: Labels) -> None:
    renditions = (await session.scalars(select(Rendition).where(Rendition.asset_id == asset.id))).all()
    best = min(renditions, key=lambda one: _BEST_FIRST.index(one.codec))
    asset.content_sha256 = best.sha256
    asset.unit_id, asset.language, asset.origin = labels.unit_id, labels.language, str(labels.origin)
    asset.text = labels.text
    asset.folded = searched(asset.title, labels.text)
    same = await _same_content(session, asset)
    if same is not None:
        asset.facts = {**asset.facts, SAME_CONTENT: {"asset_id": same.id, "title": same.title}}


def _complete(asset: Asset, labels: Labels) -> None:
    """Say what nobody said of it before."""
    asset.unit_id = asset.unit_id or labels.unit_id
    asset.language = asset.language or labels.language
    if labels.text and not asset.text:
        asset.text = labels.text
        asset.folded = searched(asset.title, labels.text)


def searched(*texts: str) -> str:
    """As it is stored to be searched: a space before every word."""
    return f" {folded(*texts)}"


async def _same_content(session: AsyncSession, asset: Asset) -> Asset | None:
    query = (
        select(Asset)
        .where(Asset.content_sha256 == asset.content_sha256, Asset.id != asset.id, Asset.purged_at.is_(None))
        .order_by(Asset.created_at, Asset.id)
        .limit(1)
    )
    return (await session.scalars(query)).first()
