"""The port of source systems: what they hand down is taken in, what became of it is told back. An adapter a dialect.

An adapter decides nothing: it finds items, gives their sound, and writes results. It may be asked and told the same
thing again after any crash; who keeps track is the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from controller.jobs.spool import Incoming
from controller.sources.bulletin import Bulletin
from controller.sources.errors import SourceRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something new or changed in a source. `key` is the dialect's name for it, unique in the source.

    `bulletin` is what it says, `refusal` why it cannot be read; neither where only a withdrawal is there.
    `audio_mark` tells its sound apart from another without reading it; None where there is none to read.
    """

    key: str
    bulletin: Bulletin | None = None
    refusal: SourceRefused | None = None
    withdraw: bool = False
    audio_mark: str | None = None


class SourceAdapter(Protocol):
    """One source system."""

    async def look(self, limit: int) -> list[Found]:
        """At most `limit` items that are new or changed since they were last given, whole and settled.

        Raises:
            SourceUnusable: nothing can be read now.
        """
        ...

    async def copy_audio(self, found: Found, incoming: Incoming) -> None:
        """Write the sound of an item, block by block.

        Raises:
            SourceFileRefused, SourceAudioMissing, MediaTooLarge, SpoolFull: it cannot be had.
        """
        ...

    async def report(self, key: str, result: Mapping[str, Any]) -> None:
        """Tell what became of an item, whole or not at all; the same result again changes nothing.

        Raises:
            SourceUnusable: it cannot be told now.
        """
        ...

    def forget(self, key: str) -> None:
        """Give this item again at the next look."""
        ...
