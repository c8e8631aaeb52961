"""A board behind a Linux framebuffer, `/dev/fb0`, or behind a plain file with the same bytes.

Pixels are packed as RGB565 or BGRA32, little-endian, in rows of `stride_bytes`. The size, the stride and the format
come from the device's profile. Read-back hashes the packed pixels without the padding between rows; the fourth byte
of BGRA32 is not hashed, because panels do not keep it.
"""

import hashlib
import os
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.board.drivers.port import BoardReadBackFailed, BoardWriteFailed, DriverKind
from edge_agent.board.frame import BoardSize, Frame

_FRAME_INTERVAL_MS = 40


class PixelFormat(Enum):
    """How one pixel lies in memory."""

    RGB565 = "rgb565"
    BGRA32 = "bgra32"

    @property
    def pixel_bytes(self) -> int:
        """Bytes a pixel takes."""
        return 2 if self is PixelFormat.RGB565 else 4


class Framebuffer:
    """A FRAME board that is one run of memory; a file is made and grown when it is missing or short."""

    kind = DriverKind.FRAME
    frame_interval_ms = _FRAME_INTERVAL_MS

    def __init__(
        self,
        path: Path,
        size: BoardSize,
        pixels: PixelFormat = PixelFormat.RGB565,
        *,
        stride_bytes: int | None = None,
        brightness_percent: int = 100,
    ) -> None:
        self._row_bytes = size.width_px * pixels.pixel_bytes
        self._stride_bytes = stride_bytes or self._row_bytes
        if self._stride_bytes < self._row_bytes:
            raise ValueError(f"a row of {self._row_bytes} bytes does not fit a stride of {self._stride_bytes}")
        self._path = path
        self._pixels = pixels
        self._fd: int | None = None
        self.size = size
        self.brightness_percent = brightness_percent

    def set_brightness(self, percent: int) -> None:
        """Dim the pixels of the frames to come."""
        self.brightness_percent = min(max(percent, 0), 100)

    def expected_sha256(self, frame: Frame) -> str:
        """Digest of the dimmed pixels as this format can hold them."""
        return self._digest(_packed(frame.dimmed(self.brightness_percent), self._pixels))

    def show(self, frame: Frame) -> None:
        """Write every row to its place.

        Raises:
            BoardWriteFailed: the memory is gone, full, too short or not ours to write.
        """
        packed = _packed(frame.dimmed(self.brightness_percent), self._pixels)
        try:
            self._write(packed)
        except OSError as fault:
            self.close()
            raise BoardWriteFailed(
                f"the framebuffer {self._path} did not take a frame ({fault.strerror or fault}): check that it exists, "
                "that the agent's user is in the group video, and the size in the device's profile"
            ) from fault

    def read_back(self) -> str:
        """Read the rows again and give the digest of their pixels.

        Raises:
            BoardReadBackFailed: the memory cannot be read or is too short.
        """
        try:
            with self._path.open("rb", buffering=0) as memory:
                rows = [self._read_row(memory.fileno(), row) for row in range(self.size.height_px)]
        except OSError as fault:
            raise BoardReadBackFailed(
                f"the framebuffer {self._path} could not be read back ({fault.strerror or fault}): check its owner"
            ) from fault
        return self._digest(np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(self.size.height_px, self._row_bytes))

    def close(self) -> None:
        """Close the memory; it is opened again by the next frame."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _write(self, packed: NDArray[np.uint8]) -> None:
        if self._fd is None:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
        padded = np.zeros((self.size.height_px, self._stride_bytes), dtype=np.uint8)
        padded[:, : self._row_bytes] = packed
        memory, offset = memoryview(padded.tobytes()), 0
        while offset < len(memory):
            written = os.pwrite(self._fd, memory[offset:], offset)
            if not written:
                raise OSError(0, f"only {offset} of {len(memory)} bytes fitted")
            offset += written

    def _read_row(self, fd: int, row: int) -> bytes:
        found = os.pread(fd, self._row_bytes, row * self._stride_bytes)
        if len(found) < self._row_bytes:
            raise OSError(0, f"row {row} is missing")
        return found

    def _digest(self, packed: NDArray[np.uint8]) -> str:
        if self._pixels is PixelFormat.BGRA32:
            packed = np.delete(packed.reshape(-1, 4), 3, axis=1)
        return hashlib.sha256(packed.tobytes()).hexdigest()


def _packed(frame: Frame, pixels: PixelFormat) -> NDArray[np.uint8]:
    """Give the rows as bytes: shape (height, width * bytes a pixel)."""
    height = frame.size.height_px
    rgb = np.frombuffer(frame.rgb, dtype=np.uint8).reshape(height, frame.size.width_px, 3)
    if pixels is PixelFormat.BGRA32:
        opaque = np.full((*rgb.shape[:2], 1), 255, dtype=np.uint8)
        return np.concatenate((rgb[:, :, ::-1], opaque), axis=2).reshape(height, -1)
    red, green, blue = (rgb[:, :, channel].astype(np.uint16) for channel in range(3))
    packed = ((red >> 3) << 11) | ((green >> 2) << 5) | (blue >> 3)
    return packed.astype("<u2").view(np.uint8).reshape(height, -1)
