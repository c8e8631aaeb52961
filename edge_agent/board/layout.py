"""Text to pictures for a board of W x H pixels: pages that fit, or a strip that scrolls.

Pure: the same text, size, face and look give the same pixels on every device. Lines are placed by the real bounding
box of their ink, so that stacked marks (Ẫ, Ữ) and dots below (ỵ, ự) are never cut. The letters are as large as they
can be without needing more pages than the smallest readable size does.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from edge_agent.board.frame import BLACK, BoardSize, Frame, Rgb
from edge_agent.board.text import ShowableText, TextUnshowable, prepare
from edge_agent.board.typeface import Typeface

SMALLEST_TEXT_PX = 8
_READABLE_PX = 14
_LINES_ON_A_LARGE_BOARD = 8
_RUN_CHARACTERS = 32
_LEFT_OF_BASELINE = "ls"
# Every line is at least as high as these letters, so that lines of any words stand evenly.
_EVERYDAY = "Hg"

Line = str


@dataclass(frozen=True, slots=True)
class Look:
    """Colours and margin; `margin_px` None means a margin that suits the board."""

    ink: Rgb = (255, 176, 0)
    ground: Rgb = BLACK
    margin_px: int | None = None


@dataclass(frozen=True, slots=True)
class _Setting:
    """One way to set the text: the size, its lines, the ink's reach above and below a baseline (px)."""

    text_px: int
    lines: tuple[Line, ...]
    above_px: int
    below_px: int
    lines_a_page: int
    whole_words: bool

    @property
    def pages(self) -> int:
        return math.ceil(len(self.lines) / self.lines_a_page) if self.lines_a_page else 0

    @property
    def pitch_px(self) -> int:
        return self.above_px + self.below_px + _gap_px(self.text_px)


def pages(text: str, size: BoardSize, face: Typeface, look: Look | None = None) -> tuple[Frame, ...]:
    """Set the text in as many pages as it needs, in reading order, each the size of the board.

    Raises:
        TextUnshowable: the text cannot be drawn, or the board is too low for a single line.
    """
    look = look or Look()
    words = prepare(text, face)
    margin_px = _margin_px(size, look)
    # On the lowest boards the tallest letters need the margin's rows too.
    setting = _best_setting(words, size, face, margin_px) or _best_setting(words, size, face, 0)
    if setting is None:
        raise TextUnshowable(f"a board {size.height_px} pixels high is too low for a line of this text")
    rows = setting.lines
    # Lines are spread over the pages evenly: 3 pages of 2 lines, never 2 + 2 + 2 with a lonely word at the end.
    share = math.ceil(len(rows) / setting.pages)
    return tuple(_draw_page(rows[i : i + share], setting, size, face, look) for i in range(0, len(rows), share))


