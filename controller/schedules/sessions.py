"""One session of a programme: its days and local begins, and how long it may take. Pure.

- It has the days of its one recurrence, less holidays or only those; then `also` adds and `except` takes away, and
  `except` wins. Its own valid days and the programme's bound all of them.
- Two local begins that a zone makes the same instant (it skips an hour or a day) are one, the later.
"""

from collections.abc import Iterable
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from controller.handwritten.days import EVERY_DAY
from controller.schedules import lunar
from controller.schedules.holidays import is_holiday
from controller.schedules.programme import (
    BulletinsSegment,
    ChimeSegment,
    OnHoliday,
    PauseSegment,
    ProgrammeFile,
    Segment,
    Session,
)
from controller.schedules.recurrence import FIRST_DAY, LAST_DAY, instant, rule_of, walls, zone_of
from loa_protocol.documents.plan import CHIME_MS
from loa_protocol.errors import LoaError


class ZoneUnknown(LoaError):
    """A programme names a time zone that this machine does not know; install tzdata or correct the zone."""

    code = "zone_unknown"


def planned(document: ProgrammeFile, session: Session, first: date, last: date) -> Iterable[tuple[datetime, datetime]]:
    """(local begin, UTC begin) on the local days [first, last], in order; of two at the same instant the later."""
    zone = zone_in(document)
    by_start = {instant(wall, zone): wall for wall in _walls(document, session, first, last)}
    return [(wall, start) for start, wall in by_start.items()]


def _walls(document: ProgrammeFile, session: Session, first: date, last: date) -> list[datetime]:
    """Local begins on the days [first, last], in order."""
    valid_first, valid_last = valid_days(document, session)
    first, last = max(first, valid_first), min(last, valid_last)
    at = time.fromisoformat(session.at)
    chosen = {wall for wall in _rule_walls(document, session, first, last) if _holiday_allows(document, session, wall)}
    chosen |= {datetime.combine(day, at) for day in session.also if first <= day <= last}
    return sorted(wall for wall in chosen if wall.date() not in session.except_)


def _rule_walls(document: ProgrammeFile, session: Session, first: date, last: date) -> Iterable[datetime]:
    at = time.fromisoformat(session.at)
    if session.rrule is not None:
        start = datetime.combine(valid_days(document, session)[0], at)
        return walls(rule_of(session.rrule), start, first, last, zone_in(document))
    if session.dates:
        return (datetime.combine(day, at) for day in session.dates if first <= day <= last)
    days = map(date.fromordinal, range(first.toordinal(), last.toordinal() + 1))
    if session.lunar is not None:
        return (datetime.combine(day, at) for day in days if lunar.matches(session.lunar, day))
    weekdays = session.weekdays or EVERY_DAY
    return (datetime.combine(day, at) for day in days if EVERY_DAY[day.weekday()] in weekdays)


def _holiday_allows(document: ProgrammeFile, session: Session, wall: datetime) -> bool:
    if session.on_holiday is OnHoliday.PLAY:
        return True
    return is_holiday(wall.date(), document.holidays) is (session.on_holiday is OnHoliday.ONLY)


def valid_days(document: ProgrammeFile, session: Session) -> tuple[date, date]:
    """First and last day the session may have."""
    lasts = [day for day in (document.valid_until, session.valid_until) if day is not None]
    return max(document.valid_from, session.valid_from or FIRST_DAY), min(lasts, default=LAST_DAY)


def zone_in(document: ProgrammeFile) -> ZoneInfo:
    """The zone of its wall times.

    Raises:
        ZoneUnknown: it is unknown here.
    """
    zone = zone_of(document.zone)
    if zone is None:
        raise ZoneUnknown(f"programme {document.id} names the time zone {document.zone}, which is unknown here")
    return zone


def longest_ms(session: Session) -> int:
    """The most time a session may take: its planned length, or all its segments where they are more."""
    return max((session.length_s or 0) * 1000, sum(map(_segment_ms, session.segments)))


def _segment_ms(segment: Segment) -> int:
    if isinstance(segment, ChimeSegment):
        return CHIME_MS.get(segment.name, 0)
    if isinstance(segment, PauseSegment):
        return segment.duration_ms
    return 1000 * (segment.max_duration_s if isinstance(segment, BulletinsSegment) else segment.duration_s)


def original_of(wall: datetime) -> str:
    """How an occurrence is named by its local begin: `2026-11-21T05:00`, with seconds only where there are some."""
    return wall.isoformat(timespec="seconds" if wall.second else "minutes")


def canonical(text: str) -> str:
    """A local begin as `original_of` writes it; what is none stays as it is."""
    wall = wall_of(text)
    return text if wall is None else original_of(wall)


def wall_of(text: str) -> datetime | None:
    """The local time that is written; None where there is no such day."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
