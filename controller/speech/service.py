"""Use cases of machine voices: what a unit's reading, voice, speed and pauses are, and what it says of single words.

A unit's own word, and its own choice, go before those of the units above it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from controller.policies.words import DEFAULT_ZONE
from controller.speech import pronouncing, store
from controller.speech.config import SpeechConfig
from controller.speech.engines import Wish
from controller.speech.errors import PronunciationsFull, PronunciationUnknown
from controller.speech.port import SpokenText
from controller.speech.tables import Pronunciation, SpeechChoice
from controller.units import service as units
from controller.units import store as unit_store
from loa_protocol.policy import zone

MOST_WORDS = 2_000
"""Of a unit's own list."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What holds for a unit; `unit_id` is whose choice it is, None where nobody chose."""

    voices: tuple[str, ...]
    speed: float
    pause_ms: int
    unit_id: str | None = None


@dataclass(frozen=True, slots=True)
class Speaking:
    """A reading to be spoken, and by whom; `told` and `understood` are the same as a job's plain data."""

    spoken: SpokenText
    wish: Wish

    def told(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "reading": self.spoken.text,
            "language": self.spoken.language,
            "speed": self.spoken.speed,
            "pause_ms": self.spoken.pause_ms,
            "wanted": self.wish.wanted,
            "preferred": list(self.wish.preferred),
        }


def understood(plain: dict[str, Any]) -> Speaking:
    """What `Speaking.told` said.

    Raises:
        ReadingRefused, ReadingTooLong: it is no reading.
    """
    spoken = SpokenText(plain["reading"], plain["language"], plain["speed"], plain["pause_ms"])
    return Speaking(spoken, Wish(plain["wanted"], tuple(plain["preferred"])))


async def speaking(
    session: AsyncSession,
    defaults: SpeechConfig,
    reading: str,
    *,
    language: str,
    unit_id: str | None = None,
    voice: str | None = None,
    speed: float | None = None,
    pause_ms: int | None = None,
) -> Speaking:
    """An approved reading, with a unit's choice where nothing else is asked for.

    Raises:
        UnitUnknown: there is no such unit.
        ReadingRefused, ReadingTooLong: an engine would not be given what was approved.
    """
    found = await choice(session, unit_id, defaults)
    spoken = SpokenText(
        reading,
        language,
        found.speed if speed is None else speed,
        found.pause_ms if pause_ms is None else pause_ms,
    )
    return Speaking(spoken, Wish(voice, found.voices))


async def choice(session: AsyncSession, unit_id: str | None, defaults: SpeechConfig) -> Choice:
    """What a unit, or the nearest above it, has chosen; else what the list of voices says.

    Raises:
        UnitUnknown: there is no such unit.
    """
    chain: tuple[str, ...] = ()
    if unit_id is not None:
        await units.require(session, unit_id)
        chain = await unit_store.chain(session, unit_id)
    rows = await store.choices(session, chain)
    row = next((rows[one] for one in chain if one in rows), None)
    if row is None:
        return Choice((), defaults.speed, defaults.pause_ms)
    speed = defaults.speed if row.speed is None else row.speed
    return Choice(tuple(row.voices), speed, defaults.pause_ms if row.pause_ms is None else row.pause_ms, row.unit_id)


async def choose(
    session: AsyncSession,
    unit_id: str,
    *,
    voices: Sequence[str],
    speed: float | None,
    pause_ms: int | None,
    made_by: str | None,
    now: datetime,
) -> None:
    """Choose for a unit and all below it.

    Raises:
        UnitUnknown: there is no such unit.
    """
    await units.require(session, unit_id)
    row = SpeechChoice(
        unit_id=unit_id,
        voices=list(dict.fromkeys(voices)),
        speed=speed,
        pause_ms=pause_ms,
        made_by=made_by,
        made_at=now,
    )
    await session.merge(row)
    await session.flush()


async def lexicon(session: AsyncSession, unit_id: str | None) -> dict[str, str]:
    """Written → spoken, as a unit has it read.

    Raises:
        UnitUnknown: there is no such unit.
    """
    return {row.written: row.spoken for row in await words(session, unit_id)} if unit_id is not None else {}


async def words(session: AsyncSession, unit_id: str) -> list[Pronunciation]:
    """The words that hold for a unit: its own, and those of the units above that it has not itself; by word.

    Raises:
        UnitUnknown: there is no such unit.
    """
    await units.require(session, unit_id)
    chain = await unit_store.chain(session, unit_id)
    nearest: dict[str, Pronunciation] = {}
    for row in await store.pronunciations(session, chain):
        held = nearest.get(row.written)
        if held is None or chain.index(row.unit_id) < chain.index(held.unit_id):
            nearest[row.written] = row
    return [nearest[written] for written in sorted(nearest)]


async def pronounce(
    session: AsyncSession, unit_id: str, written: str, spoken: str, *, made_by: str | None, now: datetime
) -> Pronunciation:
    """Have a word read in a certain way, in a unit and all below it.

    Raises:
        UnitUnknown: there is no such unit.
        PronunciationsFull: the unit's list is full.
        TextTooLong, TextUnsettled, ReadingRefused: one of the two is no word.
    """
    await units.require(session, unit_id)
    written, spoken = pronouncing.written(written), pronouncing.spoken(spoken)
    if (
        await store.count(session, unit_id) >= MOST_WORDS
        and await store.pronunciation(session, unit_id, written) is None
    ):
        raise PronunciationsFull(
            f"{unit_id} has {MOST_WORDS} words already; delete some, or put them to the unit above"
        )
    row = Pronunciation(unit_id=unit_id, written=written, spoken=spoken, made_by=made_by, made_at=now)
    await session.merge(row)
    await session.flush()
    return row


async def unlearn(session: AsyncSession, unit_id: str, written: str) -> None:
    """Take a word out of a unit's own list.

    Raises:
        PronunciationUnknown: it is not there.
    """
    if not await store.forget(session, unit_id, pronouncing.settled(written)):
        raise PronunciationUnknown(
            f"{unit_id} itself has no pronunciation of “{written}”; list them to find the right one"
        )


def today(now: datetime) -> date:
    """The day that people in Vietnam have."""
    return now.astimezone(zone(DEFAULT_ZONE)).date()
