"""espeak-ng: always there where the extra `speech` is installed, small, fast and robotic; Vietnamese in three accents.

It is GPL-3, so it lives in a process of its own and is never loaded here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from controller.speech.errors import EngineMissing
from controller.speech.messages import EspeakOrder
from controller.speech.port import Progress, Spoken, SpokenText, Voice
from controller.speech.talking import Talker

NAME = "espeak"
LICENCE = "GPL-3.0-or-later (espeak-ng)"
MISSING = "espeak-ng is not installed; install Loa with the extra “speech”"
_VOICES = {
    "vi": ("vi", "vi", "Giọng máy miền Bắc"),
    "vi-central": ("vi-vn-x-central", "vi", "Giọng máy miền Trung"),
    "vi-south": ("vi-vn-x-south", "vi", "Giọng máy miền Nam"),
    "en": ("en", "en", "Giọng máy tiếng Anh"),
}


def installed() -> bool:
    """Whether the library is there; it is not loaded."""
    return find_spec("espeakng_loader") is not None


@dataclass(frozen=True, slots=True)
class EspeakEngine:
    """Implements `Engine`."""

    talker: Talker = field(default_factory=lambda: Talker("controller.speech.espeak_child"))
    name: str = NAME

    def voices(self) -> Sequence[Voice]:
        """The accents of Vietnamese, and English for foreign visitors."""
        missing = None if installed() else MISSING
        return [
            Voice(f"{NAME}/{name}", language, about, LICENCE, missing) for name, (_, language, about) in _VOICES.items()
        ]

    async def speak(self, spoken: SpokenText, voice: Voice, folder: Path, progress: Progress) -> Spoken:
        """As the port says."""
        if voice.missing is not None:
            raise EngineMissing(voice.missing)
        own = _VOICES[voice.name.partition("/")[2]][0]
        return await self.talker.speak(EspeakOrder(own, spoken.speed, spoken.pause_ms), spoken, folder, progress)
