"""An output without hardware: a thread asks for blocks at the pace of CLOCK_MONOTONIC and hands them to a sink.

The sample grid is nailed to the clock: sample n belongs to the instant it was given at start. A thread that wakes late
catches up without a hole; behind by more than half a second it leaves a hole as long as it slept and counts an xrun.
"""

import threading
import time
from pathlib import Path
from typing import Protocol

from edge_agent.player.engine import Mark
from edge_agent.player.levels import RATE_HZ, Samples, frames_of_ns, ns_of_frames
from edge_agent.player.outputs.port import Renderer, Timing
from edge_agent.player.wire import Evidence

LEAD_NS = 60_000_000
BLOCK_FRAMES = RATE_HZ // 100
_CATCH_UP_NS = 500_000_000


class Sink(Protocol):
    """Takes blocks in order; `first_frame` counts from the start of the output."""

    def open(self, first_ns: int) -> None:
        """Frame 0 belongs to this CLOCK_MONOTONIC instant."""

    def write(self, first_frame: int, block: Samples, marks: list[Mark]) -> None:
        """Take a block and what began or ended in it."""

    def close(self) -> None:
        """No more blocks."""

    @property
    def capture(self) -> Path | None:
        """The file that is being written, if it is one."""


class NullSink:
    """Throws everything away."""

    capture: Path | None = None

    def open(self, first_ns: int) -> None:
        """Nothing to open."""

    def write(self, first_frame: int, block: Samples, marks: list[Mark]) -> None:
        """Nothing to keep."""

    def close(self) -> None:
        """Nothing to close."""


class PacedOutput:
    """Real-time pace over a sink."""

    evidence: Evidence = "signal"

    def __init__(self, sink: Sink, *, timing: Timing, block_frames: int = BLOCK_FRAMES) -> None:
        self._sink = sink
        self._timing = timing
        self._block_frames = block_frames
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def capture(self) -> Path | None:
        """The sink's file."""
        return self._sink.capture

    def start(self, renderer: Renderer) -> None:
        """Open the sink and begin at once."""
        first_ns = time.monotonic_ns() + LEAD_NS
        self._sink.open(first_ns)
        self._thread = threading.Thread(target=self._run, args=(renderer, first_ns), name="paced output", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the sink."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
            self._sink.close()

    def _run(self, renderer: Renderer, first_ns: int) -> None:
        frame = 0
        while not self._ending.is_set():
            instant = first_ns + ns_of_frames(frame)
            late = time.monotonic_ns() + LEAD_NS - instant
            if late < 0:
                time.sleep(-late / 1e9)
                late = time.monotonic_ns() + LEAD_NS - instant
            if late > _CATCH_UP_NS:
                renderer.note_xrun()
                frame += frames_of_ns(late)
                continue
            block = renderer.render(self._block_frames, instant + self._timing.shift_ns)
            self._sink.write(frame, block, renderer.marks)
            frame += block.size
