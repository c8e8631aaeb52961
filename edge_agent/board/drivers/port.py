"""What the show asks of a board, whatever the board is.

FRAME boards take finished pixels and can say which pixels they hold. CONTENT boards (a card that is sent text or a
file) and CONTROL boards (only on, off, brightness) are kinds of their own, so that a receipt never claims "shown" for
a card that merely accepted something.
"""

from enum import Enum
from typing import Protocol

from edge_agent.board.frame import BoardSize, Frame
from loa_protocol.errors import LoaError


class DriverKind(Enum):
    """What a board can be given."""

    FRAME = "frame"
    CONTENT = "content"
    CONTROL = "control"


class BoardWriteFailed(LoaError):
    """A frame could not be put on the board; what the board shows now is not known."""

    code = "board_write_failed"


class BoardReadBackFailed(LoaError):
    """The board did not tell which pixels it holds."""

    code = "board_read_back_failed"


class FrameDriver(Protocol):
    """A board of kind FRAME. Methods block and may be called from any one thread at a time."""

    @property
    def kind(self) -> DriverKind:
        """Always `DriverKind.FRAME`."""

    @property
    def size(self) -> BoardSize:
        """The board's pixels."""

    @property
    def brightness_percent(self) -> int:
        """The brightness the board really has, 0-100."""

    @property
    def frame_interval_ms(self) -> int:
        """The shortest time between two frames that this board takes well; scrolling keeps to it."""

    def set_brightness(self, percent: int) -> None:
        """Change the brightness from the next frame on; values are kept within 0-100."""

    def show(self, frame: Frame) -> None:
        """Put the frame on the board.

        Raises:
            BoardWriteFailed: the board did not take it.
        """

    def expected_sha256(self, frame: Frame) -> str:
        """Digest, in hex, of the pixels this board holds when it shows the frame as meant."""

    def read_back(self) -> str:
        """Digest, in hex, of the pixels the board holds now.

        Raises:
            BoardReadBackFailed: they cannot be read.
        """

    def close(self) -> None:
        """Let go of files and devices; the last frame stays."""


BoardDriver = FrameDriver
"""Every driver there is today is of kind FRAME; a CONTENT or CONTROL port becomes a further member of this union."""
