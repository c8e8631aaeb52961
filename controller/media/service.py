"""Use cases of sounds: take a file in, keep its renditions, name them by their content.

The bytes reach the object store before the row that names them is committed, so that a row never points at nothing.
The same source file taken in again with the same wishes gives the asset that is already there.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from controller.jobs.kinds import Progress
from controller.media import store, words
from controller.media.errors import MediaError
from controller.media.intake import Intake, IntakeResult
from controller.media.intake import Rendition as Encoded
from controller.media.joining import require_short
from controller.media.known import may_know
from controller.media.tables import Asset, Rendition, WaveformRow
from controller.media.waveform import Waveform, understood
from controller.media.wishes import NO_WISHES, IntakeWishes, WishRefused
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.ids import new_id
from controller.runtime.objects import ObjectStore
from controller.runtime.waiting import unbroken
from loa_protocol.content import ContentIndex, build_index
from loa_protocol.errors import LoaError

_SOUND = "sound"
_ENCODED = 0.97
"""The share of the work that is done when everything is encoded; the rest is keeping it."""


class AssetUnknown(LoaError):
    """No sound has this id."""

    code = "asset_unknown"


class WaveformUnknown(LoaError):
    """A sound has no picture: it was taken in before pictures were drawn."""

    code = "waveform_unknown"


@dataclass(frozen=True, slots=True)
class Kept:
    """An encoding whose bytes lie in the object store."""

    encoded: Encoded
    index: ContentIndex

    def row(self, rendition_id: str, asset_id: str) -> Rendition:
        """What makes it a rendition of an asset."""
        return Rendition(
            id=rendition_id,
            asset_id=asset_id,
            codec=self.encoded.codec,
            media_type=self.encoded.media_type,
            sha256=self.encoded.sha256,
            root=self.index.root,
            bytes=self.index.total_bytes,
            chunk_bytes=self.index.chunk_bytes,
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A source that became sound; not yet an asset. `result` None: the asset of this source was there before.

    `origin` is what its asset remembers of where it came from, beside the intake's facts; `wishes` what was wished.
    """

    source_sha256: str
    title: str
    result: IntakeResult | None
    kept: tuple[Kept, ...]
    origin: Mapping[str, Any] = field(default_factory=dict)
    wishes: IntakeWishes = NO_WISHES


