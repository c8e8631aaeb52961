"""Days and wall times of an RFC 5545 rule, and what they are in UTC. Pure.

python-dateutil expands; what it would take silently is refused here first. Rules:

- Wall times are local: they are expanded without a zone and then become instants. A wall time that a zone skips is that
  much later, one that it repeats is the first of the two.
- Nothing is bounded by hope: an expansion begins near the days asked for, however long ago its rule began, and ends
  with them, although the rule may have no end and may never match (`_Stride`).
- A programme repeats by days and hours: FREQ=MINUTELY and SECONDLY are refused, and more than `MOST_A_DAY` a day.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil import rrule as dateutil

from loa_protocol.errors import LoaError

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2199, 12, 31)
"""Days a programme may name: instants fit everywhere, and the lunar tables end with the second."""
MOST_A_DAY = 48
MOST_COUNT = 10_000
MOST_INTERVAL = 1000
NEVER_YEARS = 40
"""A rule that matches no day in so many years is refused; of hours, in `NEVER_YEARS_OF_HOURS`."""
NEVER_YEARS_OF_HOURS = 9
_DAY = timedelta(days=1)
_BEFORE_ALL = datetime.combine(FIRST_DAY, time.min) - 2 * _DAY
_AFTER_ALL = datetime.combine(LAST_DAY, time.max) + 2 * _DAY
_CHUNK_DAYS = 32
_HOURS = 24
_WEEKDAYS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
_FREQUENCIES: Final[Mapping[str, Literal[0, 1, 2, 3, 4]]] = {
    "YEARLY": dateutil.YEARLY,
    "MONTHLY": dateutil.MONTHLY,
    "WEEKLY": dateutil.WEEKLY,
    "DAILY": dateutil.DAILY,
    "HOURLY": dateutil.HOURLY,
}
_TOO_OFTEN = ("MINUTELY", "SECONDLY")
# part of the rule: (name in dateutil, least, most, whether counting from the end is allowed)
_NUMBERS: Final[Mapping[str, tuple[str, int, int, bool]]] = {
    "BYSECOND": ("bysecond", 0, 59, False),
    "BYMINUTE": ("byminute", 0, 59, False),
    "BYHOUR": ("byhour", 0, 23, False),
    "BYMONTHDAY": ("bymonthday", 1, 31, True),
    "BYYEARDAY": ("byyearday", 1, 366, True),
    "BYWEEKNO": ("byweekno", 1, 53, True),
    "BYMONTH": ("bymonth", 1, 12, False),
    "BYSETPOS": ("bysetpos", 1, 366, True),
}
# part of the rule: frequencies that may have it (RFC 5545, section 3.3.10)
_ONLY_WITH = {
    "BYWEEKNO": ("YEARLY",),
    "BYYEARDAY": ("YEARLY", "HOURLY"),
    "BYMONTHDAY": ("YEARLY", "MONTHLY", "DAILY", "HOURLY"),
}
_BYDAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?")


class RecurrenceInvalid(LoaError):
    """A recurrence rule cannot be used; `details["reason"]` is one of invalid, too_often, count and never."""

    code = "recurrence_invalid"


@dataclass(frozen=True, slots=True)
class Rule:
    """A checked rule; `parts` are what dateutil takes, `until` is as written."""

    frequency: str
    interval: int
    count: int | None
    until: str | None
    weekstart: int
    parts: tuple[tuple[str, tuple[Any, ...]], ...]


@lru_cache(maxsize=4096)
def zone_of(name: str) -> ZoneInfo | None:
    """The zone of that IANA name; None if it is unknown here."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Aware UTC of a naive local time: later by the gap where the zone skips it, the first where it repeats it."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


