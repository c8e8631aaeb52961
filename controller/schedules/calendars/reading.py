"""Reading an iCalendar file into sessions and changes, and telling, event by event, what could not be taken. Pure.

- Events of ours that nobody changed since are the sessions they were. Of a changed or a foreign event its own words
  count: DTSTART, RRULE, RDATE, EXDATE, RECURRENCE-ID, SUMMARY and the length.
- A foreign event becomes a session with one slot for the bulletins of the unit, as long as the event.
- Nothing is guessed: what a programme has no words for is left out and named (`Read.notes`).
"""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from icalendar import Calendar, Component

from controller.handwritten.faults import Fault
from controller.schedules.calendars.words import (
    broken,
    cancelled,
    every,
    length_s_of,
    moments,
    one_of,
    recurrence_id,
    sequence_of,
    uid_of,
    wall_in,
    words_of,
)
from controller.schedules.calendars.writing import (
    PROGRAMME_PROPERTY,
    SESSION_PROPERTY,
    Header,
    document_as_ical,
    text_line,
    uncarried,
)
from controller.schedules.fault_texts import fault
from controller.schedules.programme import Change, ProgrammeFile, Session
from controller.schedules.recurrence import NEVER_YEARS, RecurrenceInvalid, names_hours, rule_of, walls, zone_of
from controller.schedules.rules import changes_of
from controller.schedules.sessions import longest_ms, original_of
from loa_protocol.errors import LoaError

MOST_EVENTS = 2000
MOST_SESSIONS = 48
MOST_BYTES = 4 * 1024 * 1024
DEFAULT_ZONE = "Asia/Ho_Chi_Minh"
_DAY = timedelta(days=1)
_TITLE = 300
_ID = 40
_LONGEST_S = 4 * 3600
_UNSAID_S = 600
_TIMES = {"DTSTART", "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID", "DTEND", "DURATION"}


class IcalInvalid(LoaError):
    """A file is no iCalendar file, or too large; nothing was taken from it."""

    code = "ical_invalid"


@dataclass(frozen=True, slots=True)
class Read:
    """What was read; `document` is the whole programme where the file was one of ours.

    `notes` say what was left out or understood otherwise; the `field` of each is the UID of its event.
    """

    zone: str
    sessions: tuple[Session, ...]
    changes: tuple[Change, ...]
    notes: tuple[Fault, ...]
    document: ProgrammeFile | None


@dataclass(slots=True)
class _Reading:
    """What is known while a file is read."""

    zone: ZoneInfo
    unit: str
    notes: list[Fault] = field(default_factory=list)
    sessions: dict[str, Session] = field(default_factory=dict)  # by UID
    changes: dict[tuple[str, str], Change] = field(default_factory=dict)

    def note(self, event: Component, code: str, **figures: object) -> None:
        self.notes.append(fault(uid_of(event), code, **figures))


class _LeftOut(Exception):
    """The event cannot be taken; `fault` says why."""

    def __init__(self, event: Component, code: str, **figures: object) -> None:
        super().__init__(code)
        self.fault = fault(uid_of(event), code, **figures)


def read_ical(data: bytes, *, unit: str, zone: str = DEFAULT_ZONE) -> Read:
    """Sessions and changes of an iCalendar file; slots of foreign events are for `unit`, their times in `zone`.

    Raises:
        IcalInvalid: it is no iCalendar file or too large.
    """
    calendar = _parsed(data)
    header, known, damaged = _ours(calendar)
    zone = str(header.programme.get("zone", DEFAULT_ZONE)) if header else zone
    known_zone = zone_of(zone)
    if known_zone is None:
        raise IcalInvalid(f"there is no time zone {zone}; name one such as {DEFAULT_ZONE}", zone=zone)
    reading = _Reading(known_zone, unit, notes=damaged)
    for component in calendar.subcomponents:
        if component.name not in {"VEVENT", "VTIMEZONE"}:
            reading.note(component, "ical_component", name=component.name)
    masters, overrides = _newest(calendar, known_zone)
    before = _before(header, known)
    untouched = {} if before is None or header is None else _untouched(before, header.on, known_zone)
    carried_changes = {} if before is None else changes_of(before.changes)
    for event in masters:
        _take_master(reading, event, known.get(uid_of(event)), untouched, carried_changes)
    for event in overrides:
        _take_override(reading, event, untouched, carried_changes)
    sessions = tuple(reading.sessions.values())
    ids = {session.id for session in sessions}
    kept = {key: change for key, change in carried_changes.items() if key[0] in ids}
    changes = tuple({**kept, **reading.changes}.values())
    document = _document(header, sessions, changes)
    return Read(zone, sessions, changes, tuple(reading.notes), document)


