"""Days as they are said, and whether the calendar has them. Pure."""

import re
from datetime import date
from typing import Final

from controller.speech.reading import doubts, numbers
from controller.speech.reading.place import Doubt, Place
from controller.speech.reading.usage import Usage

WEEKDAYS: Final = ("thứ hai", "thứ ba", "thứ tư", "thứ năm", "thứ sáu", "thứ bảy", "chủ nhật")
DAYS_WORDS: Final = frozenset(
    {"ngày", "mùng", "mồng", "hôm", "đường", "phố", "cầu", "chợ", "viên", "trường", "lễ", "khánh", "tế", "rằm"}
)
"""After these words a date is said without another "ngày"."""
_BESIDE: Final = re.compile(r"(thứ (?:hai|ba|tư|năm|sáu|bảy|[2-7])|chủ nhật|\bcn|\bt[2-7])[ ,(]{0,3}(?:ngày )?\Z")
_AFTER: Final = re.compile(r"[ ,(–-]{1,4}(thứ (?:hai|ba|tư|năm|sáu|bảy|[2-7])|chủ nhật)(?![^\W_])", re.IGNORECASE)
_BY_DIGIT: Final = {str(number): WEEKDAYS[number - 2] for number in range(2, 8)}
_MONTHS: Final = 12
_LONGEST: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LONGEST_LUNAR: Final = 30
_CENTURY: Final = 100


def is_day(day: int, month: int) -> bool:
    """Whether some year has this day."""
    return 1 <= month <= _MONTHS and 1 <= day <= _LONGEST[month - 1]


def is_date_like(day: int, month: int) -> bool:
    """Whether it can only be meant as a date, existing or not."""
    return 1 <= month <= _MONTHS and 1 <= day <= _LONGEST[0]


def day_month(day: int, month: int, usage: Usage) -> str:
    """Hai tháng chín."""
    return f"{numbers.cardinal(day, usage)} tháng {numbers.month(month, usage)}"


def full_year(written: str, today: date | None) -> int:
    """The year of two or four digits: the nearest to `today`, else of this century."""
    if len(written) > 2:  # noqa: PLR2004
        return int(written)
    about = today.year if today else 2000 + _CENTURY // 2
    base = about - about % _CENTURY + int(written)
    return (
        min((base - _CENTURY, base, base + _CENTURY), key=lambda year: abs(year - about))
        if today
        else 2000 + int(written)
    )


def stands_by_weekday(place: Place) -> bool:
    """Whether a day of the week is named right before."""
    return _BESIDE.search(place.before[-30:]) is not None


def doubt_of(place: Place, day: int, month: int, year: int | None, end: int | None = None) -> Doubt | None:
    """What is wrong with a date: the calendar has no such day, or it falls on another weekday."""
    if not is_day(day, month) or (year is not None and not _exists(day, month, year)):
        return doubts.NO_SUCH_DAY
    beside = _BESIDE.search(place.before[-30:]) or (_AFTER.match(place.text, end) if end else None)
    when = _when(place.manner.today, day, month, year)
    if beside is None or when is None:
        return None
    said, really = _weekday(beside.group(1).lower()), WEEKDAYS[when.weekday()]
    return None if said == really else doubts.wrong_weekday(said, really)


def _exists(day: int, month: int, year: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _when(today: date | None, day: int, month: int, year: int | None) -> date | None:
    """The date that is meant; without a year the nearest one to today."""
    if year is not None:
        return date(year, month, day)
    if today is None:
        return None
    near = [date(today.year + step, month, day) for step in (-1, 0, 1) if _exists(day, month, today.year + step)]
    return min(near, key=lambda one: abs(one - today)) if near else None


def _weekday(written: str) -> str:
    return "chủ nhật" if written == "cn" else _BY_DIGIT.get(written[-1], written)


def is_lunar_day(day: int, month: int) -> bool:
    """Whether the lunar calendar can have this day."""
    return 1 <= month <= _MONTHS and 1 <= day <= _LONGEST_LUNAR
