"""Public holidays of Vietnam that come by a rule (Labour Code 2019, article 112). Pure.

What the government or a commune sets (the second day of the National Day, days in lieu, the exact days off at Tết, new
holidays such as 24 November) is named by the programme (`holidays`). At Tết the days counted here are the last of the
old year and mùng 1 to 5.
"""

from collections.abc import Container
from datetime import date, timedelta
from functools import lru_cache

from controller.schedules.lunar import months_of, new_year

_FIXED = ((1, 1), (4, 30), (5, 1), (9, 2))
_TET_DAYS = range(-1, 5)
_HUNG_KINGS = (3, 10)


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
