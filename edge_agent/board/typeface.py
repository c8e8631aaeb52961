"""The letters of the boards, read once from the font files shipped beside this module.

Pillow's basic layout is used everywhere: it needs no system library and so gives the same pixels on every device.
It cannot stack separate combining marks, which is why text is NFC before it comes here.
"""

import io
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from PIL import ImageFont

Weight = Literal["regular", "bold"]

_FILES: dict[Weight, str] = {"regular": "BeVietnamPro-Regular.ttf", "bold": "BeVietnamPro-Bold.ttf"}
_NO_SUCH_CHARACTER = "\U0010ffff"
_PROBE_PX = 24
_SIZES_KEPT = 24


class Typeface:
    """One font file at any size; the sizes used last are kept."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._known: dict[str, bool] = {}
        self.at = lru_cache(maxsize=_SIZES_KEPT)(self._at)

    def _at(self, text_px: int) -> ImageFont.FreeTypeFont:
        """Give the font at `text_px` pixels per em."""
        return ImageFont.truetype(io.BytesIO(self._data), text_px, layout_engine=ImageFont.Layout.BASIC)

    def has(self, character: str) -> bool:
        """Tell whether the font has a picture of its own for this one character."""
        if character not in self._known:
            self._known[character] = self._picture(character) != self._picture(_NO_SUCH_CHARACTER)
        return self._known[character]

    def _picture(self, character: str) -> tuple[tuple[int, int], float, bytes]:
        font = self.at(_PROBE_PX)
        mask = font.getmask(character)
        return mask.size, font.getlength(character), bytes(mask)


@lru_cache(maxsize=2)
def typeface(weight: Weight = "bold") -> Typeface:
    """Load a shipped weight of Be Vietnam Pro; bold is the default, because boards are read from afar."""
    return Typeface(files("edge_agent.board").joinpath("fonts", _FILES[weight]).read_bytes())
