"""The mixer: decides which sample of which cue leaves the converter when; pure, devices and clocks stay outside.

Rules:
- One voice at a time, always: a cue that starts ends the one before it. When its start is known ahead, the ramp of the
  other ends exactly there; when not, it waits for the ramp (10 ms). Of several due at once the latest start sounds.
- A cue starts at the frame whose converter instant is its start; if that has passed, at once; after `latest_ns` never.
- Orders reach the mixer through a queue and act at the next block, so the audio thread never waits for anybody.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from edge_agent.player.feed import Feed
from edge_agent.player.levels import Samples, frames_of_ms, frames_of_ns, ns_of_frames
from edge_agent.player.voice import STOP_RAMP_MAX_MS, Voice
from edge_agent.player.wire import Ended, Evidence, FirstSample, Outcome, Prepare, Progress, StartAt

YIELD_RAMP_FRAMES = frames_of_ms(10)
_GAP_NS = 5_000_000


@dataclass(frozen=True, slots=True)
class Mark:
    """A cue began or ended at a frame of the block that was rendered last (the end is the first frame without it)."""

    occurrence: str
    what: Literal["began", "ended"]
    frame: int


@dataclass(frozen=True, slots=True)
class Report:
    """An event and the instant from which it is true at the converter."""

    due_ns: int
    event: FirstSample | Progress | Ended


class Mixer:
    """Turns armed cues into blocks of mono float32 samples at 48 kHz.

    `render` belongs to the audio thread; all other methods may be called from any thread. `reports` and `marks` are
    what happened: reports are for whoever pops them, marks describe the last block only.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.reports: deque[Report] = deque()
        self.marks: list[Mark] = []
        self.blocks = 0
        self.xruns = 0
        self._evidence = evidence
        self._orders: deque[Callable[[], None]] = deque()
        self._armed: list[Voice] = []
        self._current: Voice | None = None
        self._dac_ns = 0
        self._expected_ns: int | None = None

    @property
    def silent(self) -> bool:
        """Nothing sounds, nothing is armed, no order waits."""
        return self._current is None and not self._armed and not self._orders

    def start(self, cue: Prepare, order: StartAt, feed: Feed) -> None:
        """Arm a prepared cue."""
        self._orders.append(partial(self._arm, Voice(cue, order, feed)))

    def stop(self, occurrence: str | None, *, ramp_ms: int, at_ns: int | None = None) -> None:
        """Ramp one cue down, or all, at an instant or now; the ramp is cut to 50 ms."""
        ramp = frames_of_ms(min(max(0, ramp_ms), STOP_RAMP_MAX_MS))
        self._orders.append(partial(self._stop, occurrence, ramp, at_ns))

    def set_volume(self, occurrence: str | None, volume: int) -> None:
        """Change the volume of one cue, or of all that are armed or sound."""
        self._orders.append(partial(self._set_volume, occurrence, volume))

    def end_at(self, occurrence: str, end_ms: int) -> None:
        """Replace the end of a cue by a programme position."""
        self._orders.append(partial(self._end_at, occurrence, end_ms))

    def fail_all(self, reason: str) -> None:
        """End everything as failed; only when the audio thread has stopped."""
        for voice in self._named(None):
            self._finish(voice, self._dac_ns, ("failed", reason))
        self._armed, self._current = [], None

    def note_xrun(self) -> None:
        """The output had a hole."""
        self.xruns += 1

    def render(self, frames: int, dac_ns: int) -> Samples:
        """The next block, whose first frame leaves the converter at `dac_ns` (CLOCK_MONOTONIC)."""
        self._note_gap(frames, dac_ns)
        self._dac_ns, self.marks = dac_ns, []
        while self._orders:
            self._orders.popleft()()
        self._apply_stops(frames)
        block = np.zeros(frames, np.float32)
        position = 0
        while position < frames:
            position = self._fill(block, position)
        self.blocks += 1
        return block

    def _fill(self, block: Samples, position: int) -> int:
        """Advance through the block by one stretch: a voice, or silence up to the next start."""
        following = self._following(position)
        begin = block.size if following is None else self._begin(following, position)
        voice = self._current
        if voice is None:
            if following is None or begin >= block.size:
                return block.size
            self._begin_voice(following, begin)
            return begin
        if begin - YIELD_RAMP_FRAMES < block.size and following is not None:
            voice.release(begin - YIELD_RAMP_FRAMES - position, YIELD_RAMP_FRAMES, "superseded")
        samples = voice.take(block.size - position)
        block[position : position + samples.size] = samples
        position += samples.size
        self._report(voice, position)
        return position

    def _report(self, voice: Voice, position: int) -> None:
        instant = self._instant(position)
        progress = voice.progress()
        if progress is not None:
            self.reports.append(Report(instant, progress))
        if voice.done:
            self.marks.append(Mark(voice.occurrence, "ended", position))
            self._finish(voice, instant)
            self._current = None

    def _following(self, position: int) -> Voice | None:
        """The armed cue that starts next; those that it overtakes or that come too late end here."""
        for voice in [voice for voice in self._armed if self._too_late(voice, position)]:
            self._drop(voice, ("failed", "too_late"))
        if not self._armed:
            return None
        begin = min(self._begin(voice, position) for voice in self._armed)
        together = [voice for voice in self._armed if self._begin(voice, position) == begin]
        together.sort(key=lambda voice: voice.order.start_ns)
        for voice in together[:-1]:
            self._drop(voice, ("stopped", "superseded"))
        return together[-1]

    def _too_late(self, voice: Voice, position: int) -> bool:
        latest = voice.order.latest_ns
        begin_ns = self._instant(self._begin(voice, position))
        return latest is not None and begin_ns > max(latest, voice.order.start_ns) + ns_of_frames(1)

    def _begin(self, voice: Voice, position: int) -> int:
        return max(position, frames_of_ns(voice.order.start_ns - self._dac_ns))

    def _instant(self, position: int) -> int:
        return self._dac_ns + ns_of_frames(position)

    def _begin_voice(self, voice: Voice, begin: int) -> None:
        self._armed.remove(voice)
        self._current = voice
        voice.dac_ns = self._instant(begin)
        voice.skew_ms = round((voice.dac_ns - voice.order.start_ns) / 1e6, 3)
        self.marks.append(Mark(voice.occurrence, "began", begin))
        event = FirstSample(occurrence=voice.occurrence, dac_ns=voice.dac_ns, skew_ms=voice.skew_ms)
        self.reports.append(Report(0, event))

    def _finish(self, voice: Voice, due_ns: int, failure: tuple[Outcome, str] | None = None) -> None:
        self.reports.append(Report(due_ns, voice.ended(self._evidence, self.xruns, failure)))
        voice.feed.close()

    def _drop(self, voice: Voice, failure: tuple[Outcome, str]) -> None:
        self._armed.remove(voice)
        self._finish(voice, 0, failure)

    def _arm(self, voice: Voice) -> None:
        voice.xruns_before = self.xruns
        self._armed.append(voice)

    def _set_volume(self, occurrence: str | None, volume: int) -> None:
        for voice in self._named(occurrence):
            voice.set_volume(volume)

    def _end_at(self, occurrence: str, end_ms: int) -> None:
        for voice in self._named(occurrence):
            voice.end_at(end_ms)

    def _stop(self, occurrence: str | None, ramp_frames: int, at_ns: int | None) -> None:
        for voice in self._named(occurrence):
            voice.stop_ns, voice.stop_ramp_frames = at_ns or 0, ramp_frames

    def _apply_stops(self, frames: int) -> None:
        for voice in self._named(None):
            if voice.stop_ns is None:
                continue
            after = frames_of_ns(voice.stop_ns - self._dac_ns)
            if after >= frames:
                continue
            if voice is self._current:
                voice.release(after, voice.stop_ramp_frames, "stopped")
            elif voice.stop_ns <= max(voice.order.start_ns, self._dac_ns):
                self._drop(voice, ("stopped", "stopped"))

    def _named(self, occurrence: str | None) -> list[Voice]:
        voices = [*self._armed, *([self._current] if self._current else [])]
        return [voice for voice in voices if occurrence in (None, voice.occurrence)]

    def _note_gap(self, frames: int, dac_ns: int) -> None:
        if self._expected_ns is not None and dac_ns - self._expected_ns > _GAP_NS:
            self.note_xrun()
        self._expected_ns = dac_ns + ns_of_frames(frames)