def _best_setting(words: ShowableText, size: BoardSize, face: Typeface, margin_px: int) -> _Setting | None:
    smallest = _smallest_px(size, face)
    reading = next(
        (s for px in range(smallest, SMALLEST_TEXT_PX - 1, -1) if (s := _set(words, px, size, face, margin_px)).pages),
        None,
    )
    if reading is None:
        return None
    best = reading
    while (px := best.text_px + max(1, best.text_px // 24)) <= size.height_px:
        larger = _set(words, px, size, face, margin_px)
        if not 0 < larger.pages <= reading.pages or (reading.whole_words and not larger.whole_words):
            break
        best = larger
    return best


def _smallest_px(size: BoardSize, face: Typeface) -> int:
    wanted = max(_READABLE_PX, size.height_px // _LINES_ON_A_LARGE_BOARD)
    while wanted > SMALLEST_TEXT_PX and face.at(wanted).getbbox("Ẫ", anchor=_LEFT_OF_BASELINE)[3] > size.height_px:
        wanted -= 1
    return wanted


def _set(words: ShowableText, text_px: int, size: BoardSize, face: Typeface, margin_px: int) -> _Setting:
    font = face.at(text_px)
    width = size.width_px - 2 * margin_px
    ruler = _Ruler(font)
    lines = tuple(line for paragraph in words.paragraphs for line in _wrap(paragraph, ruler, width))
    whole = all(ruler.ink_px(word) <= width for word in set(words.words))
    above, below = _reach_px(lines, font)
    gap = _gap_px(text_px)
    fitting = (size.height_px - 2 * margin_px + gap) // (above + below + gap)
    return _Setting(text_px, lines, above, below, max(fitting, 0), whole)


class _Ruler:
    """Measures words of one font, once each."""

    def __init__(self, font: ImageFont.FreeTypeFont) -> None:
        self._font = font
        self.space_px = font.getlength(" ")
        self._known: dict[str, tuple[float, int, int]] = {}

    def letters_in(self, width_px: int) -> int:
        """More letters than any word of this width has: the narrowest are a quarter of an em."""
        return int(4 * width_px / self._font.size) + 1

    def ink_px(self, word: str) -> int:
        """Width of the word's ink and what reaches left of its origin."""
        return self.before_px(word) + self.after_px(word)

    def before_px(self, word: str) -> int:
        """How far the ink reaches left of the word's origin (Ì does)."""
        return self._measure(word)[1]

    def after_px(self, word: str) -> int:
        """How far the ink reaches right of the word's origin."""
        return self._measure(word)[2]

    def advance_px(self, word: str) -> float:
        """Way from the word's origin to the next word's, without the space."""
        return self._measure(word)[0]

    def _measure(self, word: str) -> tuple[float, int, int]:
        if word not in self._known:
            left, _, right, _ = self._font.getbbox(word, anchor=_LEFT_OF_BASELINE)
            self._known[word] = self._font.getlength(word), -math.floor(min(left, 0)), math.ceil(right)
        return self._known[word]


def _wrap(paragraph: Sequence[str], ruler: _Ruler, width_px: int) -> Iterator[Line]:
    line: list[str] = []
    begun_px = 0.0
    for piece in (piece for word in paragraph for piece in _breakable(word, ruler, width_px)):
        if line and begun_px + ruler.after_px(piece) > width_px:
            yield " ".join(line)
            line = []
        if not line:
            begun_px = float(ruler.before_px(piece))
        line.append(piece)
        begun_px += ruler.advance_px(piece) + ruler.space_px
    if line:
        yield " ".join(line)


def _breakable(word: str, ruler: _Ruler, width_px: int) -> Iterator[str]:
    """Give the word whole, or, wider than the board, in pieces that fit."""
    at_most = max(2, ruler.letters_in(width_px))
    while len(word) > 1 and (len(word) > at_most or ruler.ink_px(word) > width_px):
        counts = range(min(len(word), at_most) + 1)
        fitting = bisect_right(counts, width_px, lo=2, key=lambda n: ruler.ink_px(word[:n]))
        yield word[: fitting - 1]
        word = word[fitting - 1 :]
    yield word


def _reach_px(lines: Sequence[Line], font: ImageFont.FreeTypeFont) -> tuple[int, int]:
    boxes = [font.getbbox(line, anchor=_LEFT_OF_BASELINE) for line in (*lines, _EVERYDAY)]
    return -math.floor(min(box[1] for box in boxes)), math.ceil(max(box[3] for box in boxes))


def _gap_px(text_px: int) -> int:
    return max(1, text_px // 12)


def _margin_px(size: BoardSize, look: Look) -> int:
    return look.margin_px if look.margin_px is not None else max(1, min(size.width_px, size.height_px) // 24)


def _draw_page(rows: Sequence[Line], setting: _Setting, size: BoardSize, face: Typeface, look: Look) -> Frame:
    image = Image.new("RGB", (size.width_px, size.height_px), look.ground)
    draw = ImageDraw.Draw(image)
    font = face.at(setting.text_px)
    block = setting.pitch_px * len(rows) - _gap_px(setting.text_px)
    baseline = (size.height_px - block) // 2 + setting.above_px
    for row in rows:
        left, _, right, _ = font.getbbox(row, anchor=_LEFT_OF_BASELINE)
        x = (size.width_px - math.ceil(right - left)) // 2 - math.floor(left)
        draw.text((x, baseline), row, fill=look.ink, font=font, anchor=_LEFT_OF_BASELINE)
        baseline += setting.pitch_px
    return Frame.of_image(image)


class ScrollStrip:
    """The whole text on one line that enters at the right edge and leaves at the left.

    Drawn in tiles as wide as the board, each when it is first needed, so that a long text on a large board never
    becomes one enormous bitmap. `length_px` is the way from the first empty board to the last empty board.
    """

    def __init__(self, text: str, size: BoardSize, face: Typeface, look: Look | None = None) -> None:
        self.size = size
        self._look = look or Look()
        words = prepare(text, face)
        self._font, self._baseline = _tallest_line(words, size, face, _margin_px(size, self._look))
        self._runs, text_px = _runs(words, self._font, start_px=size.width_px)
        self.length_px = size.width_px + text_px
        self._tile = lru_cache(maxsize=3)(self._draw_tile)

    def frame_at(self, offset_px: int) -> Frame:
        """The board when the strip has moved `offset_px`; 0 and `length_px` are empty boards."""
        width, height = self.size.width_px, self.size.height_px
        first, inside = divmod(min(max(offset_px, 0), self.length_px), width)
        if not inside:
            return Frame.of_image(self._tile(first))
        image = Image.new("RGB", (width, height))
        image.paste(self._tile(first), (-inside, 0))
        image.paste(self._tile(first + 1), (width - inside, 0))
        return Frame.of_image(image)

    def _draw_tile(self, index: int) -> Image.Image:
        width = self.size.width_px
        image = Image.new("RGB", (width, self.size.height_px), self._look.ground)
        draw = ImageDraw.Draw(image)
        for x, advance, run in self._runs:
            # One em on either side, because ink may reach beyond its advance.
            if x - self._font.size < (index + 1) * width and x + advance + self._font.size > index * width:
                at = (x - index * width, self._baseline)
                draw.text(at, run, fill=self._look.ink, font=self._font, anchor=_LEFT_OF_BASELINE)
        return image


def _tallest_line(
    words: ShowableText, size: BoardSize, face: Typeface, margin_px: int
) -> tuple[ImageFont.FreeTypeFont, int]:
    """Find the largest font whose ink fits the board's height, and the baseline that centres it."""
    low, high = SMALLEST_TEXT_PX - 1, size.height_px
    above, below = _reach_px(words.words, face.at(SMALLEST_TEXT_PX))
    room = size.height_px if above + below > size.height_px - 2 * margin_px else size.height_px - 2 * margin_px
    while low < high:
        middle = (low + high + 1) // 2
        above, below = _reach_px(words.words, face.at(middle))
        low, high = (middle, high) if above + below <= room else (low, middle - 1)
    if low < SMALLEST_TEXT_PX:
        raise TextUnshowable(f"a board {size.height_px} pixels high is too low for a line of this text")
    above, below = _reach_px(words.words, face.at(low))
    return face.at(low), (size.height_px - above - below) // 2 + above


def _runs(
    words: ShowableText, font: ImageFont.FreeTypeFont, start_px: int
) -> tuple[tuple[tuple[int, int, str], ...], int]:
    """Place runs of text at whole pixels: ((x, advance, run), ...) and the length of all of them."""
    runs: list[tuple[int, int, str]] = []
    x, space, between = start_px, math.ceil(font.getlength(" ")), math.ceil(2 * font.size)
    for number, paragraph in enumerate(words.paragraphs):
        x += between if number else 0
        for word in paragraph:
            for piece in (word[i : i + _RUN_CHARACTERS] for i in range(0, len(word), _RUN_CHARACTERS)):
                advance = math.ceil(font.getlength(piece))
                runs.append((x, advance, piece))
                x += advance
            x += space
    return tuple(runs), x - space - start_px
