"""Recorded phrases: a person's own voice for what is said again and again, put together by the clips' child process.

A folder of sound files, each named by what is said in it. A reading that they do not cover wholly is left to the next
voice: half a sentence in another voice helps nobody.
"""

import asyncio
import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from controller.media.errors import MediaError
from controller.media.joiner import Joiner
from controller.media.joining import Clip, ClipRefused, Part, Pause
from controller.speech.config import PhraseFolder
from controller.speech.errors import EngineFailed, PhrasesIncomplete
from controller.speech.phrase_rules import Cover, Words, cover, words
from controller.speech.port import SPEED, Progress, Spoken, SpokenText, Voice
from controller.speech.talking import looked_at

NAME = "phrases"
MOST_FILES = 5_000
_SUFFIXES = frozenset({".wav", ".mp3", ".ogg", ".opus", ".flac", ".m4a"})
_ID_DIGITS = 16


@dataclass(frozen=True, slots=True)
class PhraseEngine:
    """Implements `Engine`."""

    folders: Sequence[PhraseFolder]
    joiner: Joiner = field(default_factory=Joiner)
    name: str = NAME

    def voices(self) -> Sequence[Voice]:
        """One voice a folder."""
        return [
            Voice(
                f"{NAME}/{one.name}",
                one.language,
                one.about or one.name,
                one.licence,
                None if Path(one.folder).is_dir() else f"the folder of {one.name} is not there",
            )
            for one in self.folders
        ]

    async def speak(self, spoken: SpokenText, voice: Voice, folder: Path, progress: Progress) -> Spoken:
        """As the port says. What was recorded keeps its speed."""
        if spoken.speed != SPEED:
            raise PhrasesIncomplete("recorded phrases have one speed; ask for speed 1, or take another voice")
        one = next(one for one in self.folders if f"{NAME}/{one.name}" == voice.name)
        room = folder / NAME
        parts = await asyncio.to_thread(_laid_out, Path(one.folder), spoken, room)
        try:
            joined = await self.joiner.join(parts, room, progress)
        except (MediaError, ClipRefused) as error:
            raise EngineFailed(f"the phrases of {one.name} cannot be joined: {error}") from error
        found = await asyncio.to_thread(looked_at, joined)
        return Spoken(found.path, found.duration_ms, {"phrases": sum(isinstance(part, Clip) for part in parts)})


def _laid_out(folder: Path, spoken: SpokenText, room: Path) -> tuple[Part, ...]:
    """Copy the clips that are needed to where the joiner takes them; gives the parts."""
    known = _known(folder)
    found = cover(spoken.text, known)
    if found.missing:
        raise PhrasesIncomplete(f"nobody has recorded “{found.missing}” in {folder.name}", missing=found.missing)
    room.mkdir()
    for phrase in {phrase for sentence in found.phrases for phrase in sentence}:
        shutil.copyfile(known[phrase], room / _clip(phrase).asset_id)
    return _parts(found, spoken.pause_ms)


def _parts(found: Cover, pause_ms: int) -> tuple[Part, ...]:
    parts: list[Part] = []
    for sentence in found.phrases:
        parts += [Pause(pause_ms)] if parts and pause_ms else []
        parts += [_clip(phrase) for phrase in sentence]
    return tuple(parts)


def _clip(phrase: Words) -> Clip:
    return Clip(hashlib.sha256(" ".join(phrase).encode()).hexdigest()[:_ID_DIGITS])


def _known(folder: Path) -> dict[Words, Path]:
    """Phrase → its file; links are not followed."""
    try:
        found = sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in _SUFFIXES and path.is_file() and not path.is_symlink()
        )
    except OSError as error:
        raise PhrasesIncomplete(f"the folder {folder.name} cannot be read ({error.strerror})") from error
    if len(found) > MOST_FILES:
        raise PhrasesIncomplete(f"{folder.name} holds more than {MOST_FILES} phrases; part it into several folders")
    return {words(path.stem): path for path in found}