@lru_cache(maxsize=4096)
def rule_of(text: str) -> Rule:
    """Read and check a rule without DTSTART, e.g. `FREQ=WEEKLY;INTERVAL=2;BYDAY=MO`.

    Raises:
        RecurrenceInvalid: it is not a rule of RFC 5545, or one that no programme may have.
    """
    parts = _parts_of(text)
    frequency = parts.pop("FREQ", "")
    if frequency in _TOO_OFTEN:
        raise _invalid(f"FREQ={frequency} is too often for a programme; name the hours", "too_often")
    if frequency not in _FREQUENCIES:
        raise _invalid(f"FREQ must be one of {', '.join(_FREQUENCIES)}")
    rule = Rule(
        frequency=frequency,
        interval=_whole("INTERVAL", parts.pop("INTERVAL", "1"), MOST_INTERVAL),
        count=_count(parts.pop("COUNT", None)),
        until=_until(parts.pop("UNTIL", None)),
        weekstart=_weekstart(parts.pop("WKST", "MO")),
        parts=tuple((_name_of(name), _values_of(name, value, frequency)) for name, value in parts.items()),
    )
    if rule.count is not None and rule.until is not None:
        raise _invalid("COUNT and UNTIL are never together; keep one")
    if "BYWEEKNO" in parts and any(getattr(day, "n", None) for day in dict(rule.parts).get("byweekday", ())):
        raise _invalid("BYDAY counts weekdays of a year; it does not go with BYWEEKNO")
    if "BYSETPOS" in parts and len(parts) == 1:
        raise _invalid("BYSETPOS chooses among days of another BY… part; add one")
    _refuse_crowded_days(rule)
    return rule


