"""A finished picture for a board: plain RGB pixels, immutable, comparable by digest.

Everything that lays out makes Frames and every driver takes them, so that "what was meant" and "what was read back"
are compared as pixels and never as files.
"""

import hashlib
from dataclasses import dataclass

from PIL import Image

Rgb = tuple[int, int, int]

BLACK: Rgb = (0, 0, 0)
SMALLEST_SIDE_PX = 8
LARGEST_SIDE_PX = 8192


@dataclass(frozen=True, slots=True)
class BoardSize:
    """The board's pixels; both sides at least 8, at most 8192."""

    width_px: int
    height_px: int

    def __post_init__(self) -> None:
        sides = (self.width_px, self.height_px)
        if min(sides) < SMALLEST_SIDE_PX or max(sides) > LARGEST_SIDE_PX:
            raise ValueError(f"a board is {SMALLEST_SIDE_PX} to {LARGEST_SIDE_PX} pixels on each side, not {sides}")


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: `rgb` holds 3 bytes a pixel, row by row from the top left, without padding."""

    size: BoardSize
    rgb: bytes

    def __post_init__(self) -> None:
        if len(self.rgb) != self.size.width_px * self.size.height_px * 3:
            raise ValueError("a frame holds exactly 3 bytes for each pixel of its size")

    @classmethod
    def of_image(cls, image: Image.Image) -> "Frame":
        """Take the pixels of a Pillow image of any mode."""
        return cls(BoardSize(*image.size), image.convert("RGB").tobytes())

    @classmethod
    def plain(cls, size: BoardSize, colour: Rgb = BLACK) -> "Frame":
        """Fill the whole board with one colour: the resting picture of a board that has no other."""
        return cls(size, bytes(colour) * (size.width_px * size.height_px))

    def to_image(self) -> Image.Image:
        """Make a Pillow image of the pixels."""
        return Image.frombytes("RGB", (self.size.width_px, self.size.height_px), self.rgb)

    def dimmed(self, brightness_percent: int) -> "Frame":
        """Scale every pixel to 0-100 % of its value, for boards that have no dimmer of their own."""
        if brightness_percent >= 100:  # noqa: PLR2004 - per cent
            return self
        table = bytes(value * max(brightness_percent, 0) // 100 for value in range(256))
        return Frame(self.size, self.rgb.translate(table))

    def sha256(self) -> str:
        """Digest of the pixels, in hex."""
        return hashlib.sha256(self.rgb).hexdigest()
