"""An item drawn: its pages, its strip and where that has got to."""

from dataclasses import dataclass

from edge_agent.board.frame import BoardSize, Frame
from edge_agent.board.image import ImageUnshowable, fitted
from edge_agent.board.items import BoardItem
from edge_agent.board.layout import Look, ScrollStrip, pages
from edge_agent.board.text import prepare
from edge_agent.board.typeface import Typeface

_SLOWEST_PX_PER_S = 40


@dataclass(slots=True)
class Picture:
    """Pages, then a strip that moves one and a half times the board's height a second; one of them, or both.

    `item` is what was to be drawn, `undrawn` the codes of what could not be.
    """

    item: BoardItem
    left_out: tuple[str, ...]
    pages: tuple[Frame, ...] = ()
    strip: ScrollStrip | None = None
    undrawn: tuple[str, ...] = ()
    pass_began_ns: int | None = None
    proven_ns: int = 0

    @property
    def turns(self) -> int:
        """How many pages it has; the strip counts as the last one."""
        return len(self.pages) + (self.strip is not None)

    def offset_px(self, now_ns: int) -> int:
        """How far the strip has moved in this pass."""
        if self.strip is None or self.pass_began_ns is None:
            return 0
        speed_px_s = max(_SLOWEST_PX_PER_S, self.strip.size.height_px * 3 // 2)
        return (now_ns - self.pass_began_ns) * speed_px_s // 1_000_000_000

    def passed(self, offset_px: int) -> bool:
        """The whole text has gone by."""
        return self.strip is None or offset_px >= self.strip.length_px

    def frame_at(self, offset_px: int) -> Frame:
        """The strip's frame; only for a picture that scrolls."""
        if self.strip is None:
            raise TypeError("a picture of pages has no strip")
        return self.strip.frame_at(offset_px)


def draw(item: BoardItem, size: BoardSize, face: Typeface, look: Look) -> Picture:
    """Lay the item out for a board: its image, then its text. A text stands for an image that cannot be drawn.

    Raises:
        TextUnshowable: the text cannot be shown truthfully.
        ImageUnshowable: the image cannot be drawn, and there is no text.
    """
    image: tuple[Frame, ...] = ()
    undrawn: tuple[str, ...] = ()
    if item.image is not None:
        try:
            image = (fitted(item.image, size, look),)
        except ImageUnshowable as error:
            if not item.text:
                raise
            undrawn = (error.code,)
    if image and not item.text:
        return Picture(item, (), pages=image)
    left_out = prepare(item.text, face).left_out
    if item.layout == "scroll":
        return Picture(item, left_out, image, ScrollStrip(item.text, size, face, look), undrawn)
    return Picture(item, left_out, (*image, *pages(item.text, size, face, look)), None, undrawn)
