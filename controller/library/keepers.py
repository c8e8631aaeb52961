"""What must not go: everything that a standing plan, slot, bulletin, placement, programme or job names.

What is a column is asked of the database; ids within documents are any text in them that is the id of a candidate,
wherever it stands, so that a field that is added later is kept, too.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRendition, BroadcastRow
from controller.bulletins.tables import Bulletin, BulletinRevision, BulletinRulesRow, Placement
from controller.jobs.rules import ENDED
from controller.jobs.tables import JobRow
from controller.media.tables import Asset, Rendition
from controller.schedules.tables import ProgrammeChange, ProgrammeRevision, ProgrammeRow, SlotItem

_OVER = ("withdrawn", "expired")
_BATCH = 500
_ID_CHARACTERS = 40


def unused_since(cutoff: datetime) -> ColumnElement[bool]:
    """Assets that are older, of which no broadcast ended later or is still open, and no slot holds."""
    aired = (
        select(BroadcastRendition.rendition_id)
        .join(Rendition, Rendition.id == BroadcastRendition.rendition_id)
        .join(BroadcastRow, BroadcastRow.id == BroadcastRendition.broadcast_id)
        .where(
            Rendition.asset_id == Asset.id,
            or_(
                BroadcastRow.deadline >= cutoff,
                BroadcastRow.named_until >= cutoff,
                BroadcastRow.closed_at.is_(None),
            ),
        )
    )
    waiting = select(SlotItem.id).where(SlotItem.asset_id == Asset.id, _waits(cutoff))
    fallback = select(Placement.id).where(Placement.fallback_asset == Asset.id)
    ruled = select(BulletinRulesRow.unit_id).where(BulletinRulesRow.fallback_asset == Asset.id)
    return and_(
        Asset.created_at < cutoff,
        ~exists(aired.correlate(Asset)),
        ~exists(waiting.correlate(Asset)),
        ~exists(fallback.correlate(Asset)),
        ~exists(ruled.correlate(Asset)),
    )


async def named(session: AsyncSession, cutoff: datetime, among: Collection[str]) -> frozenset[str]:
    """Those ids that the documents name which stand. Reads all of these once, and none of them for no id."""
    wanted, found = frozenset(among), set[str]()
    for query in _documents(cutoff) if wanted else ():
        async for part in await session.stream_scalars(query.execution_options(yield_per=_BATCH)):
            found.update(wanted.intersection(texts(part)))
    return frozenset(found)


def texts(document: Any) -> Iterator[str]:
    """Every text in a document that may be an id, keys included."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from texts(key)
            yield from texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from texts(value)
    elif isinstance(document, str) and len(document) <= _ID_CHARACTERS:
        yield document


def _waits(cutoff: datetime) -> ColumnElement[bool]:
    return and_(SlotItem.withdrawn_at.is_(None), or_(SlotItem.valid_until.is_(None), SlotItem.valid_until >= cutoff))


def _documents(cutoff: datetime) -> Iterable[Select[Any]]:
    standing = select(ProgrammeRow.id).where(or_(ProgrammeRow.retired_at.is_(None), ProgrammeRow.retired_at >= cutoff))
    bulletins = select(Bulletin.id).where(Bulletin.state.not_in(_OVER))
    yield select(SlotItem.variants).where(_waits(cutoff))
    yield select(ProgrammeRevision.document).where(ProgrammeRevision.programme_id.in_(standing))
    yield select(ProgrammeChange.change).where(ProgrammeChange.programme_id.in_(standing))
    yield select(BulletinRevision.document).where(BulletinRevision.bulletin_id.in_(bulletins))
    yield select(JobRow.given).where(JobRow.state.not_in(ENDED))
