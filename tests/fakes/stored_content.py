"""Assets of random bytes in a running controller's library."""

import hashlib
import os
from dataclasses import dataclass

from controller.media.tables import Asset, Rendition
from loa_protocol.content import ContentIndex, build_index, split
from loa_protocol.documents.plan import Content
from tests.fakes.running_controller import Running


@dataclass(frozen=True, slots=True)
class StoredContent:
    """An asset, and its bytes."""

    asset_id: str
    data: bytes
    index: ContentIndex

    @property
    def described(self) -> Content:
        return Content(
            root=self.index.root, bytes=len(self.data), chunk_bytes=self.index.chunk_bytes, media_type="audio/ogg"
        )


async def stored_content(system: Running, size: int = 100_000) -> StoredContent:
    """Put one into the library."""
    data = os.urandom(size)
    name = await system.controller.objects.put_bytes(data)
    index = build_index(split(data), len(data))
    asset_id = f"a-{index.root[:12]}"
    async with system.controller.db.transaction() as session:
        session.add(
            Asset(
                id=asset_id,
                title="Âm",
                source_sha256=name,
                duration_ms=1000,
                loudness_lufs=-20.0,
                true_peak_dbtp=-3.0,
                facts={},
                created_at=system.clock.now(),
            )
        )
        await session.flush()
        session.add(
            Rendition(
                id=f"r-{index.root[:12]}",
                asset_id=asset_id,
                codec="opus",
                media_type="audio/ogg",
                sha256=hashlib.sha256(data).hexdigest(),
                root=index.root,
                bytes=len(data),
                chunk_bytes=index.chunk_bytes,
            )
        )
    return StoredContent(asset_id, data, index)
