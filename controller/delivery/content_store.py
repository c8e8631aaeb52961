"""Content as frames, read from the object store chunk by chunk; and whom it is for."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRendition, BroadcastRow, BroadcastScope
from controller.delivery.content_rules import INDEX
from controller.delivery.directory import link_class
from controller.devices.tables import Device, DeviceReport
from controller.media.tables import Rendition
from controller.runtime.database import Database
from controller.runtime.objects import ObjectStore
from controller.units import store as units
from loa_protocol.content import ContentIndex, ContentWrongIndex, build_index, pack_chunk, pack_index, split
from loa_protocol.documents.device import LinkClass
from loa_protocol.documents.plan import Segments
from loa_protocol.spoken import refs_of, varies

_INDEXES_KEPT = 256
_FRAMES_KEPT_BYTES = 8 * 1024 * 1024
_LOOKED_AT = 50
"""Broadcasts that name an asset; what more of them name is taken to be heard."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where an asset's bytes lie."""

    index: ContentIndex
    object_name: str


class Frames:
    """Makes frames; indexes are computed once and kept, chunks are read by range, the last few megabytes are kept."""

    def __init__(self, db: Database, objects: ObjectStore) -> None:
        self._db, self._objects = db, objects
        self._sources: OrderedDict[str, Source] = OrderedDict()
        self._frames: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._frames_bytes = 0

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
        key = (index.root, number)
        frame = self._frames.get(key)
        if frame is None:
            offset, length = number * index.chunk_bytes, index.chunk_length(number)
            data = await self._objects.read(source.object_name, offset=offset, length=length)
            frame = pack_chunk(index, number, data)
            self._keep(key, frame)
        self._frames.move_to_end(key)
        return frame

    def _keep(self, key: tuple[str, int], frame: bytes) -> None:
        replaced = self._frames.pop(key, b"")
        self._frames[key] = frame
        self._frames_bytes += len(frame) - len(replaced)
        while self._frames_bytes > _FRAMES_KEPT_BYTES:
            self._frames_bytes -= len(self._frames.popitem(last=False)[1])

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


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom an asset is for: scopes of the plans that name it, its first start, link classes of those who are there."""

    scopes: frozenset[str]
    due: datetime
    listening: frozenset[LinkClass]


async def reach(session: AsyncSession, root: str, now: datetime) -> Reach | None:
    """Whom an asset is for now; None if no plan names it."""
    query = (
        select(BroadcastScope.scope, func.min(BroadcastRow.start).label("due"))
        .join(BroadcastRendition, BroadcastRendition.broadcast_id == BroadcastScope.broadcast_id)
        .join(Rendition, BroadcastRendition.rendition_id == Rendition.id)
        .join(BroadcastRow, BroadcastRow.id == BroadcastScope.broadcast_id)
        .where(Rendition.root == root, BroadcastRow.deadline >= now)
        .group_by(BroadcastScope.scope)
    )
    rows: Sequence[tuple[str, datetime]] = [(row.scope, row.due) for row in await session.execute(query)]
    if not rows:
        return None
    scopes = frozenset(scope for scope, _ in rows)
    return Reach(scopes, min(due for _, due in rows), await _listening(session, scopes))


async def _listening(session: AsyncSession, scopes: frozenset[str]) -> frozenset[LinkClass]:
    """Link classes of the devices of these scopes that seem to be there."""
    link = DeviceReport.state["link"].as_string()
    query = (
        select(link)
        .join(Device, Device.id == DeviceReport.device_id)
        .where(DeviceReport.online, units.listens_to(scopes))
        .distinct()
    )
    return frozenset(link_class(name) for name in await session.scalars(query))


async def sounds_somewhere(session: AsyncSession, root: str, reached: Reach, now: datetime) -> bool:
    """Whether any loudspeaker there sounds an asset, by its languages; where nothing has variants, all do."""
    query = (
        select(BroadcastRow.segments, Rendition.id)
        .join(BroadcastRendition, BroadcastRendition.broadcast_id == BroadcastRow.id)
        .join(Rendition, BroadcastRendition.rendition_id == Rendition.id)
        .where(Rendition.root == root, BroadcastRow.deadline >= now)
        .order_by(BroadcastRow.start)
        .limit(_LOOKED_AT)
    )
    named = [(msgspec.convert(row.segments, Segments), row.id) for row in await session.execute(query)]
    if len(named) == _LOOKED_AT or not all(varies(segments) for segments, _ in named):
        return True
    classes = await units.languages_of_scopes(session, reached.scopes)
    heard = {ref for segments, _ in named for one in segments for spoken in classes for ref in refs_of(one, spoken)}
    return any(ref in heard for _, ref in named)
