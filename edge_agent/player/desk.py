"""The player process: reads commands, keeps prepared cues, tells events in the order in which they become true.

Rules: standard output carries the protocol and nothing else; when standard input ends (the agent has died or let go),
all sound ramps down and the process is gone within 100 ms; an output that stops asking for samples ends the process
with a fault, so that the supervisor starts a fresh one.
"""

import threading
import time
from functools import partial
from typing import BinaryIO

import msgspec

from edge_agent.player import wire
from edge_agent.player.engine import Mixer, Report
from edge_agent.player.errors import CueRefusedError, PlayerError
from edge_agent.player.feed import ProgrammeFeed, Relays
from edge_agent.player.levels import Samples, ms_of_frames
from edge_agent.player.outputs.port import Output
from edge_agent.relay.rules import RelayRules

PREPARED_MAX = 16
EXIT_RAMP_MS = 20
_TICK_S = 0.01
_STALL_NS = 2_000_000_000
_EXIT_NS = 70_000_000


class TimedMixer(Mixer):
    """A mixer that also notes when it was last asked, how late at worst, and how long its slowest block took."""

    def __init__(self, evidence: wire.Evidence) -> None:
        super().__init__(evidence)
        self.asked_ns = 0
        self.slowest_ns = 0
        self.least_lead_ns: int | None = None

    def render(self, frames: int, dac_ns: int) -> Samples:
        """The next block, timed."""
        self.asked_ns = time.monotonic_ns()
        lead_ns = dac_ns - self.asked_ns
        self.least_lead_ns = lead_ns if self.least_lead_ns is None else min(self.least_lead_ns, lead_ns)
        block = super().render(frames, dac_ns)
        self.slowest_ns = max(self.slowest_ns, time.monotonic_ns() - self.asked_ns)
        return block


