"""Days of the lunar calendar: mùng 1 Tết, 15/7 âm lịch, tháng 12 âm lịch.

1–10 are mùng, the fifteenth is rằm, the first month Giêng, the twelfth Chạp.
"""

import re
from typing import Final

from controller.speech.reading import doubts, numbers
from controller.speech.reading.days import is_lunar_day
from controller.speech.reading.place import Place, Said
from controller.speech.reading.spoken import Kind
from controller.speech.reading.usage import Usage

LUNAR: Final = r"(?= ?[(,]? ?(?:nhuận ?)?(?:năm [^\W\d_]{1,6} [^\W\d_]{1,6} ?)?(?:\(?âm lịch|\(?ÂL\b|\(?Âm lịch))"
_DATE: Final = re.compile(
    rf"(?:(\d{{1,2}}) ?[-–] ?)?(\d{{1,2}})(?:/| tháng )(\d{{1,2}})(?:/(\d{{4}}))?(?![\d/]){LUNAR}"
)
_MONTH: Final = re.compile(rf"(\d{{1,2}})(?![\d/]){LUNAR}")
_AFTER_FIRST: Final = re.compile(r"(\d{1,2})(?:/| tháng )(\d{1,2})(?![\d/.,])")
_DAY: Final = re.compile(r"(\d{1,2})/(\d{1,2})(?![\d/])")
_FEASTS: Final = {(15, 8): "thu", (5, 5): "ngọ", (15, 7): "lan", (3, 3): "minh", (10, 3): "vương", (23, 12): "táo"}
_FULL_MOON: Final = 15
_LAST_FIRST: Final = 10
_FIRSTS: Final = frozenset({"mùng", "mồng"})


def lunar_dates(place: Place) -> Said | None:
    """A day, or days, that "âm lịch" follows."""
    found = place.match(_DATE)
    if not found:
        return None
    first, day, month, year = found.groups()
    if not is_lunar_day(int(day), int(month)):
        return Said(found.end(), _plainly(place, found), Kind.LUNAR_DATE, doubts.NO_SUCH_DAY)
    words = f"{lunar_day(int(day), place.usage)} tháng {lunar_month(int(month), place.usage)}"
    if year:
        words += f" năm {numbers.cardinal(int(year), place.usage)}"
    if first:
        words = f"{lunar_day(int(first), place.usage)} đến {words}"
    return Said(found.end(), _after(place.last, words), Kind.LUNAR_DATE)


def lunar_months(place: Place) -> Said | None:
    """tháng 12 âm lịch."""
    found = place.match(_MONTH) if place.last == "tháng" else None
    if not found or not is_lunar_day(1, int(found.group(1))):
        return None
    return Said(found.end(), lunar_month(int(found.group(1)), place.usage), Kind.LUNAR_DATE)


def feasts(place: Place) -> Said | None:
    """Trung thu 15/8: feasts that have their day in the lunar calendar only."""
    found = place.match(_DAY)
    if not found:
        return None
    day, month = int(found.group(1)), int(found.group(2))
    if _FEASTS.get((day, month)) != place.last:
        return None
    words = f"{lunar_day(day, place.usage)} tháng {lunar_month(month, place.usage)}"
    return Said(found.end(), words, Kind.LUNAR_DATE)


def firsts(place: Place) -> Said | None:
    """mùng 3/3: a date after mùng."""
    found = place.match(_AFTER_FIRST) if place.last in _FIRSTS else None
    if not found or not is_lunar_day(int(found.group(1)), int(found.group(2))):
        return None
    day, month = (int(part) for part in found.groups())
    words = f"{numbers.cardinal(day, place.usage)} tháng {numbers.month(month, place.usage)}"
    return Said(found.end(), words, Kind.LUNAR_DATE)


def lunar_day(day: int, usage: Usage) -> str:
    """mùng ba, mười bốn, rằm."""
    if day == _FULL_MOON:
        return "rằm"
    return f"mùng {numbers.cardinal(day, usage)}" if day <= _LAST_FIRST else numbers.cardinal(day, usage)


def lunar_month(month: int, usage: Usage) -> str:
    """Giêng, hai, ba, tư … Chạp."""
    return {1: "Giêng", 12: "Chạp"}.get(month) or numbers.month(month, usage)


def _after(last: str, words: str) -> str:
    """Without what stands before already; "ngày" before days that have no word of their own."""
    if last in _FIRSTS:
        return words.removeprefix("mùng ")
    if last == "rằm":
        return words.removeprefix("rằm ")
    return words if last == "ngày" or words.startswith(("mùng", "rằm")) else f"ngày {words}"


def _plainly(place: Place, found: re.Match[str]) -> str:
    day, month = int(found.group(2)), int(found.group(3))
    return f"{numbers.cardinal(day, place.usage)} tháng {numbers.cardinal(month, place.usage)}"
