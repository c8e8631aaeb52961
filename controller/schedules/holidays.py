"""Public holidays of Vietnam that come by a rule (Labour Code 2019, article 112). Pure.

What the government or a commune sets (the second day of the National Day, days in lieu, the exact days off at Tết, new
holidays such as 24 November) is named by the programme (`holidays`). At Tết the days counted here are the last of the
old year and mùng 1 to 5.
"""

from collections.abc import Container
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

from controller.schedules.lunar import months_of, new_year

_FIXED = ((1, 1), (4, 30), (5, 1), (9, 2))
_TET_DAYS = range(-1, 5)
_HUNG_KINGS = (3, 10)


class Holiday(StrEnum):
    """A public holiday by its name."""

    NEW_YEAR = "new_year"
    TET = "tet"
    HUNG_KINGS = "hung_kings"
    REUNIFICATION = "reunification"
    LABOUR = "labour"
    NATIONAL = "national"


_NAMES = dict(zip(_FIXED, (Holiday.NEW_YEAR, Holiday.REUNIFICATION, Holiday.LABOUR, Holiday.NATIONAL), strict=True))


def named(day: date) -> Holiday | None:
    """Which public holiday a rule makes of the day."""
    if day not in holidays_of(day.year):
        return None
    if (day - new_year(day.year)).days in _TET_DAYS:
        return Holiday.TET
    return _NAMES.get((day.month, day.day), Holiday.HUNG_KINGS)


@lru_cache(maxsize=512)
def holidays_of(year: int) -> frozenset[date]:
    """Every public holiday of a calendar year that a rule gives."""
    month, day = _HUNG_KINGS
    hung_kings = next(one.first for one in months_of(year) if one.month == month) + timedelta(days=day - 1)
    tet = (new_year(year) + timedelta(days=day) for day in _TET_DAYS)
    return frozenset((hung_kings, *tet, *(date(year, month, day) for month, day in _FIXED)))


def is_holiday(day: date, further: Container[date] = ()) -> bool:
    """Whether the day is a public holiday, by rule or because the programme says so."""
    return day in holidays_of(day.year) or day in further
