"""The signal path inside the PyAV child: any frames to mono at 48 kHz, levels measured, gain and limiter.

Every stage is fed blocks and gives blocks, so an hour needs no more memory than a second. Blocks are float32 arrays
of shape (samples,), full scale ±1, 48 kHz. Filters run on one thread, so the same input gives the same bytes.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import av.filter
import numpy as np

from controller.media.levels import RATE_HZ, UNMEASURABLE_LUFS, Preparation, db, limiter_options
from controller.media.spool import BATCH, Block

_TO_MONO = ("aformat", "sample_fmts=flt:channel_layouts=mono")


def frame(block: Block, position: int = 0) -> av.AudioFrame:
    """A block as a frame that starts at sample `position`."""
    made = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="flt", layout="mono")
    made.sample_rate = RATE_HZ
    made.time_base = Fraction(1, RATE_HZ)
    made.pts = position
    return made


class Chain:
    """A linear filter graph from frames like `source` to whatever its last filter gives."""

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
        self._waiting = 0

    def feed(self, given: av.AudioFrame | None) -> Iterator[av.AudioFrame]:
        """Push one frame, or None at the end; gives the frames that are ready, twice a second of sound at most."""
        self._head.push(given)
        self._waiting += given.samples if given is not None else BATCH
        if self._waiting < BATCH:
            return
        self._waiting = 0
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
        self._chain: Chain | None = None
        self._shape: tuple[int, str, str] | None = None
        self.changes = 0

    def convert(self, frames: Iterable[av.AudioFrame]) -> Iterator[Block]:
        """All blocks of all frames, in order; timestamps are ignored."""
        for given in frames:
            shape = (given.sample_rate, given.format.name, given.layout.name)
            if shape != self._shape:
                yield from self._feed(None)
                self.changes += self._shape is not None
                self._chain, self._shape = _mono_chain(given), shape
            given.pts = None
            yield from self._feed(given)
        yield from self._feed(None)
        self._chain = None

    def _feed(self, given: av.AudioFrame | None) -> Iterator[Block]:
        if self._chain is not None:
            yield from (ready.to_ndarray()[0] for ready in self._chain.feed(given))


def _mono_chain(given: av.AudioFrame) -> Chain:
    channels = given.layout.nb_channels
    weights = "+".join(f"{1 / channels!r}*c{n}" for n in range(channels))
    mix = [("aformat", "sample_fmts=fltp"), ("pan", f"mono|c0={weights}")] if channels > 1 else []
    rate = [("aresample", str(RATE_HZ))] if given.sample_rate != RATE_HZ else []
    return Chain(given, *mix, *rate, _TO_MONO, ("asetnsamples", f"n={BATCH}:p=0"))


class Meter:
    """Measures mono frames at 48 kHz as they pass by; reading a result ends it."""

    def __init__(self, *, true_peak: bool) -> None:
        self.momentary_lufs: list[float] = []
        self._options = f"peak={'true' if true_peak else 'none'}:dualmono=true:metadata=1"
        self._chain: Chain | None = None
        self._last: dict[str, str] = {}
        self.samples = 0

    def add(self, given: av.AudioFrame) -> None:
        """Measure one more frame."""
        if self._chain is None:
            silence = ("apad", f"pad_len={RATE_HZ // 10}")
            self._chain = Chain(given, _TO_MONO, silence, ("ebur128", self._options))
        self.samples += given.samples
        given.pts = None
        self._note(given)

    def result(self) -> tuple[float, float]:
        """LUFS and dBTP. A tenth of a second of silence follows the sound, so that its last peak counts too."""
        self._note(None)
        lufs = float(self._last.get("lavfi.r128.I", UNMEASURABLE_LUFS))
        return lufs, db(float(self._last.get("lavfi.r128.true_peak", 0.0)))

    def _note(self, given: av.AudioFrame | None) -> None:
        if self._chain is not None:
            for ready in self._chain.feed(given):
                if "lavfi.r128.I" in (found := ready.metadata):
                    self._last = found
                    self.momentary_lufs.append(float(found["lavfi.r128.M"]))


def filtered(blocks: Iterable[Block], *filters: tuple[str, str]) -> Iterator[Block]:
    """The blocks through filters that neither delay nor change the length; as many samples as went in."""
    chain, position = None, 0
    for block in blocks:
        given = frame(block, position)
        chain = chain or Chain(given, *filters, _TO_MONO)
        yield from (ready.to_ndarray()[0] for ready in chain.feed(given))
        position += block.size
    if chain is not None:
        yield from (ready.to_ndarray()[0] for ready in chain.feed(None))


def prepared(blocks: Iterable[Block], preparation: Preparation) -> Iterator[Block]:
    """The prepared blocks; as many samples as went in."""
    factor = np.float32(10 ** (preparation.gain_db / 20))
    makeup = np.float32(10 ** (preparation.makeup_db / 20))
    offset = np.float32(preparation.dc_offset)
    if preparation.ceiling_dbfs is None:
        return ((block - offset) * (factor * makeup) for block in blocks)
    raised = ((block - offset) * factor for block in blocks)
    limiter = ("alimiter", limiter_options(preparation.ceiling_dbfs))  # takes its own delay out again
    return (block * makeup for block in filtered(raised, limiter))
