"""Brings a stream near the loudness of everything else, slowly: it cannot be measured beforehand.

Rules: the gain follows the K-weighted loudness of the last three seconds that sounded (EBU R 128, momentary values),
never leaves ±12 dB, moves by 1 dB a second once it has settled, and waits while there is silence; nothing leaves
louder than -1.5 dBFS.
"""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph

from edge_agent.player.levels import RATE_HZ, Samples, dbfs
from edge_agent.relay.framing import BLOCK_FRAMES, Sound

TARGET_LUFS = -16.0
GAIN_MAX_DB = 12.0
CEILING = 10 ** (-1.5 / 20)
_GATE_LUFS = -50.0
_WINDOW_BLOCKS = 30
_SETTLING_BLOCKS = 10
_FILLING_BLOCKS = 4  # a momentary value looks back 400 ms
_STEP_DB = 0.1
_PART_FRAMES = 480
_RELEASE_A_PART = 0.02


class Rider:
    """The hand on the fader: from a momentary loudness every 100 ms to a gain."""

    def __init__(self) -> None:
        self._energies: deque[float] = deque(maxlen=_WINDOW_BLOCKS)
        self._run = 0
        self._seen = 0
        self.gain_db = 0.0

    def hear(self, momentary_lufs: float) -> float:
        """Note a loudness; the gain in dB that holds at the end of its block."""
        self._run = self._run + 1 if momentary_lufs > _GATE_LUFS else 0
        if self._run < _FILLING_BLOCKS:
            return self.gain_db
        self._energies.append(10 ** (momentary_lufs / 10))
        short_term = 10 * np.log10(sum(self._energies) / len(self._energies))
        wanted = min(GAIN_MAX_DB, max(-GAIN_MAX_DB, TARGET_LUFS - float(short_term)))
        self._seen += 1
        step = _STEP_DB if self._seen > _SETTLING_BLOCKS else 2 * GAIN_MAX_DB
        self.gain_db += min(step, max(-step, wanted - self.gain_db))
        return self.gain_db


class Limiter:
    """Looks 10 ms ahead: within each part of 10 ms the factor is a line below what either end permits."""

    def __init__(self) -> None:
        self._held = np.zeros(0, np.float32)
        self._factor = 1.0

    def push(self, samples: Samples) -> Samples:
        """Take whole parts, give as many, 10 ms late (the first time one fewer)."""
        parts = np.concatenate((self._held, samples)).reshape(-1, _PART_FRAMES)
        peaks = np.abs(parts).max(axis=1)
        needed = np.minimum(1.0, CEILING / np.maximum(peaks, 1e-9))
        factors = [min(self._factor, float(needed[0]))]
        for here, after in pairwise(needed.tolist()):
            factors.append(min(here, after, factors[-1] + _RELEASE_A_PART))
        self._held, self._factor = parts[-1], factors[-1]
        ends = np.array(factors)
        slope = np.arange(_PART_FRAMES) / _PART_FRAMES
        lines = ends[:-1, None] + (ends[1:] - ends[:-1])[:, None] * slope
        limited: Samples = (parts[:-1] * lines).astype(np.float32).reshape(-1)
        return limited


class Leveller:
    """Mono samples at 48 kHz in, levelled blocks of 100 ms out."""

    def __init__(self) -> None:
        self._held = np.zeros(0, np.float32)
        self._rider, self._limiter, self._gauge = Rider(), Limiter(), _Gauge()

    def push(self, samples: Samples) -> Iterator[Sound]:
        """Take what was decoded; blocks as soon as they are full."""
        self._held = np.concatenate((self._held, samples))
        while self._held.size >= BLOCK_FRAMES:
            block, self._held = self._held[:BLOCK_FRAMES], self._held[BLOCK_FRAMES:]
            yield self._levelled(np.nan_to_num(block, posinf=1.0, neginf=-1.0))

    def _levelled(self, block: Samples) -> Sound:
        level = dbfs(float(np.sqrt(np.mean(np.square(block, dtype=np.float64)))))
        before_db = self._rider.gain_db
        after_db = self._rider.hear(self._gauge.momentary_lufs(block))
        gains = 10 ** (np.linspace(before_db, after_db, block.size) / 20)
        return Sound(self._limiter.push((block * gains).astype(np.float32)), level)


class _Gauge:
    """The momentary loudness after each block, by FFmpeg's ebur128; mono counts as both channels, as at intake."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._frames = 0

    def momentary_lufs(self, block: Samples) -> float:
        """LUFS of the last 400 ms."""
        given = AudioFrame.from_ndarray(block.reshape(1, -1), format="flt", layout="mono")
        given.sample_rate, given.pts, given.time_base = RATE_HZ, self._frames, Fraction(1, RATE_HZ)
        self._frames += block.size
        graph = self._graph = self._graph or _graph()
        graph.push(given)
        found = -120.0
        while True:
            try:
                ready = graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return found
            found = float(ready.metadata.get("lavfi.r128.M", found))


def _graph() -> Graph:
    graph = Graph()
    source = graph.add_abuffer(sample_rate=RATE_HZ, format="flt", layout="mono", time_base=Fraction(1, RATE_HZ))
    gauge = graph.add("ebur128", "dualmono=true:metadata=1")
    sink = graph.add("abuffersink")
    source.link_to(gauge)
    gauge.link_to(sink)
    graph.configure()
    return graph
