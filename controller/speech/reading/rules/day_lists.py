"""Days of one month written together: 1,2/9, 28-29-30/7, 5,6 và 7/10/2026, 1,2 tháng 9.

With spaces after the commas each is a number by itself, and two days with a dash are a span.
"""

import re
from itertools import pairwise
from typing import Final

from controller.speech.reading import doubts, numbers
from controller.speech.reading.days import is_date_like, is_day
from controller.speech.reading.place import Place, Said
from controller.speech.reading.rules.date_context import DATED, HOLIDAYS, is_fraction
from controller.speech.reading.rules.dates import END, said_date, year_words
from controller.speech.reading.rules.lunar import LUNAR, lunar_day, lunar_month
from controller.speech.reading.spoken import Kind

_JOINT: Final = r"(?:, ?|-|–| và )"
_LISTED: Final = re.compile(
    rf"(\d{{1,2}}(?:{_JOINT}\d{{1,2}}){{1,9}})(?:/(\d{{1,2}})(?:/(\d{{4}}))?{END}| tháng (\d{{1,2}})(?![\d/]))"
)
_JOINTS: Final = re.compile(_JOINT)
_TIGHT: Final = re.compile(r"\d,\d|[-–]")
_LUNAR: Final = re.compile(LUNAR)
_GOES_ON: Final = frozenset({"", "và", "hoặc", "nghỉ"})
_FEWEST_DASHED: Final = 3


def day_lists(place: Place) -> Said | None:
    """Several days of a month."""
    found = place.match(_LISTED)
    if not found or not _TIGHT.search(found.group(1)):
        return None
    days = [int(day) for day in _JOINTS.split(found.group(1))]
    joints = [joint.strip() for joint in _JOINTS.findall(found.group(1))]
    month, year = int(found.group(2) or found.group(4)), found.group(3)
    dashed, rises = set(joints) <= {"-", "–"}, all(above < below for above, below in pairwise(days))
    if not all(is_date_like(day, month) for day in days) or (dashed and len(days) < _FEWEST_DASHED):
        return None
    sure = _is_listed(place, found.end())
    if not dashed and not (rises and (sure or (place.last in _GOES_ON and (days[-1], month) in HOLIDAYS))):
        return None
    lunar = place.match(_LUNAR, found.end()) is not None
    last = " và " if found.group(4) else " và ngày "
    said = {",": ", ", "và": last, **dict.fromkeys("-–", ", " if dashed else " đến ")}
    words = "".join(
        _day(place, day, lunar=lunar) + said.get(joint, "") for day, joint in zip(days, [*joints, ""], strict=True)
    )
    spoken = f"{words} tháng {(lunar_month if lunar else numbers.month)(month, place.usage)}"
    doubt = None if rises and (sure or dashed) else doubts.DAY_OR_RANGE
    if not lunar and not all(is_day(day, month) for day in days):
        doubt = doubts.NO_SUCH_DAY
    spoken += year_words(place, int(year)) if year else ""
    return said_date(place, found.end(), spoken, doubt, Kind.LUNAR_DATE if lunar else Kind.DATE)


def _is_listed(place: Place, end: int) -> bool:
    """Whether a word for days stands before, or a list of days goes on."""
    return place.last in DATED or (place.last in _GOES_ON and "ngày" in place.near and not is_fraction(place, end))


def _day(place: Place, day: int, *, lunar: bool) -> str:
    return lunar_day(day, place.usage) if lunar else numbers.cardinal(day, place.usage)
