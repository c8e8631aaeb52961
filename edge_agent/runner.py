"""Makes the timeline happen: prepares, starts, stops and answers for everything that sounds on this device.

Rules: whatever changes, the timeline is computed anew and followed; `started` is committed before the player is told to
start, 300 ms ahead; what is in the journal never begins again; every settled verdict becomes one receipt; instants are
turned into monotonic time once, so that no wall clock matters.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from edge_agent.agenda import Desk, Outlook
from edge_agent.clock import ClockKeeper
from edge_agent.notebook import Notebook, Progress
from edge_agent.performance import Ending, Performance, Stage, ending_of, failed_to_prepare, receipt_of
from edge_agent.player import wire
from edge_agent.player.errors import PlayerError, PrepareFailedError
from edge_agent.programmes import ProgrammeUnplayable
from edge_agent.waiting import happens
from loa_protocol import failpoints
from loa_protocol.documents.device import DeviceKind
from loa_protocol.errors import LoaError
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.receipts import Occurrence, Receipt, Started
from loa_protocol.timeline import Phase, Segment, Verdict

log = logging.getLogger(__name__)

AHEAD = timedelta(seconds=8)
LEAD_NS = 300_000_000
LATE_MARGIN_NS = 350_000_000
IDLE_S = 30.0
AGAIN_S = 1.0
HELD_S = 0.2
STOP_RAMP_MS = 20
PROGRESS_EVERY_NS = 1_000_000_000
_END_SLACK_MS = 250
_MOVED_MS = 20
_PREPARED_MAX = 8
_CONTENT_SUSPECT = frozenset({"content_undecodable", "content_truncated", "content_missing"})


class PlayerPort(Protocol):
    """What the runner asks of the player; see `edge_agent.player.supervisor.Player`."""

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


class Runner:
    """One loudspeaker. `on_event` takes the player's events; `changed` says that documents, clock or content did."""

    def __init__(
        self,
        *,
        desk: Desk,
        notebook: Notebook,
        player: PlayerPort,
        content: ContentPort,
        path: Callable[[str], Path],
        clock: ClockKeeper,
        told: Callable[[], None],
    ) -> None:
        self._desk, self._notebook, self._player = desk, notebook, player
        self._content, self._path, self._clock, self._told = content, path, clock, told
        self._performances: dict[Occurrence, Performance] = {}
        self._events: deque[wire.Event] = deque()
        self._lacked: dict[Occurrence, Ending] = {}
        self._woken = asyncio.Event()
        self._preparing: set[asyncio.Task[None]] = set()
        self._progress_ns = 0
        self._not_before: datetime | None = None

    @property
    def playing(self) -> str:
        """What sounds now, "" for nothing."""
        return next((p.occurrence.id for p in self._performances.values() if p.sounding), "")

    @property
    def busy(self) -> bool:
        """Whether anything sounds, or will within seconds."""
        return any(p.stage is not Stage.CUT for p in self._performances.values())

    def changed(self) -> None:
        """Compute again."""
        self._woken.set()

    def begin_nothing_before(self, instant: datetime) -> None:
        """The journal of what began until then is lost: none of it may begin, perhaps again."""
        self._not_before = instant
        self._woken.set()

    def on_event(self, event: wire.Event) -> None:
        """An event of the player, in order."""
        self._events.append(event)
        if not isinstance(event, wire.Progress | wire.Pong):
            self._woken.set()

    async def run(self) -> None:
        """Follow the timeline until cancelled."""
        while True:
            self._woken.clear()
            try:
                wait_s = await self.tick()
            except LoaError as error:
                log.error("the timeline waits: %s", error)  # noqa: TRY400 - foreseen, tried again
                wait_s = AGAIN_S
            except Exception:
                log.exception("the timeline could not be followed; trying again")
                wait_s = AGAIN_S
            await happens(self._woken, wait_s)

    async def tick(self) -> float:
        """Do what is due now; seconds until something else is.

        Raises:
            DiskFull, StorageFailed: the journal takes nothing; nothing was begun.
        """
        await self._take_events()
        outlook = self._look()
        if outlook.assignment is None or outlook.assignment.kind is not DeviceKind.SPEAKER:
            return IDLE_S
        if self._not_before is not None:
            await self._answer_for_the_lost(outlook, self._not_before)
        await self._settle(outlook)
        await self._follow(outlook)
        return self._wait_s(outlook)

    async def close(self) -> None:
        """Silence, and a receipt for what sounded: the device stops while it plays."""
        for performance in self._performances.values():
            if performance.stage is Stage.ARMED and performance.ending is None:
                performance.ending = Ending(Outcome.INTERRUPTED, Reason.POWER_CUT, "the agent was stopped")
        await self._player.stop(None, ramp_ms=STOP_RAMP_MS)
        deadline_ns = self._clock.monotonic_ns + 1_000_000_000
        while any(p.stage is Stage.ARMED for p in self._performances.values()):
            self._woken.clear()
            await self._take_events()
            if self._clock.monotonic_ns > deadline_ns:
                break
            await happens(self._woken, 0.1)
        for task in self._preparing:
            task.cancel()

    # What the timeline says, with what is held back because it cannot sound yet.

    def _look(self) -> Outlook:
        history = self._notebook.history | {
            one.occurrence: one.past for one in self._performances.values() if one.started is not None
        }
        blocked: dict[Occurrence, Ending] = {}
        outlook = self._desk.look(history, frozenset())
        while fresh := self._blocked(outlook) - blocked.keys():
            blocked |= {occurrence: self._why_blocked(occurrence, outlook) for occurrence in fresh}
            fuller = outlook
            outlook = self._desk.look(history, frozenset(blocked))
            outlook = replace(outlook, verdicts={**fuller.verdicts, **outlook.verdicts})
        self._lacked |= blocked
        return outlook

    def _blocked(self, outlook: Outlook) -> set[Occurrence]:
        """What is due and has not all its content: it must not hold the channel."""
        soon = outlook.now + timedelta(microseconds=LEAD_NS / 1000)
        return {
            segment.occurrence
            for segment in outlook.segments
            if segment.begin <= soon and segment.occurrence not in self._performances and not self._has_all(segment)
        }

    def _has_all(self, segment: Segment) -> bool:
        programme = self._desk.programme(segment.item)
        return programme is not None and all(self._content.ready(root) for root in programme.roots)

    def _why_blocked(self, occurrence: Occurrence, outlook: Outlook) -> Ending:
        item = next(segment.item for segment in outlook.segments if segment.occurrence == occurrence)
        programme = self._desk.programme(item)
        missing = [root for root in programme.roots if not self._content.ready(root)] if programme else []
        return Ending(Outcome.FAILED, Reason.CONTENT_MISSING, f"missing {', '.join(root[:12] for root in missing)}")

    # Receipts.

    async def _settle(self, outlook: Outlook) -> None:
        for verdict in outlook.verdicts.values():
            if verdict.phase is Phase.DONE and not self._notebook.settled(verdict.occurrence):
                await self._settle_one(verdict, outlook)

    async def _settle_one(self, verdict: Verdict, outlook: Outlook) -> None:
        performance = self._performances.get(verdict.occurrence)
        ending = Ending(verdict.outcome, verdict.reason, verdict.detail or verdict.because)
        if performance is None or performance.started is None:
            await self._forget(performance)
            if ending.reason is Reason.TOO_LATE:
                ending = self._lacked.get(verdict.occurrence, ending)
            await self._write(_unbegun(verdict.occurrence, verdict.planned, ending, outlook))
        elif performance.stage is Stage.ARMED:
            # What is cut by something else goes on until that really begins: the player then ends it itself.
            if performance.ending is None and verdict.outcome not in {Outcome.PLAYED, Outcome.PREEMPTED}:
                performance.ending = ending
                log.info("%s is stopped: %s", performance.cue, ending.detail)
                await self._player.stop(performance.cue, ramp_ms=STOP_RAMP_MS)
        else:
            await self._finish(performance, ending)

    async def _answer_for_the_lost(self, outlook: Outlook, before: datetime) -> None:
        """Of what was due when the journal was lost nobody knows whether it sounded."""
        ending = Ending(Outcome.INTERRUPTED, Reason.POWER_CUT, "the journal was damaged; it may have sounded")
        lost = [i for i in outlook.items.values() if i.start < before and i.occurrence not in self._notebook.history]
        for item in lost:
            await self._write(_unbegun(item.occurrence, item.start, ending, outlook))

    async def _write(self, receipt: Receipt) -> None:
        await self._notebook.write(receipt)
        self._lacked.pop(receipt.occurrence, None)
        log.info("%s: %s %s", receipt.occurrence.id, receipt.outcome, receipt.reason or "")
        self._told()

    async def _finish(self, performance: Performance, ending: Ending) -> None:
        performance.stage = Stage.ENDED
        performance.ending = ending
        now = self._clock.now()
        await self._write(receipt_of(performance, ending, ended=now, clock=self._clock.read().report()))
        self._performances.pop(performance.occurrence, None)

    async def _forget(self, performance: Performance | None) -> None:
        """What was only prepared."""
        if performance is not None:
            self._performances.pop(performance.occurrence, None)
            await self._player.stop(performance.cue, ramp_ms=STOP_RAMP_MS)

    # Following the segments.

    async def _follow(self, outlook: Outlook) -> None:
        wanted = {segment.occurrence for segment in outlook.segments}
        for performance in list(self._performances.values()):
            if performance.stage in {Stage.PREPARING, Stage.READY} and performance.occurrence not in wanted:
                await self._let_go(performance)
        seen: set[Occurrence] = set()
        for segment in outlook.segments:
            if segment.occurrence in seen:
                continue
            seen.add(segment.occurrence)
            known = self._performances.get(segment.occurrence)
            if known is not None and known.stage is Stage.ARMED:
                await self._follow_end(known, segment)
            elif segment.begin <= outlook.now + AHEAD:
                await self._bring_on(known, segment, outlook)

    async def _let_go(self, performance: Performance) -> None:
        """The timeline has no place for it now; what had begun waits as cut."""
        await self._player.stop(performance.cue, ramp_ms=STOP_RAMP_MS)
        if performance.started is None:
            self._performances.pop(performance.occurrence, None)
        else:
            performance.stage = Stage.CUT

    async def _follow_end(self, performance: Performance, segment: Segment) -> None:
        """A change of what sounds moves only its end; a policy that came meanwhile may lower its volume."""
        if segment.volume != performance.volume:
            performance.volume = segment.volume
            await self._player.volume(segment.volume, performance.cue)
        if segment.item.duration_ms != performance.item.duration_ms:
            performance.item = segment.item
            await self._player.end_at(performance.cue, segment.item.duration_ms)

    async def _bring_on(self, performance: Performance | None, segment: Segment, outlook: Outlook) -> None:
        programme = self._desk.programme(segment.item) or (performance.programme if performance else None)
        if programme is None or not all(self._content.ready(root) for root in programme.roots):
            return
        current = performance
        if current is None or current.stage is Stage.CUT or self._is_other(current, segment, outlook):
            current = await self._prepare(current, segment, outlook)
        if current is not None and current.stage is Stage.READY:
            await self._start_when_due(current, segment, outlook)

    async def _start_when_due(self, performance: Performance, segment: Segment, outlook: Outlook) -> None:
        if segment.begin > outlook.now:
            performance.begin_ns = self._clock.mono_of(segment.begin)
        performance.item, performance.volume = segment.item, segment.volume
        if performance.begin_ns - self._clock.monotonic_ns <= LEAD_NS and self._desk.may_start(segment.item, outlook):
            await self._start(performance)

    def _is_other(self, performance: Performance, segment: Segment, outlook: Outlook) -> bool:
        """Whether what is prepared is not what shall sound any more."""
        if performance.stage not in {Stage.PREPARING, Stage.READY}:
            return False
        programme = self._desk.programme(segment.item)
        moved = abs(segment.offset_ms - performance.offset_ms) > _MOVED_MS and segment.begin > outlook.now
        return moved or (programme is not None and programme != performance.programme)

    async def _prepare(self, performance: Performance | None, segment: Segment, outlook: Outlook) -> Performance | None:
        """Hand a stretch to the player; a late one begins as soon as it can be ready."""
        if performance is None and len(self._performances) >= _PREPARED_MAX:
            return None
        if performance is not None and performance.stage is not Stage.CUT:
            await self._player.stop(performance.cue, ramp_ms=STOP_RAMP_MS)
        begin_ns = max(self._clock.mono_of(segment.begin), self._clock.monotonic_ns + LATE_MARGIN_NS)
        late_ms = 0 if segment.begin > outlook.now else LATE_MARGIN_NS // 1_000_000
        offset_ms = max(0, segment.offset_ms) + (late_ms if self._desk.plays_rest(segment.item) else 0)
        fresh = self._fresh(performance, segment, outlook, begin_ns, offset_ms)
        if fresh is None:
            return None
        try:
            sources = fresh.programme.sources(self._path)
        except ProgrammeUnplayable as error:
            await self._unplayable(fresh, Ending(Outcome.FAILED, Reason.OUTPUT_FAILED, str(error)), outlook)
            return None
        self._performances[fresh.occurrence] = fresh
        cue = wire.Prepare(
            occurrence=fresh.cue,
            sources=sources,
            repeats=fresh.programme.repeats,
            offset_ms=offset_ms,
            end_ms=segment.item.duration_ms + _END_SLACK_MS,
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
            await self._finish(performance, ending)
            return
        await self._write(_unbegun(performance.occurrence, performance.planned, ending, outlook))

    async def _await_ready(self, performance: Performance, cue: wire.Prepare) -> None:
        try:
            await self._player.prepare(cue)
        except PrepareFailedError as error:
            await self._prepare_failed(performance, error)
        except PlayerError as error:
            log.warning("%s cannot be prepared yet: %s", cue.occurrence, error)
            self._lacked[performance.occurrence] = Ending(Outcome.FAILED, Reason.OUTPUT_FAILED, str(error))
            self._back_to_wait(performance)
        else:
            if self._performances.get(performance.occurrence) is performance:
                performance.stage = Stage.READY
        self._woken.set()

    def _back_to_wait(self, performance: Performance) -> None:
        if self._performances.get(performance.occurrence) is not performance:
            return
        if performance.started is None:
            self._performances.pop(performance.occurrence, None)
        else:
            performance.stage = Stage.CUT

    async def _prepare_failed(self, performance: Performance, error: PrepareFailedError) -> None:
        if self._performances.get(performance.occurrence) is not performance or error.reason == "stopped":
            return
        if error.reason in _CONTENT_SUSPECT:
            roots = performance.programme.roots
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
                self._performances.pop(performance.occurrence, None)
                await self._player.stop(performance.cue, ramp_ms=STOP_RAMP_MS)
                return
            performance.started = begin
        failpoints.reach("agent.start.after_commit")
        performance.begun(begin)
        await self._player.start_at(performance.cue, start_ns=performance.begin_ns, volume=performance.volume)
        failpoints.reach("agent.start.after_send")
        log.info("%s starts at %s", performance.cue, begin.isoformat())

    # The player's events.

    async def _take_events(self) -> None:
        for performance in [p for p in self._performances.values() if p.stage is Stage.ENDED]:
            await self._answer_ended(performance)
        while self._events:
            event = self._events.popleft()
            match event:
                case wire.FirstSample():
                    self._first_sample(event)
                case wire.Progress():
                    await self._progress(event)
                case wire.Ended():
                    await self._ended(event)
                case wire.Fault():
                    log.error("the player reports %s: %s", event.code, event.message)
                case _:
                    pass

    async def _answer_ended(self, performance: Performance) -> None:
        """A receipt that could not be written before, or of something that never reached the player."""
        ending = performance.ending or Ending(Outcome.FAILED, Reason.OUTPUT_FAILED)
        await self._finish(performance, ending)

    def _by_cue(self, cue: str) -> Performance | None:
        return next((p for p in self._performances.values() if p.cue == cue), None)

    def _first_sample(self, event: wire.FirstSample) -> None:
        performance = self._by_cue(event.occurrence)
        if performance is not None:
            performance.first_sample(self._clock.utc_of(event.dac_ns))
            self._told()

    async def _progress(self, event: wire.Progress) -> None:
        performance = self._by_cue(event.occurrence)
        now_ns = self._clock.monotonic_ns
        if performance is None or performance.started is None or now_ns - self._progress_ns < PROGRESS_EVERY_NS:
            return
        self._progress_ns = now_ns
        played_ms = performance.played_ms + event.played_ms
        started = performance.stretches[0].begin if performance.stretches else performance.started
        progress = Progress(occurrence=performance.occurrence, started=started, played_ms=played_ms)
        with contextlib.suppress(OSError):
            await self._notebook.keep_progress(progress)

    async def _ended(self, event: wire.Ended) -> None:
        performance = self._by_cue(event.occurrence)
        if performance is None or performance.stage is not Stage.ARMED:
            return
        begin = None if event.dac_ns is None else self._clock.utc_of(event.dac_ns)
        performance.stretch_ended(event, begin, self._clock.now())
        ending = ending_of(performance, event)
        self._told()
        if ending is not None:
            await self._finish(performance, ending)

    # When to look again.

    def _wait_s(self, outlook: Outlook) -> float:
        if self._events or any(p.stage is Stage.ENDED for p in self._performances.values()):
            return 0.0
        instants = [outlook.wake] if outlook.wake is not None else []
        for segment in outlook.segments[: 2 * _PREPARED_MAX]:
            instants += [segment.begin - AHEAD, segment.begin]
        waits = [(instant - outlook.now).total_seconds() for instant in instants if instant > outlook.now]
        now_ns = self._clock.monotonic_ns
        ready = [p.begin_ns - LEAD_NS - now_ns for p in self._performances.values() if p.stage is Stage.READY]
        waits += [left_ns / 1e9 if left_ns > 0 else HELD_S for left_ns in ready]
        if any(p.stage is Stage.ARMED for p in self._performances.values()) or self._lacked:
            waits.append(AGAIN_S)
        return max(0.001, min([*waits, IDLE_S]))


def _unbegun(occurrence: Occurrence, planned: datetime, ending: Ending, outlook: Outlook) -> Receipt:
    """The receipt of something that never began in this life of the agent."""
    item = outlook.items.get(occurrence)
    return Receipt(
        occurrence=occurrence,
        outcome=ending.outcome,
        reason=ending.reason,
        detail=ending.detail[:300],
        plan_version=item.version if item else 0,
        rev=item.rev if item else 0,
        planned=planned,
        ended=outlook.now,
        clock=outlook.clock,
    )