def _parsed(data: bytes) -> Calendar:
    if len(data) > MOST_BYTES:
        raise IcalInvalid(f"the file has more than {MOST_BYTES} bytes; export fewer events")
    try:
        calendar = Calendar.from_ical(data)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise IcalInvalid(f"this is no iCalendar file: {error}") from error
    if not isinstance(calendar, Calendar) or calendar.name != "VCALENDAR":
        raise IcalInvalid("this is no iCalendar file: it does not begin with BEGIN:VCALENDAR")
    if len(calendar.walk("VEVENT")) > MOST_EVENTS:
        raise IcalInvalid(f"the file has more than {MOST_EVENTS} events; export fewer")
    return calendar


def _ours(calendar: Calendar) -> tuple[Header | None, dict[str, Session], list[Fault]]:
    """What travelled beside the events: the header, and sessions by UID."""
    known: dict[str, Session] = {}
    damaged: list[Fault] = []
    header = None
    try:
        header = uncarried(calendar, PROGRAMME_PROPERTY, Header)
    except ValueError:
        damaged.append(fault("VCALENDAR", "ical_damaged", name=PROGRAMME_PROPERTY))
    for event in calendar.walk("VEVENT"):
        try:
            session = uncarried(event, SESSION_PROPERTY, Session)
        except ValueError:
            damaged.append(fault(uid_of(event), "ical_damaged", name=SESSION_PROPERTY))
        else:
            if session is not None and "RECURRENCE-ID" not in event:
                known[uid_of(event)] = session
    return header, known, damaged


def _newest(calendar: Calendar, zone: ZoneInfo) -> tuple[list[Component], list[Component]]:
    """Events that stand for themselves and those that change one occurrence, each in its highest SEQUENCE."""
    newest: dict[tuple[str, object], Component] = {}
    for number, event in enumerate(calendar.walk("VEVENT")):
        occurrence = recurrence_id(event, zone)
        unread = occurrence is None and "RECURRENCE-ID" in event  # left out for itself, not in place of another
        key = (f"#{number}" if unread else uid_of(event) or f"#{number}", occurrence)
        if key not in newest or sequence_of(event) >= sequence_of(newest[key]):
            newest[key] = event
    masters = [event for (_, occurrence), event in newest.items() if occurrence is None]
    return masters, [event for (_, occurrence), event in newest.items() if occurrence is not None]


def _before(header: Header | None, known: dict[str, Session]) -> ProgrammeFile | None:
    """The programme as it was written into the file."""
    if header is None:
        return None
    return _converted({**header.programme, "sessions": [msgspec.to_builtins(one) for one in known.values()]})


def _document(
    header: Header | None, sessions: tuple[Session, ...], changes: tuple[Change, ...]
) -> ProgrammeFile | None:
    if header is None:
        return None
    parts = {"sessions": msgspec.to_builtins(sessions), "changes": msgspec.to_builtins(changes)}
    return _converted({**header.programme, **parts})


def _converted(builtins: dict[str, Any]) -> ProgrammeFile | None:
    try:
        return msgspec.convert(builtins, ProgrammeFile)
    except msgspec.ValidationError:
        return None


def _untouched(before: ProgrammeFile, on: date, zone: ZoneInfo) -> dict[tuple[str, object], object]:
    """How each event was written: (UID, occurrence) → its words."""
    calendar = Calendar.from_ical(document_as_ical(before, on))
    return {(uid_of(event), recurrence_id(event, zone)): words_of(event, zone) for event in calendar.walk("VEVENT")}


