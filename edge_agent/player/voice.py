"""One sounding cue: takes decoded samples, shapes and measures them; pure, no device, no clock.

The shape is fade in x fade out before the known end x release after a stop x volume. Every sample that leaves `take`
has been counted by the meters as it is sent.
"""

import numpy as np

from edge_agent.player.feed import Feed
from edge_agent.player.levels import Meter, Samples, frames_of_ms, gain_of_volume, ms_of_frames, rising
from edge_agent.player.wire import Ended, Evidence, Outcome, Prepare, Progress, StartAt

STOP_RAMP_MAX_MS = 50
_VOLUME_RAMP_FRAMES = frames_of_ms(20)
_PROGRESS_FRAMES = frames_of_ms(250)


class Voice:
    """The state of one started cue inside the mixer."""

    def __init__(self, cue: Prepare, order: StartAt, feed: Feed) -> None:
        self.cue, self.order, self.feed = cue, order, feed
        self.dac_ns: int | None = None
        self.skew_ms: float | None = None
        self.stop_ns: int | None = None
        self.stop_ramp_frames = 0
        self.done = False
        self.xruns_before = 0
        self._sent = 0
        self._consumed = 0
        self._starved = 0
        self._limit: int | None = None
        self._release: tuple[int, int] | None = None
        self._release_reason: str | None = None
        self._cut_at: int | None = None
        self._gain = self._gain_target = gain_of_volume(order.volume)
        self._gain_left = 0
        self._total, self._window = Meter(), Meter()
        if cue.end_ms is not None:
            self._limit = max(0, frames_of_ms(cue.end_ms - cue.offset_ms))

    @property
    def occurrence(self) -> str:
        """Id of what is played."""
        return self.cue.occurrence

    def set_volume(self, volume: int) -> None:
        """Glide to a volume 0..100 in 20 ms; before the first sample at once."""
        self._gain_target = gain_of_volume(volume)
        self._gain_left = _VOLUME_RAMP_FRAMES if self.dac_ns is not None else 0
        if self.dac_ns is None:
            self._gain = self._gain_target

    def end_at(self, end_ms: int) -> None:
        """Finish at a programme position; one that has passed means now, with the fade out."""
        earliest = self._consumed + frames_of_ms(self.cue.fade_out_ms) if self._consumed else 0
        self._limit = max(earliest, frames_of_ms(end_ms - self.cue.offset_ms))

    def release(self, after_frames: int, ramp_frames: int, reason: str) -> None:
        """Ramp down over `ramp_frames` once `after_frames` more have been sent; an earlier release stands."""
        begin = self._sent + max(0, after_frames)
        if self._release is None or begin < self._release[0]:
            self._release = (begin, ramp_frames)
            self._release_reason = reason

    def take(self, frames: int) -> Samples:
        """The next samples as they are to be sent; fewer than asked, and `done`, when the cue has ended."""
        frames = self._until_released(frames)
        end = self._end()
        wanted = frames if end is None else min(frames, max(0, end - self._consumed))
        taken = self.feed.read(wanted)
        if end is not None:
            taken = taken * self._fade_out(end, taken.size)
        self._consumed += taken.size
        if taken.size < wanted:
            taken = self._padded(taken, wanted)
        shaped: Samples = np.clip(taken * self._envelope(taken.size), -1.0, 1.0)
        self._sent += shaped.size
        self._total.add(shaped)
        self._window.add(shaped)
        self.done = self._is_over()
        return shaped

    def progress(self) -> Progress | None:
        """A report when a window of 250 ms is full."""
        if self._window.frames < _PROGRESS_FRAMES:
            return None
        report = Progress(
            occurrence=self.occurrence,
            frames=self._sent,
            played_ms=ms_of_frames(self._sent),
            position_ms=self._position_ms(),
            rms_dbfs=round(self._window.rms_dbfs, 2),
            peak_dbfs=round(self._window.peak_dbfs, 2),
        )
        self._window.clear()
        return report

    def ended(self, evidence: Evidence, xruns: int, failure: tuple[Outcome, str] | None = None) -> Ended:
        """The final report; `failure` overrides what the voice itself knows."""
        outcome, reason = failure or self._verdict()
        relay = self.feed.relayed(self._consumed)
        return Ended(
            occurrence=self.occurrence,
            outcome=outcome,
            reason=reason,
            evidence=evidence,
            played_ms=ms_of_frames(self._sent),
            frames=self._sent,
            position_ms=self._position_ms(),
            rms_dbfs=round(self._total.rms_dbfs, 2),
            peak_dbfs=round(self._total.peak_dbfs, 2),
            dac_ns=self.dac_ns,
            skew_ms=self.skew_ms,
            xruns=xruns - self.xruns_before,
            starved_ms=ms_of_frames(self._starved),
            relayed_ms=relay.stream_ms if relay else 0,
            fallback_ms=relay.fallback_ms if relay else 0,
            relay_silence_ms=relay.silence_ms if relay else 0,
            relay_reasons=relay.reasons if relay else (),
        )

    def _verdict(self) -> tuple[Outcome, str | None]:
        if self._released():
            return "stopped", self._release_reason
        if self.feed.failure is not None:
            return "failed", self.feed.failure
        return "played", None

    def _position_ms(self) -> int:
        consumed = self._consumed if self._cut_at is None else self._cut_at
        return self.cue.offset_ms + ms_of_frames(consumed)

    def _end(self) -> int | None:
        """Count of consumed frames at which the programme ends by itself, None while that is out of sight."""
        seen = self._consumed + self.feed.available() if self.feed.finished else None
        if self._limit is None or seen is None:
            return seen if self._limit is None else self._limit
        return min(seen, self._limit)

    def _until_released(self, frames: int) -> int:
        if self._release is None:
            return frames
        begin, ramp = self._release
        if self._cut_at is None and begin < self._sent + frames:
            self._cut_at = self._consumed + max(0, begin - self._sent)
        return min(frames, max(0, begin + ramp - self._sent))

    def _released(self) -> bool:
        return self._release is not None and self._sent >= sum(self._release)

    def _is_over(self) -> bool:
        end = self._end()
        return self._released() or (end is not None and self._consumed >= end)

    def _padded(self, taken: Samples, frames: int) -> Samples:
        self._starved += frames - taken.size
        return np.concatenate((taken, np.zeros(frames - taken.size, np.float32)))

    def _fade_out(self, end: int, count: int) -> Samples:
        length = frames_of_ms(self.cue.fade_out_ms)
        left = end - self._consumed
        return rising(left - count, count, length)[::-1]

    def _envelope(self, count: int) -> Samples:
        envelope = self._gains(count) * rising(self._sent, count, frames_of_ms(self.cue.fade_in_ms))
        if self._release is not None:
            begin, ramp = self._release
            envelope *= rising(begin + ramp - self._sent - count, count, ramp)[::-1]
        return envelope

    def _gains(self, count: int) -> Samples:
        gliding = min(count, self._gain_left)
        gains = np.full(count, self._gain_target, np.float32)
        if gliding:
            step = (self._gain_target - self._gain) / self._gain_left
            gains[:gliding] = self._gain + step * np.arange(1, gliding + 1)
            self._gain = float(gains[gliding - 1])
            self._gain_left -= gliding
        else:
            self._gain = self._gain_target
        return gains
