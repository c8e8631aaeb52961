"""A board made of files: `current.png` is what the board shows, `history/` what it showed, `frames.jsonl` when.

Each picture is written whole under another name and then renamed, so a reader never meets half a picture. Nothing is
synced to the medium: after a power cut the board shows its next frame anyway, and the card lives longer. History and
log are bounded and go on counting after a restart.
"""

import io
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from PIL import Image

from edge_agent.board.drivers.port import BoardReadBackFailed, BoardWriteFailed, DriverKind
from edge_agent.board.frame import BoardSize, Frame

HISTORY_FRAMES = 200
LOG_BYTES = 1024 * 1024
_FRAME_INTERVAL_MS = 200


class PngBoard:
    """A FRAME board in a folder of its own, which is made when it is missing."""

    kind = DriverKind.FRAME
    frame_interval_ms = _FRAME_INTERVAL_MS

    def __init__(
        self,
        folder: Path,
        size: BoardSize,
        utc_now: Callable[[], datetime],
        *,
        brightness_percent: int = 100,
        history_frames: int = HISTORY_FRAMES,
    ) -> None:
        self._folder = folder
        self._history = folder / "history"
        self._utc_now = utc_now
        self._history_frames = history_frames
        self._written: int | None = None
        self.size = size
        self.brightness_percent = brightness_percent

    @property
    def current(self) -> Path:
        """The picture shown now."""
        return self._folder / "current.png"

    def set_brightness(self, percent: int) -> None:
        """Dim the pixels of the frames to come."""
        self.brightness_percent = min(max(percent, 0), 100)

    def expected_sha256(self, frame: Frame) -> str:
        """Digest of the dimmed pixels."""
        return frame.dimmed(self.brightness_percent).sha256()

    def show(self, frame: Frame) -> None:
        """Keep a numbered copy, replace `current.png`, write one line to the log.

        Raises:
            BoardWriteFailed: the folder is full, gone or not ours to write.
        """
        dimmed = frame.dimmed(self.brightness_percent)
        try:
            self._store(dimmed)
        except OSError as fault:
            raise BoardWriteFailed(
                f"the board's picture {self.current} could not be written ({fault.strerror or fault}): "
                "make room there or correct its owner"
            ) from fault

    def read_back(self) -> str:
        """Read `current.png` again and give the digest of its pixels.

        Raises:
            BoardReadBackFailed: there is no whole picture.
        """
        try:
            with Image.open(self.current, formats=["PNG"]) as image:
                return Frame.of_image(image).sha256()
        except (OSError, SyntaxError, ValueError) as fault:
            raise BoardReadBackFailed(
                f"the board's picture {self.current} could not be read back ({fault}): look whether another program "
                "writes to that folder"
            ) from fault

    def close(self) -> None:
        """Nothing is held open."""

    def _store(self, frame: Frame) -> None:
        self._history.mkdir(parents=True, exist_ok=True)
        number = self._last_number() + 1
        picture = _png(frame)
        _replace(self._history / f"{number:08d}.png", picture)
        _replace(self.current, picture)
        self._written = number
        self._log(number, frame)
        (self._history / f"{number - self._history_frames:08d}.png").unlink(missing_ok=True)

    def _last_number(self) -> int:
        if self._written is None:
            numbers = [int(path.stem) for path in self._history.glob("*.png") if path.stem.isdecimal()]
            for old in sorted(numbers)[: -self._history_frames or None]:
                (self._history / f"{old:08d}.png").unlink(missing_ok=True)
            self._written = max(numbers, default=0)
        return self._written

    def _log(self, number: int, frame: Frame) -> None:
        log = self._folder / "frames.jsonl"
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(self._folder / "frames.1.jsonl")
        line = {
            "frame": number,
            "at": self._utc_now().isoformat(),
            "sha256": frame.sha256(),
            "brightness_percent": self.brightness_percent,
        }
        with log.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")


def _replace(path: Path, data: bytes) -> None:
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(data)
    partial.replace(path)


def _png(frame: Frame) -> bytes:
    out = io.BytesIO()
    frame.to_image().save(out, format="PNG")
    return out.getvalue()
