"""Hands cues to the player: prepares what comes, starts it after the journal has it, moves its end.

Rules: `started` is committed before the player is told to start, 300 ms ahead; a late begin starts as soon as enough is
decoded (the rest of a programme: where it will be in 350 ms); content that cannot be used is hashed again before it is
given up.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from edge_agent.agenda import Desk, Outlook
from edge_agent.answers import Answers, Cast, unbegun
from edge_agent.clock import ClockKeeper
from edge_agent.notebook import Notebook
from edge_agent.performance import Ending, Performance, Stage, failed_to_prepare
from edge_agent.player import wire
from edge_agent.player.errors import PlayerError, PrepareFailedError
from edge_agent.programmes import ProgrammeUnplayable
from loa_protocol import failpoints
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.receipts import Started
from loa_protocol.timeline import Segment

log = logging.getLogger(__name__)

AHEAD = timedelta(seconds=8)
LEAD_NS = 300_000_000
LATE_MARGIN_NS = 350_000_000
STOP_RAMP_MS = 20
_END_SLACK_MS = 250
_MOVED_MS = 20
_PREPARED_MAX = 8
_CONTENT_SUSPECT = frozenset({"content_undecodable", "content_truncated", "content_missing"})


class PlayerPort(Protocol):
    """What the runner asks of the player; see `edge_agent.player.supervisor.Player`."""

    @property
    def opened(self) -> wire.Opened | None:
        """What the running process said of its output; None while there is none."""

    async def prepare(self, cue: wire.Prepare) -> wire.Ready:
        """Decode ahead.

        Raises:
            PrepareFailedError, PlayerUnavailableError: it cannot be played now.
        """

    async def start_at(
        self, occurrence: str, *, start_ns: int, volume: int = 100, latest_ns: int | None = None
    ) -> None:
        """Sound a prepared cue; one `Ended` follows."""

    async def stop(self, occurrence: str | None = None, *, ramp_ms: int = 20) -> None:
        """Ramp down one cue, or all."""

    async def end_at(self, occurrence: str, end_ms: int) -> None:
        """Move the end of a started cue."""

    async def volume(self, volume: int, occurrence: str | None = None) -> None:
        """Change the volume of a started cue."""


class ContentPort(Protocol):
    """What the runner asks of the content cache."""

    def ready(self, root: str) -> bool:
        """Whether an asset is whole and verified."""

    async def recheck(self, root: str) -> bool:
        """Hash it again; whether it is good."""


class Prompter:
    """Between the timeline's segments and one player."""

    def __init__(
        self,
        *,
        cast: Cast,
        answers: Answers,
        desk: Desk,
        notebook: Notebook,
        player: PlayerPort,
        content: ContentPort,
        path: Callable[[str], Path],
        clock: ClockKeeper,
        wake: Callable[[], None],
    ) -> None:
        self._cast, self._answers, self._desk, self._notebook = cast, answers, desk, notebook
        self._player, self._content, self._path, self._clock = player, content, path, clock
        self._wake = wake
        self._preparing: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Wait for nothing any more."""
        for task in self._preparing:
            task.cancel()

    async def let_go(self, performance: Performance) -> None:
        """The timeline has no place for it now; what had begun waits as cut."""
        await self._player.stop(performance.cue, ramp_ms=STOP_RAMP_MS)
        if performance.started is None:
            self._cast.performances.pop(performance.occurrence, None)
        else:
            performance.stage = Stage.CUT

    async def follow_end(self, performance: Performance, segment: Segment) -> None:
        """A change of what sounds moves only its end; a policy that came meanwhile may lower its volume."""
        if segment.volume != performance.volume:
            performance.volume = segment.volume
            await self._player.volume(segment.volume, performance.cue)
        if segment.item.duration_ms != performance.item.duration_ms:
            performance.item = segment.item
            await self._player.end_at(performance.cue, segment.item.duration_ms)

    async def bring_on(self, performance: Performance | None, segment: Segment, outlook: Outlook) -> None:
        """Prepare what this segment needs, and start it when it is time."""
        programme = self._desk.programme(segment.item) or (performance.programme if performance else None)
        if programme is None or not all(self._content.ready(root) for root in programme.required):
            return
        current = performance
        if current is None or current.stage is Stage.CUT or self._is_other(current, segment, outlook):
            current = await self._prepare(current, segment, outlook)
        if current is not None and current.stage is Stage.READY:
            await self._start_when_due(current, segment, outlook)

    async def _start_when_due(self, performance: Performance, segment: Segment, outlook: Outlook) -> None:
        if segment.begin > outlook.now:
            performance.begin_ns = self._clock.mono_of(segment.begin)
        elif not self._desk.plays_rest(segment.item):
            performance.begin_ns = max(performance.begin_ns, self._clock.monotonic_ns)
        performance.item, performance.volume = segment.item, segment.volume
        if performance.begin_ns - self._clock.monotonic_ns > LEAD_NS or not self._desk.may_start(segment.item, outlook):
            return
        if self._player.opened is None:
            # To begin now would only write down a failure; the next process may be there in time.
            down = Ending(Outcome.FAILED, Reason.OUTPUT_FAILED, "there is no player; it is being restarted")
            self._cast.lacked[performance.occurrence] = down
            return
        await self._start(performance)

    def _is_other(self, performance: Performance, segment: Segment, outlook: Outlook) -> bool:
        """Whether what is prepared is not what shall sound any more."""
        if performance.stage not in {Stage.PREPARING, Stage.READY}:
            return False
        programme = self._desk.programme(segment.item)
        moved = abs(segment.offset_ms - performance.offset_ms) > _MOVED_MS and segment.begin > outlook.now
        return moved or (programme is not None and programme != performance.programme)

    async def _prepare(self, performance: Performance | None, segment: Segment, outlook: Outlook) -> Performance | None:
        """Hand a stretch to the player; a late one begins as soon as it can be ready, its rest at a known place."""
        if performance is None and len(self._cast.performances) >= _PREPARED_MAX:
            return None
        if performance is not None and performance.stage is not Stage.CUT:
            await self._player.stop(performance.cue, ramp_ms=STOP_RAMP_MS)
        late = segment.begin <= outlook.now
        margin_ns = LATE_MARGIN_NS if late and self._desk.plays_rest(segment.item) else 0
        now_ns = self._clock.monotonic_ns
        begin_ns = max(self._clock.mono_of(segment.begin), now_ns + margin_ns)
        offset_ms = max(0, segment.offset_ms) + margin_ns // 1_000_000
        fresh = self._fresh(performance, segment, outlook, begin_ns, offset_ms)
        if fresh is None or offset_ms >= segment.item.duration_ms:
            return None  # nothing of it is left to sound: the timeline settles it
        try:
            sources = fresh.programme.sources(self._path)
        except ProgrammeUnplayable as error:
            await self._unplayable(fresh, Ending(Outcome.FAILED, Reason.OUTPUT_FAILED, str(error)), outlook)
            return None
        self._cast.performances[fresh.occurrence] = fresh
        cue = wire.Prepare(
            occurrence=fresh.cue,
            sources=sources,
            repeats=fresh.programme.repeats,
            offset_ms=offset_ms,
            end_ms=segment.item.duration_ms + _END_SLACK_MS,
            at_once=begin_ns - now_ns <= LEAD_NS + margin_ns,
        )
        task = asyncio.create_task(self._await_ready(fresh, cue), name=f"prepare {fresh.cue}")
        self._preparing.add(task)
        task.add_done_callback(self._preparing.discard)
        return fresh

    def _fresh(
        self, performance: Performance | None, segment: Segment, outlook: Outlook, begin_ns: int, offset_ms: int
    ) -> Performance | None:
        """A first attempt, or the next one of something that was cut or has changed."""
        programme = self._desk.programme(segment.item)
        verdict = outlook.verdicts.get(segment.occurrence)
        if performance is not None:
            return replace(
                performance,
                programme=programme if programme is not None and performance.started is None else performance.programme,
                begin_ns=begin_ns,
                offset_ms=offset_ms,
                stage=Stage.PREPARING,
                attempt=performance.attempt + 1,
            )
        if programme is None or verdict is None:
            return None
        return Performance(segment.item, verdict.planned, programme, begin_ns, offset_ms, segment.volume)

    async def _unplayable(self, performance: Performance, ending: Ending, outlook: Outlook) -> None:
        """Answer for what this device cannot sound, when it would have begun."""
        if performance.begin_ns - self._clock.monotonic_ns > LEAD_NS + LATE_MARGIN_NS:
            return
        if performance.started is not None:
            await self._answers.finish(performance, ending)
            return
        await self._answers.write(unbegun(performance.occurrence, performance.planned, ending, outlook))

    async def _await_ready(self, performance: Performance, cue: wire.Prepare) -> None:
        try:
            await self._player.prepare(cue)
        except PrepareFailedError as error:
            await self._prepare_failed(performance, error)
        except PlayerError as error:
            log.warning("%s cannot be prepared yet: %s", cue.occurrence, error)
            self._cast.lacked[performance.occurrence] = Ending(Outcome.FAILED, Reason.OUTPUT_FAILED, str(error))
            self._back_to_wait(performance)
        else:
            if self._cast.performances.get(performance.occurrence) is performance:
                performance.stage = Stage.READY
        self._wake()

    def _back_to_wait(self, performance: Performance) -> None:
        if self._cast.performances.get(performance.occurrence) is not performance:
            return
        if performance.started is None:
            self._cast.performances.pop(performance.occurrence, None)
        else:
            performance.stage = Stage.CUT

    async def _prepare_failed(self, performance: Performance, error: PrepareFailedError) -> None:
        if self._cast.performances.get(performance.occurrence) is not performance or error.reason == "stopped":
            return
        if error.reason in _CONTENT_SUSPECT:
            roots = performance.programme.required
            if not all([await self._content.recheck(root) for root in roots]):
                log.warning("%s: its content was damaged and is fetched again", performance.cue)
                self._back_to_wait(performance)
                return
        if error.reason == "cue_refused":
            self._back_to_wait(performance)
            return
        performance.ending = failed_to_prepare(error.reason, str(error))
        performance.stage = Stage.ENDED

    async def _start(self, performance: Performance) -> None:
        """Commit `started`, then tell the player: in this order whatever happens."""
        begin = self._clock.utc_of(performance.begin_ns)
        failpoints.reach("agent.start.before_commit")
        if performance.started is None:
            entry = Started(
                occurrence=performance.occurrence,
                at=begin,
                planned=performance.planned,
                plan_version=performance.item.version,
            )
            if not await self._notebook.write(entry):
                self._cast.performances.pop(performance.occurrence, None)
                await self._player.stop(performance.cue, ramp_ms=STOP_RAMP_MS)
                return
            performance.started = begin
        failpoints.reach("agent.start.after_commit")
        performance.begun(begin)
        await self._player.start_at(performance.cue, start_ns=performance.begin_ns, volume=performance.volume)
        failpoints.reach("agent.start.after_send")
        log.info("%s starts at %s", performance.cue, begin.isoformat())
