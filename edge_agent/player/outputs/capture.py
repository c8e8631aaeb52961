"""The capture: what a loudspeaker would have sounded, as one continuous 16-bit WAV and a JSON-lines sidecar.

Rules: the WAV is whole after every block (data first, then the header), so `kill -9` leaves a valid file; silence is a
hole in the file and costs no disk; a new process, and every four hours, makes a new file; the oldest files go when the
folder holds more than its quota.
"""

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge_agent.player.engine import Mark
from edge_agent.player.levels import RATE_HZ, Samples, ns_of_frames

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_FRAME_BYTES = 2
_ROTATE_FRAMES = 4 * 3600 * RATE_HZ
_FULL_SCALE = 32767
QUOTA_BYTES = 2 * 1024**3


class CaptureSink:
    """Writes `capture-<wall ms>-<pid>.wav` and `….jsonl` into a folder.

    Sidecar lines: `event` (`opened` with wav and rate_hz; `began` and `ended` with occurrence), `sample`, and the
    instant of that sample as `monotonic_ns` and `wall_ns`. `ended` names the first sample without the cue. `written_ns`
    is when its block had been written (CLOCK_MONOTONIC): the mixer works ahead of the converter.
    """

    def __init__(
        self,
        folder: Path,
        *,
        wall_ns: Callable[[], int],
        monotonic_ns: Callable[[], int],
        quota_bytes: int = QUOTA_BYTES,
    ) -> None:
        self._folder = folder
        self._wall_ns, self._monotonic_ns = wall_ns, monotonic_ns
        self._quota_bytes = quota_bytes
        self._origin_ns = 0
        self._base_frame = 0
        self._wav_fd = self._log_fd = -1
        self.capture: Path | None = None

    def open(self, first_ns: int) -> None:
        """Make the first file."""
        self._origin_ns = first_ns
        self._folder.mkdir(parents=True, exist_ok=True)
        self._begin_file(0)

    def write(self, first_frame: int, block: Samples, marks: list[Mark]) -> None:
        """Put a block at its place and note what began or ended in it."""
        if first_frame - self._base_frame >= _ROTATE_FRAMES:
            self.close()
            self._begin_file(first_frame)
        place = first_frame - self._base_frame
        pcm = np.rint(block * _FULL_SCALE).astype("<i2")
        if pcm.any():
            os.pwrite(self._wav_fd, pcm.tobytes(), _HEADER.size + place * _FRAME_BYTES)
        self._write_header(place + pcm.size)
        for mark in marks:
            self._log(mark.what, place + mark.frame, occurrence=mark.occurrence)

    def close(self) -> None:
        """Close both files."""
        os.close(self._wav_fd)
        os.close(self._log_fd)

    def _begin_file(self, base_frame: int) -> None:
        self._prune()
        self._base_frame = base_frame
        self.capture = self._folder / f"capture-{self._wall_ns() // 1_000_000}-{os.getpid()}.wav"
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
        self._wav_fd = os.open(self.capture, flags, 0o644)
        self._log_fd = os.open(self.capture.with_suffix(".jsonl"), flags | os.O_APPEND, 0o644)
        self._write_header(0)
        self._log("opened", 0, wav=self.capture.name, rate_hz=RATE_HZ)

    def _write_header(self, frames: int) -> None:
        size = frames * _FRAME_BYTES
        os.ftruncate(self._wav_fd, _HEADER.size + size)
        header = _HEADER.pack(
            b"RIFF",
            36 + size,
            b"WAVE",
            b"fmt ",
            16,
            1,
            1,
            RATE_HZ,
            RATE_HZ * _FRAME_BYTES,
            _FRAME_BYTES,
            16,
            b"data",
            size,
        )
        os.pwrite(self._wav_fd, header, 0)

    def _log(self, what: str, sample: int, **fields: str | int) -> None:
        instant = self._origin_ns + ns_of_frames(self._base_frame + sample)
        now = self._monotonic_ns()
        wall = instant + self._wall_ns() - now
        line = {"event": what, "sample": sample, "monotonic_ns": instant, "wall_ns": wall, "written_ns": now, **fields}
        os.write(self._log_fd, json.dumps(line).encode() + b"\n")

    def _prune(self) -> None:
        held = sorted(self._folder.glob("capture-*.wav"))
        used = sum(path.stat().st_blocks * 512 for path in held)
        for path in held:
            if used <= self._quota_bytes:
                return
            used -= path.stat().st_blocks * 512
            path.unlink()
            path.with_suffix(".jsonl").unlink(missing_ok=True)
