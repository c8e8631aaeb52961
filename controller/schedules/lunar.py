"""The Vietnamese lunar calendar: what lunar day a day is, and which days a lunar recurrence names. Pure.

`vnlunar` decides, by the tables of the published calendar (1800-2199): months begin by UTC+7 since 1968 and by UTC+8
before, as the calendar did that people then lived by. `lunar-vn`, which computes in UTC+7, is its second opinion in the
tests; after 1967 they differ in three months only (2054, 2072, 2077), whose new moon is within two minutes of midnight.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from vnlunar.core import get_year_info, get_year_month_lengths

from controller.schedules.programme import LeapMonth, Lunar

FIRST_YEAR, LAST_YEAR = 1800, 2199
_JULIAN_DAY_OF_ORDINAL_0 = 1_721_425


@dataclass(frozen=True, slots=True)
class LunarMonth:
    """One month; `first` is its day 1, `leap` says that it repeats the number of the one before."""

    year: int
    month: int
    leap: bool
    first: date
    days: int


@dataclass(frozen=True, slots=True)
class LunarDay:
    """One day; `last` says that it ends its month."""

    year: int
    month: int
    day: int
    leap: bool
    last: bool


@lru_cache(maxsize=512)
def months_of(year: int) -> tuple[LunarMonth, ...]:
    """The 12 or 13 months of a lunar year, in order.

    Raises:
        ValueError: the year is not in the tables.
    """
    return tuple(
        LunarMonth(
            year=year,
            month=month["month"],
            leap=bool(month["leap"]),
            first=date.fromordinal(month["jd"] - _JULIAN_DAY_OF_ORDINAL_0),
            days=days,
        )
        for month, days in zip(get_year_info(year), get_year_month_lengths(year), strict=True)
    )


def new_year(year: int) -> date:
    """The first day of the lunar year that begins in that year (mùng một Tết)."""
    return months_of(year)[0].first


def lunar_day(day: date) -> LunarDay:
    """What lunar day it is.

    Raises:
        ValueError: the day is not in the tables.
    """
    year = day.year if day >= new_year(day.year) else day.year - 1
    months = months_of(year)
    month = months[bisect_right(months, day, key=lambda one: one.first) - 1]
    number = (day - month.first).days + 1
    return LunarDay(year, month.month, number, month.leap, number == month.days)


def matches(rule: Lunar, day: date) -> bool:
    """Whether the recurrence has that day; a month that has 29 days has no day 30."""
    lunar = lunar_day(day)
    if rule.months and lunar.month not in rule.months:
        return False
    if lunar.leap and rule.leap is LeapMonth.FIRST:
        return False
    return lunar.day in rule.days or (rule.last_day and lunar.last)
