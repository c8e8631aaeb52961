"""A sound device through PortAudio: one stream that is always open, its callback asks the mixer.

The converter instant of every block is mapped to CLOCK_MONOTONIC inside the callback, so neither a step of the wall
clock nor waiting for the interpreter moves a start. `sounddevice` is imported late: without libportaudio2 it raises.
"""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_agent.player.errors import OutputUnavailableError
from edge_agent.player.levels import RATE_HZ
from edge_agent.player.outputs.port import Renderer, Timing
from edge_agent.player.wire import Evidence

_STEADY_BLOCKS = 10
_STEADY_NS = 2_000_000
_SETTLE_S = 8.0


class AlsaOutput:
    """A PortAudio stream of float32 blocks, each half as long as what the device holds ahead."""

    evidence: Evidence = "device"
    capture: Path | None = None

    def __init__(self, device: str, *, timing: Timing, buffer_ms: int = 20, channels: int = 1) -> None:
        self._device = device
        self._timing = timing
        self._block_frames = RATE_HZ * buffer_ms // 2000
        self._latency_s = buffer_ms / 1000
        self._channels = channels
        self._stream: Any = None
        self._steady = threading.Event()
        self._steady_blocks = 0
        self._expected_ns = 0

    def start(self, renderer: Renderer) -> None:
        """Open the device, wait until its converter instants run evenly.

        Raises:
            OutputUnavailableError: PortAudio or the device is not there, or it does not settle in 8 s.
        """
        try:
            self._open(renderer)
        except Exception as error:
            raise OutputUnavailableError(
                f"sound device {self._device!r} cannot be opened ({error}); check its name and the sound server"
            ) from error
        if not self._steady.wait(_SETTLE_S):
            self.stop()
            raise OutputUnavailableError(
                f"sound device {self._device!r} takes no samples evenly; check the sound server"
            )

    def stop(self) -> None:
        """Close the stream; what it still holds is thrown away."""
        if self._stream is not None:
            self._stream.abort(ignore_errors=True)
            self._stream.close(ignore_errors=True)

    def _open(self, renderer: Renderer) -> None:
        import sounddevice  # noqa: PLC0415 - raises OSError where libportaudio2 is missing

        def callback(out: npt.NDArray[np.float32], frames: int, instants: Any, status: Any) -> None:
            if status.output_underflow:
                renderer.note_xrun()
            to_monotonic = time.monotonic_ns() - round(self._stream.time * 1e9)
            dac_ns = round(instants.outputBufferDacTime * 1e9) + to_monotonic
            self._watch(dac_ns, frames)
            out[:] = renderer.render(frames, dac_ns + self._timing.shift_ns)[:, None]

        self._stream = sounddevice.OutputStream(
            samplerate=RATE_HZ,
            channels=self._channels,
            dtype="float32",
            blocksize=self._block_frames,
            latency=self._latency_s,
            device=self._device,
            callback=callback,
        )
        self._stream.start()

    def _watch(self, dac_ns: int, frames: int) -> None:
        even = abs(dac_ns - self._expected_ns) < _STEADY_NS
        self._steady_blocks = self._steady_blocks + 1 if even else 0
        self._expected_ns = dac_ns + frames * 1_000_000_000 // RATE_HZ
        if self._steady_blocks >= _STEADY_BLOCKS:
            self._steady.set()
