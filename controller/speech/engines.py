"""All voices of this controller, and the order in which they are tried.

A voice that cannot speak is passed over for the next one of the same language, and what came out says so: who was
wanted, who spoke, and why.
"""

import asyncio
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controller.speech import rules
from controller.speech.config import SpeechConfig
from controller.speech.errors import EngineError, SpeechFailed
from controller.speech.espeak import EspeakEngine
from controller.speech.http_voice import ServiceEngine
from controller.speech.phrases import PhraseEngine
from controller.speech.piper import PiperEngine
from controller.speech.port import Engine, Progress, Spoken, SpokenText, Voice


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose voice is asked for: one by name, else by the order of a unit. `preferred` are names, best first."""

    wanted: str | None = None
    preferred: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Engines:
    """Speaks with the first voice that can."""

    engines: Mapping[str, Engine]
    config: SpeechConfig = field(default_factory=SpeechConfig)

    async def voices(self, language: str, wish: Wish) -> tuple[Voice, ...]:
        """Voices of a language in the order in which they would be tried.

        Raises:
            VoiceUnknown, LanguageUnspoken: as `rules.turns`.
        """
        preferred = (*wish.preferred, *self.config.order)
        return rules.turns(await self.all_voices(), language, preferred, wish.wanted)

    async def all_voices(self) -> tuple[Voice, ...]:
        """Every voice of every engine."""
        return await asyncio.to_thread(
            lambda: tuple(one for engine in self.engines.values() for one in engine.voices())
        )

    async def speak(self, spoken: SpokenText, wish: Wish, folder: Path, progress: Progress) -> Spoken:
        """Speak a reading; `facts` of what comes back tell whose voice it is and whether another was wanted.

        Raises:
            VoiceUnknown, LanguageUnspoken: nobody could be asked.
            SpeechFailed: nobody could speak; its details have the reason of each voice.
        """
        turns = await self.voices(spoken.language, wish)
        failed: dict[str, EngineError] = {}
        for number, voice in enumerate(turns):
            room = folder / f"voice-{number}"
            await asyncio.to_thread(room.mkdir)
            try:
                found = await self.engines[voice.engine].speak(spoken, voice, room, progress)
            except EngineError as error:
                failed[voice.name] = error
            else:
                return Spoken(found.path, found.duration_ms, _facts(spoken, voice, turns[0], failed, found.facts))
        told = "; ".join(f"{name}: {error}" for name, error in failed.items())
        raise SpeechFailed(
            f"no voice could speak this; record it, or mend a voice: {told}",
            **{name: error.code for name, error in failed.items()},
        )


def made_of(config: SpeechConfig, hosts: Collection[str], private: Sequence[str] = ()) -> Engines:
    """The engines that a list of voices names, those of people first, espeak-ng last; `private`: as in `outgoing`."""
    known: Sequence[Engine] = (
        PhraseEngine(config.phrases),
        PiperEngine(config.piper),
        ServiceEngine(config.services, frozenset(hosts), private),
        EspeakEngine(),
    )
    return Engines({engine.name: engine for engine in known}, config)


def _facts(
    spoken: SpokenText, voice: Voice, first: Voice, failed: Mapping[str, EngineError], own: Mapping[str, Any]
) -> dict[str, Any]:
    """What an asset remembers. `fell_back` is None, or why the wanted voice did not speak, in words."""
    why = failed.get(first.name)
    return {
        "engine": voice.engine,
        "voice": voice.name,
        "about": voice.about,
        "licence": voice.licence,
        "wanted": first.name,
        "fell_back": None if why is None else str(why),
        "fell_back_code": None if why is None else why.code,
        "language": spoken.language,
        "speed": spoken.speed,
        "pause_ms": spoken.pause_ms,
        "characters": len(spoken.text),
        "reading_sha256": hashlib.sha256(spoken.raw).hexdigest(),
        **own,
    }
