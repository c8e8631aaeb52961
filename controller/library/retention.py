"""Letting old bytes go, and keeping the evidence: rows, hashes, figures and receipts stay for ever.

It takes two rounds. In the first an asset is marked (`purged_at`): it is no longer found and no longer taken for
anything new. In the second, at least GRACE later, it is looked at again: whoever took it in the moment of the mark has
committed by then, and what is named after all is kept; else its bytes go, as far as no other asset has the same ones.

Documents are read once for each of the two, before anything is locked, however much there is to do: what is marked is
refused to whoever would name it now, and what is handed in again in between is no longer marked when its turn comes.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controller.audit import recording as audit
from controller.library import keepers
from controller.library.errors import RetentionOff
from controller.media.tables import Asset, Rendition
from controller.runtime.database import Database, alone
from controller.runtime.objects import ObjectStore

log = logging.getLogger(__name__)

GRACE = timedelta(minutes=10)
AT_ONCE = 200
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Leaving:
    """An asset that would go."""

    id: str
    kind: str
    title: str
    created_at: datetime
    bytes: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What would go if it were done now: how many, how many bytes, and the oldest of them."""

    cutoff: datetime
    assets: int
    bytes: int
    oldest: tuple[Leaving, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """What a round did: marked, kept after all, gone with so many bytes of the store."""

    marked: int
    kept: int
    gone: int
    bytes: int


def cutoff_of(now: datetime, keep_days: int | None) -> datetime:
    """What was last used before may go.

    Raises:
        RetentionOff: everything is kept for ever.
    """
    if keep_days is None:
        raise RetentionOff("no retention period is set, so nothing goes; set LOA_LIBRARY_KEEP_DAYS to have one")
    return now - timedelta(days=keep_days)


async def preview(session: AsyncSession, cutoff: datetime) -> Preview:
    """What a round would mark; changes nothing."""
    size = select(func.coalesce(func.sum(Rendition.bytes), 0)).where(
        Rendition.asset_id == Asset.id, Rendition.purged_at.is_(None)
    )
    query = (
        select(Asset.id, Asset.kind, Asset.title, Asset.created_at, size.correlate(Asset).scalar_subquery())
        .where(Asset.purged_at.is_(None), keepers.unused_since(cutoff))
        .order_by(Asset.created_at, Asset.id)
    )
    unused = [Leaving(*row) for row in await session.execute(query)]
    kept = await keepers.named(session, cutoff, [one.id for one in unused])
    leaving = [one for one in unused if one.id not in kept]
    return Preview(cutoff, len(leaving), sum(one.bytes for one in leaving), tuple(leaving[:_SHOWN]))


async def round_of(db: Database, objects: ObjectStore, *, now: datetime, cutoff: datetime) -> Done:
    """One round: first end what earlier ones began, then mark what is due. Any number of processes may do it."""
    kept = gone = total = 0
    async with db.reading() as session:
        due = await _marked(session, now)
        named = await keepers.named(session, cutoff, due)
    for part in _parts(due):
        back, hashes, seen = await db.attempt(partial(_end, part=part, named=named, now=now, cutoff=cutoff))
        kept, gone = kept + back, gone + seen - back
        total += await _deleted(db, objects, hashes)
    async with db.reading() as session:
        leaving = await _due(session, cutoff)
    marked = await db.attempt(partial(_mark, leaving=leaving, now=now, cutoff=cutoff)) if leaving else 0
    if marked or gone or kept:
        log.info("the library: %d marked to go, %d gone (%d bytes), %d kept after all", marked, gone, total, kept)
    return Done(marked, kept, gone, total)


async def _mark(session: AsyncSession, *, leaving: Sequence[str], now: datetime, cutoff: datetime) -> int:
    audit.as_loa(session, "library retention", now)
    await alone(session, "library retention")
    marked = 0
    for part in _parts(leaving):
        due = (Asset.id.in_(part), Asset.purged_at.is_(None), keepers.unused_since(cutoff))
        found = await session.scalars(update(Asset).where(*due).values(purged_at=now).returning(Asset.id))
        marked += len(found.all())
    return marked


async def _due(session: AsyncSession, cutoff: datetime) -> list[str]:
    query = select(Asset.id).where(Asset.purged_at.is_(None), keepers.unused_since(cutoff)).order_by(Asset.id)
    unused = (await session.scalars(query)).all()
    kept = await keepers.named(session, cutoff, unused)
    return [one for one in unused if one not in kept]


async def _marked(session: AsyncSession, now: datetime) -> Sequence[str]:
    """What earlier rounds marked, long enough ago."""
    return (await session.scalars(select(Asset.id).where(*_over(now)).order_by(Asset.id))).all()


async def _end(
    session: AsyncSession, *, part: Sequence[str], named: frozenset[str], now: datetime, cutoff: datetime
) -> tuple[int, list[str], int]:
    """(kept after all, hashes of the bytes of what is gone, how many were looked at)."""
    await alone(session, "library retention")
    query = (
        select(Asset)
        .where(Asset.id.in_(part), *_over(now))
        .order_by(Asset.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    marked = (await session.scalars(query)).all()
    free = select(Asset.id).where(Asset.id.in_([one.id for one in marked]), keepers.unused_since(cutoff))
    leaving = set(await session.scalars(free)) - named
    hashes: list[str] = []
    for asset in marked:
        if asset.id not in leaving:
            asset.purged_at = None
            continue
        asset.wishes = f"gone:{asset.id}"  # the same file handed in again becomes an asset of its own
        hashes += await _let_go(session, asset.id, now)
    await session.flush()
    return len(marked) - len(leaving), hashes, len(marked)


async def _let_go(session: AsyncSession, asset_id: str, now: datetime) -> list[str]:
    renditions = (await session.scalars(select(Rendition).where(Rendition.asset_id == asset_id))).all()
    for rendition in renditions:
        rendition.purged_at = now
    return [rendition.sha256 for rendition in renditions]


async def _deleted(db: Database, objects: ObjectStore, hashes: Sequence[str]) -> int:
    """Bytes that nobody has any more, gone from the store; a crash before this leaves them there, named by nobody."""
    total = 0
    for sha256 in dict.fromkeys(hashes):
        async with db.transaction() as session:
            query = select(func.max(Rendition.bytes), func.count().filter(Rendition.purged_at.is_(None))).where(
                Rendition.sha256 == sha256
            )
            size, living = (await session.execute(query)).one()
            if not living and await objects.delete(sha256):
                total += size
    return total


def _over(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Marked for longer than GRACE, and with bytes yet."""
    has_bytes = select(Rendition.id).where(Rendition.asset_id == Asset.id, Rendition.purged_at.is_(None)).exists()
    return Asset.purged_at <= now - GRACE, has_bytes


def _parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[i : i + AT_ONCE] for i in range(0, len(ids), AT_ONCE)]
