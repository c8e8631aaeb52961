"""When a programme is on the air: its occurrences, and what is wrong with it. Pure.

Rules:

- The document of a local day is that of the highest-numbered revision effective by then ("this and following").
- A session has the days of its one recurrence, less holidays or only those; then `also` adds and `except` takes away,
  and `except` wins. Its own valid days and the programme's bound all of them.
- An occurrence is named by when its rule has it begin, whatever a change does to it ("this occurrence only"); a change
  whose occurrence no rule has is a stray: it does nothing and is told, not lost.
- Two local times of one session that a zone makes the same instant (a skipped hour) are one occurrence, the later.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import msgspec

from controller.schedules import lunar
from controller.schedules.fault_texts import Fault, fault
from controller.schedules.holidays import is_holiday
from controller.schedules.programme import (
    EVERY_DAY,
    BulletinsSegment,
    Change,
    ChimeSegment,
    OnHoliday,
    PauseSegment,
    ProgrammeFile,
    Segment,
    Session,
)
from controller.schedules.recurrence import (
    FIRST_DAY,
    LAST_DAY,
    RecurrenceInvalid,
    instant,
    require_matching,
    rule_of,
    walls,
    zone_of,
)
from loa_protocol.documents.plan import CHIME_MS
from loa_protocol.errors import LoaError
from loa_protocol.ids import Level, unit_scope

_DAY = timedelta(days=1)
_DAY_MS = 24 * 3600 * 1000
_SAMPLED = 400 * _DAY
_CHUNK = 28 * _DAY
_MOST_SAMPLED = 20_000


class TooManyOccurrences(LoaError):
    """More occurrences were asked for than one answer may hold; ask for fewer days."""

    code = "too_many_occurrences"


class ZoneUnknown(LoaError):
    """A programme names a time zone that this machine does not know; install tzdata or correct the zone."""

    code = "zone_unknown"


@dataclass(frozen=True, slots=True)
class Revision:
    """A document and the local day from which it is in force."""

    number: int
    effective_from: date
    document: ProgrammeFile


@dataclass(frozen=True, slots=True)
class Series:
    """A programme with its history; the document's own `changes` do not count, only these.

    `changes` has for (session id, original begin) the change that counts; `changes_of` makes it.
    """

    id: str
    revisions: tuple[Revision, ...]
    changes: Mapping[tuple[str, str], Change]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One session at one time; `session` is as changed, `start` aware UTC.

    `key` is (programme id, session id, original local begin) and stays the same whatever moves it.
    """

    programme: str
    session: Session
    key: tuple[str, str, str]
    start: datetime
    revision: Revision
    change: Change | None = None

    @property
    def id(self) -> str:
        """Its permanent id."""
        return occurrence_id(*self.key)


def occurrence_id(programme: str, session: str, original: str) -> str:
    """The permanent id of an occurrence: `p-` and 32 hex digits of a SHA-256."""
    return "p-" + hashlib.sha256(f"{programme}\n{session}\n{original}".encode()).hexdigest()[:32]


def original_of(wall: datetime) -> str:
    """How an occurrence is named by its local begin: `2026-11-21T05:00`, with seconds only where there are some."""
    return wall.isoformat(timespec="seconds" if wall.second else "minutes")


def changes_of(changes: Iterable[Change]) -> dict[tuple[str, str], Change]:
    """Changes by what they change; of several for one occurrence the last counts."""
    return {(change.session, _canonical(change.occurrence)): change for change in changes}


def series_of(document: ProgrammeFile) -> Series:
    """A document alone, with its own changes, as a series of one revision."""
    return Series(document.id, (Revision(1, FIRST_DAY, document),), changes_of(document.changes))


def revision_on(series: Series, day: date) -> Revision | None:
    """The revision in force on a local day; None before the first."""
    effective = [one for one in series.revisions if one.effective_from <= day]
    return max(effective, key=lambda one: one.number, default=None)


def expand(series: Series, begin: datetime, end: datetime, *, most: int = 20_000) -> list[Occurrence]:
    """Occurrences of begin <= start < end (aware UTC), first the earliest.

    The documents must be without `faults`.

    Raises:
        TooManyOccurrences: there are more than `most`.
    """
    found: dict[tuple[str, str, str], Occurrence] = {}
    for one in (*_within(series, begin, end), *_moved_into(series, begin, end)):
        if begin <= one.start < end:
            found[one.key] = one
            if len(found) > most:
                raise TooManyOccurrences(
                    f"programme {series.id} has more than {most} occurrences from {begin} to {end}; ask for fewer days",
                    programme=series.id,
                    most=most,
                )
    return sorted(found.values(), key=lambda one: (one.start, one.key))


