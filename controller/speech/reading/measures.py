"""What stands after a number: a unit, a percentage, money, and what it is counted for. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from controller.speech.reading.spoken import Kind
from controller.speech.reading.vocabulary.units import (
    DEGREES,
    MONEY,
    PER,
    PHYSICAL,
    PRIMES,
    RATIOS,
    SHORT_MONEY,
    TIGHT,
)

_KINDS: Final = ((PHYSICAL, Kind.UNIT), (DEGREES, Kind.UNIT), (RATIOS, Kind.UNIT), (MONEY, Kind.MONEY))
_ALL: Final = {sign: (words, kind) for table, kind in _KINDS for sign, words in table.items()}
_SIGN: Final = "|".join(re.escape(sign) for sign in sorted(_ALL, key=len, reverse=True))
_UNIT: Final = re.compile(rf"( ?)({_SIGN})(?![^\W_])")
_QUOTED: Final = re.compile(r"(?<![^\W_])['‘](?=[^\W_])[^'‘’\n]*\Z")
_QUOTATION: Final = 80
_PER: Final = re.compile(r" ?/ ?([^\W\d_]{1,8}[23²³]?)(?![^\W_])")
_RATES: Final = frozenset({"giờ", "h", "giây", "s", "phút", "ph"})


@dataclass(frozen=True, slots=True)
class Measure:
    """A unit read up to `end`; `sign` as it is written."""

    end: int
    spoken: str
    sign: str
    kind: Kind


def measure_at(text: str, at: int) -> Measure | None:
    """The unit that follows a number ending at `at`, with everything it is counted for."""
    found = _UNIT.match(text, at)
    if not found or (found.group(1) and found.group(2) in TIGHT):
        return None
    if found.group(2) in PRIMES and not _is_minutes(text, at):
        return None
    words, kind = _ALL[found.group(2)]
    end, after = per_at(text, found.end(), found.group(2))
    return Measure(end, words + after, found.group(2), kind)


def _is_minutes(text: str, at: int) -> bool:
    """Whether the sign at `at` is one of minutes: it neither closes a quotation nor stands before another."""
    return text[at + 1 : at + 2] not in {"'", "’", "′", "″"} and not _QUOTED.search(text[max(0, at - _QUOTATION) : at])


def per_at(text: str, at: int, unit: str) -> tuple[int, str]:
    """Where "/kg", "/người/tháng" after `unit` ends, and how it is said, a space before it."""
    said = ""
    while (found := _PER.match(text, at)) is not None:
        below = found.group(1)
        if below not in PHYSICAL and below not in PER:
            break
        joint = "trên" if unit in PHYSICAL and (below in _RATES or below not in PER) else "mỗi"
        said += f" {joint} {PHYSICAL.get(below) or MONEY.get(below, below)}"
        at = found.end()
    return at, said


def is_short_money(sign: str) -> bool:
    """Whether the sign is one of chats rather than of papers."""
    return sign in SHORT_MONEY