@dataclass(frozen=True, slots=True)
class MediaLibrary:
    """Takes files in; `usual` is what every sound gets here of which nothing else is wished."""

    db: Database
    objects: ObjectStore
    intake: Intake
    clock: Clock
    usual: IntakeWishes = NO_WISHES

    async def prepare(
        self,
        source: Path,
        source_sha256: str,
        title: str,
        folder: Path,
        progress: Progress | None = None,
        *,
        wishes: IntakeWishes | None = None,
    ) -> Prepared:
        """Normalise, encode and store the bytes, as wished or as usual; `folder` is for the work alone.

        Raises:
            LoaError: with the intake's stable code; nothing is kept.
        """
        wishes = wishes or self.usual
        async with self.db.reading() as session:
            known = await store.by_source(session, source_sha256, wishes.key())
        if known is not None:
            return Prepared(source_sha256, title, None, (), wishes=wishes)
        companions = await self._companions(wishes, folder.with_name(f"{folder.name}-chimes"))
        try:
            result = await self.intake.probe_and_encode(
                source, folder, wishes.intake_profile(), _share(progress), companions
            )
        except MediaError as error:
            error.details = {"vi": words.of_refusal(error.code), **error.details}
            raise
        kept: list[Kept] = []
        try:
            for encoded in result.renditions:
                await unbroken(self._keep(encoded, kept))
        except BaseException:
            await unbroken(self._discard(kept))
            raise
        return Prepared(source_sha256, title, result, tuple(kept), wishes=wishes)

    async def record(self, session: AsyncSession, prepared: Prepared) -> Asset:
        """Make it an asset, in the caller's transaction; one source is one asset a wish, whoever was first."""
        known = await store.by_source(session, prepared.source_sha256, prepared.wishes.key())
        if known is not None:
            return known
        if prepared.result is None:
            raise RuntimeError(f"the asset of source {prepared.source_sha256} went away meanwhile; it is tried again")
        for kept in prepared.kept:
            await self.objects.size(kept.encoded.sha256)
        now = self.clock.now()
        asset = Asset(
            id=new_id(now),
            title=prepared.title,
            source_sha256=prepared.source_sha256,
            wishes=prepared.wishes.key(),
            duration_ms=prepared.result.duration_ms,
            loudness_lufs=prepared.result.loudness_lufs,
            true_peak_dbtp=prepared.result.true_peak_dbtp,
            facts={**prepared.result.facts(), **_wished(prepared.wishes), **prepared.origin},
            created_at=now,
        )
        session.add(asset)
        await session.flush()
        session.add_all(kept.row(new_id(now), asset.id) for kept in prepared.kept)
        session.add(WaveformRow(asset_id=asset.id, picture=prepared.result.waveform.told()))
        await session.flush()
        return asset

    async def fetch(self, asset_id: str, target: Path) -> None:
        """Write a short sound, encoded, to a new file; it is held in memory meanwhile.

        Raises:
            AssetUnknown: there is none.
            ObjectMissing, ObjectMismatch: the store lost or changed it.
        """
        async with self.db.reading() as session:
            await require(session, asset_id)
            rendition = await store.best_rendition(session, asset_id)
        await self.objects.verify(rendition.sha256)
        data = await self.objects.read(rendition.sha256)
        await asyncio.to_thread(target.write_bytes, data)

    async def discard(self, prepared: Prepared) -> None:
        """Take back what `prepare` stored; bytes that an asset uses stay."""
        await self._discard(prepared.kept)

    async def _discard(self, kept: Sequence[Kept]) -> None:
        async with self.db.transaction() as session:
            for one in kept:
                if not await store.uses(session, one.encoded.sha256):
                    await self.objects.delete(one.encoded.sha256)

    async def _companions(self, wishes: IntakeWishes, folder: Path) -> dict[str, Path]:
        """The sounds of the library that serve as chimes, by their ids."""
        found = {asset_id: folder / asset_id for asset_id in wishes.asset_ids()}
        if found:
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        for asset_id, path in found.items():
            await self.fetch(asset_id, path)
        return found

    async def _keep(self, encoded: Encoded, kept: list[Kept]) -> None:
        await self.objects.put_file(encoded.path, sha256=encoded.sha256)
        kept.append(Kept(encoded, await asyncio.to_thread(_index, encoded.path)))


def unknown(asset_id: str) -> AssetUnknown:
    """Why nothing is answered about an id: nothing has it, or whoever asks may not know of it."""
    return AssetUnknown(f"there is no sound {asset_id}; upload the file first", asset=asset_id)


async def require(session: AsyncSession, asset_id: str) -> Asset:
    """The sound.

    Raises:
        AssetUnknown: there is none, or none that whoever acts in this session may know of.
    """
    asset = await store.find(session, asset_id)
    if asset is None or not await may_know(session, asset_id):
        raise unknown(asset_id)
    return asset


async def require_doable(session: AsyncSession, wishes: IntakeWishes) -> None:
    """Whether what shall serve as a chime is there, a sound, and short.

    Raises:
        AssetUnknown, WishRefused, ClipTooLong: it is not.
    """
    for asset_id in wishes.asset_ids():
        asset = await require(session, asset_id)
        if asset.kind != _SOUND:
            raise WishRefused(f"“{asset.title}” is no sound; choose one as a chime", asset=asset_id)
        if asset.purged_at is not None:
            raise WishRefused(f"the bytes of “{asset.title}” have gone; take the file in again", asset=asset_id)
        require_short(f"the chime “{asset.title}”", asset.duration_ms)


async def picture_of(session: AsyncSession, asset_id: str) -> tuple[Asset, Waveform]:
    """A sound and its picture.

    Raises:
        AssetUnknown, WaveformUnknown: there is none.
    """
    asset = await require(session, asset_id)
    row = await store.waveform(session, asset_id)
    if row is None:
        raise WaveformUnknown(f"there is no picture of the sound {asset_id}; take the file in again", asset=asset_id)
    return asset, understood(row.picture)


def _wished(wishes: IntakeWishes) -> dict[str, Any]:
    told = wishes.told()
    return {"wishes": told} if told else {}


def _share(progress: Progress | None) -> Progress | None:
    return None if progress is None else lambda done: progress(done * _ENCODED)


def _index(path: Path) -> ContentIndex:
    with path.open("rb") as opened:
        size = path.stat().st_size
        return build_index(opened, size)
