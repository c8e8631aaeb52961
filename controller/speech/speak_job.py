"""Speaking as a background job: the kind `speak`. Its result is an asset that says it is a machine's voice.

What was spoken goes through the intake as any file does, the silence around it taken off. The same reading spoken anew
by an engine that always says it the same way is the asset that is already there; one that another voice had to speak is
an asset of its own.
"""

import asyncio
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from controller.jobs.kinds import Order, Progress
from controller.media.intake_job import TakenIn
from controller.media.service import MediaLibrary
from controller.speech import service
from controller.speech.engines import Engines

KIND = "speak"
_SPOKEN = 0.6
"""The share of the work that is done when it is spoken; the rest is the intake's."""
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
        return TakenIn(self.library, replace(prepared, origin={"speech": facts}))


def _identity(path: Path, facts: dict[str, Any]) -> str:
    """What makes it the same source as another: the sound, and how it came about."""
    with path.open("rb") as opened:
        sound = hashlib.file_digest(opened, "sha256").hexdigest()
    lasting = {key: value for key, value in facts.items() if key not in _OF_ONE_RUN}
    return hashlib.sha256(msgspec.json.encode([sound, lasting], order="sorted")).hexdigest()
