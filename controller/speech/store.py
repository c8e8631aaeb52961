"""All queries about what units decide on machine voices."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRendition, LedgerRow
from controller.media.tables import Asset, Rendition
from controller.receipts.tables import JournalEntry
from controller.speech.tables import Pronunciation, SpeechChoice
from controller.units.tables import Unit


async def pronunciations(session: AsyncSession, unit_ids: Collection[str]) -> Sequence[Pronunciation]:
    """The words of several units, by word."""
    query = select(Pronunciation).where(Pronunciation.unit_id.in_(unit_ids))
    return (await session.scalars(query.order_by(Pronunciation.written, Pronunciation.unit_id))).all()


async def pronunciation(session: AsyncSession, unit_id: str, written: str) -> Pronunciation | None:
    """A unit's own word."""
    return await session.get(Pronunciation, (unit_id, written), populate_existing=True)


async def forget(session: AsyncSession, unit_id: str, written: str) -> bool:
    """Take a word out; whether it was there."""
    gone = delete(Pronunciation).where(Pronunciation.unit_id == unit_id, Pronunciation.written == written)
    return (await session.scalar(gone.returning(Pronunciation.written))) is not None


async def count(session: AsyncSession, unit_id: str) -> int:
    """How many words a unit has; its list is held for a change."""
    await session.scalar(select(Unit.id).where(Unit.id == unit_id).with_for_update(key_share=True))
    query = select(func.count()).select_from(Pronunciation).where(Pronunciation.unit_id == unit_id)
    return await session.scalar(query) or 0


async def choices(session: AsyncSession, unit_ids: Collection[str]) -> dict[str, SpeechChoice]:
    """What each of several units has chosen."""
    found = await session.scalars(select(SpeechChoice).where(SpeechChoice.unit_id.in_(unit_ids)))
    return {row.unit_id: row for row in found}


async def forget_choice(session: AsyncSession, unit_id: str) -> None:
    """From now on the unit above decides."""
    await session.execute(delete(SpeechChoice).where(SpeechChoice.unit_id == unit_id))


@dataclass(frozen=True, slots=True)
class OnAir:
    """A sound of a broadcast: `ref` is its name in segments, `root` in receipts."""

    ref: str
    root: str
    asset_id: str
    title: str
    facts: dict[str, Any]


async def on_air(session: AsyncSession, broadcast_id: str) -> list[OnAir]:
    """The sounds of a broadcast, by asset; one that is there in two encodings comes twice."""
    query = (
        select(Rendition.id, Rendition.root, Asset.id, Asset.title, Asset.facts)
        .join(BroadcastRendition, BroadcastRendition.rendition_id == Rendition.id)
        .join(Asset, Asset.id == Rendition.asset_id)
        .where(BroadcastRendition.broadcast_id == broadcast_id)
        .order_by(Asset.id, Rendition.id)
    )
    return [OnAir(*row) for row in await session.execute(query)]


async def entry_of(session: AsyncSession, broadcast_id: str, device_id: str) -> bytes | None:
    """The entry of its journal in which a device answered for a broadcast."""
    query = (
        select(JournalEntry.raw)
        .join(
            LedgerRow,
            (JournalEntry.device_id == LedgerRow.device_id)
            & (JournalEntry.journal_id == LedgerRow.journal_id)
            & (JournalEntry.sequence == LedgerRow.sequence),
        )
        .where(LedgerRow.broadcast_id == broadcast_id, LedgerRow.device_id == device_id)
    )
    return await session.scalar(query)
