"""The signal path inside the child: any frames to mono at 48 kHz, levels measured, gain and limiter.

Every stage is fed blocks and gives blocks, so an hour needs no more memory than a second. Blocks are float32 arrays
of shape (samples,), full scale ±1, 48 kHz. Filters run on one thread, so the same input gives the same bytes.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import av.filter
import numpy as np
import numpy.typing as npt

RATE_HZ = 48_000
UNMEASURABLE_LUFS = -70.0
"""What R128 gives when nothing passed its absolute gate."""
_METER_BLOCK = RATE_HZ // 10
_BATCH = RATE_HZ // 2
_FULL_SCALE = 0.999
_READY = {(RATE_HZ, "flt", "mono"), (RATE_HZ, "fltp", "mono")}

Block = npt.NDArray[np.float32]


def db(ratio: float) -> float:
    """20 log10, never below -120 dB."""
    return 20 * math.log10(max(ratio, 1e-6))


def frame(block: Block, position: int = 0) -> av.AudioFrame:
    """A block as a frame that starts at sample `position`."""
    made = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="flt", layout="mono")
    made.sample_rate = RATE_HZ
    made.time_base = Fraction(1, RATE_HZ)
    made.pts = position
    return made


class _Chain:
    """A linear filter graph from one kind of frame to whatever its last filter gives."""

    def __init__(self, source: av.AudioFrame, *filters: tuple[str, str]) -> None:
        self._graph = av.filter.Graph()
        self._graph.threads = 1
        head = self._graph.add_abuffer(
            sample_rate=source.sample_rate,
            format=source.format.name,
            layout=source.layout.name,
            time_base=Fraction(1, source.sample_rate),
        )
        nodes = [head, *(self._graph.add(name, args) for name, args in filters), self._graph.add("abuffersink")]
        self._graph.link_nodes(*nodes)
        self._graph.configure()
        self._head, self._sink = nodes[0], nodes[-1]

    def feed(self, given: av.AudioFrame | None) -> Iterator[av.AudioFrame]:
        """Push one frame, or None at the end; gives the frames that are ready."""
        self._head.push(given)
        while True:
            try:
                ready = self._sink.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            if isinstance(ready, av.AudioFrame):
                yield ready


class MonoConverter:
    """Frames of any rate and layout to mono blocks; every channel weighs the same. Follows changes mid-stream."""

    def __init__(self) -> None:
        self._chain: _Chain | None = None
        self._shape: tuple[int, str, str] | None = None
        self.changes = 0

    def convert(self, frames: Iterable[av.AudioFrame]) -> Iterator[Block]:
        """All blocks of all frames, in order; timestamps are ignored."""
        return _batched(self._converted(frames))

    def _converted(self, frames: Iterable[av.AudioFrame]) -> Iterator[Block]:
        for given in frames:
            shape = (given.sample_rate, given.format.name, given.layout.name)
            if shape != self._shape:
                yield from self._flush()
                self.changes += self._shape is not None
                self._chain, self._shape = None if shape in _READY else _mono_chain(given), shape
            given.pts = None
            if shape in _READY:
                yield given.to_ndarray()[0]
            else:
                yield from self._feed(given)
        yield from self._flush()

    def _flush(self) -> Iterator[Block]:
        yield from self._feed(None)
        self._chain = None

    def _feed(self, given: av.AudioFrame | None) -> Iterator[Block]:
        if self._chain is not None:
            yield from (ready.to_ndarray()[0] for ready in self._chain.feed(given))


def _batched(blocks: Iterable[Block]) -> Iterator[Block]:
    """The same samples in blocks of about half a second, so that a stage's fixed costs are paid twice a second."""
    waiting: list[Block] = []
    samples = 0
    for block in blocks:
        waiting.append(block)
        samples += block.size
        if samples >= _BATCH:
            yield np.concatenate(waiting)
            waiting, samples = [], 0
    if samples:
        yield np.concatenate(waiting)


