"""The week of a commune as a strip: days × parts of the day, each with how it went, and in words. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
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


@dataclass(frozen=True, slots=True)
class Strip:
    """A week; `text` says it in words."""

    squares: Sequence[Square]
    text: str


def strip(week: Iterable[Mapping[str, Any]], first: date, tongue: Tongue) -> Strip:
    """Of what was broadcast in a commune from the day `first` on."""
    found: dict[tuple[int, int], list[Mapping[str, Any]]] = {}
    for one in week:
        at = moments.instant(one["start"]).astimezone(moments.ZONE)
        column = (at.date() - first).days
        row = next(number for number, (before, _) in enumerate(PARTS) if at.hour < before)
        if 0 <= column < DAYS:
            found.setdefault((column, row), []).append(one)
    squares = [
        Square(column, row, _went(found.get((column, row), ()))) for column in range(DAYS) for row in range(len(PARTS))
    ]
    return Strip(squares, _told(squares, first, tongue))


def today(week: Iterable[Mapping[str, Any]], on: date, *, heard: bool) -> tuple[str, str]:
    """Sign and words of a commune's today: what is counted of it already, and whether anything sounded at all."""
    of_today = [one for one in week if moments.instant(one["start"]).astimezone(moments.ZONE).date() == on]
    if not of_today:
        return "waiting", TODAY["waiting" if heard else "none"]
    all_of_it = [outcome_words.strip({"waiting": 0, **one}) for one in of_today]
    played, expected, wrong = (sum(getattr(one, name) for one in all_of_it) for name in ("good", "expected", "bad"))
    sign = outcome_words.sign_of(played, expected, wrong=wrong)
    sign = "warning" if heard and sign != "good" else sign
    return sign, TODAY[sign]


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
