"""Taking an image or video in as a background job: the kind `picture`. Its result is an asset of that kind.

As with sounds, the bytes reach the object store before the row that names them is committed, and the same file taken in
again gives the asset that is already there.
"""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.jobs.kinds import Order, Progress
from controller.media import store
from controller.media.intake_job import SourceLost
from controller.media.pictures.intake import PictureIntake, PictureRendition, PictureResult
from controller.media.tables import Asset, Rendition
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.ids import new_id
from controller.runtime.objects import ObjectStore
from controller.runtime.waiting import unbroken
from loa_protocol.content import ContentIndex, build_index

KIND = "picture"
WISHES = "picture"
"""The same film may be taken in as a sound, too: that is another asset."""


@dataclass(frozen=True, slots=True)
class TakenPicture:
    """Implements `Made`. `result` None: the asset of this file was there before."""

    kind: "PictureKind"
    source_sha256: str
    title: str
    result: PictureResult | None
    index: ContentIndex | None

    async def record(self, session: AsyncSession) -> str:
        """The asset, made or found."""
        known = await by_source(session, self.source_sha256)
        if known is not None:
            return known.id
        if self.result is None or self.index is None:
            raise RuntimeError(f"the asset of source {self.source_sha256} went away meanwhile; it is tried again")
        await self.kind.objects.size(self.result.rendition.sha256)
        now = self.kind.clock.now()
        asset = Asset(
            id=new_id(now),
            kind=self.result.done.kind,
            title=self.title,
            source_sha256=self.source_sha256,
            wishes=WISHES,
            duration_ms=self.result.done.duration_ms,
            loudness_lufs=None,
            true_peak_dbtp=None,
            facts=self.result.facts(),
            created_at=now,
        )
        session.add(asset)
        await session.flush()
        session.add(_row(new_id(now), asset.id, self.result.rendition, self.index))
        await session.flush()
        return asset.id

    async def discard(self) -> None:
        """Take back what was stored; bytes that an asset uses stay."""
        if self.result is None:
            return
        async with self.kind.db.transaction() as session:
            if not await store.uses(session, self.result.rendition.sha256):
                await self.kind.objects.delete(self.result.rendition.sha256)


@dataclass(frozen=True, slots=True)
class PictureKind:
    """Implements `Kind`; `given` has `source_sha256` and `file_name`."""

    db: Database
    objects: ObjectStore
    intake: PictureIntake
    clock: Clock

    async def run(self, order: Order, folder: Path, progress: Progress) -> TakenPicture:
        """Make it ready and store its bytes."""
        sha256 = str(order.given["source_sha256"])
        async with self.db.reading() as session:
            known = await by_source(session, sha256)
        if known is not None:
            return TakenPicture(self, sha256, order.title, None, None)
        source = await asyncio.to_thread(_named, order.source, folder / "source", str(order.given["file_name"]))
        result = await self.intake.take_in(source, folder / "work", progress=progress)
        index = await asyncio.to_thread(_index, result.rendition.path)
        await unbroken(self.objects.put_file(result.rendition.path, sha256=result.rendition.sha256))
        return TakenPicture(self, sha256, order.title, result, index)


async def by_source(session: AsyncSession, source_sha256: str) -> Asset | None:
    """The image or video that was made from a file."""
    query = select(Asset).where(Asset.source_sha256 == source_sha256, Asset.wishes == WISHES)
    return (await session.scalars(query)).one_or_none()


def _named(spooled: Path, folder: Path, file_name: str) -> Path:
    """The file under the name people know it by, so that refusals can tell it; no bytes are copied."""
    folder.mkdir()
    named = folder / (file_name or "picture")
    try:
        os.link(spooled, named)
    except FileNotFoundError as error:
        raise SourceLost(f"“{file_name}” is no longer in the spool; hand it in again") from error
    return named


def _row(rendition_id: str, asset_id: str, made: PictureRendition, index: ContentIndex) -> Rendition:
    return Rendition(
        id=rendition_id,
        asset_id=asset_id,
        codec=made.codec,
        media_type=made.media_type,
        sha256=made.sha256,
        root=index.root,
        bytes=index.total_bytes,
        chunk_bytes=index.chunk_bytes,
    )


def _index(path: Path) -> ContentIndex:
    with path.open("rb") as opened:
        return build_index(opened, path.stat().st_size)
