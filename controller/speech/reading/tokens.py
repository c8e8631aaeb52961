"""A text as runs of digits, runs of letters, spaces, line feeds and single signs. Pure, in one pass."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto, unique
from typing import Final


@unique
class Shape(Enum):
    """What a token is made of."""

    DIGITS = auto()
    LETTERS = auto()
    SPACE = auto()
    LINES = auto()
    SIGN = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text at `at`."""

    text: str
    at: int
    shape: Shape


_MARK: Final = (
    r"[\u0300-\u036f\u0900-\u0903\u093a-\u094f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece"
    r"\u1780-\u17d3\uaab0-\uaabf\ua926-\ua92d]"
)
_LETTER: Final = r"[^\W\d_\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209f]"
_TOKENS: Final = re.compile(
    rf"(?P<DIGITS>[0-9]+)|(?P<LETTERS>{_LETTER}(?:{_LETTER}|{_MARK}|['’ʼ](?={_LETTER}))*)"
    r"|(?P<SPACE>[ \t]+)|(?P<LINES>\s+)|(?P<SIGN>.)",
    re.DOTALL,
)


def tokens(text: str) -> Iterator[Token]:
    """The pieces of `text` in order; together they are the whole text."""
    for found in _TOKENS.finditer(text):
        yield Token(found.group(), found.start(), Shape[found.lastgroup or "SIGN"])
