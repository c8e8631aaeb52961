"""Which characters of a text carry meaning, and which are dropped before anybody stores or speaks it. Pure.

Always NFC. Look-alike letters (full width, "bold" letters of social media, Ⅲ) become the plain ones; control,
invisible and direction-changing characters, emoji and piled-up accents are dropped, each counted by its kind.
"""

import re
import unicodedata
from collections import Counter
from enum import StrEnum, unique
from typing import Final

MOST_MARKS: Final = 4
"""Marks on one letter beyond which they carry nothing; Khmer needs up to four, Vietnamese none after NFC."""


@unique
class Dropped(StrEnum):
    """Kinds of characters that are not kept."""

    CONTROL = "control"
    INVISIBLE = "invisible"
    DIRECTION = "direction"
    EMOJI = "emoji"
    PILED_MARKS = "piled_marks"
    UNASSIGNED = "unassigned"


@unique
class Replaced(StrEnum):
    """Kinds of characters that are kept in another form."""

    COMPOSED = "composed"
    LOOKALIKE = "lookalike"
    SPACE = "space"
    LINE = "line"


_DIRECTION: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINES: Final = frozenset("\u2028\u2029\x85\x0b\x0c")
_JOINERS: Final = frozenset("\u200c\u200d")
_EMOJI_EXTRA: Final = frozenset("\u2122\u2139\u3030\u303d\u3297\u3299\u20e3\ufe0e\ufe0f")
_KEPT_SYMBOLS: Final = frozenset("©®°±×÷¬¦")
_LETTERS_AND_DIGITS: Final = frozenset({"Lu", "Ll", "Lt", "Nd", "Nl"})
_POWERS: Final = frozenset("²³")
_LONELY_POWER: Final = re.compile(r"(?<!m)[²³]")
_FIRST_LOOKALIKE: Final = 0x2000
_EMOJI_BLOCKS: Final = ((0x1F000, 0x1FAFF), (0x2600, 0x27BF), (0x2B00, 0x2BFF), (0x2300, 0x23FF), (0xE0020, 0xE007F))


def settle(text: str) -> tuple[str, Counter[Dropped | Replaced]]:
    """`text` in NFC without what carries no meaning, and how many characters of each kind were dropped or replaced."""
    counts: Counter[Dropped | Replaced] = Counter()
    text = _one_kind_of_line(text, counts)
    plain = "".join(_kept(character, counts) for character in text)
    composed = unicodedata.normalize("NFC", plain)
    if composed != plain:
        counts[Replaced.COMPOSED] += len(plain) - len(composed) or 1
    powers = _LONELY_POWER.sub(lambda found: unicodedata.normalize("NFKC", found.group()), composed)
    return _without_piles(powers, counts), counts


def _one_kind_of_line(text: str, counts: Counter[Dropped | Replaced]) -> str:
    """`text` with line feeds only."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    if any(character in _LINES for character in lines):
        counts[Replaced.LINE] += sum(character in _LINES for character in lines)
        lines = "".join("\n" if character in _LINES else character for character in lines)
    return lines


def _kept(character: str, counts: Counter[Dropped | Replaced]) -> str:
    """What stays of one character: itself, a plainer one, or nothing."""
    if character < "\x7f" and (character >= " " or character == "\n"):
        return character
    category = unicodedata.category(character)
    if category == "Zs" or character == "\t":
        counts[Replaced.SPACE] += character != "\t"
        return " "
    dropped = _why_dropped(character, category)
    if dropped is not None:
        counts[dropped] += 1
        return ""
    if category in _LETTERS_AND_DIGITS and (ord(character) >= _FIRST_LOOKALIKE or category == "Nd"):
        plain = _plain(character, category)
        counts[Replaced.LOOKALIKE] += plain != character
        return plain
    if category in {"No", "Nl"} and character not in _POWERS:
        return _number(character, counts)
    return character


def _number(character: str, counts: Counter[Dropped | Replaced]) -> str:
    """The digits of ①, ⁵ or ½ (1/2); nothing for a number of another script."""
    plain = unicodedata.normalize("NFKC", character).replace("\u2044", "/")
    kept = f" {plain}" if "/" in plain else plain
    if not plain.isascii():
        counts[Dropped.UNASSIGNED] += 1
        return ""
    counts[Replaced.LOOKALIKE] += 1
    return kept


def _plain(character: str, category: str) -> str:
    """The plain letters or digit that a look-alike stands for; nothing for a number that has none."""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    plain = unicodedata.normalize("NFKC", character)
    return "" if category == "Nl" and plain == character else plain


def _why_dropped(character: str, category: str) -> Dropped | None:
    """The kind of what is not kept, None for what is."""
    if character in _DIRECTION:
        return Dropped.DIRECTION
    if character in _EMOJI_EXTRA or _is_emoji(character, category):
        return Dropped.EMOJI
    if category == "Cc":
        return Dropped.CONTROL
    if category == "Cf" or character in _JOINERS:
        return Dropped.INVISIBLE
    if category in {"Cn", "Co", "Cs"}:
        return Dropped.UNASSIGNED
    return None


def _is_emoji(character: str, category: str) -> bool:
    """Whether it is a picture: of the emoji blocks, and no sign that texts use."""
    if character in _KEPT_SYMBOLS:
        return False
    point = ord(character)
    return category in {"So", "Sk", "Cn", "Cf"} and any(first <= point <= last for first, last in _EMOJI_BLOCKS)


def _without_piles(text: str, counts: Counter[Dropped | Replaced]) -> str:
    """`text` with at most MOST_MARKS marks on a letter."""
    kept: list[str] = []
    marks = 0
    for character in text:
        if character >= "\u0300" and unicodedata.category(character) in {"Mn", "Me"}:
            marks += 1
            if marks > MOST_MARKS:
                counts[Dropped.PILED_MARKS] += 1
                continue
        else:
            marks = 0
        kept.append(character)
    return "".join(kept)
