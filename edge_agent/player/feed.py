"""Decoded sound ahead of the mixer: a thread decodes a programme into a ring of a few seconds, the mixer takes it out.

One writer, one reader, no lock: the reader is the audio callback and never waits. Memory is the ring, however long the
programme is. A file shorter than its manifest says fails its cue: before the start where the file was measured, where
it ends otherwise. A relay is fed only shortly ahead, once the cue has been told to start; its stream is opened before.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from edge_agent.player.chimes import chime
from edge_agent.player.decoding import AudioFile, measure_frames
from edge_agent.player.errors import ContentTruncatedError, OffsetPastEndError, PlayerError
from edge_agent.player.levels import RATE_HZ, Samples, frames_of_ms, ms_of_frames
from edge_agent.player.relaying import LEAD_FRAMES, Change, Fallback, Heard, Ledger, Relaying
from edge_agent.player.wire import Chime, Content, Prepare, Relay, RelayChanged, Silence, Source
from edge_agent.relay.rules import RelayRules
from edge_agent.relay.station import Station

RING_S = 4
_READY_S, _READY_AT_ONCE_S = 1.0, 0.2
_TRUNCATED_MS = 250
_PIECE_FRAMES = 4800
_FULL_WAIT_S = 0.1
_YIELD_S = 0.001
_RELAY_WAIT_S = 0.02


class Feed(Protocol):
    """Where a voice takes its samples from."""

    @property
    def finished(self) -> bool:
        """No more samples come than `available` tells; `failure` says whether that is by fault."""

    @property
    def failure(self) -> str | None:
        """Code of what broke the feed off, if anything."""

    def available(self) -> int:
        """Frames that can be read now."""

    def read(self, frames: int) -> Samples:
        """At most `frames` frames, never waiting."""

    def relayed(self, frames: int) -> Heard | None:
        """What of the first `frames` was a relay; None if nothing was."""

    def close(self) -> None:
        """Give everything free."""


class Ring:
    """Single-writer single-reader ring of samples; the two counters are each written by one side only."""

    def __init__(self, frames: int) -> None:
        self._samples = np.zeros(frames, np.float32)
        self._written = 0
        self._read = 0

    def available(self) -> int:
        """Frames that can be read now."""
        return self._written - self._read

    def write(self, samples: Samples) -> int:
        """Take as many frames as fit, return how many."""
        size = self._samples.size
        count = min(samples.size, size - self.available())
        begin = self._written % size
        first = min(count, size - begin)
        self._samples[begin : begin + first] = samples[:first]
        self._samples[: count - first] = samples[first:count]
        self._written += count
        return count

    def read(self, frames: int) -> Samples:
        """Copy out at most `frames` frames."""
        size = self._samples.size
        count = min(frames, self.available())
        begin = self._read % size
        first = min(count, size - begin)
        taken = np.concatenate((self._samples[begin : begin + first], self._samples[: count - first]))
        self._read += count
        return taken


class Relays:
    """How this player relays: the device's rules, the networks it may fetch from, who hears of changes."""

    def __init__(
        self,
        rules: RelayRules | None = None,
        allow: tuple[str, ...] = (),
        told: Callable[[RelayChanged], None] = lambda _: None,
    ) -> None:
        self.rules, self.allow, self.told = rules or RelayRules(), allow, told

    def station(self, relay: Relay) -> Station:
        """The stream of a relay, not opened yet."""
        return Station(relay.url, self.rules, self.allow)


class _Settled(threading.Event):
    """Set once; whoever wants to know is told at once, in the thread that set it."""

    def __init__(self) -> None:
        super().__init__()
        self.told: Callable[[], object] = lambda: None

    def set(self) -> None:
        """Wake who waits, and tell."""
        if not self.is_set():
            super().set()
            self.told()


