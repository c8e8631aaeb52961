"""What is wrong with a programme, field by field: all of it, each fault with its field and code. Pure.

Only what the shape of the document does not show; what sessions do to each other is in `rules`.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta

from controller.handwritten.faults import Fault
from controller.schedules.fault_texts import fault
from controller.schedules.programme import ChimeSegment, ProgrammeFile, RelaySegment, Segment, Session
from controller.schedules.recurrence import (
    FIRST_DAY,
    LAST_DAY,
    RecurrenceInvalid,
    require_matching,
    rule_of,
    zone_of,
)
from controller.schedules.sessions import canonical, longest_ms, valid_days, wall_of
from loa_protocol.documents.plan import CHIME_MS
from loa_protocol.ids import Level
from loa_protocol.streams import place_of

_DAY_MS = 24 * 3600 * 1000


def document_faults(document: ProgrammeFile) -> Iterator[Fault]:
    """Of the programme's own fields."""
    if zone_of(document.zone) is None:
        yield fault("zone", "zone_unknown", zone=document.zone)
    yield from _range_faults("", document)
    yield from _day_faults("holidays", document.holidays)


def _range_faults(prefix: str, valid: ProgrammeFile | Session) -> Iterator[Fault]:
    first, last = valid.valid_from, valid.valid_until
    yield from _day_faults(f"{prefix}valid_from", () if first is None else (first,))
    yield from _day_faults(f"{prefix}valid_until", () if last is None else (last,))
    if first is not None and last is not None and last < first:
        yield fault(f"{prefix}valid_until", "days_reversed", first=first, last=last)


def _day_faults(field: str, days: Iterable[date]) -> Iterator[Fault]:
    for day in days:
        if not FIRST_DAY <= day <= LAST_DAY:
            yield fault(field, "day_out_of_range", day=day, first=FIRST_DAY, last=LAST_DAY)


def session_faults(document: ProgrammeFile) -> Iterator[Fault]:
    """Of each session by itself."""
    used: set[str] = set()
    for index, session in enumerate(document.sessions):
        prefix = f"sessions[{index}]."
        if session.id in used:
            yield fault(f"{prefix}id", "session_repeated", session=session.id)
        used.add(session.id)
        yield from _valid_faults(prefix, document, session)
        yield from _recurrence_faults(prefix, document, session)
        yield from _content_faults(prefix, session)


def _valid_faults(prefix: str, document: ProgrammeFile, session: Session) -> Iterator[Fault]:
    found = list(_range_faults(prefix, session))
    first, last = valid_days(document, session)
    if not found and last < first and (document.valid_until or LAST_DAY) >= document.valid_from:
        bounds = {"first": document.valid_from, "last": document.valid_until or LAST_DAY}
        found = [fault(f"{prefix}valid_from", "session_outside", **bounds)]
    yield from found


def _recurrence_faults(prefix: str, document: ProgrammeFile, session: Session) -> Iterator[Fault]:
    for name, days in (("dates", session.dates), ("also", session.also), ("except", session.except_)):
        yield from _day_faults(f"{prefix}{name}", days)
    named = {"weekdays": session.weekdays, "rrule": session.rrule, "lunar": session.lunar, "dates": session.dates}
    kinds = [name for name, value in named.items() if value]
    if len(kinds) > 1:
        yield fault(f"{prefix}{kinds[1]}", "recurrence_ambiguous", kinds=", ".join(kinds))
    if session.weekdays is not None and len(set(session.weekdays)) < len(session.weekdays):
        yield fault(f"{prefix}weekdays", "weekday_repeated")
    if session.lunar is not None and not session.lunar.days and not session.lunar.last_day:
        yield fault(f"{prefix}lunar", "lunar_empty")
    if session.rrule is not None:
        yield from _rrule_faults(f"{prefix}rrule", document, session, session.rrule)


def _rrule_faults(field: str, document: ProgrammeFile, session: Session, text: str) -> Iterator[Fault]:
    first, _ = valid_days(document, session)
    try:
        rule = rule_of(text)
        zone = zone_of(document.zone)
        if zone is not None and FIRST_DAY <= first <= LAST_DAY:
            require_matching(rule, datetime.combine(first, time.fromisoformat(session.at)), zone)
    except RecurrenceInvalid as error:
        yield fault(field, f"rrule_{error.details['reason']}", reason=error)


def _content_faults(prefix: str, session: Session) -> Iterator[Fault]:
    if session.level is Level.EMERGENCY:
        yield fault(f"{prefix}level", "emergency_scheduled")
    yield from _segment_faults(f"{prefix}segments", session.segments)
    if longest_ms(session) > _DAY_MS:
        length = timedelta(milliseconds=longest_ms(session))
        yield fault(f"{prefix}segments", "session_too_long", length=length)


def _segment_faults(field: str, segments: Iterable[Segment]) -> Iterator[Fault]:
    for index, segment in enumerate(segments):
        if isinstance(segment, ChimeSegment) and segment.name not in CHIME_MS:
            yield fault(f"{field}[{index}].name", "chime_unknown", name=segment.name, known=", ".join(CHIME_MS))


def relay_faults(document: ProgrammeFile) -> Iterator[Fault]:
    """Of addresses from which no device relays; one that was saved before this was asked stays and is planned."""
    for index, session in enumerate(document.sessions):
        yield from url_faults(f"sessions[{index}].segments", session.segments)
    for index, change in enumerate(document.changes):
        yield from url_faults(f"changes[{index}].segments", change.segments or ())


def url_faults(field: str, segments: Iterable[Segment]) -> Iterator[Fault]:
    """Of those in a list of segments."""
    for index, segment in enumerate(segments):
        if isinstance(segment, RelaySegment):
            try:
                place_of(segment.url)
            except ValueError:
                yield fault(f"{field}[{index}].url", "relay_url_refused")


def change_faults(document: ProgrammeFile) -> Iterator[Fault]:
    """Of each change; that its occurrence exists is not asked here."""
    sessions = {session.id for session in document.sessions}
    changed: set[tuple[str, str]] = set()
    for index, change in enumerate(document.changes):
        prefix = f"changes[{index}]."
        key = (change.session, canonical(change.occurrence))
        if change.session not in sessions:
            yield fault(f"{prefix}session", "change_session_unknown", session=change.session)
        if key in changed:
            yield fault(f"{prefix}occurrence", "change_repeated", session=change.session, occurrence=change.occurrence)
        changed.add(key)
        for name, text in (("occurrence", change.occurrence), ("start", change.start)):
            yield from _wall_faults(f"{prefix}{name}", text)
        if change.cancel and any((change.start, change.title, change.volume is not None, change.segments)):
            yield fault(f"{prefix}cancel", "change_contradictory")
        yield from _segment_faults(f"{prefix}segments", change.segments or ())


def _wall_faults(field: str, text: str | None) -> Iterator[Fault]:
    if text is None:
        return
    wall = wall_of(text)
    if wall is None:
        yield fault(field, "change_time_invalid", time=text)
    else:
        yield from _day_faults(field, (wall.date(),))
