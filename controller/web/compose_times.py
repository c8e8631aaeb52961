"""When a bulletin can go on air: what is offered, and what a choice means to the API. Pure.

A unit with sessions that have a slot for bulletins is offered these sessions: the bulletin goes into the slot, and its
validity says in which of them. Elsewhere a clock time is offered, each day of a repeat a place of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from controller.web.moments import ZONE, instant

USUAL = (time(5), time(17))
"""When people here listen."""
SESSIONS_OFFERED = 4
REPEATS = (1, 3, 5, 7)
"""For so many days."""
_DAY = timedelta(days=1)
_SOON = timedelta(minutes=2)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Offer:
    """A time to choose; `slot_s`: of a session, how long its slot is."""

    key: str
    start: datetime
    title: str = ""
    slot_s: int = 0


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is asked of the API: places, and when the bulletin is valid."""

    places: tuple[dict[str, Any], ...]
    valid_from: datetime | None = None
    valid_until: datetime | None = None


def offers(sessions: Sequence[Mapping[str, Any]], now: datetime) -> list[Offer]:
    """The next sessions with a slot; where there is none, the usual hours."""
    coming = [one for one in sessions if instant(one["start"]) > now + _SOON]
    if coming:
        return [
            Offer(f"slot:{one['start']}", instant(one["start"]), one["title"], one["slot_ms"] // 1000)
            for one in coming[:SESSIONS_OFFERED]
        ]
    return [Offer(f"time:{start.isoformat()}", start) for start in usual(now)]


def usual(now: datetime) -> list[datetime]:
    """The next 05:00 and the next 17:00, the nearer first."""
    today = now.astimezone(ZONE).date()
    found = []
    for at in USUAL:
        start = datetime.combine(today, at, ZONE)
        found.append(start if start > now + _SOON else start + _DAY)
    return sorted(found)


def of_session(sessions: Sequence[Mapping[str, Any]], start: datetime, days: int, unit: str) -> Chosen:
    """The slot of a unit, valid from this session on, for so many days."""
    starts = sorted(instant(one["start"]) for one in sessions)
    before = [one for one in starts if one < start]
    end = start + days * _DAY - _HOUR
    last = max((one for one in starts if one <= end), default=start) if days > 1 else start
    following = [one for one in starts if one > last]
    until = min([*following[:1], last + _DAY / 2])
    return Chosen(({"slot": unit},), before[-1] + timedelta(minutes=1) if before else None, until)


def of_clock(start: datetime, days: int, scopes: Sequence[str]) -> Chosen:
    """The same hour on so many days."""
    return Chosen(tuple({"to": list(scopes), "start": (start + n * _DAY).isoformat()} for n in range(days)))


def at_once(scopes: Sequence[str]) -> Chosen:
    """As soon as it is approved."""
    return Chosen(({"to": list(scopes)},))


def typed(day: str, hour: str) -> datetime | None:
    """What was typed as a day and an hour of Vietnam; None: it is none."""
    try:
        return datetime.combine(datetime.fromisoformat(day).date(), time.fromisoformat(hour), ZONE)
    except ValueError:
        return None
