"""Content as frames, read from the object store chunk by chunk; and whose plans name it."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRendition, BroadcastRow, BroadcastScope
from controller.delivery.content_rules import INDEX
from controller.media.tables import Rendition
from controller.runtime.database import Database
from controller.runtime.objects import ObjectStore
from loa_protocol.content import ContentIndex, ContentWrongIndex, build_index, pack_chunk, pack_index, split

_INDEXES_KEPT = 256


@dataclass(frozen=True, slots=True)
class Source:
    """Where an asset's bytes lie."""

    index: ContentIndex
    object_name: str


class Frames:
    """Makes frames; indexes are computed once and kept, chunks are read by range."""

    def __init__(self, db: Database, objects: ObjectStore) -> None:
        self._db, self._objects = db, objects
        self._sources: OrderedDict[str, Source] = OrderedDict()

    async def source(self, root: str) -> Source | None:
        """The asset of a root, None if there is none.

        Raises:
            ObjectMissing, ContentWrongIndex: the store lacks it or holds other bytes.
        """
        held = self._sources.get(root)
        if held is None:
            held = await self._load(root)
            if held is None:
                return None
            self._sources[root] = held
        self._sources.move_to_end(root)
        while len(self._sources) > _INDEXES_KEPT:
            self._sources.popitem(last=False)
        return held

    async def frame(self, source: Source, number: int) -> bytes:
        """The frame of one chunk or of the index; raises as the object store and `pack_chunk` do."""
        index = source.index
        if number == INDEX:
            return pack_index(index)
        offset, length = number * index.chunk_bytes, index.chunk_length(number)
        data = await self._objects.read(source.object_name, offset=offset, length=length)
        return pack_chunk(index, number, data)

    async def _load(self, root: str) -> Source | None:
        async with self._db.reading() as session:
            query = select(Rendition.sha256).where(Rendition.root == root).limit(1)
            name = (await session.scalars(query)).first()
        if name is None:
            return None
        data = await self._objects.read(name)
        index = await asyncio.to_thread(lambda: build_index(split(data), len(data)))
        if index.root != root:
            raise ContentWrongIndex(f"object {name} does not have the root {root} it was stored with; take it in again")
        return Source(index, name)


async def named_for(session: AsyncSession, root: str, scopes: Collection[str], now: datetime) -> bool:
    """Whether a plan of any of these scopes names the root."""
    query = (
        select(Rendition.id)
        .join(BroadcastRendition, BroadcastRendition.rendition_id == Rendition.id)
        .join(BroadcastScope, BroadcastScope.broadcast_id == BroadcastRendition.broadcast_id)
        .join(BroadcastRow, BroadcastRow.id == BroadcastScope.broadcast_id)
        .where(Rendition.root == root, BroadcastScope.scope.in_(scopes), BroadcastRow.deadline >= now)
        .limit(1)
    )
    return (await session.scalars(query)).first() is not None
