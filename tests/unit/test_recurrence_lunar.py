"""The lunar calendar day by day against a second library, its odd months, Tết, and the public holidays."""

from datetime import date, timedelta
from itertools import pairwise

import lunar_vn
import msgspec
import pytest

from controller.schedules.holidays import holidays_of, is_holiday
from controller.schedules.lunar import LunarDay, lunar_day, matches, months_of, new_year
from controller.schedules.programme import LeapMonth, Lunar

FIRST, LAST = date(1900, 1, 1), date(2100, 12, 31)
SINCE_UTC_7 = date(1968, 1, 1)
DAY = timedelta(days=1)


def days_of(first: date, last: date) -> list[date]:
    return [first + n * DAY for n in range((last - first).days + 1)]


def second_opinion(day: date, zone_h: float) -> tuple[int, int, int, bool]:
    found = lunar_vn.solar_to_lunar(day, zone_h)
    return found.year, found.month, found.day, found.leap


def differing(first: date, last: date, zone_h: float) -> list[tuple[date, date]]:
    """Stretches of days on which the two libraries differ: (first, last)."""
    found: list[tuple[date, date]] = []
    for day in days_of(first, last):
        ours = lunar_day(day)
        if (ours.year, ours.month, ours.day, ours.leap) == second_opinion(day, zone_h):
            continue
        if found and day - found[-1][1] == DAY:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def test_since_1968_two_libraries_differ_only_where_the_new_moon_is_at_midnight(tell) -> None:
    found = differing(SINCE_UTC_7, LAST, 7.0)

    # New moons at 00:00:14, 23:58:28 and 23:59:34 of Hà Nội by an ephemeris: within what the short series can tell.
    assert found == [
        (date(2054, 5, 7), date(2054, 6, 5)),
        (date(2072, 12, 9), date(2073, 1, 7)),
        (date(2077, 11, 15), date(2077, 12, 14)),
    ]
    days = sum((last - first).days + 1 for first, last in found)
    tell(
        f"lunar days 1968-2100: two libraries differ on {days} of {(LAST - SINCE_UTC_7).days + 1} ({len(found)} months)"
    )


def test_before_1968_the_calendar_was_that_of_utc_8(tell) -> None:
    by_utc_8 = differing(FIRST, SINCE_UTC_7 - DAY, 8.0)
    by_utc_7 = differing(FIRST, SINCE_UTC_7 - DAY, 7.0)

    assert by_utc_8 == [
        (date(1906, 4, 23), date(1906, 5, 22)),
        (date(1914, 11, 17), date(1914, 12, 16)),
        (date(1916, 2, 3), date(1916, 3, 3)),
        (date(1920, 11, 10), date(1920, 12, 9)),
        (date(1925, 1, 24), date(1925, 2, 22)),
    ]
    assert len(by_utc_7) == 25
    tell(f"lunar days 1900-1967: the published calendar has {len(by_utc_7)} stretches other than UTC+7, 5 than UTC+8")


def test_every_day_has_one_lunar_day_and_months_follow_each_other() -> None:
    months = [month for year in range(1899, 2101) for month in months_of(year)]

    for month, following in pairwise(months):
        assert month.first + month.days * DAY == following.first
        assert month.days in {29, 30}
        assert following.leap == (following.month == month.month)
    assert {len(months_of(year)) for year in range(1899, 2101)} == {12, 13}


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 2, 16), LunarDay(2025, 12, 29, leap=False, last=True)),
        (date(2026, 2, 17), LunarDay(2026, 1, 1, leap=False, last=False)),
        (date(2025, 7, 24), LunarDay(2025, 6, 30, leap=False, last=True)),
        (date(2025, 7, 25), LunarDay(2025, 6, 1, leap=True, last=False)),
        (date(2025, 8, 22), LunarDay(2025, 6, 29, leap=True, last=True)),
        (date(2025, 8, 23), LunarDay(2025, 7, 1, leap=False, last=False)),
        (date(2026, 1, 1), LunarDay(2025, 11, 13, leap=False, last=False)),
    ],
)
def test_a_day_is_the_lunar_day_of_the_published_calendar(day, expected) -> None:
    assert lunar_day(day) == expected


