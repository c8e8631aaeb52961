"""One relay inside a programme: the stream, or what stands in for it, for exactly the planned time.

Rules: whatever the stream does, a sample is there when it is due; a stream that runs dry, is silent for too long or
cannot be opened gives way to the fallback, and without one to silence, before a gap is heard; every change is a
crossfade; what sounded is noted in frames, so that the receipt can tell.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from edge_agent.player.decoding import AudioFile
from edge_agent.player.errors import PlayerError
from edge_agent.player.levels import RATE_HZ, Samples, frames_of_ms, ms_of_frames, rising
from edge_agent.relay.framing import Status
from edge_agent.relay.rules import RelayRules

Sounding = Literal["stream", "fallback", "silence"]

LEAD_FRAMES = RATE_HZ
LOW_FRAMES = RATE_HZ * 3 // 10
_PIECE_FRAMES = RATE_HZ // 50
_JOIN_FRAMES = frames_of_ms(20)
_ENOUGH_FRAMES = RATE_HZ
_PATIENCE_FRAMES = RATE_HZ * 3 // 2
_PAUSE_S = 0.01
_SILENT = Status(code="relay_silent", message="the stream carries only silence; waiting for sound")


class StationPort(Protocol):
    """What a relay needs of `edge_agent.relay.station.Station`."""

    quiet_frames: int
    state: Literal["opening", "live", "down"]

    @property
    def back(self) -> bool:
        """It gives sound again."""

    @property
    def why(self) -> Status:
        """Why nothing comes."""

    def tend(self) -> None:
        """Try again where it is time."""

    def available(self) -> int:
        """Frames that can be taken now."""

    def take(self, frames: int) -> Samples:
        """At most so many."""

    def join(self) -> None:
        """Lose nothing from now on."""

    def part(self) -> None:
        """Lose everything from now on."""


@dataclass(frozen=True, slots=True)
class Change:
    """From a frame of the feed on this sounds; `sounds` None where the relay is over."""

    frame: int
    sounds: Sounding | None
    why: Status | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What of the relays was heard, in ms; `reasons` are the codes of what went wrong, each once."""

    stream_ms: int
    fallback_ms: int
    silence_ms: int
    reasons: tuple[str, ...]


class Ledger:
    """What sounded from which frame on; written by the feed, read by the mixer."""

    def __init__(self) -> None:
        self._changes: list[Change] = []

    def note(self, change: Change) -> None:
        """Frames never go back."""
        self._changes.append(change)

    def heard(self, frames: int) -> Heard | None:
        """What sounded in the first `frames` of the feed; None if that was no relay."""
        changes = self._changes[: bisect_right(self._changes, frames - 1, key=lambda change: change.frame)]
        if not changes:
            return None
        spent = {"stream": 0, "fallback": 0, "silence": 0}
        ends = [change.frame for change in changes[1:]] + [frames]
        for change, end in zip(changes, ends, strict=True):
            if change.sounds is not None:
                spent[change.sounds] += end - change.frame
        reasons = tuple(dict.fromkeys(change.why.code for change in changes if change.why is not None))
        stream_ms, fallback_ms, silence_ms = (ms_of_frames(frames) for frames in spent.values())
        return Heard(stream_ms, fallback_ms, silence_ms, reasons)