def _take_master(
    reading: _Reading,
    event: Component,
    known: Session | None,
    untouched: dict[tuple[str, object], object],
    carried_changes: dict[tuple[str, str], Change],
) -> None:
    uid = uid_of(event)
    if known is not None and untouched.get((uid, None)) == words_of(event, reading.zone):
        reading.sessions[uid] = known
        return
    try:
        session = _session(reading, event, known)
    except _LeftOut as left_out:
        reading.notes.append(left_out.fault)
        return
    if len(reading.sessions) >= MOST_SESSIONS:
        reading.note(event, "ical_too_many", most=MOST_SESSIONS)
        return
    reading.sessions[uid] = session
    if known is not None:
        reading.note(event, "ical_edited", session=session.id)
        for key in [key for key, change in carried_changes.items() if key[0] == known.id and change.cancel]:
            del carried_changes[key]


def _session(reading: _Reading, event: Component, known: Session | None) -> Session:
    _refuse_unsupported(event)
    start = one_of(event, "DTSTART")
    wall = wall_in(reading.zone, start)
    if wall is None:
        raise _LeftOut(event, "ical_no_time")
    rule = _rule(event, wall, start.tzinfo, reading.zone)
    named = {"title": _title(event, known), "at": original_of(wall)[11:]}
    days = _days(reading, event, wall, rule, known.id if known else _id(reading, event))
    base = msgspec.to_builtins(known) if known else _slot(reading, event, named["title"])
    if known is not None and (length_s := length_s_of(event)) not in {None, -(-longest_ms(known) // 1000)}:
        base["length_s"] = length_s
    for gone in ("weekdays", "rrule", "lunar", "dates", "also", "except", "on_holiday", "valid_until"):
        base.pop(gone, None)
    try:
        return msgspec.convert({**base, **named, **days}, Session)
    except msgspec.ValidationError as error:
        raise _LeftOut(event, "ical_broken", name=str(error)) from error


def _refuse_unsupported(event: Component) -> None:
    unread = sorted(broken(event) & _TIMES)
    if unread or "DTSTART" not in event:
        raise _LeftOut(event, "ical_broken", name=", ".join(unread) or "DTSTART")
    if cancelled(event):
        raise _LeftOut(event, "ical_cancelled")
    if "EXRULE" in event or len({rule.to_ical() for rule in every(event, "RRULE")}) > 1:
        raise _LeftOut(event, "ical_rules")


def _rule(event: Component, wall: datetime, own_zone: tzinfo | None, zone: ZoneInfo) -> str | None:
    """The text of the event's rule, good for the zone of the programme."""
    found = every(event, "RRULE")
    text = (found[0].to_ical().decode() if found else "") or None
    try:
        parts = dict(rule_of(text).parts) if text else {}
    except RecurrenceInvalid as error:
        raise _LeftOut(event, "ical_rule", reason=error) from error
    if own_zone is None or (text is None and "RDATE" not in event):
        return text
    shifts = {_shift(wall + 30 * month * _DAY, own_zone, zone) for month in range(13)}
    simple = not parts and text is not None and text.startswith(("FREQ=DAILY", "FREQ=WEEKLY"))
    if shifts == {timedelta(0)} or (len(shifts) == 1 and (simple or text is None)):
        return text
    raise _LeftOut(event, "ical_zone_differs", zone=own_zone, own=zone.key)


def _shift(wall: datetime, one: tzinfo, other: tzinfo) -> timedelta:
    return (wall.replace(tzinfo=one).utcoffset() or timedelta(0)) - (
        wall.replace(tzinfo=other).utcoffset() or timedelta(0)
    )


def _days(reading: _Reading, event: Component, wall: datetime, rule: str | None, name: str) -> dict[str, Any]:
    """The recurrence of a session as fields; single times that no field can say become changes or notes."""
    added = {wall.date()} if rule is None else set()
    excepted: set[date] = set()
    several = False
    if rule is not None:
        parsed = rule_of(rule)
        several = names_hours(parsed)
        last = wall.date() + NEVER_YEARS * 365 * _DAY
        if next(walls(parsed, wall, wall.date(), last, reading.zone), None) != wall:
            added.add(wall.date())
            reading.note(event, "ical_outside")
    for moment in moments(event, "RDATE"):
        extra = wall_in(reading.zone, moment)
        if extra is None or extra.time() == wall.time():
            added.add(extra.date() if extra else moment)
        else:
            reading.note(event, "ical_other_time", time=original_of(extra))
    for moment in moments(event, "EXDATE"):
        gone = wall_in(reading.zone, moment)
        if gone is None or (gone.time() == wall.time() and not several):
            excepted.add(gone.date() if gone else moment)
        else:
            change = Change(session=name, occurrence=original_of(gone), cancel=True)
            reading.changes[name, change.occurrence] = change
    always = rule == "FREQ=DAILY"
    return {
        "id": name,
        "valid_from": min({wall.date(), *added}),
        "rrule": None if always else rule,
        "dates": sorted(added) if rule is None else [],
        "also": sorted(added) if rule is not None else [],
        "except": sorted(excepted),
    }


def _take_override(
    reading: _Reading,
    event: Component,
    untouched: dict[tuple[str, object], object],
    carried_changes: dict[tuple[str, str], Change],
) -> None:
    session = reading.sessions.get(uid_of(event))
    occurrence = recurrence_id(event, reading.zone)
    if session is None or occurrence is None:
        reading.note(event, "ical_orphan")
        return
    if "THISANDFUTURE" in str(every(event, "RECURRENCE-ID")[0].params).upper():
        reading.note(event, "ical_range")
        return
    original = original_of(occurrence) if isinstance(occurrence, datetime) else f"{occurrence}T{session.at}"
    before = carried_changes.get((session.id, original))
    if untouched.get((uid_of(event), occurrence)) == words_of(event, reading.zone):
        return
    try:
        change = _change(reading, event, session, original, before)
    except _LeftOut as left_out:
        reading.notes.append(left_out.fault)
        return
    reading.changes[session.id, original] = change
    if before is not None:
        reading.note(event, "ical_edited", session=session.id)


def _change(reading: _Reading, event: Component, session: Session, original: str, before: Change | None) -> Change:
    if cancelled(event):
        return Change(session=session.id, occurrence=original, cancel=True)
    _refuse_unsupported(event)
    wall = wall_in(reading.zone, one_of(event, "DTSTART"))
    if wall is None:
        raise _LeftOut(event, "ical_no_time")
    start, title = original_of(wall), _title(event, session)
    length_s = length_s_of(event)
    segments = before.segments if before else None
    planned = msgspec.structs.replace(session, segments=segments or session.segments)
    if length_s not in {None, -(-longest_ms(planned) // 1000)}:
        reading.note(event, "ical_length", length=timedelta(seconds=length_s or 0))
    return Change(
        session=session.id,
        occurrence=original,
        start=None if start == original else start,
        title=None if title == session.title else title,
        volume=before.volume if before else None,
        segments=segments,
        note=before.note if before else "",
    )


def _slot(reading: _Reading, event: Component, title: str) -> dict[str, Any]:
    """What is sent of a foreign event: the unit's bulletins, as long as the event."""
    length_s = length_s_of(event)
    if length_s is None or not 0 < length_s <= _LONGEST_S:
        reading.note(event, "ical_length", length=timedelta(seconds=length_s or 0))
        length_s = _LONGEST_S if (length_s or 0) > _LONGEST_S else _UNSAID_S
    return {"segments": [{"kind": "bulletins", "title": title, "of": reading.unit, "max_duration_s": length_s}]}


def _title(event: Component, known: Session | None) -> str:
    told = text_line(str(event.get("SUMMARY", "")))[:_TITLE]
    return known.title if known is not None and told == text_line(known.title)[:_TITLE] else told


def _id(reading: _Reading, event: Component) -> str:
    """An id from the words of the title, without the signs of Vietnamese."""
    plain = unicodedata.normalize("NFD", str(event.get("SUMMARY", "")).lower().replace("đ", "d"))
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign))
    base = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[: _ID - 4].strip("-") or "su-kien"
    used = {session.id for session in reading.sessions.values()}
    return next(
        name for number in range(1, MOST_EVENTS + 2) if (name := f"{base}-{number}" if number > 1 else base) not in used
    )
