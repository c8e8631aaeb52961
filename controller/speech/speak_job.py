"""Speaking as a background job: the kind `speak`. Its result is an asset that says it is a machine's voice.

What was spoken goes through the intake as any file does, the silence around it taken off. The same reading spoken anew
by an engine that always says it the same way is the asset that is already there; one that another voice had to speak is
an asset of its own.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from controller.jobs.kinds import Order, Progress
from controller.media.intake import FindingCode, IntakeResult
from controller.media.intake_job import TakenIn
from controller.media.service import MediaLibrary
from controller.speech import service
from controller.speech.engines import Engines

KIND = "speak"
_SPOKEN = 0.6
"""The share of the work that is done when it is spoken; the rest is the intake's."""
MEANT_OF_MACHINES: Final[Mapping[FindingCode, FindingCode | None]] = {
    "clipped": "voice_clipped",
    "dc_offset_removed": None,
    "limited": None,
    "noisy": None,
    "silence_at_end": None,
    "silence_at_start": None,
    "silence_inside": "voice_silent",
    "trimmed_end": None,
    "trimmed_start": None,
    "very_quiet": None,
}
"""What intake finds of recordings → what it means of a machine's voice: None where nobody need look."""
_BREATH_MS = 1_000
"""Sentences end and begin so softly that the pause between them is longer by up to this."""
_OF_ONE_RUN = frozenset({"cpu_s", "peak_rss_bytes"})


@dataclass(frozen=True, slots=True)
class SpeakKind:
    """Implements `Kind`; `given` is what `Speaking.told` says."""

    library: MediaLibrary
    engines: Engines

    async def run(self, order: Order, folder: Path, progress: Progress) -> TakenIn:
        """Speak, then take in."""
        wanted = service.understood(order.given)
        room = folder / "speak"
        await asyncio.to_thread(room.mkdir)
        spoken = await self.engines.speak(wanted.spoken, wanted.wish, room, lambda share: progress(_SPOKEN * share))
        facts = dict(spoken.facts)
        identity = await asyncio.to_thread(_identity, spoken.path, facts)
        prepared = await self.library.prepare(
            spoken.path,
            identity,
            order.title,
            folder / "work",
            lambda share: progress(_SPOKEN + (1 - _SPOKEN) * share),
            wishes=replace(self.library.usual, trim=True),
        )
        return TakenIn(
            self.library,
            replace(prepared, result=_about(prepared.result, wanted.spoken.pause_ms), origin={"speech": facts}),
        )


def _about(result: IntakeResult | None, pause_ms: int) -> IntakeResult | None:
    """The result with what its findings mean of a voice that had no microphone, no room and no recordist."""
    if result is None:
        return None
    meant = [(one, MEANT_OF_MACHINES.get(one.code, one.code)) for one in result.findings]
    found = [replace(one, code=code) for one, code in meant if code is not None]
    as_asked = [one for one in found if one.code == "voice_silent" and one.value <= pause_ms + _BREATH_MS]
    return replace(result, findings=tuple(one for one in found if one not in as_asked))


def _identity(path: Path, facts: dict[str, Any]) -> str:
    """What makes it the same source as another: the sound, and how it came about."""
    with path.open("rb") as opened:
        sound = hashlib.file_digest(opened, "sha256").hexdigest()
    lasting = {key: value for key, value in facts.items() if key not in _OF_ONE_RUN}
    return hashlib.sha256(msgspec.json.encode([sound, lasting], order="sorted")).hexdigest()