def strays(series: Series) -> list[Change]:
    """Changes that do nothing because no rule has the occurrence they name (any more)."""
    return [change for key, change in series.changes.items() if _planned_as(series, *key) is None]


def longest_ms(session: Session) -> int:
    """The most time a session may take: its planned length, or all its segments where they are more."""
    return max((session.length_s or 0) * 1000, sum(map(_segment_ms, session.segments)))


def faults(document: ProgrammeFile) -> list[Fault]:
    """What no single field shows, in the order of the document; none when the programme is good.

    Clashes of sessions are looked for only where nothing else is wrong.
    """
    found = [
        *_document_faults(document),
        *_session_faults(document),
        *_change_faults(document),
    ]
    return found or _clashes(document)


def _within(series: Series, begin: datetime, end: datetime) -> Iterator[Occurrence]:
    """Occurrences whose rule has them near [begin, end), as changed."""
    for revision in series.revisions:
        later = (one.effective_from for one in series.revisions if one.number > revision.number)
        until = min(later, default=date.max)
        if until <= revision.effective_from:
            continue
        zone = _zone(revision.document)
        first = max(revision.effective_from, begin.astimezone(zone).date() - _DAY)
        last = min(until - _DAY, end.astimezone(zone).date())
        for session in revision.document.sessions:
            for wall, start in _planned(revision.document, session, first, last):
                occurrence = _occurrence(series, revision, session, wall, start)
                if occurrence is not None:
                    yield occurrence


def _moved_into(series: Series, begin: datetime, end: datetime) -> Iterator[Occurrence]:
    """Occurrences that a change has begin within [begin, end)."""
    for (session_id, original), change in series.changes.items():
        if change.start is None or not begin - _DAY <= _as_utc(change.start) <= end + _DAY:
            continue
        planned = _planned_as(series, session_id, original)
        if planned is not None:
            occurrence = _occurrence(series, *planned)
            if occurrence is not None:
                yield occurrence


def _as_utc(wall: str) -> datetime:
    """A local time as if its zone were UTC: less than a day off."""
    return datetime.fromisoformat(wall).replace(tzinfo=UTC)


def _occurrence(
    series: Series, revision: Revision, session: Session, wall: datetime, start: datetime
) -> Occurrence | None:
    original = original_of(wall)
    change = series.changes.get((session.id, original))
    if change is not None:
        if change.cancel:
            return None
        if change.start is not None:
            start = instant(datetime.fromisoformat(change.start), _zone(revision.document))
        told = {"title": change.title, "volume": change.volume, "segments": change.segments}
        session = msgspec.structs.replace(session, **{name: new for name, new in told.items() if new is not None})
    return Occurrence(series.id, session, (series.id, session.id, original), start, revision, change)


def _planned_as(series: Series, session_id: str, original: str) -> tuple[Revision, Session, datetime, datetime] | None:
    """The occurrence of that name as its rule has it; None if no rule has it."""
    named = _wall_or_none(original)
    revision = None if named is None else revision_on(series, named.date())
    if named is None or revision is None:
        return None
    for session in revision.document.sessions:
        if session.id == session_id:
            for wall, start in _planned(revision.document, session, named.date(), named.date() + _DAY):
                if wall == named:
                    return revision, session, wall, start
    return None


def _planned(document: ProgrammeFile, session: Session, first: date, last: date) -> Iterator[tuple[datetime, datetime]]:
    """(local begin, UTC begin) on the local days [first, last]; of two that are the same instant the later."""
    zone = _zone(document)
    by_start = {instant(wall, zone): wall for wall in _walls(document, session, first, last)}
    return ((wall, start) for start, wall in by_start.items())


def _walls(document: ProgrammeFile, session: Session, first: date, last: date) -> list[datetime]:
    """Local begins on the days [first, last], in order, without changes."""
    valid_first, valid_last = _valid_days(document, session)
    first, last = max(first, valid_first), min(last, valid_last)
    at = time.fromisoformat(session.at)
    chosen = {wall for wall in _rule_walls(document, session, first, last) if _holiday_allows(document, session, wall)}
    chosen |= {datetime.combine(day, at) for day in session.also if first <= day <= last}
    return sorted(wall for wall in chosen if wall.date() not in session.except_)


def _rule_walls(document: ProgrammeFile, session: Session, first: date, last: date) -> Iterable[datetime]:
    at = time.fromisoformat(session.at)
    if session.rrule is not None:
        start = datetime.combine(_valid_days(document, session)[0], at)
        return walls(rule_of(session.rrule), start, first, last, _zone(document))
    days = (date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1))
    if session.lunar is not None:
        return (datetime.combine(day, at) for day in days if lunar.matches(session.lunar, day))
    if session.dates:
        return (datetime.combine(day, at) for day in session.dates if first <= day <= last)
    weekdays = session.weekdays or EVERY_DAY
    return (datetime.combine(day, at) for day in days if EVERY_DAY[day.weekday()] in weekdays)


