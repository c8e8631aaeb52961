"""The week of a commune as a strip: days × parts of the day, each with how it went, and in words. Pure."""

from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from controller.web import moments, outcome_words
from controller.web.translating import Tongue, counted, marked

DAYS = 7
PARTS = (
    (10, marked("sáng")),
    (14, marked("trưa")),
    (19, marked("chiều")),
    (24, marked("tối")),
)
"""Parts of the day: before which hour, and how it is called."""
_BEFORE = tuple(before for before, _ in PARTS)
WENT: Mapping[str, tuple[str, str]] = {
    "whole": ("good", marked("phát đủ mọi cụm")),
    "some": ("unsure", marked("có cụm không phát")),
    "nothing": ("bad", marked("không cụm nào phát")),
    "none": ("waiting", marked("không có buổi phát")),
}
"""How a part of a day went → its sign and words."""
_HEARD = ("played", "partial")
TODAY: Mapping[str, str] = {
    "good": marked("phát đủ mọi cụm"),
    "warning": marked("có cụm không phát"),
    "waiting": marked("đang chờ kết quả"),
    "bad": marked("không cụm nào phát"),
    "unsure": marked("chưa rõ cụm nào phát"),
    "none": marked("chưa phát"),
}
"""The sign of a commune's today → its words."""


@dataclass(frozen=True, slots=True)
class Square:
    """One part of one day; `column` 0 is the first day, `row` 0 the morning."""

    column: int
    row: int
    went: str


SHAPES: Mapping[str, str] = {
    "whole": "h10v10h-10z",
    "some": "m0 5h10v5h-10z",
    "nothing": "m1 1l8 8m0-8l-8 8",
    "none": "m4 5h2",
}
"""How a part of a day went → what is drawn from the upper left corner of its square, 10 wide; no two look alike."""
_APART = 13


@dataclass(frozen=True, slots=True)
class Strip:
    """A week; `drawn`: how parts went → lines of all that went so; `text` says it in words."""

    drawn: Mapping[str, str]
    text: str


def strip(week: Iterable[Mapping[str, Any]], first: date, tongue: Tongue) -> Strip:
    """Of what was broadcast in a commune from the day `first` on."""
    found: dict[tuple[int, int], list[Mapping[str, Any]]] = {}
    for one in week:
        at = _local(one["start"])
        column = (at.date() - first).days
        row = bisect(_BEFORE, at.hour)
        if 0 <= column < DAYS:
            found.setdefault((column, row), []).append(one)
    squares = [
        Square(column, row, _went(found.get((column, row), ()))) for column in range(DAYS) for row in range(len(PARTS))
    ]
    return Strip(_drawn(squares), _told(squares, first, tongue))


def today(week: Iterable[Mapping[str, Any]], on: date, *, heard: bool) -> tuple[str, str]:
    """Sign and words of a commune's today: what is counted of it already, and whether anything sounded at all."""
    of_today = [one for one in week if _local(one["start"]).date() == on]
    if not of_today:
        return "waiting", TODAY["waiting" if heard else "none"]
    all_of_it = [outcome_words.strip({"waiting": 0, **one}) for one in of_today]
    played, expected, wrong = (sum(getattr(one, name) for one in all_of_it) for name in ("good", "expected", "bad"))
    sign = outcome_words.sign_of(played, expected, wrong=wrong)
    sign = "warning" if heard and sign != "good" else sign
    return sign, TODAY[sign]


def _drawn(squares: Iterable[Square]) -> Mapping[str, str]:
    lines: dict[str, str] = {}
    for one in squares:
        at = f"M{one.column * _APART} {one.row * _APART}{SHAPES[one.went]}"
        lines[one.went] = lines.get(one.went, "") + at
    return lines


@lru_cache(maxsize=4096)
def _local(start: str) -> datetime:
    """On the clock of Vietnam; many communes begin at the same instants."""
    return moments.instant(start).astimezone(moments.ZONE)


def _went(broadcasts: Sequence[Mapping[str, Any]]) -> str:
    if not broadcasts:
        return "none"
    heard = sum(one["outcomes"].get(name, 0) for one in broadcasts for name in _HEARD)
    whole = all(one["outcomes"].get("played", 0) == one["expected"] for one in broadcasts)
    return "whole" if whole else ("some" if heard else "nothing")


def _told(squares: Sequence[Square], first: date, tongue: Tongue) -> str:
    """The days on which something was wrong are named."""
    begun = [one for one in squares if one.went != "none"]
    if not begun:
        return tongue.say(marked("7 ngày qua không phát buổi nào"))
    whole = sum(one.went == "whole" for one in begun)
    told = [tongue.count(counted("%(num)s buổi phát đủ"), whole)]
    for went in ("some", "nothing"):
        named = [_named(one, first, tongue) for one in begun if one.went == went]
        if named:
            told.append(f"{tongue.say(WENT[went][1])}: {', '.join(named)}")
    return "; ".join(told)


def _named(one: Square, first: date, tongue: Tongue) -> str:
    day = first + timedelta(days=one.column)
    return f"{tongue.say(PARTS[one.row][1])} {day:%d/%m}"
