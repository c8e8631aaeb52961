"""Makes the timeline happen: whatever changes, it is computed anew and followed.

Rules: what is in the journal never begins again; every settled verdict becomes one receipt; what lacks its content does
not hold the channel; instants are turned into monotonic time, so that no step of a wall clock matters.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from edge_agent import readiness
from edge_agent.agenda import Desk, Outlook
from edge_agent.answers import Answers, Cast, unbegun
from edge_agent.clock import ClockKeeper
from edge_agent.notebook import Notebook, Progress
from edge_agent.performance import Ending, Performance, Stage, ending_of
from edge_agent.player import wire
from edge_agent.prompter import AHEAD, LEAD_NS, STOP_RAMP_MS, ContentPort, PlayerPort, Prompter
from edge_agent.waiting import happens
from loa_protocol.documents.device import DeviceKind
from loa_protocol.errors import LoaError
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import Phase, Verdict

log = logging.getLogger(__name__)

IDLE_S = 30.0
AGAIN_S = 1.0
HELD_S = 0.2
CLOSE_WITHIN_NS = 1_000_000_000
PROGRESS_EVERY_NS = 1_000_000_000
_LOOK_AT = 16
_WORDS_MAX = 300
_LEAD = timedelta(microseconds=LEAD_NS / 1000)
_SOUNDED = frozenset({Outcome.PLAYED, Outcome.PARTIAL, Outcome.PREEMPTED})


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
        self._content, self._clock, self._told = content, clock, told
        self._cast = Cast()
        self._answers = Answers(self._cast, notebook, clock, told)
        self._events: deque[wire.Event] = deque()
        self._woken = asyncio.Event()
        self._prompter = Prompter(
            cast=self._cast,
            answers=self._answers,
            desk=desk,
            notebook=notebook,
            player=player,
            content=content,
            path=path,
            clock=clock,
            wake=self._woken.set,
        )
        self._progress_ns = 0
        self._not_before: datetime | None = None

    @property
    def playing(self) -> str:
        """What sounds now, "" for nothing."""
        return next((one.occurrence.id for one in self._cast.in_stage(Stage.ARMED) if one.sounding), "")

    @property
    def relay_down(self) -> str:
        """Why a relay that is due is not heard, "" while all are."""
        changes = [one.relay for one in self._cast.in_stage(Stage.ARMED) if one.relay is not None]
        return next((_why_down(change) for change in changes if change.sounds != "stream"), "")

    @property
    def busy(self) -> bool:
        """Whether anything sounds, or will within seconds."""
        return bool(self._cast.in_stage(Stage.PREPARING, Stage.READY, Stage.ARMED))

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
        # Who had a cue prepared is answered by the player, and wakes the timeline then.
        if not isinstance(event, wire.Progress | wire.Pong | wire.Ready | wire.PrepareFailed):
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
        if self._not_before is not None and await self._answer_for_the_lost(outlook, self._not_before):
            outlook = self._look()
        await self._settle(outlook)
        await self._follow(outlook)
        return self._wait_s(outlook)

    async def close(self) -> None:
        """Silence, and a receipt for what sounded: the device stops while it plays."""
        for performance in self._cast.in_stage(Stage.ARMED):
            if performance.ending is None:
                performance.ending = Ending(Outcome.INTERRUPTED, Reason.POWER_CUT, "the agent was stopped")
        await self._player.stop(None, ramp_ms=STOP_RAMP_MS)
        deadline_ns = self._clock.monotonic_ns + CLOSE_WITHIN_NS
        while self._cast.in_stage(Stage.ARMED) and self._clock.monotonic_ns < deadline_ns:
            self._woken.clear()
            await self._take_events()
            await happens(self._woken, 0.1 if self._cast.in_stage(Stage.ARMED) else 0.0)
        for performance in self._cast.in_stage(Stage.CUT):
            await self._answers.finish(performance, Ending(Outcome.INTERRUPTED, Reason.POWER_CUT, "stopped while cut"))
        self._prompter.close()

    # What the timeline says, with what is held back because it cannot sound yet.

    def _look(self) -> Outlook:
        history = self._notebook.history | {
            one.occurrence: one.past for one in self._cast.performances.values() if one.started is not None
        }
        outlook, lacked = readiness.look(
            self._desk,
            history,
            ready=self._content.ready,
            under_way=self._cast.performances.keys(),
            lead=_LEAD,
        )
        self._cast.lacked |= lacked
        return outlook

    # Receipts.

    async def _settle(self, outlook: Outlook) -> None:
        for verdict in outlook.verdicts.values():
            if verdict.phase is Phase.DONE and not self._notebook.settled(verdict.occurrence):
                await self._settle_one(verdict, outlook)

    async def _settle_one(self, verdict: Verdict, outlook: Outlook) -> None:
        performance = self._cast.performances.get(verdict.occurrence)
        ending = Ending(verdict.outcome, verdict.reason, verdict.detail or verdict.because)
        if performance is None or performance.started is None:
            await self._forget(performance)
            if ending.reason is Reason.TOO_LATE or ending.outcome in _SOUNDED:
                # What never began cannot have sounded, also where its time has run out meanwhile.
                late = Ending(Outcome.SKIPPED, Reason.TOO_LATE, ending.detail)
                ending = self._cast.lacked.get(verdict.occurrence, late)
            await self._answers.write(unbegun(verdict.occurrence, verdict.planned, ending, outlook))
        elif performance.stage is Stage.ARMED:
            # What is cut by something else goes on until that really begins: the player then ends it itself.
            if performance.ending is None and verdict.outcome not in {Outcome.PLAYED, Outcome.PREEMPTED}:
                performance.ending = ending
                log.info("%s is stopped: %s", performance.cue, ending.detail)
                await self._player.stop(performance.cue, ramp_ms=STOP_RAMP_MS)
        else:
            await self._answers.finish(performance, ending)

    async def _answer_for_the_lost(self, outlook: Outlook, before: datetime) -> bool:
        """Of what was due when the journal was lost nobody knows whether it sounded; whether there was anything."""
        ending = Ending(Outcome.INTERRUPTED, Reason.POWER_CUT, "the journal was damaged; it may have sounded")
        lost = [i for i in outlook.items.values() if i.start < before and i.occurrence not in self._notebook.history]
        for item in lost:
            await self._answers.write(unbegun(item.occurrence, item.start, ending, outlook))
        return bool(lost)

    async def _forget(self, performance: Performance | None) -> None:
        """What was only prepared."""
        if performance is not None:
            self._cast.performances.pop(performance.occurrence, None)
            await self._player.stop(performance.cue, ramp_ms=STOP_RAMP_MS)

    # Following the segments.

    async def _follow(self, outlook: Outlook) -> None:
        wanted = {segment.occurrence for segment in outlook.segments}
        for performance in self._cast.in_stage(Stage.PREPARING, Stage.READY):
            if performance.occurrence not in wanted:
                await self._prompter.let_go(performance)
        seen: set[Occurrence] = set()
        for segment in outlook.segments:
            if segment.occurrence in seen:
                continue
            seen.add(segment.occurrence)
            known = self._cast.performances.get(segment.occurrence)
            if known is not None and known.stage is Stage.ARMED:
                await self._prompter.follow_end(known, segment)
            elif segment.begin <= outlook.now + AHEAD:
                await self._prompter.bring_on(known, segment, outlook)

    # The player's events.

    async def _take_events(self) -> None:
        for performance in self._cast.in_stage(Stage.ENDED):
            # A receipt that could not be written before, or of something that never reached the player.
            await self._answers.finish(performance, performance.ending or Ending(Outcome.FAILED, Reason.OUTPUT_FAILED))
        while self._events:
            event = self._events.popleft()
            match event:
                case wire.FirstSample():
                    self._first_sample(event)
                case wire.Progress():
                    await self._progress(event)
                case wire.RelayChanged():
                    self._relay_changed(event)
                case wire.Ended():
                    await self._ended(event)
                case wire.Fault():
                    log.error("the player reports %s: %s", event.code, event.message)
                case _:
                    pass

    async def _answer_ended(self, performance: Performance) -> None:
        """A receipt that could not be written before, or of something that never reached the player."""
        ending = performance.ending or Ending(Outcome.FAILED, Reason.OUTPUT_FAILED)
        await self._answers.finish(performance, ending)

    def _first_sample(self, event: wire.FirstSample) -> None:
        performance = self._cast.by_cue(event.occurrence)
        if performance is not None:
            performance.first_sample(self._clock.utc_of(event.dac_ns))
            self._told()

    def _relay_changed(self, event: wire.RelayChanged) -> None:
        performance = self._cast.by_cue(event.occurrence)
        if performance is None:
            return
        performance.relay = event
        if event.sounds == "stream":
            log.info("%s: the stream is heard", performance.cue)
        else:
            log.warning("%s: %s", performance.cue, _why_down(event))
        self._told()

    async def _progress(self, event: wire.Progress) -> None:
        performance = self._cast.by_cue(event.occurrence)
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
        performance = self._cast.by_cue(event.occurrence)
        if performance is None or performance.stage is not Stage.ARMED:
            return
        begin = None if event.dac_ns is None else self._clock.utc_of(event.dac_ns)
        performance.stretch_ended(event, begin, self._clock.now())
        ending = ending_of(performance, event)
        self._told()
        if ending is not None:
            await self._answers.finish(performance, ending)

    # When to look again.

    def _wait_s(self, outlook: Outlook) -> float:
        if self._events or self._cast.in_stage(Stage.ENDED):
            return 0.0
        instants = [] if outlook.wake is None else [outlook.wake]
        for segment in outlook.segments[:_LOOK_AT]:
            instants += [segment.begin - AHEAD, segment.begin]
        waits = [(instant - outlook.now).total_seconds() for instant in instants if instant > outlook.now]
        now_ns = self._clock.monotonic_ns
        for performance in self._cast.in_stage(Stage.READY):
            left_ns = performance.begin_ns - LEAD_NS - now_ns
            waits.append(left_ns / 1e9 if left_ns > 0 else HELD_S)
        if self._cast.lacked or self._cast.in_stage(Stage.ARMED):
            waits.append(AGAIN_S)
        return max(0.001, min([*waits, IDLE_S]))


def _why_down(change: wire.RelayChanged) -> str:
    """In words for a monitor; what an address asks for may be a secret."""
    instead = "its fallback sounds" if change.sounds == "fallback" else "nothing sounds instead"
    return f"{change.url.partition('?')[0]}: {change.message} ({change.code}; {instead})"[:_WORDS_MAX]