class ProgrammeFeed:
    """The decoding thread of one cue and its ring."""

    def __init__(self, cue: Prepare, *, ring_s: float = RING_S, relays: Relays | None = None) -> None:
        self._cue = cue
        self._relays = relays or Relays()
        self._ring = Ring(round(ring_s * RATE_HZ))
        ready_s = _READY_AT_ONCE_S if cue.at_once else _READY_S
        self._ready_frames = round(min(ready_s, ring_s / 2) * RATE_HZ)
        self._failure: str | None = None
        self._finished = False
        self._closed = threading.Event()
        self._settled = _Settled()
        self._going = threading.Event()
        self._written = 0
        self._short = 0  # frames that were asked for and not there; the audio thread counts
        self._made_up = 0  # as many that a relay has left out, so that it ended in time
        self._coming: list[tuple[int, Station]] = []
        self._ledger = Ledger()
        self.error: PlayerError | None = None
        self.programme_frames = 0
        self._thread = threading.Thread(target=self._run, name=f"decode {cue.occurrence}", daemon=True)

    def start(self, settled: Callable[[], object] = lambda: None) -> None:
        """Begin to decode; `settled` is called once, in that thread, when `wait_ready` would return."""
        self._settled.told = settled
        self._thread.start()

    def go(self) -> None:
        """The cue was told to start: what is live may be fed now."""
        self._going.set()

    def wait_ready(self, timeout_s: float | None = None) -> bool:
        """Wait until enough is decoded to start, or the cue has failed (`error` is set)."""
        return self._settled.wait(timeout_s)

    @property
    def finished(self) -> bool:
        """The thread has written its last sample."""
        return self._finished

    @property
    def closed(self) -> bool:
        """Nobody wants this programme any more."""
        return self._closed.is_set()

    @property
    def failure(self) -> str | None:
        """Code of what broke decoding off."""
        return self._failure

    def available(self) -> int:
        """Frames that can be read now."""
        return self._ring.available()

    def read(self, frames: int) -> Samples:
        """At most `frames` frames, never waiting."""
        taken = self._ring.read(frames)
        if taken.size < frames and not self._finished:
            self._short += frames - taken.size
        return taken

    def relayed(self, frames: int) -> Heard | None:
        """What of the first `frames` was a relay."""
        return self._ledger.heard(frames)

    def close(self) -> None:
        """End the thread; what it holds is freed when it notices."""
        self._closed.set()

    def _run(self) -> None:
        try:
            self._measure_and_decode()
        except PlayerError as error:
            self.error, self._failure = error, error.code
        except Exception as error:  # noqa: BLE001 - a decoder's surprise must fail this cue, not kill the others
            self.error = PlayerError(f"decoding {self._cue.occurrence} failed: {error!r}")
            self._failure = self.error.code
        finally:
            self._finished = True
            self._settled.set()
            for _, station in self._coming:
                station.close()

    def _measure_and_decode(self) -> None:
        lengths = [_length(source, measured=not self._cue.at_once) for source in self._cue.sources]
        self.programme_frames = sum(lengths) * self._cue.repeats
        skip = frames_of_ms(self._cue.offset_ms)
        if skip >= self.programme_frames:
            raise OffsetPastEndError(
                f"{self._cue.occurrence} should begin at {self._cue.offset_ms} ms, "
                f"but its programme lasts {ms_of_frames(self.programme_frames)} ms"
            )
        parts = list(zip(self._cue.sources, lengths, strict=True)) * self._cue.repeats
        self._look_forward_to(parts, skip)
        for source, length in parts:
            if skip >= length:
                skip -= length
                continue
            if not self._write(source, skip, length):
                return
            skip = 0

    def _look_forward_to(self, parts: list[tuple[Source, int]], skip: int) -> None:
        """Note where relays begin, in frames of this feed."""
        begin = -skip
        for source, length in parts:
            if isinstance(source, Relay) and begin + length > 0:
                self._coming.append((begin, self._relays.station(source)))
            begin += length

    def _write(self, source: Source, skip: int, length: int) -> bool:
        """Put one source into the ring; false when nobody wants it any more."""
        if isinstance(source, Relay):
            return self._write_relay(source, length - skip)
        written = self._write_all(_samples(source, skip))
        if written is not None and isinstance(source, Content):
            _demand_whole(source, skip + written)
        return written is not None

    def _write_relay(self, relay: Relay, frames: int) -> bool:
        _, station = self._coming[0]
        self._settled.set()
        while not self._going.is_set():
            station.tend()
            if self._closed.wait(_RELAY_WAIT_S):
                return False
        fallback = Fallback(Path(relay.fallback.path) if relay.fallback is not None else None)
        made_up = self._made_up
        relaying = Relaying(
            station,
            fallback,
            self._relays.rules,
            ahead=self._ring.available,
            missed=lambda: self._short - made_up,
            pause=self._closed.wait,
            told=lambda change: self._relay_changed(relay, change),
        )
        written = self._write_all(relaying.blocks(frames, self._written), LEAD_FRAMES)
        if written is None:
            return False
        self._made_up += max(0, frames - written)
        self._coming.pop(0)
        station.close()
        return True

    def _relay_changed(self, relay: Relay, change: Change) -> None:
        self._ledger.note(change)
        if change.sounds is None or (change.sounds == "silence" and change.why is None):
            return
        code, message = (change.why.code, change.why.message) if change.why is not None else ("", "")
        told = RelayChanged(
            occurrence=self._cue.occurrence, url=relay.url, sounds=change.sounds, code=code, message=message
        )
        self._relays.told(told)

    def _write_all(self, blocks: Iterator[Samples], ahead_frames: int | None = None) -> int | None:
        """Frames that were put into the ring, at most so far ahead; None when nobody wants them any more."""
        begun = self._written
        for block in blocks:
            rest = block
            while rest.size:
                self._open_what_comes()
                while ahead_frames is not None and self._ring.available() >= ahead_frames:
                    if self._closed.wait(_RELAY_WAIT_S):
                        return None
                count = self._ring.write(rest)
                self._written += count
                rest = rest[count:]
                if self._ring.available() >= self._ready_frames:
                    self._settled.set()
                if self._closed.wait(self._pause_s(rest.size)):
                    return None
        return self._written - begun

    def _open_what_comes(self) -> None:
        """Streams are opened a while before they are heard."""
        heard = self._written - self._ring.available()
        for begin, station in self._coming:
            if begin - heard > self._relays.rules.open_ahead_s * RATE_HZ:
                return
            station.tend()

    def _pause_s(self, left: int) -> float:
        """Before the next block: none until enough is there, then whoever starts the sound gets the interpreter."""
        if left:
            return _FULL_WAIT_S
        return _YIELD_S if self._settled.is_set() else 0.0


