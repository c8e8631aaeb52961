"""From a device's profile to a board that can be shown on: driver, colours, typeface, clock."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from edge_agent.board.drivers.framebuffer import Framebuffer, PixelFormat
from edge_agent.board.drivers.png import PngBoard
from edge_agent.board.drivers.port import FrameDriver
from edge_agent.board.frame import BoardSize, Rgb
from edge_agent.board.layout import Look
from edge_agent.board.show import BoardShow, ShowClock, ShowJournal
from edge_agent.board.typeface import typeface
from edge_agent.profile import Board, PngBoardOutput


class MonotonicClock:
    """The machine's CLOCK_MONOTONIC for a show."""

    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC."""
        return time.monotonic_ns()

    async def sleep_until(self, monotonic_ns: int) -> None:
        """Return at that instant or, when it has passed, at once."""
        await asyncio.sleep(max(0, monotonic_ns - time.monotonic_ns()) / 1e9)


def open_driver(
    board: Board, state_dir: Path, utc_now: Callable[[], datetime], *, folder: Path | None = None
) -> FrameDriver:
    """Make the profile's driver; `folder` takes the place of the profile's folder and makes any board a `png` one."""
    size = BoardSize(board.width_px, board.height_px)
    if isinstance(board, PngBoardOutput) or folder is not None:
        own = Path(board.folder) if isinstance(board, PngBoardOutput) else Path("board")
        history = board.history_frames if isinstance(board, PngBoardOutput) else 200
        return PngBoard(
            folder or state_dir / own,
            size,
            utc_now,
            brightness_percent=board.brightness_percent,
            history_frames=history,
        )
    return Framebuffer(
        state_dir / board.path,
        size,
        PixelFormat(board.pixels),
        stride_bytes=board.stride_bytes,
        brightness_percent=board.brightness_percent,
    )


def open_show(board: Board, driver: FrameDriver, journal: ShowJournal, clock: ShowClock | None = None) -> BoardShow:
    """Make the show of this board, in the profile's colours and weight."""
    look = Look(ink=_rgb(board.ink), ground=_rgb(board.ground))
    return BoardShow(driver, clock or MonotonicClock(), journal, typeface(board.weight), look=look)


def _rgb(colour: str) -> Rgb:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
