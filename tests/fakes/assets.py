"""Bytes as content, and waiting for what nobody announces."""

import asyncio
import random

from loa_protocol.content import ContentIndex, build_index, pack_chunk, pack_index, split
from loa_protocol.documents.plan import Content


class Asset:
    """Bytes as the controller would send them."""

    def __init__(self, seed: int, size: int = 50_000) -> None:
        self.data = random.Random(seed).randbytes(size)
        self.index: ContentIndex = build_index(split(self.data), size)
        self.root = self.index.root
        self.described = Content(root=self.root, bytes=size, chunk_bytes=self.index.chunk_bytes, media_type="audio/ogg")
        self.chunks = [pack_chunk(self.index, i, chunk) for i, chunk in enumerate(split(self.data))]
        self.frames = [pack_index(self.index), *self.chunks]


async def until(condition, limit_s: float = 5.0) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - the condition is a plain fact, nobody sets an event
            await asyncio.sleep(0.01)
