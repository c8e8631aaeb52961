"""Days of the solar calendar: 2/9, 02/09/2025, 2025-09-02, 9/2025.

"ngày" is said before a date that follows neither "ngày" nor another word for days. 1–10 are not said with "mùng",
which listeners take for the lunar calendar.
"""

import re
from typing import Final

from controller.speech.reading import doubts, numbers
from controller.speech.reading.days import DAYS_WORDS, day_month, doubt_of, full_year, is_date_like
from controller.speech.reading.place import Doubt, Place, Said
from controller.speech.reading.rules.date_context import SIMPLE, is_dated, is_fraction
from controller.speech.reading.spoken import Kind

END: Final = r"(?![^\W_])(?![/-]\d)"
_D: Final = r"(\d{1,2})"
_FULL: Final = re.compile(rf"{_D}([/.-]){_D}\2(\d{{4}}|\d{{2}}){END}(?!\.\d)")
_ISO: Final = re.compile(rf"(\d{{4}})-(\d{{2}})-(\d{{2}}){END}")
_SHORT: Final = re.compile(rf"{_D}/{_D}{END}")
_DOTTED: Final = re.compile(rf"{_D}\.{_D}{END}(?!\.\d)")
_LONG: Final = re.compile(rf"{_D} tháng {_D}(?![\d/-])(?: năm (\d{{4}})(?!\d))?")
_MONTH_YEAR: Final = re.compile(rf"{_D}[/-](\d{{4}}){END}")


def dates(place: Place) -> Said | None:
    """Whatever is a date, the longest form first."""
    for rule in (_full, _iso, _month_year, _in_words, _short, _dotted):
        said = rule(place)
        if said is not None:
            return said
    return None


def said_date(place: Place, end: int, words: str, doubt: Doubt | None, kind: Kind = Kind.DATE) -> Said:
    """A date up to `end`, with "ngày" where no word for days stands before."""
    lead = "" if place.last in DAYS_WORDS or "tế" in place.near[-3:] else "ngày "
    return Said(end, lead + words, kind, doubt)


def year_words(place: Place, year: int) -> str:
    """năm hai nghìn …, a space before it."""
    return f" năm {numbers.cardinal(year, place.usage)}"


def date_words(place: Place, day: str, month: str, year: str | None) -> str:
    """Day, month and, where given, year."""
    words = day_month(int(day), int(month), place.usage)
    return words + (year_words(place, int(year)) if year else "")


def _full(place: Place) -> Said | None:
    found = place.match(_FULL)
    if not found:
        return None
    day, _, month, year = found.groups()
    if not is_date_like(int(day), int(month)):
        return _american(place, found) if is_date_like(int(month), int(day)) and len(year) > 2 else None  # noqa: PLR2004
    if found.group(2) != "/" and len(year) == 2:  # noqa: PLR2004
        return None
    meant = full_year(year, place.manner.today)
    doubt = doubt_of(place, int(day), int(month), meant, found.end()) or (doubts.SHORT_YEAR if len(year) == 2 else None)  # noqa: PLR2004
    return said_date(place, found.end(), date_words(place, day, month, str(meant)), doubt)


def _american(place: Place, found: re.Match[str]) -> Said:
    """The month first: read as it is meant, and told."""
    return said_date(
        place, found.end(), date_words(place, found.group(3), found.group(1), found.group(4)), doubts.MONTH_FIRST
    )


def _iso(place: Place) -> Said | None:
    found = place.match(_ISO)
    if not found or not is_date_like(int(found.group(3)), int(found.group(2))):
        return None
    year, month, day = found.groups()
    return said_date(
        place,
        found.end(),
        date_words(place, day, month, year),
        doubt_of(place, int(day), int(month), int(year), found.end()),
    )


def _month_year(place: Place) -> Said | None:
    found = place.match(_MONTH_YEAR)
    if not found or not is_date_like(1, int(found.group(1))):
        return None
    lead = "" if place.last in {"tháng", "quý"} else "tháng "
    words = f"{lead}{numbers.month(int(found.group(1)), place.usage)}{year_words(place, int(found.group(2)))}"
    return Said(found.end(), words, Kind.DATE)


def _in_words(place: Place) -> Said | None:
    """2 tháng 9 năm 2026: checked, and read as it stands."""
    found = place.match(_LONG)
    if not found or not is_date_like(int(found.group(1)), int(found.group(2))):
        return None
    day, month, year = found.groups()
    doubt = doubt_of(place, int(day), int(month), int(year) if year else None, found.end())
    return Said(found.end(), date_words(place, day, month, year), Kind.DATE, doubt, told=doubt is not None)


def _short(place: Place) -> Said | None:
    found = place.match(_SHORT)
    if not found:
        return None
    day, month = int(found.group(1)), int(found.group(2))
    if not is_date_like(day, month) or is_fraction(place, found.end()):
        return None
    sure = is_dated(place, day, month)
    if not sure and (day, month) in SIMPLE:
        return None
    doubt = doubt_of(place, day, month, None, found.end()) or (None if sure else doubts.DATE_OR_FRACTION)
    return said_date(place, found.end(), day_month(day, month, place.usage), doubt)


def _dotted(place: Place) -> Said | None:
    """30.4 is a date only after a word for days."""
    found = place.match(_DOTTED) if place.last in {"ngày", "lễ", "dịp"} else None
    if not found or not is_date_like(int(found.group(1)), int(found.group(2))):
        return None
    day, month = int(found.group(1)), int(found.group(2))
    return said_date(place, found.end(), day_month(day, month, place.usage), doubt_of(place, day, month, None))