def _holiday_allows(document: ProgrammeFile, session: Session, wall: datetime) -> bool:
    if session.on_holiday is OnHoliday.PLAY:
        return True
    return is_holiday(wall.date(), document.holidays) is (session.on_holiday is OnHoliday.ONLY)


def _valid_days(document: ProgrammeFile, session: Session) -> tuple[date, date]:
    """First and last day the session may have."""
    lasts = [day for day in (document.valid_until, session.valid_until) if day is not None]
    return max(document.valid_from, session.valid_from or FIRST_DAY), min(lasts, default=LAST_DAY)


def _zone(document: ProgrammeFile) -> ZoneInfo:
    zone = zone_of(document.zone)
    if zone is None:
        raise ZoneUnknown(f"programme {document.id} names the time zone {document.zone}, which is unknown here")
    return zone


def _segment_ms(segment: Segment) -> int:
    if isinstance(segment, ChimeSegment):
        return CHIME_MS.get(segment.name, 0)
    if isinstance(segment, PauseSegment):
        return segment.duration_ms
    return 1000 * (segment.max_duration_s if isinstance(segment, BulletinsSegment) else segment.duration_s)


def _canonical(text: str) -> str:
    wall = _wall_or_none(text)
    return text if wall is None else original_of(wall)


def _wall_or_none(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _document_faults(document: ProgrammeFile) -> Iterator[Fault]:
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


def _session_faults(document: ProgrammeFile) -> Iterator[Fault]:
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
    first, last = _valid_days(document, session)
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
    first, _ = _valid_days(document, session)
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


def _change_faults(document: ProgrammeFile) -> Iterator[Fault]:
    sessions = {session.id for session in document.sessions}
    changed: set[tuple[str, str]] = set()
    for index, change in enumerate(document.changes):
        prefix = f"changes[{index}]."
        key = (change.session, _canonical(change.occurrence))
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
    wall = _wall_or_none(text)
    if wall is None:
        yield fault(field, "change_time_invalid", time=text)
    else:
        yield from _day_faults(field, (wall.date(),))


def _clashes(document: ProgrammeFile) -> list[Fault]:
    """Sessions that may sound at once somewhere, each pair once, as far as `_sampled` goes."""
    found: dict[tuple[str, str, str], Fault] = {}
    zone = _zone(document)
    sounding: list[tuple[datetime, Occurrence]] = []
    for later in islice(_sampled(document), _MOST_SAMPLED):
        sounding = [(end, one) for end, one in sounding if end > later.start]
        for end, earlier in sounding:
            if _targets(document, earlier.session) & _targets(document, later.session):
                field = _clash_field(document, earlier, later)
                key = (field, earlier.session.id, later.session.id)
                if key not in found:
                    found[key] = fault(
                        field,
                        "sessions_clash",
                        earlier=earlier.session.id,
                        later=later.session.id,
                        until=f"{end.astimezone(zone):%Y-%m-%d %H:%M:%S}",
                        at=f"{later.start.astimezone(zone):%Y-%m-%d %H:%M:%S}",
                    )
        sounding.append((later.start + timedelta(milliseconds=longest_ms(later.session)), later))
    return list(found.values())


def _clash_field(document: ProgrammeFile, earlier: Occurrence, later: Occurrence) -> str:
    for change in (later.change, earlier.change):
        if change is not None:
            return f"changes[{document.changes.index(change)}]"
    return f"sessions[{[one.id for one in document.sessions].index(later.session.id)}].at"


def _targets(document: ProgrammeFile, session: Session) -> frozenset[str]:
    return frozenset(session.to or (unit_scope(document.unit),))


def _sampled(document: ProgrammeFile) -> Iterator[Occurrence]:
    """Occurrences in order: of the `_SAMPLED` days from each session's first, and those near a change."""
    series = series_of(document)
    starts = sorted({_valid_days(document, session)[0] for session in document.sessions})
    spans = [(day, day + _SAMPLED) for day in starts]
    for change in document.changes:
        day = datetime.fromisoformat(change.start or change.occurrence).date()
        spans.append((day - _DAY, day + 2 * _DAY))
    zone, reached = _zone(document), date.min
    for first, last in sorted(spans):
        day = max(first, reached)
        while day < last:
            until = min(day + _CHUNK, last)
            yield from expand(series, _midnight(day, zone), _midnight(until, zone), most=_MOST_SAMPLED * 100)
            day = until
        reached = max(reached, last)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return instant(datetime.combine(day, time.min), zone)