def test_tet_of_1985_came_a_month_before_that_of_china() -> None:
    assert new_year(1985) == date(1985, 1, 21)
    assert [new_year(year) for year in (2007, 2024, 2025, 2026, 2027, 2030)] == [
        date(2007, 2, 17),
        date(2024, 2, 10),
        date(2025, 1, 29),
        date(2026, 2, 17),
        date(2027, 2, 6),
        date(2030, 2, 2),
    ]


def chosen(rule: dict, first: date, last: date) -> list[date]:
    lunar = msgspec.convert(rule, Lunar)
    return [day for day in days_of(first, last) if matches(lunar, day)]


YEAR_2025 = (date(2025, 1, 29), date(2026, 2, 16))


def test_the_first_and_the_fifteenth_come_in_every_month_also_the_leap_one() -> None:
    found = chosen({"days": [1, 15]}, *YEAR_2025)

    assert len(found) == 26
    assert date(2025, 7, 25) in found


def test_the_leap_month_can_be_left_out() -> None:
    found = chosen({"days": [1], "leap": "first"}, *YEAR_2025)

    assert len(found) == 12
    assert date(2025, 6, 25) in found
    assert date(2025, 7, 25) not in found
    assert chosen({"days": [1], "months": [6], "leap": LeapMonth.BOTH}, *YEAR_2025) == [
        date(2025, 6, 25),
        date(2025, 7, 25),
    ]
    assert chosen({"days": [1], "months": [6], "leap": LeapMonth.FIRST}, *YEAR_2025) == [date(2025, 6, 25)]


def test_day_30_is_missing_where_the_month_has_29_and_the_last_day_is_not() -> None:
    long_months = [month for month in months_of(2025) if month.days == 30]

    thirtieth = chosen({"days": [30]}, *YEAR_2025)
    last = chosen({"last_day": True}, *YEAR_2025)

    assert thirtieth == [month.first + 29 * DAY for month in long_months]
    assert len(thirtieth) == 7
    assert last == [month.first + (month.days - 1) * DAY for month in months_of(2025)]
    assert chosen({"days": [30], "last_day": True}, *YEAR_2025) == last
    assert chosen({"last_day": True, "months": [12]}, *YEAR_2025) == [date(2026, 2, 16)]
    assert chosen({}, *YEAR_2025) == []


@pytest.mark.parametrize(
    ("year", "expected"),
    [
        (2025, ["01-01", "01-28", "01-29", "01-30", "01-31", "02-01", "02-02", "04-07", "04-30", "05-01", "09-02"]),
        (2026, ["01-01", "02-16", "02-17", "02-18", "02-19", "02-20", "02-21", "04-26", "04-30", "05-01", "09-02"]),
        # Month 3 comes twice: the Hùng Kings have the first.
        (1993, ["01-01", "01-22", "01-23", "01-24", "01-25", "01-26", "01-27", "04-01", "04-30", "05-01", "09-02"]),
        # Month 2 comes twice: the third is still the third.
        (2023, ["01-01", "01-21", "01-22", "01-23", "01-24", "01-25", "01-26", "04-29", "04-30", "05-01", "09-02"]),
    ],
)
def test_the_public_holidays_of_a_year(year, expected) -> None:
    assert sorted(day.isoformat() for day in holidays_of(year)) == [f"{year}-{day}" for day in expected]


def test_a_programme_adds_holidays_of_its_own() -> None:
    in_lieu = date(2026, 9, 1)

    assert not is_holiday(in_lieu)
    assert is_holiday(in_lieu, (in_lieu,))
    assert is_holiday(date(2026, 9, 2))
    assert not is_holiday(date(2026, 9, 3), (in_lieu,))


@pytest.mark.parametrize("day", [date(1799, 12, 31), date(2200, 12, 31)])
def test_a_day_beyond_the_tables_is_refused(day) -> None:
    with pytest.raises(ValueError, match="1800-2199"):
        lunar_day(day)
