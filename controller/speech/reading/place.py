"""Where a rule looks and what it answers. Pure.

A rule gets the place of a token and answers how far it reads and what is said, or None. It looks a bounded way to both
sides only, so that a text costs time in proportion to its length whatever it holds.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Final

from controller.speech.reading.spoken import Kind
from controller.speech.reading.usage import NORTHERN, Usage

_BACK: Final = 90
_NEAR: Final = 8
_BREAK: Final = re.compile(r"[!?;\n]|\.(?=\s)")
_WORD: Final = re.compile(r"[^\W_]+")
_LAST: Final = re.compile(r"([^\W_]+) ?\Z")
_LAST_TWO: Final = re.compile(r"([^\W_]+) ([^\W_]+) ?\Z")
_NO_NOUN: Final = re.compile(
    r" ?(?:[,.;:!?()\n“”\"–-]|\Z)| (?:[A-ZĐ]|(?:tại|ở|lúc|vào|từ|đến|tới|của|và|hoặc|hay|là|do|sẽ|đã|được|để|cho|năm|"
    r"này|nhưng|khi|nếu|ngay|thì|vừa|sắp|trên|trong|với|theo|bằng)(?![^\W_]))"
)


@dataclass(frozen=True, slots=True)
class Doubt:
    """What somebody should look at, in both languages; whole sentences."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Said:
    """Read up to `end`: what is said; `doubt` where something else could be meant; `told` False for trifles."""

    end: int
    spoken: str
    kind: Kind
    doubt: Doubt | None = None
    told: bool = True


@dataclass(frozen=True, slots=True)
class Manner:
    """How to read: the usage of numbers, today (for dates without a year) and the pronunciation list."""

    usage: Usage = NORTHERN
    today: date | None = None
    lexicon: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """First letter or digit (small) to entries (written, spoken), the longest first."""


class Place:
    """A token of `text` at `at`, and what stands around it."""

    def __init__(self, text: str, at: int, manner: Manner) -> None:
        self.text = text
        self.at = at
        self.manner = manner

    @property
    def usage(self) -> Usage:
        """The usage of numbers."""
        return self.manner.usage

    def match(self, pattern: re.Pattern[str], at: int | None = None) -> re.Match[str] | None:
        """`pattern` from here, or from `at`."""
        return pattern.match(self.text, self.at if at is None else at)

    @cached_property
    def before(self) -> str:
        """What stands before in the same sentence, small letters, at most 90 characters."""
        stretch = self.text[max(0, self.at - _BACK) : self.at].lower()
        ends = [found.end() for found in _BREAK.finditer(stretch)]
        return stretch[ends[-1] :] if ends else stretch

    @cached_property
    def last(self) -> str:
        """The word right before, only a space between; small letters, "" for none."""
        found = _LAST.search(self.before[-30:])
        return found.group(1) if found else ""

    @cached_property
    def last_two(self) -> str:
        """The two words right before, with single spaces."""
        found = _LAST_TWO.search(self.before[-40:])
        return f"{found.group(1)} {found.group(2)}" if found else ""

    @cached_property
    def near(self) -> tuple[str, ...]:
        """Up to eight words before in the same sentence, across commas."""
        return tuple(_WORD.findall(self.before)[-_NEAR:])

    def counts_nothing(self, end: int) -> bool:
        """Whether no noun follows that a number up to `end` could count."""
        return _NO_NOUN.match(self.text, end) is not None

    @property
    def previous(self) -> str:
        """The character right before, or a line feed at the beginning."""
        return self.text[self.at - 1] if self.at else "\n"

    @cached_property
    def heads_line(self) -> bool:
        """Whether nothing but spaces and bullets stands before on its line."""
        begin = self.text.rfind("\n", max(0, self.at - _BACK), self.at) + 1
        return (begin > 0 or self.at < _BACK) and not self.text[begin : self.at].strip(" -–—+*•·")


Rule = Callable[[Place], Said | None]