class Desk:
    """Joins the command stream, the prepared cues, the mixer and the event stream."""

    def __init__(
        self,
        output: Output,
        commands: BinaryIO,
        events: BinaryIO,
        *,
        name: str,
        pid: int,
        relay_rules: RelayRules | None = None,
        relay_allow: tuple[str, ...] = (),
    ) -> None:
        self._output, self._commands, self._events = output, commands, events
        self._name, self._pid = name, pid
        self._mixer = TimedMixer(output.evidence)
        self._prepared: dict[str, tuple[wire.Prepare, ProgrammeFeed]] = {}
        self._sounding: set[str] = set()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._failed: str | None = None
        self._held: list[Report] = []
        self._relays = Relays(relay_rules, relay_allow, self._tell)

    def run(self) -> int:
        """Serve until standard input ends or the output fails; returns the exit status."""
        try:
            self._output.start(self._mixer)
        except PlayerError as error:
            self._tell(wire.Fault(code=error.code, message=str(error)))
            return 2
        capture = self._output.capture
        self._tell(
            wire.Opened(
                pid=self._pid,
                output=self._name,
                evidence=self._output.evidence,
                capture=None if capture is None else str(capture),
            )
        )
        threading.Thread(target=self._read_commands, name="commands", daemon=True).start()
        self._pump()
        if self._failed is not None:
            return 3
        self._fall_silent()
        return 0

    def end(self) -> None:
        """Ramp down and let `run` return."""
        self._over.set()

    def _pump(self) -> None:
        """Pass reports on as they become true, and watch that the output keeps asking."""
        held = self._held
        while not self._over.wait(_TICK_S):
            while self._mixer.reports:
                held.append(self._mixer.reports.popleft())
            now = time.monotonic_ns()
            for report in [report for report in held if report.due_ns <= now]:
                held.remove(report)
                self._pass_on(report.event)
            if now - self._mixer.asked_ns > _STALL_NS:
                self._stalled()
                return

    def _stalled(self) -> None:
        self._failed = "output_stalled"
        self._mixer.fail_all(self._failed)
        for report in [*self._held, *self._mixer.reports]:
            self._pass_on(report.event)
        self._tell(wire.Fault(code=self._failed, message=f"{self._name} takes no more samples; the player restarts"))

    def _pass_on(self, event: wire.FirstSample | wire.Progress | wire.Ended) -> None:
        if isinstance(event, wire.Ended):
            self._sounding.discard(event.occurrence)
        self._tell(event)

    def _fall_silent(self) -> None:
        """Ramp everything down and give the device time to send it."""
        self._mixer.stop(None, ramp_ms=EXIT_RAMP_MS)
        deadline = time.monotonic_ns() + _EXIT_NS
        while not self._mixer.silent and time.monotonic_ns() < deadline:
            time.sleep(_TICK_S / 5)
        for report in [*self._held, *self._mixer.reports]:
            self._pass_on(report.event)
        time.sleep(max(0.0, min(0.02, (deadline - time.monotonic_ns()) / 1e9)))

    def _read_commands(self) -> None:
        for line in self._commands:
            try:
                self._obey(wire.decode_command(line))
            except msgspec.DecodeError as error:
                self._tell(wire.Fault(code="command_invalid", message=f"the agent sent no command: {error}"))
        self._over.set()

    def _obey(self, command: wire.Command) -> None:
        match command:
            case wire.Prepare():
                self._prepare(command)
            case wire.StartAt():
                self._start(command)
            case wire.Stop():
                self._stop(command)
            case wire.EndAt():
                self._mixer.end_at(command.occurrence, command.end_ms)
            case wire.Volume():
                self._mixer.set_volume(command.occurrence, command.volume)
            case wire.Ping():
                self._pong(command.token)

    def _prepare(self, cue: wire.Prepare) -> None:
        self._discard(cue.occurrence)
        if cue.occurrence in self._sounding or len(self._prepared) >= PREPARED_MAX:
            error = CueRefusedError(f"{cue.occurrence} sounds already, or {PREPARED_MAX} cues are prepared")
            self._tell(wire.PrepareFailed(occurrence=cue.occurrence, code=error.code, message=str(error)))
            return
        feed = ProgrammeFeed(cue, relays=self._relays)
        self._prepared[cue.occurrence] = (cue, feed)
        feed.start(partial(self._answer, cue, feed))

    def _answer(self, cue: wire.Prepare, feed: ProgrammeFeed) -> None:
        if feed.closed:
            return
        if feed.error is not None:
            if self._prepared.get(cue.occurrence, (cue, None))[1] is feed:
                self._prepared.pop(cue.occurrence, None)
            error = feed.error
            self._tell(wire.PrepareFailed(occurrence=cue.occurrence, code=error.code, message=str(error)))
        else:
            duration_ms = ms_of_frames(feed.programme_frames)
            self._tell(wire.Ready(occurrence=cue.occurrence, duration_ms=duration_ms))

    def _start(self, order: wire.StartAt) -> None:
        cue, feed = self._prepared.pop(order.occurrence, (None, None))
        if cue is None or feed is None:
            reason = "already_started" if order.occurrence in self._sounding else "not_prepared"
            if reason == "not_prepared":
                self._refuse(order, reason)
            return
        if feed.error is not None:
            self._refuse(order, feed.error.code)
            return
        self._sounding.add(order.occurrence)
        feed.go()
        self._mixer.start(cue, order, feed)

    def _refuse(self, order: wire.StartAt, reason: str) -> None:
        evidence = self._output.evidence
        self._tell(wire.Ended(occurrence=order.occurrence, outcome="failed", reason=reason, evidence=evidence))

    def _stop(self, command: wire.Stop) -> None:
        if command.occurrence is not None:
            self._discard(command.occurrence)
        else:
            for occurrence in list(self._prepared):
                self._discard(occurrence)
        self._mixer.stop(command.occurrence, ramp_ms=command.ramp_ms, at_ns=command.at_ns)

    def _discard(self, occurrence: str) -> None:
        _, feed = self._prepared.pop(occurrence, (None, None))
        if feed is not None:
            feed.close()

    def _pong(self, token: int) -> None:
        mixer = self._mixer
        slowest, mixer.slowest_ns = mixer.slowest_ns, 0
        lead, mixer.least_lead_ns = mixer.least_lead_ns, None
        self._tell(
            wire.Pong(
                token=token,
                blocks=mixer.blocks,
                xruns=mixer.xruns,
                render_max_ms=round(slowest / 1e6, 3),
                lead_min_ms=None if lead is None else round(lead / 1e6, 3),
            )
        )

    def _tell(self, event: wire.Event) -> None:
        try:
            with self._lock:
                self._events.write(wire.encode(event))
                self._events.flush()
        except OSError:
            # Nobody listens any more: the agent has died, so this process ends too.
            self._over.set()
