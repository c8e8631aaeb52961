"""The outline of a sound in steps of 10 ms, from which silence, noise and the picture are told.

It is gathered while the sound passes by, and takes 16 bytes a step: 11 MB for two hours. What counts as sound is judged
against the sound itself: its loudest half second and its quietest tenth. Talk must never lose its first syllable or its
tail, so everything doubtful counts as sound: breath and whispered syllables up to 30 dB below the talk, and in a quiet
room whatever stands out of it. Levels are dB of the power that varies, so an offset is no sound.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controller.media.levels import RATE_HZ, Outline
from controller.media.waveform import COLUMNS, LOUDEST_LUFS, LOUDNESS_COLUMNS, QUIETEST_LUFS, Waveform

STEP = RATE_HZ // 100
"""Samples of a step."""
STEP_MS = 10
_LOUD_STEPS = 50
_FLOOR_SHARE = 0.1
_FAINTEST_DB = 45.0
_DOUBTFUL_DB = 30.0
_HEADROOM_DB = 8.0
_NEAR_FLOOR_DB = 4.0
_LEAST_DB = 12.0
_LASTING_STEPS, _LASTING_OF = 5, 10

Steps = npt.NDArray[np.float32]
Block = npt.NDArray[np.float32]


class Gathering:
    """Collects the steps of a sound from its blocks, of any size."""

    def __init__(self) -> None:
        self._low: list[Steps] = []
        self._high: list[Steps] = []
        self._mean: list[Steps] = []
        self._square: list[Steps] = []
        self._rest: Block = np.empty(0, np.float32)

    def add(self, block: Block) -> None:
        """One more block."""
        given = np.concatenate([self._rest, block]) if self._rest.size else block
        whole = given.size // STEP * STEP
        self._rest = given[whole:].copy()
        if whole:
            self._note(given[:whole].reshape(-1, STEP))

    def contour(self) -> "Contour":
        """The outline; a last step that is not full counts as one."""
        if self._rest.size:
            self._note(self._rest.reshape(1, -1))
        low, high, mean, square = (_joined(one) for one in (self._low, self._high, self._mean, self._square))
        power = np.maximum(square - np.square(mean), 1e-12)
        return Contour(low, high, (10 * np.log10(power)).astype(np.float32))

    def _note(self, steps: Block) -> None:
        self._low.append(steps.min(axis=1))
        self._high.append(steps.max(axis=1))
        self._mean.append(steps.mean(axis=1))
        self._square.append(np.einsum("ij,ij->i", steps, steps) / np.float32(steps.shape[1]))


@dataclass(frozen=True, slots=True, eq=False)
class Contour:
    """Of each step its lowest and highest sample, and its level in dB."""

    low: Steps
    high: Steps
    level_db: Steps

    def loud_db(self) -> float:
        """What half a second of the sound reaches: no click does."""
        if not self.level_db.size:
            return -120.0
        at = max(0, self.level_db.size - _LOUD_STEPS)
        return float(np.partition(self.level_db, at)[at])

    def floor_db(self) -> float:
        """What a tenth of the sound stays below: its background, where it has pauses."""
        return float(np.quantile(self.level_db, _FLOOR_SHARE)) if self.level_db.size else -120.0

    def above_background_db(self) -> float:
        """How far the sound stands out of its background."""
        return self.loud_db() - self.floor_db()

    def threshold_db(self) -> float | None:
        """From here on a step is sound; None where background and sound cannot be told apart."""
        loud_db, floor_db = self.loud_db(), self.floor_db()
        threshold_db = max(loud_db - _FAINTEST_DB, min(floor_db + _HEADROOM_DB, loud_db - _DOUBTFUL_DB))
        if threshold_db >= floor_db + _NEAR_FLOOR_DB:
            return threshold_db
        threshold_db = floor_db + _HEADROOM_DB
        return threshold_db if threshold_db <= loud_db - _LEAST_DB else None

    def sounding(self) -> tuple[int, int]:
        """The first step that sounds and the one behind the last; everything, where nothing can be told."""
        everything = (0, self.level_db.size)
        threshold_db = self.threshold_db()
        if threshold_db is None or self.level_db.size < _LASTING_OF:
            return everything
        active = self.level_db > threshold_db
        lasting = np.flatnonzero(np.convolve(active, np.ones(_LASTING_OF), "valid") >= _LASTING_STEPS)
        if not lasting.size:
            return everything
        first, last = int(lasting[0]), int(lasting[-1]) + _LASTING_OF
        within = np.flatnonzero(active[first:last])
        return first + int(within[0]), first + int(within[-1]) + 1

    def longest_pause(self) -> int:
        """Steps of the longest silence inside the sound."""
        threshold_db = self.threshold_db()
        if threshold_db is None:
            return 0
        start, end = self.sounding()
        sounding = np.flatnonzero(self.level_db[start:end] > threshold_db)
        return int(np.diff(sounding).max(initial=1)) - 1

    def outline(self) -> Outline:
        """What is told of it."""
        start, end = self.sounding()
        return Outline(
            silent_start_ms=start * STEP_MS,
            silent_end_ms=(self.level_db.size - end) * STEP_MS,
            longest_pause_ms=self.longest_pause() * STEP_MS,
            above_background_db=self.above_background_db(),
        )

    def waveform(self, offset: float, gain: float, most: float, momentary_lufs: Sequence[float]) -> Waveform:
        """The picture: `gain` on what is left without the offset, never above `most`; the loudness as measured."""
        low, high = (((one - np.float32(offset)) * np.float32(gain)).clip(-most, most) for one in (self.low, self.high))
        heard = np.nan_to_num(np.asarray(momentary_lufs, np.float32), nan=QUIETEST_LUFS)  # utter silence is no number
        lufs = np.clip(heard, QUIETEST_LUFS, LOUDEST_LUFS)
        return Waveform(
            low=tuple(round(100 * float(one)) for one in _folded(low, COLUMNS, np.minimum)),
            high=tuple(round(100 * float(one)) for one in _folded(high, COLUMNS, np.maximum)),
            lufs=tuple(round(float(one), 1) for one in _folded(lufs, LOUDNESS_COLUMNS, np.maximum)),
        )


def _joined(parts: Iterable[Steps]) -> Steps:
    return np.concatenate([np.empty(0, np.float32), *parts])


def _folded(values: Steps, columns: int, fold: np.ufunc) -> Steps:
    """At most so many columns, each the extreme of its values."""
    if values.size <= columns:
        return values
    starts = np.arange(columns) * values.size // columns
    folded: Steps = fold.reduceat(values, starts)
    return folded
