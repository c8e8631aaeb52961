"""Spans of days, months and years: 3-5/10, 28/9 - 3/10/2026, 9/2026 - 3/2027, 2025-2030."""

import re
from typing import Final

from controller.speech.reading import numbers
from controller.speech.reading.days import doubt_of, is_date_like
from controller.speech.reading.place import Place, Said
from controller.speech.reading.rules.dates import END, date_words, said_date, year_words
from controller.speech.reading.spoken import Kind

_D: Final = r"(\d{1,2})"
_TO: Final = r" ?[-–—] ?"
_FULL_TO_FULL: Final = re.compile(rf"{_D}/{_D}(?:/(\d{{4}}))?{_TO}{_D}/{_D}(?:/(\d{{4}}))?{END}")
_DAY_TO_FULL: Final = re.compile(rf"{_D}{_TO}{_D}[/.]{_D}(?:[/.](\d{{4}}))?{END}")
_MONTHS_TO: Final = re.compile(rf"{_D}/(\d{{4}}){_TO}{_D}/(\d{{4}}){END}")
_YEARS: Final = re.compile(rf"([12]\d{{3}}){_TO}([12]\d{{3}}){END}")
_PAIR: Final = ((30, 4), (1, 5))
_SCHOOL: Final = frozenset({"học", "khóa", "giải"})


def spans(place: Place) -> Said | None:
    """Whatever is a span, the longest form first."""
    for rule in (_from_to, _days_to, _months_to, _years):
        said = rule(place)
        if said is not None:
            return said
    return None


def _from_to(place: Place) -> Said | None:
    """28/9 - 3/10/2025."""
    found = place.match(_FULL_TO_FULL)
    if not found:
        return None
    day, month, year, day2, month2, year2 = found.groups()
    first, second = (int(day), int(month)), (int(day2), int(month2))
    if not (is_date_like(*first) and is_date_like(*second)):
        return None
    doubt = doubt_of(place, *first, int(year) if year else None) or doubt_of(
        place, *second, int(year2) if year2 else None
    )
    if (first, second) == _PAIR and not year and place.last != "từ":
        return said_date(
            place,
            found.end(),
            f"{date_words(place, day, month, None)} và ngày {date_words(place, day2, month2, year2)}",
            doubt,
        )
    return said_date(
        place,
        found.end(),
        f"{date_words(place, day, month, year)} đến ngày {date_words(place, day2, month2, year2)}",
        doubt,
    )


def _days_to(place: Place) -> Said | None:
    """3-5/10/2025."""
    found = place.match(_DAY_TO_FULL)
    if not found:
        return None
    first, day, month, year = found.groups()
    if not (is_date_like(int(day), int(month)) and 1 <= int(first) < int(day)):
        return None
    if "." in found.group() and place.last != "ngày":
        return None
    doubt = doubt_of(place, int(day), int(month), int(year) if year else None)
    words = f"{numbers.cardinal(int(first), place.usage)} đến ngày {date_words(place, day, month, year)}"
    return said_date(place, found.end(), words, doubt)


def _months_to(place: Place) -> Said | None:
    """9/2025 - 3/2026."""
    found = place.match(_MONTHS_TO)
    if not found or not (is_date_like(1, int(found.group(1))) and is_date_like(1, int(found.group(3)))):
        return None
    month, year, month2, year2 = map(int, found.groups())
    lead = "" if place.last == "tháng" else "tháng "
    words = f"{lead}{numbers.month(month, place.usage)}{year_words(place, year)}"
    return Said(
        found.end(), f"{words} đến tháng {numbers.month(month2, place.usage)}{year_words(place, year2)}", Kind.DATE
    )


def _years(place: Place) -> Said | None:
    """2025-2030: a school year is said without "đến"."""
    found = place.match(_YEARS)
    if not found or int(found.group(1)) >= int(found.group(2)):
        return None
    first, second = (numbers.cardinal(int(year), place.usage) for year in found.groups())
    return Said(found.end(), f"{first}, {second}" if place.last in _SCHOOL else f"{first} đến {second}", Kind.DATE)
