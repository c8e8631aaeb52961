"""Weeks and days as people here live them: Monday first, with the lunar day and the holiday. Pure."""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from controller.schedules import holidays, lunar
from controller.schedules.lunar import LunarDay
from loa_protocol.errors import LoaError

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
FIRST_YEAR, LAST_YEAR = 1972, 2198
LOCAL = "local"
"""A day off that a programme names: no rule knows it."""
_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})\Z", re.ASCII)
SEVEN_DAYS = timedelta(days=7)


class WeekInvalid(LoaError):
    """There is no such week."""

    code = "week_invalid"


@dataclass(frozen=True, slots=True)
class Day:
    """One day: its lunar date, and which holiday it is, "" for none."""

    date: date
    lunar: LunarDay
    holiday: str


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from a Monday on."""

    first: date

    @property
    def last(self) -> date:
        """Its Sunday."""
        return self.first + timedelta(days=6)

    @property
    def name(self) -> str:
        """`2026-W47`, as in an address."""
        year, week, _ = self.first.isocalendar()
        return f"{year}-W{week:02}"

    @property
    def begin(self) -> datetime:
        """Its first instant."""
        return _midnight(self.first)

    @property
    def end(self) -> datetime:
        """The instant after its last."""
        return _midnight(self.first + SEVEN_DAYS)

    @property
    def days(self) -> Sequence[date]:
        """All seven."""
        return [self.first + timedelta(days=number) for number in range(SEVEN_DAYS.days)]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def week_of(day: date) -> Week:
    """The week that a day is in."""
    return Week(day - timedelta(days=day.weekday()))


def named(text: str) -> Week:
    """The week of an ISO name such as `2026-W47`.

    Raises:
        WeekInvalid: there is none.
    """
    found = _WEEK.match(text)
    try:
        if found is not None and FIRST_YEAR <= int(found[1]) <= LAST_YEAR:
            return Week(date.fromisocalendar(int(found[1]), int(found[2]), 1))
    except ValueError:
        pass
    raise WeekInvalid(
        f"{text} is no week from {FIRST_YEAR} to {LAST_YEAR}; write year and week, such as 2026-W47",
        vi=f"không có tuần {text}; hãy viết năm và tuần, ví dụ 2026-W47",
    )


def local_day(at: datetime) -> date:
    """The day that people have at an instant."""
    return at.astimezone(ZONE).date()


def day(on: date, further: Container[date] = ()) -> Day:
    """A day with what it is; `further`: days off that programmes name."""
    holiday = holidays.named(on)
    return Day(on, lunar.lunar_day(on), str(holiday) if holiday else LOCAL if on in further else "")
