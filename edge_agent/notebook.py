"""The journal as the runner uses it: history for the timeline, one receipt for each occurrence, entries sent at once.

Also the last known progress of what sounds, kept lightly (no fsync): after a power cut it says how far it got.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent import durable
from edge_agent.clock import ClockKeeper
from edge_agent.journal import AlreadyJournalled, Journal
from loa_protocol.ids import Instant
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.receipts import Body, Note, Occurrence, Receipt, Started
from loa_protocol.timeline import Past, history_of

log = logging.getLogger(__name__)

_NOTE_MAX = 300


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far an occurrence had got when this was written."""

    occurrence: Occurrence
    started: Instant
    played_ms: int


class Notebook:
    """One device's history."""

    def __init__(self, journal: Journal, clock: ClockKeeper, progress: Path, *, written: Callable[[], None]) -> None:
        self._journal, self._clock, self._progress = journal, clock, progress
        self._written = written
        self._begun: dict[Occurrence, Started] = {}
        self.history: dict[Occurrence, Past] = {}

    async def load(self) -> None:
        """Read what the journal remembers."""
        bodies = await self._journal.history()
        self.history = history_of(bodies)
        self._begun = {b.occurrence: b for b in bodies if isinstance(b, Started)}

    def settled(self, occurrence: Occurrence) -> bool:
        """Whether it has its receipt."""
        past = self.history.get(occurrence)
        return past is not None and past.outcome is not None

    async def write(self, body: Body) -> bool:
        """Commit one entry; False for a second `started` or receipt of an occurrence.

        Raises:
            DiskFull, StorageFailed: nothing was written.
        """
        try:
            await self._journal.append(body, at=self._clock.now())
        except AlreadyJournalled as error:
            log.warning("%s", error)
            await self.load()
            return False
        if isinstance(body, Started | Receipt):
            self.history |= history_of([body])
        if isinstance(body, Started):
            self._begun[body.occurrence] = body
        self._written()
        return True

    async def note(self, code: str, text: str = "") -> None:
        """Write down something else worth keeping.

        Raises:
            DiskFull, StorageFailed: nothing was written.
        """
        await self.write(Note(code=code, text=text[:_NOTE_MAX]))

    async def keep_progress(self, progress: Progress) -> None:
        """Remember how far something got."""
        await asyncio.to_thread(durable.write_lightly, self._progress, msgspec.json.encode(progress))

    async def end_what_a_power_cut_ended(self) -> None:
        """Answer for everything that had begun when the device stopped; it never sounds again.

        Raises:
            DiskFull, StorageFailed: not all could be written; what remains is answered by the timeline.
        """
        progress = await asyncio.to_thread(self._read_progress)
        for occurrence, past in list(self.history.items()):
            if past.outcome is None and (begun := self._begun.get(occurrence)) is not None:
                known = progress if progress is not None and progress.occurrence == occurrence else None
                await self.write(self._interrupted(begun, known))

    def _interrupted(self, begun: Started, progress: Progress | None) -> Receipt:
        return Receipt(
            occurrence=begun.occurrence,
            outcome=Outcome.INTERRUPTED,
            reason=Reason.POWER_CUT,
            plan_version=begun.plan_version,
            planned=begun.planned,
            started=progress.started if progress else None,
            ended=begun.at,
            played_ms=progress.played_ms if progress else 0,
            clock=self._clock.read().report(),
        )

    def _read_progress(self) -> Progress | None:
        raw = durable.read(self._progress)
        try:
            return None if raw is None else msgspec.json.decode(raw, type=Progress)
        except msgspec.MsgspecError:
            return None