class Fallback:
    """A file again and again, from where it was left; silence once it cannot be read."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._held = np.zeros(0, np.float32)
        self._blocks = self._endless()
        self.usable = path is not None and path.is_file()

    def take(self, frames: int) -> Samples:
        """Exactly so many."""
        while self._held.size < frames and (block := self._next()) is not None:
            self._held = np.concatenate((self._held, block))
        taken, self._held = self._held[:frames], self._held[frames:]
        return _filled(taken, frames)

    def _next(self) -> Samples | None:
        try:
            return next(self._blocks, None)
        except PlayerError:
            self.usable = False
            return None

    def _endless(self) -> Iterator[Samples]:
        while self._path is not None:
            sounded = False
            for block in AudioFile(self._path).blocks():
                sounded = sounded or bool(block.size)
                yield block
            if not sounded:
                break
        self.usable = False


class Relaying:
    """Makes the samples of one relay.

    `ahead` tells how many frames wait before these; `missed` how many the listener has had to do without so far;
    `pause` waits and is true when nobody wants them any more; `told` hears of every change.
    """

    def __init__(
        self,
        station: StationPort,
        fallback: Fallback,
        rules: RelayRules,
        *,
        ahead: Callable[[], int],
        missed: Callable[[], int],
        pause: Callable[[float], bool],
        told: Callable[[Change], None],
    ) -> None:
        self._station, self._fallback, self._rules = station, fallback, rules
        self._ahead, self._missed, self._pause, self._told = ahead, missed, pause, told
        self._sounds: Sounding = "silence"
        self._waited: int | None = 0
        self._leaving: tuple[Sounding, int, int] | None = None
        self._frame = 0

    def blocks(self, frames: int, first_frame: int) -> Iterator[Samples]:
        """Exactly `frames`, of which the first is frame `first_frame` of the feed.

        Fewer only by those that came too late to be heard in their time, or if nobody wants them.
        """
        self._frame = first_frame
        self._told(Change(first_frame, "silence"))
        while self._frame < (end := first_frame + frames - self._missed()):
            if not self._decided():
                if self._pause(_PAUSE_S):
                    return
                continue
            count = min(_PIECE_FRAMES, end - self._frame)
            done = self._frame - first_frame
            piece = self._mixed(count) * rising(done, count, _JOIN_FRAMES)
            self._frame += count
            yield piece * rising(end - self._frame, count, _JOIN_FRAMES)[::-1]
        self._told(Change(self._frame, None))

    def _decided(self) -> bool:
        """Choose what sounds next; false while it is worth waiting for the stream."""
        self._station.tend()
        if self._leaving is not None:
            return True
        if self._sounds == "stream":
            return self._stay_or_leave()
        if self._waited is not None:
            return self._wait_for_the_first()
        if self._station.back and self._station.available() > self._reserve + _PIECE_FRAMES:
            self._join()
        elif self._sounds == "fallback" and not self._fallback.usable:
            self._change("silence", None, _JOIN_FRAMES)
        return True

    @property
    def _reserve(self) -> int:
        """What of the stream is kept for fading out of it."""
        return frames_of_ms(self._rules.crossfade_ms)

    def _stay_or_leave(self) -> bool:
        station = self._station
        if station.quiet_frames >= self._rules.silence_s * RATE_HZ:
            self._leave(_SILENT)
            return True
        if station.available() >= self._reserve + _PIECE_FRAMES:
            return True
        if station.state == "live" and self._ahead() > LOW_FRAMES:
            return False
        self._leave(station.why)
        return True

    def _wait_for_the_first(self) -> bool:
        station, waited = self._station, self._waited or 0
        if station.available() >= _ENOUGH_FRAMES:
            self._join()
        elif station.state == "down" or waited >= _PATIENCE_FRAMES:
            self._leave(station.why)
        elif self._ahead() > LOW_FRAMES:
            return False
        else:
            self._waited = waited + _PIECE_FRAMES
        return True

    def _join(self) -> None:
        self._station.join()
        self._change("stream", None, self._reserve)

    def _leave(self, why: Status) -> None:
        fade = min(self._reserve, self._station.available()) if self._sounds == "stream" else _JOIN_FRAMES
        self._change("fallback" if self._fallback.usable else "silence", why, fade)

    def _change(self, sounds: Sounding, why: Status | None, fade_frames: int) -> None:
        self._leaving = (self._sounds, 0, max(1, fade_frames))
        self._sounds, self._waited = sounds, None
        self._told(Change(self._frame, sounds, why))

    def _mixed(self, count: int) -> Samples:
        if self._leaving is None:
            return self._taken(self._sounds, count)
        old, done, length = self._leaving
        rise = rising(done, count, length)
        mixed: Samples = self._taken(self._sounds, count) * rise + self._taken(old, count) * (1 - rise)
        if done + count < length:
            self._leaving = (old, done + count, length)
            return mixed
        self._leaving = None
        if old == "stream":
            self._station.part()
        return mixed

    def _taken(self, sounds: Sounding, count: int) -> Samples:
        if sounds == "stream":
            return _filled(self._station.take(count), count)
        return self._fallback.take(count) if sounds == "fallback" else np.zeros(count, np.float32)


def _filled(taken: Samples, frames: int) -> Samples:
    return np.concatenate((taken, np.zeros(frames - taken.size, np.float32))) if taken.size < frames else taken
