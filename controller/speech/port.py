"""The port behind which every machine voice speaks: a reading in, one WAV out, or one clear reason why not.

Rules it keeps: an engine is given the approved reading, whole and unchanged, as plain text; nothing in it is ever
markup. What an engine returns is a plain PCM WAV that was looked at; it still goes through the intake as any file.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from controller.speech.errors import ReadingRefused, ReadingTooLong

MOST_BYTES = 64 * 1024
"""Of a reading as UTF-8: about 45 minutes of Vietnamese, and what a child's standard input holds."""
SPEEDS = (0.5, 2.0)
PAUSES_MS = (0, 5_000)
SPEED = 1.0
PAUSE_MS = 400
_LINE_END = "\n"

Progress = Callable[[float], object]


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice that can be chosen by its `name`, `engine/…`; `about` is for people, in Vietnamese.

    `missing` says why it cannot speak now, as far as that is seen without trying.
    """

    name: str
    language: str
    about: str
    licence: str
    missing: str | None = None

    @property
    def engine(self) -> str:
        """Whose voice it is."""
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True)
class SpokenText:
    """A reading as engines take it: composed (NFC), without control characters but line ends.

    `speed`: 1 is an announcer's, 2 twice as fast; `pause_ms` is the silence between two sentences.

    Raises:
        ReadingRefused: on construction, where an engine would be given something else than what was approved.
        ReadingTooLong: it has more than 64 KiB as UTF-8.
    """

    text: str
    language: str
    speed: float = SPEED
    pause_ms: int = PAUSE_MS

    def __post_init__(self) -> None:
        require_plain(self.text)

    @property
    def raw(self) -> bytes:
        """What an engine is given, byte for byte."""
        return self.text.encode()


@dataclass(frozen=True, slots=True)
class Spoken:
    """A reading that became a sound: a WAV in the caller's folder, and what is worth remembering of its making."""

    path: Path
    duration_ms: int
    facts: Mapping[str, Any] = field(default_factory=dict)


class Engine(Protocol):
    """Speaks."""

    @property
    def name(self) -> str:
        """The first part of its voices' names."""
        ...

    def voices(self) -> Sequence[Voice]:
        """All it has; looks at files, so not for the event loop."""
        ...

    async def speak(self, spoken: SpokenText, voice: Voice, folder: Path, progress: Progress) -> Spoken:
        """Speak the reading; the WAV lies in `folder`, which is the caller's to clear.

        `progress` is told shares from 0 to 1, in the event loop. A cancelled call ends its processes.

        Raises:
            EngineError: a subclass whose code says why this voice cannot speak it now.
        """
        ...


def require_plain(text: str) -> None:
    """Refuse a reading that is not fit for an engine.

    Raises:
        ReadingRefused, ReadingTooLong: why.
    """
    if not text.strip():
        raise ReadingRefused("the reading is empty; write what shall be said")
    if unicodedata.normalize("NFC", text) != text:
        raise ReadingRefused("the reading has letters apart from their marks; take it from POST /speech/readings")
    odd = sorted({f"U+{ord(sign):04X}" for sign in text if sign != _LINE_END and unicodedata.category(sign) in _ODD})
    if odd:
        raise ReadingRefused(f"the reading holds characters that nobody can say ({', '.join(odd[:5])}); remove them")
    size = len(text.encode())
    if size > MOST_BYTES:
        raise ReadingTooLong(
            f"the reading has {size} bytes, {MOST_BYTES} are the most (about 45 minutes); make two bulletins of it",
            vi="lời đọc dài quá (khoảng 45 phút là nhiều nhất); hãy chia thành hai bản tin",
            bytes=size,
            most_bytes=MOST_BYTES,
        )


_ODD = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
