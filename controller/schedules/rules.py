"""When a programme is on the air: its occurrences, and what is wrong with it. Pure.

Rules:

- The document of a local day is that of the highest-numbered revision effective by then ("this and following").
- An occurrence is named by when its rule has it begin, whatever a change does to it ("this occurrence only"); a change
  whose occurrence no rule has is a stray: it does nothing and is told, not lost.
- What a session's days are is for `sessions`, what is wrong within one for `checks`; here is what they do together.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, islice
from zoneinfo import ZoneInfo

import msgspec

from controller.handwritten.faults import Fault
from controller.schedules.checks import change_faults, document_faults, relay_faults, session_faults
from controller.schedules.fault_texts import fault
from controller.schedules.programme import Change, ProgrammeFile, Session
from controller.schedules.recurrence import FIRST_DAY, instant
from controller.schedules.sessions import canonical, longest_ms, original_of, planned, valid_days, wall_of, zone_in
from loa_protocol.errors import LoaError
from loa_protocol.ids import unit_scope

_DAY = timedelta(days=1)
_SAMPLED = 400 * _DAY
_CHUNK = 28 * _DAY
_MOST_SAMPLED = 20_000
_MOST_SPANS = 2000


class TooManyOccurrences(LoaError):
    """More occurrences were asked for than one answer may hold; ask for fewer days."""

    code = "too_many_occurrences"


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


def changes_of(changes: Iterable[Change]) -> dict[tuple[str, str], Change]:
    """Changes by what they change; of several for one occurrence the last counts."""
    return {(change.session, canonical(change.occurrence)): change for change in changes}


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
    found = list(islice(_beginning(series, begin, end), most + 1))
    if len(found) > most:
        raise TooManyOccurrences(
            f"programme {series.id} has more than {most} occurrences from {begin} to {end}; ask for fewer days",
            programme=series.id,
            most=most,
        )
    return _in_order(found)


def skipped(series: Series, begin: datetime, end: datetime) -> list[Occurrence]:
    """Occurrences of begin <= start < end that a change drops, as their rule has them."""
    found = []
    for (session_id, original), change in series.changes.items():
        planned_as = _planned_as(series, session_id, original) if change.cancel else None
        if planned_as is not None and begin <= planned_as[3] < end:
            revision, session, _, start = planned_as
            found.append(Occurrence(series.id, session, (series.id, session_id, original), start, revision, change))
    return _in_order(found)


def strays(series: Series) -> list[Change]:
    """Changes that do nothing because no rule has the occurrence they name (any more)."""
    return [change for key, change in series.changes.items() if _planned_as(series, *key) is None]


def faults(document: ProgrammeFile, *, standing: bool = False) -> list[Fault]:
    """What no single field shows, part by part; none when the programme is good.

    Clashes of sessions are looked for only where nothing else is wrong. `standing`: it was saved before; what is asked
    of a relay's address since then is not held against it.
    """
    found = [
        *document_faults(document),
        *session_faults(document),
        *change_faults(document),
        *(() if standing else relay_faults(document)),
    ]
    return found or _clashes(document)


def _beginning(series: Series, begin: datetime, end: datetime) -> Iterator[Occurrence]:
    """Each occurrence of begin <= start < end once, in no order."""
    seen: set[tuple[str, str, str]] = set()
    for one in chain(_within(series, begin, end), _moved_into(series, begin, end)):
        if begin <= one.start < end and one.key not in seen:
            seen.add(one.key)
            yield one


def _in_order(occurrences: Iterable[Occurrence]) -> list[Occurrence]:
    return sorted(occurrences, key=lambda one: (one.start, one.key))


def _within(series: Series, begin: datetime, end: datetime) -> Iterator[Occurrence]:
    """Occurrences whose rule has them near [begin, end), as changed."""
    for revision in series.revisions:
        later = (one.effective_from for one in series.revisions if one.number > revision.number)
        until = max(FIRST_DAY, min(later, default=date.max))
        zone = zone_in(revision.document)
        first = max(revision.effective_from, begin.astimezone(zone).date() - _DAY)
        last = min(until - _DAY, end.astimezone(zone).date())
        for session in revision.document.sessions:
            for wall, start in planned(revision.document, session, first, last):
                occurrence = _occurrence(series, revision, session, wall, start)
                if occurrence is not None:
                    yield occurrence


def _moved_into(series: Series, begin: datetime, end: datetime) -> Iterator[Occurrence]:
    """Occurrences that a change has begin within [begin, end)."""
    for (session_id, original), change in series.changes.items():
        if change.start is None or not begin - _DAY <= _as_utc(change.start) <= end + _DAY:
            continue
        found = _planned_as(series, session_id, original)
        occurrence = None if found is None else _occurrence(series, *found)
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
            start = instant(datetime.fromisoformat(change.start), zone_in(revision.document))
        told = {"title": change.title, "volume": change.volume, "segments": change.segments}
        session = msgspec.structs.replace(session, **{name: new for name, new in told.items() if new is not None})
    return Occurrence(series.id, session, (series.id, session.id, original), start, revision, change)


def _planned_as(series: Series, session_id: str, original: str) -> tuple[Revision, Session, datetime, datetime] | None:
    """The occurrence of that name as its rule has it; None if no rule has it."""
    named = wall_of(original)
    revision = None if named is None else revision_on(series, named.date())
    if named is None or revision is None:
        return None
    for session in revision.document.sessions:
        if session.id == session_id:
            for wall, start in planned(revision.document, session, named.date(), named.date() + _DAY):
                if wall == named:
                    return revision, session, wall, start
    return None


def _clashes(document: ProgrammeFile) -> list[Fault]:
    """Sessions that may sound at once somewhere, each pair once, as far as `_sampled` goes."""
    found: dict[tuple[str, str, str], Fault] = {}
    zone = zone_in(document)
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
                        earlier=f"“{earlier.session.title}”",
                        later=f"“{later.session.title}”",
                        until=f"{end.astimezone(zone):%H:%M %d/%m/%Y}",
                        at=f"{later.start.astimezone(zone):%H:%M %d/%m/%Y}",
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
    """Occurrences in order: of the `_SAMPLED` days from each session's first, of days it names, and near changes."""
    series, zone = series_of(document), zone_in(document)
    reached = FIRST_DAY
    for first, last in sorted(_spans(document))[:_MOST_SPANS]:
        day = max(first, reached)
        while day < last:
            until = min(day + _CHUNK, last)
            yield from _in_order(_beginning(series, _midnight(day, zone), _midnight(until, zone)))
            day = until
        reached = max(reached, last)


def _spans(document: ProgrammeFile) -> set[tuple[date, date]]:
    """Spans of days [first, last) where sessions may be new to each other."""
    begins = (valid_days(document, session)[0] for session in document.sessions)
    named = {day for session in document.sessions for day in (*session.dates, *session.also)}
    moved = (datetime.fromisoformat(change.start or change.occurrence).date() for change in document.changes)
    return {(day, day + _SAMPLED) for day in begins} | {(day - _DAY, day + 2 * _DAY) for day in (*named, *moved)}


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return instant(datetime.combine(day, time.min), zone)