def _length(source: Source, *, measured: bool) -> int:
    """Frames of a source; of a file with the size of its manifest as that says, unless it is to be measured."""
    if isinstance(source, Silence | Relay):
        return frames_of_ms(source.duration_ms)
    if isinstance(source, Chime):
        return chime(source.name).size
    if not measured and source.duration_ms is not None and _size_bytes(source) == source.size_bytes:
        return frames_of_ms(source.duration_ms)
    frames = measure_frames(Path(source.path))
    _demand_whole(source, frames)
    return frames


def _size_bytes(source: Content) -> int | None:
    try:
        return Path(source.path).stat().st_size
    except OSError:
        return None


def _demand_whole(source: Content, frames: int) -> None:
    """Raise where a file has fewer frames than its manifest says."""
    if source.duration_ms is not None and ms_of_frames(frames) < source.duration_ms - _TRUNCATED_MS:
        raise ContentTruncatedError(
            f"{Path(source.path).name} lasts {ms_of_frames(frames)} ms, its manifest says {source.duration_ms} ms; "
            "fetch it again"
        )


def _samples(source: Content | Silence | Chime, skip_frames: int) -> Iterator[Samples]:
    if isinstance(source, Content):
        yield from AudioFile(Path(source.path), skip_frames).blocks()
    elif isinstance(source, Chime):
        yield chime(source.name)[skip_frames:]
    else:
        left = frames_of_ms(source.duration_ms) - skip_frames
        while left > 0:
            yield np.zeros(min(left, _PIECE_FRAMES), np.float32)
            left -= _PIECE_FRAMES
