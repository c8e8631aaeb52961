"""The agent's side of the player: asks it for sound, and has an answer for every cue whatever becomes of the process.

Rules:
- Every `start_at` gets exactly one `Ended`, also when the process dies under it (`interrupted`, played as last told) or
  is not there (`failed`, `player_unavailable`). A cue whose `start_at` was sent is never started again.
- Cues that are prepared but not started are prepared again in the next process.
- The caller commits `started` to its journal before it calls `start_at`: the player makes no sound before that.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import msgspec

from edge_agent.player import wire
from edge_agent.player.errors import PlayerUnavailableError, PrepareFailedError
from edge_agent.player.keeper import Keeper
from edge_agent.relay.rules import RelayRules

_OPEN_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerSettings:
    """How the player process sends its sound; `capture_dir` is needed by the file output.

    `buffer_ms` is what a card holds ahead; the mixer is asked for half of it at a time.
    """

    output: Literal["alsa", "file", "null"] = "null"
    device: str = "default"
    channels: int = 1
    buffer_ms: int = 20
    capture_dir: Path | None = None
    latency_ms: float = 0.0
    extra_delay_ms: float = 0.0
    relay: RelayRules = field(default_factory=RelayRules)
    relay_allow: tuple[str, ...] = ()

    def command(self) -> list[str]:
        """The command line of the process."""
        options = [f"--output={self.output}", f"--device={self.device}", f"--channels={self.channels}"]
        options += [f"--buffer-ms={self.buffer_ms}", f"--latency-ms={self.latency_ms}"]
        options += [f"--extra-delay-ms={self.extra_delay_ms}"]
        if self.capture_dir is not None:
            options.append(f"--capture-dir={self.capture_dir}")
        options += [f"--relay={msgspec.json.encode(self.relay).decode()}"]
        options += [f"--relay-allow={network}" for network in self.relay_allow]
        return [sys.executable, "-m", "edge_agent.player", *options]


@dataclass(slots=True)
class _Cue:
    """What the supervisor knows of one occurrence."""

    prepare: wire.Prepare
    answer: "asyncio.Future[wire.Ready]"
    started: bool = False
    progress: wire.Progress | None = None
    first: wire.FirstSample | None = None


class Player:
    """Drives the player process; all methods belong to one event loop.

    `on_event` gets every event of the process and the `Ended` the supervisor makes itself, in order, on the loop.
    `environment`, when given, is the whole environment of the process.
    """

    def __init__(
        self,
        settings: PlayerSettings,
        on_event: Callable[[wire.Event], None] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = settings
        self._listeners: list[Callable[[wire.Event], None]] = [] if on_event is None else [on_event]
        self._cues: dict[str, _Cue] = {}
        self._up = asyncio.Event()
        self._keeper = Keeper(
            settings.command(), environment=environment, on_event=self._take, on_down=self._process_gone
        )
        self.last_pong: wire.Pong | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def opened(self) -> wire.Opened | None:
        """What the running process said about its output; None while there is none."""
        return self._keeper.opened

    @property
    def lives(self) -> int:
        """How many processes have been started so far."""
        return self._keeper.lives

    @property
    def sounding(self) -> frozenset[str]:
        """Occurrences whose `start_at` was sent and that have not ended."""
        return frozenset(name for name, cue in self._cues.items() if cue.started)

    async def start(self) -> None:
        """Begin to keep a process alive; returns at once, see `wait_open`."""
        self._keeper.start()

    async def wait_open(self, timeout_s: float = _OPEN_WITHIN_S) -> wire.Opened:
        """Wait until the output runs.

        Raises:
            PlayerUnavailableError: it does not within `timeout_s`.
        """
        try:
            async with asyncio.timeout(timeout_s):  # wait_for of Python 3.11 may swallow a cancellation
                await self._up.wait()
        except TimeoutError:
            raise PlayerUnavailableError(f"the player did not open {self._settings.output} in {timeout_s} s") from None
        opened = self.opened
        if opened is None:
            raise PlayerUnavailableError("the player has just ended; it is being restarted")
        return opened

    async def close(self) -> None:
        """Ramp down and end the process; what sounds ends as `stopped`, or `interrupted` if it had to be killed."""
        await self._keeper.close()

    async def events(self) -> AsyncIterator[wire.Event]:
        """All events from the first step of the iteration on, without end."""
        queue: asyncio.Queue[wire.Event] = asyncio.Queue()
        self._listeners.append(queue.put_nowait)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.remove(queue.put_nowait)

    async def prepare(self, cue: wire.Prepare, *, timeout_s: float = 30.0) -> wire.Ready:
        """Have a cue decoded ahead; survives a restart of the process while waiting.

        Raises:
            PrepareFailedError: it cannot be played; `reason` is the code.
            PlayerUnavailableError: no answer within `timeout_s`; the cue is forgotten.
        """
        known = self._cues.get(cue.occurrence)
        if known is not None and known.started:
            raise PrepareFailedError(f"{cue.occurrence} sounds already; stop it first", reason="cue_refused")
        entry = _Cue(cue, asyncio.get_running_loop().create_future())
        self._cues[cue.occurrence] = entry
        self._keeper.write(cue)
        try:
            return await asyncio.wait_for(entry.answer, timeout_s)
        except TimeoutError:
            self._forget(cue.occurrence, entry)
            self._keeper.write(wire.Stop(occurrence=cue.occurrence))
            raise PlayerUnavailableError(f"the player did not prepare {cue.occurrence} in {timeout_s} s") from None

    async def start_at(
        self, occurrence: str, *, start_ns: int, volume: int = 100, latest_ns: int | None = None
    ) -> None:
        """Sound a prepared cue from an instant of CLOCK_MONOTONIC (ns); one `Ended` follows, whatever happens.

        Call it only after `started` is committed to the journal. A second call for a cue that sounds does nothing.
        """
        entry = self._cues.get(occurrence)
        if entry is not None and entry.started:
            return
        order = wire.StartAt(occurrence=occurrence, start_ns=start_ns, volume=volume, latest_ns=latest_ns)
        if entry is None:
            self._tell_ended(occurrence, "failed", "not_prepared", None)
        elif self._keeper.write(order):
            entry.started = True
        else:
            self._cues.pop(occurrence)
            self._tell_ended(occurrence, "failed", "player_unavailable", None)

    async def stop(self, occurrence: str | None = None, *, ramp_ms: int = 20, at_ns: int | None = None) -> None:
        """Ramp down one occurrence, or all, now or at an instant; what is only prepared is forgotten, silently."""
        for name, entry in list(self._cues.items()):
            if occurrence in (None, name) and not entry.started:
                self._forget(name, entry)
                self._fail(entry, "stopped", f"{name} was stopped before it was ready")
        self._keeper.write(wire.Stop(occurrence=occurrence, ramp_ms=ramp_ms, at_ns=at_ns))

    async def end_at(self, occurrence: str, end_ms: int) -> None:
        """Replace the end of a started cue by a programme position."""
        self._keeper.write(wire.EndAt(occurrence=occurrence, end_ms=end_ms))

    async def volume(self, volume: int, occurrence: str | None = None) -> None:
        """Change the volume (0..100) of one occurrence or of all that are started."""
        self._keeper.write(wire.Volume(volume=volume, occurrence=occurrence))

    def _take(self, event: wire.Event) -> None:
        match event:
            case wire.Opened():
                self._up.set()
                for entry in self._cues.values():
                    self._keeper.write(entry.prepare)
            case wire.Ready(occurrence=occurrence) | wire.PrepareFailed(occurrence=occurrence):
                self._settle(occurrence, event)
            case wire.FirstSample() if event.occurrence in self._cues:
                self._cues[event.occurrence].first = event
            case wire.Progress() if event.occurrence in self._cues:
                self._cues[event.occurrence].progress = event
            case wire.Ended():
                self._cues.pop(event.occurrence, None)
            case wire.Pong():
                self.last_pong = event
            case _:
                pass
        self._tell(event)

    def _settle(self, occurrence: str, event: wire.Ready | wire.PrepareFailed) -> None:
        entry = self._cues.get(occurrence)
        if entry is None or entry.started:
            return
        if isinstance(event, wire.PrepareFailed):
            self._forget(occurrence, entry)
            self._fail(entry, event.code, event.message)
        elif not entry.answer.done():
            entry.answer.set_result(event)

    def _forget(self, occurrence: str, entry: _Cue) -> None:
        if self._cues.get(occurrence) is entry:
            self._cues.pop(occurrence)

    def _fail(self, entry: _Cue, reason: str, message: str) -> None:
        if not entry.answer.done():
            entry.answer.set_exception(PrepareFailedError(message, reason=reason))

    def _process_gone(self, status: int | None) -> None:
        """Answer for everything that sounded; what was only prepared waits for the next process."""
        self._up.clear()
        if status is not None:
            message = f"the player process ended with status {status}; it is being restarted"
            self._tell(wire.Fault(code="player_died", message=message))
        for occurrence, entry in list(self._cues.items()):
            if entry.started:
                self._cues.pop(occurrence)
                self._tell_ended(occurrence, "interrupted", "player_died", entry)

    def _tell_ended(self, occurrence: str, outcome: wire.Outcome, reason: str, entry: _Cue | None) -> None:
        progress = entry.progress if entry is not None else None
        first = entry.first if entry is not None else None
        self._tell(
            wire.Ended(
                occurrence=occurrence,
                outcome=outcome,
                reason=reason,
                evidence="device" if self._settings.output == "alsa" else "signal",
                played_ms=progress.played_ms if progress else 0,
                frames=progress.frames if progress else 0,
                position_ms=progress.position_ms if progress else 0,
                rms_dbfs=progress.rms_dbfs if progress else -120.0,
                peak_dbfs=progress.peak_dbfs if progress else -120.0,
                dac_ns=first.dac_ns if first else None,
                skew_ms=first.skew_ms if first else None,
            )
        )

    def _tell(self, event: wire.Event) -> None:
        for listener in list(self._listeners):
            listener(event)