def walls(rule: Rule, start: datetime, first: date, last: date, zone: ZoneInfo) -> Iterator[datetime]:
    """Naive local times of the rule on the days [first, last], in order, when its first day and time are `start`.

    `zone` is only asked what an UNTIL in UTC means. `start` itself is no occurrence unless the rule matches it, and
    COUNT counts what matches. Expanded by months, which are remembered.
    """
    for number in range(max(first, start.date()).toordinal() // _CHUNK_DAYS, last.toordinal() // _CHUNK_DAYS + 1):
        for wall in _chunk(rule, start, number, zone):
            if first <= wall.date() <= last:
                yield wall


@lru_cache(maxsize=1024)
def _chunk(rule: Rule, start: datetime, number: int, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The walls of the `number`th month of 32 days."""
    first = date.fromordinal(number * _CHUNK_DAYS)
    return tuple(_expanded(rule, start, first, first + (_CHUNK_DAYS - 1) * _DAY, zone))


def _expanded(rule: Rule, start: datetime, first: date, last: date, zone: ZoneInfo) -> Iterator[datetime]:
    until = datetime.combine(last, time.max)
    if rule.until is not None:
        until = min(until, until_wall(rule.until, zone))
    if until < start:
        return
    rule = _by_days(rule, start)
    begin = start if rule.count is not None else _near(rule, start, first)
    not_before = max(start, datetime.combine(first, time.min))
    try:
        expansion = dateutil.rrule(
            _FREQUENCIES[rule.frequency],
            dtstart=begin,
            interval=_Stride(rule.interval, _periods(rule, begin, until)),
            count=rule.count,
            wkst=rule.weekstart,
            **_explicit(rule, start),
        )
    except ValueError:  # hours that the interval never comes to
        return
    try:
        for wall in expansion:
            if wall > until:
                return
            if wall >= not_before:
                yield wall
    except _Spent:
        return


def _by_days(rule: Rule, start: datetime) -> Rule:
    """A rule of hours as the same one of days where every day has the same hours: dateutil is ten times as fast."""
    parts = dict(rule.parts)
    if rule.frequency != "HOURLY" or _HOURS % rule.interval or "bysetpos" in parts:
        return rule
    hours = range(start.hour % rule.interval, _HOURS, rule.interval)
    parts["byhour"] = tuple(hour for hour in hours if hour in parts.get("byhour", hours))
    return replace(rule, frequency="DAILY", interval=1, parts=tuple(parts.items()))


def names_hours(rule: Rule) -> bool:
    """Whether the rule itself says the hours, so that the time of the session is not the time of its occurrences."""
    return rule.frequency == "HOURLY" or not {"byhour", "byminute", "bysecond"}.isdisjoint(dict(rule.parts))


def require_matching(rule: Rule, start: datetime, zone: ZoneInfo) -> None:
    """Refuse a rule that never matches, such as the 30th of February.

    Raises:
        RecurrenceInvalid: it has none; the reason is `never`.
    """
    years = NEVER_YEARS_OF_HOURS if rule.frequency == "HOURLY" else NEVER_YEARS
    last = min(start.date() + years * 365 * _DAY, LAST_DAY)
    if next(_expanded(rule, start, start.date(), last, zone), None) is None:
        raise _invalid(f"the rule has no day from {start:%Y-%m-%d} to {last}; correct it", "never")


class _Spent(Exception):
    """The periods that were asked for are over."""


class _Stride(int):
    """An interval that can be added only so often.

    dateutil adds its interval to go from one period to the next and yields only when one matches; so this is where an
    expansion that matches nothing can be ended.
    """

    left: int

    def __new__(cls, interval: int, left: int) -> Self:
        made = super().__new__(cls, interval)
        made.left = left
        return made

    def _spend(self) -> int:
        self.left -= 1
        if self.left < 0:
            raise _Spent
        return int(self)

    def __radd__(self, other: int) -> int:
        return other + self._spend()

    def __mul__(self, other: int) -> int:
        return self._spend() * other


def _near(rule: Rule, start: datetime, first: date) -> datetime:
    """A start in the same phase, at least one whole period before `first`, or the real one."""
    since = (first - start.date()).days
    match rule.frequency:
        case "HOURLY":
            strides = (since - 1) * 24 // rule.interval - 1
            return start + timedelta(hours=max(strides, 0) * rule.interval)
        case "DAILY":
            strides = since // rule.interval - 1
            return start + max(strides, 0) * rule.interval * _DAY
        case "WEEKLY":
            strides = since // (7 * rule.interval) - 1
            return start + max(strides, 0) * 7 * rule.interval * _DAY
        case frequency:
            months = rule.interval * (12 if frequency == "YEARLY" else 1)
            between = (first.year - start.year) * 12 + first.month - start.month
            strides = between // months - 1
            if strides <= 0:
                return start
            month = start.year * 12 + start.month - 1 + strides * months
            return start.replace(year=month // 12, month=month % 12 + 1, day=1)


def _periods(rule: Rule, begin: datetime, until: datetime) -> int:
    """How often the interval may be added between two walls, a little generously."""
    days = (until - begin).days + 1
    match rule.frequency:
        case "HOURLY":
            return days * 24 // rule.interval + 26
        case "DAILY":
            return days // rule.interval + 2
        case "WEEKLY":
            return days // (7 * rule.interval) + 3
        case "MONTHLY":
            return days // (28 * rule.interval) + 3
        case _:
            return days // (365 * rule.interval) + 3


def _explicit(rule: Rule, start: datetime) -> dict[str, Any]:
    """The parts for dateutil, with those that the start implies: it may be begun elsewhere."""
    parts: dict[str, Any] = dict(rule.parts)
    if {"byweekno", "byyearday", "bymonthday", "byweekday"} & parts.keys():
        return parts
    if rule.frequency in {"YEARLY", "MONTHLY"}:
        parts["bymonthday"] = start.day
    if rule.frequency == "YEARLY":
        parts.setdefault("bymonth", start.month)
    if rule.frequency == "WEEKLY":
        parts["byweekday"] = start.weekday()
    return parts


def _parts_of(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for pair in text.upper().removeprefix("RRULE:").split(";"):
        name, equals, value = pair.partition("=")
        if not (name and equals and value):
            raise _invalid(f"{pair!r} is not NAME=VALUE")
        if name in parts:
            raise _invalid(f"{name} is named twice")
        parts[name] = value
    return parts


def _name_of(name: str) -> str:
    if name == "BYDAY":
        return "byweekday"
    if name not in _NUMBERS:
        raise _invalid(f"{name} is no part of a rule that is known here")
    return _NUMBERS[name][0]


def _values_of(name: str, value: str, frequency: str) -> tuple[Any, ...]:
    if frequency not in _ONLY_WITH.get(name, (frequency,)):
        raise _invalid(f"{name} does not go with FREQ={frequency}")
    if name == "BYDAY":
        return tuple(_weekday(one, frequency) for one in value.split(","))
    _, least, most, negative = _NUMBERS[name]
    return tuple(_number(name, one, (least, most), negative=negative) for one in value.split(","))


def _number(name: str, text: str, limits: tuple[int, int], *, negative: bool) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,3}", text):
        raise _invalid(f"{name}: {text!r} is not a number")
    number = int(text)
    if not limits[0] <= (abs(number) if negative else number) <= limits[1]:
        raise _invalid(f"{name}: {text} is not between {limits[0]} and {limits[1]}")
    return number


def _weekday(text: str, frequency: str) -> Any:
    found = _BYDAY.fullmatch(text)
    if found is None:
        raise _invalid(f"BYDAY: {text!r} is not a weekday such as MO or -1FR")
    which = dateutil.weekdays[_WEEKDAYS[found[2]]]
    if found[1] is None:
        return which
    if frequency not in {"MONTHLY", "YEARLY"}:
        raise _invalid(f"BYDAY: {text} counts weekdays of a month or year; it does not go with FREQ={frequency}")
    if not 1 <= abs(int(found[1])) <= 53:  # noqa: PLR2004 - weeks of a year
        raise _invalid(f"BYDAY: {text} does not exist")
    return which(int(found[1]))


def _whole(name: str, text: str, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise _invalid(f"{name}={text} is not between 1 and {most}", "count" if name == "COUNT" else "invalid")
    return int(text)


def _count(text: str | None) -> int | None:
    return None if text is None else _whole("COUNT", text, MOST_COUNT)


def _until(text: str | None) -> str | None:
    if text is not None:
        _read_until(text)
    return text


def _read_until(text: str) -> datetime:
    """What is written, as a naive time; the last moment of the day where only a day is written."""
    if not _UNTIL.fullmatch(text):
        raise _invalid(f"UNTIL={text} is neither a day (20261231) nor a time (20261231T170000Z)")
    try:
        if len(text) == len("YYYYMMDD"):
            return datetime.combine(date.fromisoformat(text), time.max)
        return datetime.strptime(text[:15], "%Y%m%dT%H%M%S")  # noqa: DTZ007 - a wall time
    except ValueError as error:
        raise _invalid(f"UNTIL={text} is no day of the calendar") from error


def until_wall(text: str, zone: ZoneInfo) -> datetime:
    """The last local time that an UNTIL allows, or one beyond all days: 99991231T235959Z means for ever."""
    read = max(_BEFORE_ALL, min(_read_until(text), _AFTER_ALL))
    return read.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) if text.endswith("Z") else read


def _weekstart(text: str) -> int:
    if text not in _WEEKDAYS:
        raise _invalid(f"WKST={text} is not a weekday")
    return _WEEKDAYS[text]


def _refuse_crowded_days(rule: Rule) -> None:
    parts = dict(rule.parts)
    hours = len(set(parts.get("byhour", range(_HOURS) if rule.frequency == "HOURLY" else (0,))))
    a_day = hours * len(set(parts.get("byminute", (0,)))) * len(set(parts.get("bysecond", (0,))))
    if a_day > MOST_A_DAY:
        raise _invalid(f"{a_day} times a day are more than {MOST_A_DAY}", "too_often")


def _invalid(message: str, reason: str = "invalid") -> RecurrenceInvalid:
    return RecurrenceInvalid(message, reason=reason)