def _mono_chain(given: av.AudioFrame) -> _Chain:
    channels = given.layout.nb_channels
    weights = "+".join(f"{1 / channels!r}*c{n}" for n in range(channels))
    return _Chain(
        given,
        ("aformat", "sample_fmts=fltp"),
        ("pan", f"mono|c0={weights}"),
        ("aresample", str(RATE_HZ)),
        ("aformat", "sample_fmts=flt:channel_layouts=mono"),
    )


@dataclass(frozen=True, slots=True)
class Levels:
    """What was measured over a whole sound: LUFS as dual mono, dBTP, dBFS; offset as a fraction of full scale."""

    samples: int
    integrated_lufs: float
    true_peak_dbtp: float
    sample_peak_dbfs: float
    dc_offset: float
    full_scale_samples: int

    @property
    def measurable(self) -> bool:
        """Whether anything passed R128's absolute gate."""
        return self.integrated_lufs > UNMEASURABLE_LUFS

    @property
    def duration_ms(self) -> int:
        """Whole milliseconds, rounded."""
        return round(1000 * self.samples / RATE_HZ)


class Meter:
    """Measures blocks as they pass by; `levels` ends it."""

    def __init__(self) -> None:
        start = frame(np.zeros(1, np.float32))
        self._chain = _Chain(start, ("ebur128", "peak=true:dualmono=true:metadata=1"))
        self._last: dict[str, str] = {}
        self._samples = 0
        self._peak = 0.0
        self._sum = 0.0
        self._full_scale = 0

    def through(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Pass blocks on unchanged while measuring them."""
        for block in blocks:
            if block.size:
                self._add(block)
                yield block

    def levels(self) -> Levels:
        """The result. The last tenth of a second is filled with silence, so that its peak counts too."""
        fill = -self._samples % _METER_BLOCK
        if fill:
            self._push(frame(np.zeros(fill, np.float32), self._samples))
        self._push(None)
        true_peak = float(self._last.get("lavfi.r128.true_peak", 0.0))
        return Levels(
            samples=self._samples,
            integrated_lufs=float(self._last.get("lavfi.r128.I", UNMEASURABLE_LUFS)),
            true_peak_dbtp=db(max(true_peak, self._peak)),
            sample_peak_dbfs=db(self._peak),
            dc_offset=self._sum / max(1, self._samples),
            full_scale_samples=self._full_scale,
        )

    def _add(self, block: Block) -> None:
        size = np.abs(block)
        self._peak = max(self._peak, float(size.max()))
        self._sum += float(block.sum(dtype=np.float64))
        self._full_scale += int(np.count_nonzero(size >= _FULL_SCALE))
        self._push(frame(block, self._samples))
        self._samples += block.size

    def _push(self, given: av.AudioFrame | None) -> None:
        for ready in self._chain.feed(given):
            if "lavfi.r128.I" in (found := ready.metadata):
                self._last = found


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is done to the mono sound; `ceiling_dbfs` None means that no limiter runs."""

    dc_offset: float
    gain_db: float
    ceiling_dbfs: float | None

    def apply(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The prepared blocks; as many samples as went in."""
        factor = np.float32(10 ** (self.gain_db / 20))
        offset = np.float32(self.dc_offset)
        raised = ((block - offset) * factor for block in blocks)
        return raised if self.ceiling_dbfs is None else _limited(raised, self.ceiling_dbfs)


def _limited(blocks: Iterable[Block], ceiling_dbfs: float) -> Iterator[Block]:
    """Look-ahead limiter, its delay taken out again, no make-up gain."""
    limit = 10 ** (ceiling_dbfs / 20)
    args = f"limit={limit:.6f}:attack=5:release=50:level=false:latency=true"
    start = frame(np.zeros(1, np.float32))
    chain = _Chain(start, ("alimiter", args), ("aformat", "sample_fmts=flt:channel_layouts=mono"))
    position = 0
    for block in blocks:
        yield from (ready.to_ndarray()[0] for ready in chain.feed(frame(block, position)))
        position += block.size
    yield from (ready.to_ndarray()[0] for ready in chain.feed(None))
