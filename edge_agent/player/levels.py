"""Volume law, ramps and meters: pure arithmetic on samples.

The volume law is linear in decibels: 100 is 0 dB, every point below takes 0.4 dB, 1 is -39.6 dB, 0 is silence. Equal
steps sound equal, and no volume above 0 falls below what a horn can still be heard at.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

RATE_HZ = 48_000
FLOOR_DB = -120.0
_DB_PER_POINT = 0.4
_FULL_VOLUME = 100
_NS_PER_S = 1_000_000_000


def gain_of_volume(volume: float) -> float:
    """Amplitude factor (0..1) of a volume 0..100; values outside are clamped."""
    if volume <= 0:
        return 0.0
    return float(10 ** (-_DB_PER_POINT * (_FULL_VOLUME - min(volume, _FULL_VOLUME)) / 20))


def dbfs(amplitude: float) -> float:
    """Decibels of an amplitude against full scale 1.0, never below `FLOOR_DB`."""
    if amplitude <= 0:
        return FLOOR_DB
    return max(FLOOR_DB, 20 * math.log10(amplitude))


def frames_of_ms(ms: float) -> int:
    """Whole frames nearest to a duration in milliseconds."""
    return round(ms * RATE_HZ / 1000)


def ms_of_frames(frames: int) -> int:
    """Whole milliseconds nearest to a number of frames."""
    return round(frames * 1000 / RATE_HZ)


def ns_of_frames(frames: int) -> int:
    """Nanoseconds that a number of frames lasts."""
    return frames * _NS_PER_S // RATE_HZ


def frames_of_ns(ns: int) -> int:
    """Whole frames nearest to a duration in nanoseconds; negative durations give negative frames."""
    return (ns * RATE_HZ + _NS_PER_S // 2) // _NS_PER_S


def rising(first: int, count: int, length: int) -> Samples:
    """Raised-cosine factors of ramp frames `first`..`first + count`, reaching 1 at `length` and staying there."""
    if first >= length:
        return np.ones(count, np.float32)
    phase = np.clip((np.arange(first, first + count) + 0.5) / length, 0.0, 1.0)
    return (0.5 - 0.5 * np.cos(np.pi * phase)).astype(np.float32)


@dataclass(slots=True)
class Meter:
    """RMS and peak of everything that was added since it was made or cleared."""

    frames: int = 0
    _energy: float = 0.0
    _peak: float = 0.0

    def add(self, samples: Samples) -> None:
        """Count samples as they go to the output."""
        if samples.size == 0:
            return
        self.frames += samples.size
        self._energy += float(np.dot(samples, samples))
        self._peak = max(self._peak, float(np.max(np.abs(samples))))

    def clear(self) -> None:
        """Begin a new window."""
        self.frames, self._energy, self._peak = 0, 0.0, 0.0

    @property
    def rms_dbfs(self) -> float:
        """RMS against full scale 1.0 (a full-scale sine reads -3.01)."""
        return dbfs(math.sqrt(self._energy / self.frames)) if self.frames else FLOOR_DB

    @property
    def peak_dbfs(self) -> float:
        """Largest absolute sample against full scale 1.0."""
        return dbfs(self._peak)
