"""A programme as an iCalendar file (RFC 5545), for any calendar program and back again. Pure.

- A session is one VEVENT. What RRULE says exactly stays a rule; lunar days, holidays and single dates are listed for
  `HORIZON` from the day of export. A moved or replaced occurrence is a VEVENT with RECURRENCE-ID, a cancelled one an
  EXDATE.
- What iCalendar has no words for travels beside it (`X-LOA-SESSION`, `X-LOA-PROGRAMME`), so that reading an untouched
  file gives the programme again. Where another program changed an event, what it says in iCalendar's words counts.
"""

import base64
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from icalendar import Calendar, Component, Event
from icalendar.prop import vRecur

from controller.schedules.programme import Change, OnHoliday, ProgrammeFile, Session
from controller.schedules.recurrence import LAST_DAY, NEVER_YEARS, instant, rule_of, until_wall
from controller.schedules.rules import Series, changes_of, revision_on
from controller.schedules.sessions import longest_ms, original_of, planned, valid_days, zone_in

HORIZON = timedelta(days=731)
PROGRAMME_PROPERTY: Final = "X-LOA-PROGRAMME"
SESSION_PROPERTY: Final = "X-LOA-SESSION"
_DAY = timedelta(days=1)
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_Carried = TypeVar("_Carried")


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What travels with the calendar as a whole: the programme without its sessions, and the day of export."""

    on: date
    programme: dict[str, object]


def series_as_ical(series: Series, on: date) -> bytes | None:
    """The programme in force on that day as an iCalendar file, with the changes of its occurrences; None if none is."""
    revision = revision_on(series, on)
    if revision is None:
        return None
    document = msgspec.structs.replace(revision.document, changes=tuple(series.changes.values()))
    return document_as_ical(document, on, sequence=revision.number)


def document_as_ical(document: ProgrammeFile, on: date, *, sequence: int = 0) -> bytes:
    """A document without `faults` as an iCalendar file; `on` is the day of export, from which `HORIZON` counts."""
    calendar = Calendar()
    calendar.add("PRODID", "-//Loa//Programmes//VI")
    calendar.add("VERSION", "2.0")
    calendar.add("X-WR-CALNAME", text_line(document.title))
    header = msgspec.to_builtins(document)
    del header["sessions"]
    calendar.add(PROGRAMME_PROPERTY, carried(Header(on=on, programme=header)))
    for event in events_of(document, on):
        event.add("DTSTAMP", datetime.combine(on, time(), UTC))
        event.add("SEQUENCE", sequence)
        calendar.add_component(event)
    calendar.add_missing_timezones(
        first_date=document.valid_from, last_date=min(max(on, document.valid_from) + 2 * HORIZON, LAST_DAY)
    )
    return bytes(calendar.to_ical())


def events_of(document: ProgrammeFile, on: date) -> Iterable[Event]:
    """Each session as a VEVENT, followed by those of its changed occurrences."""
    changes = changes_of(document.changes)
    for session in document.sessions:
        of_session = {original: change for (name, original), change in changes.items() if name == session.id}
        event = _event(document, session, longest_ms(session))
        _add_days(event, document, session, on, of_session)
        event.add(SESSION_PROPERTY, carried(session))
        yield event
        for original, change in of_session.items():
            if not change.cancel and _does_something(change) and _exists(document, session, original):
                yield _changed_event(document, session, original, change)


def carried(value: object) -> str:
    """Any value of ours as text that no calendar program escapes or breaks."""
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).decode()


def uncarried(component: Component, name: str, kind: type[_Carried]) -> _Carried | None:
    """What `carried` put into a property; None if it is not there.

    Raises:
        ValueError: it is there and cannot be read.
    """
    value = component.get(name)
    if value is None:
        return None
    try:
        return msgspec.json.decode(base64.b64decode(str(value), altchars=b"-_", validate=True), type=kind)
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"{name} is damaged") from error


def _event(document: ProgrammeFile, session: Session, length_ms: int) -> Event:
    event = Event()
    event.add("UID", f"{session.id}@{document.id}.loa")
    event.add("SUMMARY", text_line(session.title))
    event.add("DURATION", timedelta(seconds=max(1, -(-length_ms // 1000))))
    return event


def _changed_event(document: ProgrammeFile, session: Session, original: str, change: Change) -> Event:
    zone = zone_in(document)
    told = {"title": change.title, "segments": change.segments}
    changed = msgspec.structs.replace(session, **{name: new for name, new in told.items() if new is not None})
    event = _event(document, changed, longest_ms(changed))
    event.add("RECURRENCE-ID", _local(datetime.fromisoformat(original), zone))
    event.add("DTSTART", _local(datetime.fromisoformat(change.start or original), zone))
    return event


def _add_days(event: Event, document: ProgrammeFile, session: Session, on: date, changes: dict[str, Change]) -> None:
    """DTSTART, RRULE, RDATE and EXDATE."""
    zone = zone_in(document)
    first, last = _listed_days(document, session, on, changes)
    cancelled = {original for original, change in changes.items() if change.cancel}
    actual = {wall for wall, _ in planned(document, session, first, last) if original_of(wall) not in cancelled}
    by_rule: set[datetime] = set()
    text = _rule_text(session)
    if text is not None:
        bare = msgspec.structs.replace(session, also=(), except_=(), on_holiday=OnHoliday.PLAY)
        by_rule = {wall for wall, _ in planned(document, bare, first, last)}
        if not by_rule:
            by_rule = {wall for wall, _ in planned(document, bare, first, _years_on(first))}
        if by_rule:
            event.add("RRULE", vRecur.from_ical(_bounded(text, document, bare, zone)))
    none_at_all = {datetime.combine(first, time.fromisoformat(session.at))}
    begin = min(by_rule or actual or none_at_all)
    event.add("DTSTART", _local(begin, zone))
    for name, walls in (
        ("RDATE", actual - by_rule - {begin}),
        ("EXDATE", (by_rule or none_at_all) - actual if by_rule or not actual else set()),
    ):
        if walls:
            event.add(name, [_local(wall, zone) for wall in sorted(walls)])


def _listed_days(document: ProgrammeFile, session: Session, on: date, changes: dict[str, Change]) -> tuple[date, date]:
    """The days for which single days are written down."""
    first, last = valid_days(document, session)
    named = {*session.also, *session.except_, *session.dates}
    named |= {datetime.fromisoformat(original).date() for original in changes}
    return first, min(last, max(max(on, first) + HORIZON, *named, first))


def _rule_text(session: Session) -> str | None:
    """The rule of a session that iCalendar can say; holidays taken out of it are said day by day."""
    if session.lunar is not None or session.dates or session.on_holiday is OnHoliday.ONLY:
        return None
    if session.rrule is not None:
        return session.rrule.upper().removeprefix("RRULE:")
    if session.weekdays is None:
        return "FREQ=DAILY"
    return "FREQ=WEEKLY;BYDAY=" + ",".join(day.value[:2].upper() for day in session.weekdays)


def _bounded(text: str, document: ProgrammeFile, bare: Session, zone: ZoneInfo) -> str:
    """The rule with the last valid day as its end, where it has one and the rule does not end before; UNTIL in UTC."""
    first, last = valid_days(document, bare)
    rule = rule_of(text)
    kept = [part for part in text.split(";") if not part.startswith(("UNTIL=", "COUNT="))]
    ends = [datetime.combine(last, time(23, 59, 59))] if last < LAST_DAY else []
    if rule.until is not None:
        ends.append(until_wall(rule.until, zone).replace(microsecond=0))
    if rule.count is not None and (not ends or len(list(planned(document, bare, first, last))) == rule.count):
        return ";".join([*kept, f"COUNT={rule.count}"])
    return ";".join([*kept, *(f"UNTIL={instant(end, zone):%Y%m%dT%H%M%SZ}" for end in sorted(ends)[:1])])


def _does_something(change: Change) -> bool:
    return any(told is not None for told in (change.start, change.title, change.volume, change.segments))


def _exists(document: ProgrammeFile, session: Session, original: str) -> bool:
    wall = datetime.fromisoformat(original)
    return any(one == wall for one, _ in planned(document, session, wall.date(), wall.date() + _DAY))


def _years_on(day: date) -> date:
    return min(day + NEVER_YEARS * 365 * _DAY, LAST_DAY)


def _local(wall: datetime, zone: ZoneInfo) -> datetime:
    return wall.replace(tzinfo=zone)


def text_line(text: str) -> str:
    """A line of text that survives every calendar program."""
    return _NO_TEXT.sub(" ", text).strip() or "-"
