"""What an event of an iCalendar file says, as plain values, however it is written. Pure.

Nothing here fails on what a file may hold: what cannot be read is None or left out, and `broken` names it.
"""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Component

_TIMES = frozenset({"DTSTART", "DTEND", "DURATION", "RECURRENCE-ID"})
_MOMENTS = frozenset({"DTSTART", "RDATE", "EXDATE", "RECURRENCE-ID"})
_YEARS = range(2, 9900)
"""So far from the ends of the calendar every zone has a local time, and a rule can be followed for a while."""


def one_of(event: Component, name: str) -> Any:
    """The date, time or length of a property; None where it is not there, there twice, or cannot be read."""
    return None if name in broken(event) else getattr(event.get(name), "dt", None)


def every(event: Component, name: str) -> list[Any]:
    """The values of a property that may be there several times."""
    raw: Any = event.get(name, [])
    return raw if isinstance(raw, list) else [raw]


def moments(event: Component, name: str) -> list[Any]:
    """Every date or time of RDATE or EXDATE, the begins of periods too."""
    told = [one.dt for dates in every(event, name) for one in getattr(dates, "dts", ())]
    return [one[0] if isinstance(one, tuple) else one for one in told]


def broken(event: Component) -> set[str]:
    """Names of the properties that cannot be read or followed, or are there twice although they may not."""
    twice = {name for name in _TIMES if isinstance(event.get(name), list)}
    unread = twice | {str(name).upper() for name, _ in event.errors}
    return unread | {name for name in _MOMENTS - unread if _too_far(event, name)}


def _too_far(event: Component, name: str) -> bool:
    told = (*(getattr(one, "dt", None) for one in every(event, name)), *moments(event, name))
    return any(isinstance(one, date) and one.year not in _YEARS for one in told)


def wall_in(zone: ZoneInfo, told: object) -> datetime | None:
    """The local time of a DATE-TIME; None for a DATE or nothing."""
    if not isinstance(told, datetime):
        return None
    return told if told.tzinfo is None else told.astimezone(zone).replace(tzinfo=None, fold=0)


def recurrence_id(event: Component, zone: ZoneInfo) -> datetime | date | None:
    """Which occurrence the event changes, local; None where it stands for itself."""
    told = one_of(event, "RECURRENCE-ID")
    return wall_in(zone, told) or told


def length_s_of(event: Component) -> int | None:
    """How long it takes; None where it does not say."""
    length = one_of(event, "DURATION")
    begin, end = one_of(event, "DTSTART"), one_of(event, "DTEND")
    try:
        length = end - begin if length is None else length
    except TypeError:
        return None
    return int(length.total_seconds())


def cancelled(event: Component) -> bool:
    """Whether its STATUS takes it back."""
    return str(event.get("STATUS", "")).upper() == "CANCELLED"


def sequence_of(event: Component) -> int:
    """Which of several versions it is."""
    text = str(event.get("SEQUENCE", ""))
    return int(text) if text.isascii() and text.isdigit() else 0


def uid_of(event: Component) -> str:
    """What it is known by; its title where it has no UID."""
    return str(event.get("UID", "")) or str(event.get("SUMMARY", ""))


def words_of(event: Component, zone: ZoneInfo) -> object:
    """Everything that a calendar program may have changed in it, to be compared."""
    if broken(event):
        return object()
    return (
        wall_in(zone, one_of(event, "DTSTART")),
        frozenset(rule.to_ical() for rule in every(event, "RRULE")),
        frozenset(wall_in(zone, moment) or moment for moment in moments(event, "RDATE")),
        frozenset(wall_in(zone, moment) or moment for moment in moments(event, "EXDATE")),
        str(event.get("SUMMARY", "")),
        length_s_of(event),
        cancelled(event),
    )
