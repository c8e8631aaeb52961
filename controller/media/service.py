"""Use case of sounds: take a file in, keep its renditions, name them by their content.

The bytes reach the object store before the row that names them is committed, so that a row never points at nothing.
The same source file taken in again gives the asset that is already there.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.media.intake import Intake, IntakeResult
from controller.media.intake import Rendition as Encoded
from controller.media.tables import Asset, Rendition
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.ids import new_id
from controller.runtime.objects import ObjectStore
from loa_protocol.content import ContentIndex, build_index


@dataclass(frozen=True, slots=True)
class MediaLibrary:
    """Takes files in; one job has one folder of its own under `jobs_dir`, gone when it ends."""

    db: Database
    objects: ObjectStore
    intake: Intake
    clock: Clock
    jobs_dir: Path

    async def take_in(self, source: Path, title: str) -> Asset:
        """Normalise, encode and keep a sound file.

        Raises:
            LoaError: with the intake's stable code; nothing is kept.
        """
        source_sha256 = await asyncio.to_thread(_sha256, source)
        async with self.db.reading() as session:
            known = await _by_source(session, source_sha256)
        if known is not None:
            return known
        await asyncio.to_thread(self.jobs_dir.mkdir, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.jobs_dir) as folder:
            result = await self.intake.probe_and_encode(source, Path(folder))
            renditions = [await self._keep(encoded) for encoded in result.renditions]
        return await self._record(source_sha256, title, result, renditions)

    async def _keep(self, encoded: Encoded) -> Callable[[str, str], Rendition]:
        """Store the bytes durably; gives what makes the row once the asset has an id."""
        await self.objects.put_file(encoded.path, sha256=encoded.sha256)
        index = await asyncio.to_thread(_index, encoded.path)
        return lambda rendition_id, asset_id: Rendition(
            id=rendition_id,
            asset_id=asset_id,
            codec=encoded.codec,
            media_type=encoded.media_type,
            sha256=encoded.sha256,
            root=index.root,
            bytes=index.total_bytes,
            chunk_bytes=index.chunk_bytes,
        )

    async def _record(
        self,
        source_sha256: str,
        title: str,
        result: IntakeResult,
        renditions: Sequence[Callable[[str, str], Rendition]],
    ) -> Asset:
        now = self.clock.now()
        async with self.db.transaction() as session:
            known = await _by_source(session, source_sha256)
            if known is not None:
                return known
            asset = Asset(
                id=new_id(now),
                title=title,
                source_sha256=source_sha256,
                duration_ms=result.duration_ms,
                loudness_lufs=result.loudness_lufs,
                true_peak_dbtp=result.true_peak_dbtp,
                facts=result.facts(),
                created_at=now,
            )
            session.add(asset)
            await session.flush()
            session.add_all(make(new_id(now), asset.id) for make in renditions)
        return asset


async def renditions(session: AsyncSession, asset_id: str) -> Sequence[Rendition]:
    """All encodings of an asset."""
    query = select(Rendition).where(Rendition.asset_id == asset_id).order_by(Rendition.codec)
    return (await session.scalars(query)).all()


async def newest(session: AsyncSession, limit: int) -> Sequence[Asset]:
    """The latest taken in first."""
    return (await session.scalars(select(Asset).order_by(Asset.created_at.desc()).limit(limit))).all()


async def _by_source(session: AsyncSession, source_sha256: str) -> Asset | None:
    query = select(Asset).where(Asset.source_sha256 == source_sha256).order_by(Asset.id).limit(1)
    return (await session.scalars(query)).first()


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _index(path: Path) -> ContentIndex:
    with path.open("rb") as opened:
        size = path.stat().st_size
        return build_index(opened, size)
