"""Assets on a library's shelf, without any file: rows as an intake would have made them, bytes in the store."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from controller.broadcasts.tables import BroadcastRendition, BroadcastRow
from controller.library.labels import Labels
from controller.library.shelving import shelve
from controller.media.tables import Asset, Rendition
from controller.runtime.database import Database
from controller.runtime.objects import FolderObjectStore
from controller.units.tables import Unit

NOW = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=400)


@dataclass
class ShelfWorld:
    """A province with two communes, an open database, and a store."""

    db: Database
    objects: FolderObjectStore

    @classmethod
    async def open(cls, url: str, folder: Path) -> "ShelfWorld":
        world = cls(Database(url), FolderObjectStore(folder / "objects"))
        async with world.db.transaction() as session:
            session.add(Unit(id="tinh", name="Tỉnh", kind="province"))
            await session.flush()
            session.add_all(Unit(id=i, name=i, kind="commune", parent_id="tinh") for i in ("xa-1", "xa-2"))
        return world

    async def put(
        self,
        asset_id: str,
        title: str = "Bản tin",
        *,
        content: bytes | None = None,
        unit: str | None = "xa-1",
        quota: int | None = None,
        created: datetime = LONG_AGO,
        kind: str = "sound",
        **labels: str,
    ) -> None:
        """One asset with two renditions of its content (two letters apart), shelved in the same transaction."""
        data = content if content is not None else asset_id.encode() * 100
        codecs = ("opus", "mp3") if kind == "sound" else ("webp",)
        names = {codec: await self.objects.put_bytes(data + codec.encode()) for codec in codecs}
        async with self.db.transaction() as session:
            session.add(
                Asset(
                    id=asset_id,
                    kind=kind,
                    title=title,
                    source_sha256=hashlib.sha256(f"file {asset_id}".encode()).hexdigest(),
                    duration_ms=1000,
                    loudness_lufs=-16.0,
                    true_peak_dbtp=-2.0,
                    facts={},
                    created_at=created,
                )
            )
            await session.flush()
            session.add_all(
                Rendition(
                    id=f"{asset_id}-{codec}",
                    asset_id=asset_id,
                    codec=codec,
                    media_type="audio/ogg",
                    sha256=name,
                    root=name,
                    bytes=len(data) + len(codec),
                    chunk_bytes=16_384,
                )
                for codec, name in names.items()
            )
            await session.flush()
            await shelve(session, asset_id, Labels.of({"labels": {"unit_id": unit, **labels}}), quota, now=created)

    async def air(self, asset_id: str, *, ended: datetime, closed: bool = True) -> None:
        """A broadcast of it."""
        async with self.db.transaction() as session:
            row = BroadcastRow(
                id=f"phat-{asset_id}",
                title="x",
                level="normal",
                authority=100,
                start=ended - timedelta(minutes=5),
                latest_start=ended,
                duration_ms=1000,
                segments=[],
                board=None,
                repeats=1,
                on_preempt="resume",
                volume=70,
                stagger=True,
                created_at=ended - timedelta(days=1),
                deadline=ended,
                closed_at=ended if closed else None,
            )
            session.add(row)
            await session.flush()
            session.add(BroadcastRendition(broadcast_id=row.id, rendition_id=f"{asset_id}-opus"))

    async def stored(self, asset_id: str, codec: str = "opus") -> bool:
        """Whether the bytes are in the store."""
        async with self.db.reading() as session:
            rendition = await session.get_one(Rendition, f"{asset_id}-{codec}")
        return self.objects.path(rendition.sha256).exists()
