"""Programmes as files: what a station sends on which days and when, written by hand, versioned beside the devices.

Rules: strict models, an unknown field or a clash of sessions refuses the whole file with its line; wall times belong to
the file's zone, and where a zone skips or repeats an hour, a skipped time is that much later and a repeated one is the
first. No clock is asked here: the caller names the date.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from loa_protocol import hand_written
from loa_protocol.documents.plan import Rank
from loa_protocol.errors import LoaError
from loa_protocol.ids import Id, Level, Volume

_END = r"(?![\s\S])"
_MS_A_DAY = 24 * 3600 * 1000

WallTime = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?" + _END)]
Title = Annotated[str, Meta(min_length=1, max_length=300)]
Seconds = Annotated[int, Meta(ge=1, le=4 * 3600)]


class ScheduleInvalid(LoaError):
    """A programme file cannot be used; the message names the file, the line and the reason."""

    code = "schedule_invalid"


class Weekday(StrEnum):
    """Days as `date.weekday()` counts them."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


EVERY_DAY = tuple(Weekday)


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything in a file."""


class _Segment(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """Base of the segments; each says by `longest_ms` how much time it may take."""


class ChimeSegment(_Segment, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="chime"):
    """A tone every device makes by itself."""

    name: Id = "opening"
    duration_ms: Annotated[int, Meta(ge=100, le=60_000)] = 3000

    @property
    def longest_ms(self) -> int:
        """Its duration."""
        return self.duration_ms


class RelaySegment(_Segment, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="relay"):
    """Another station for a fixed time (tiếp sóng); `fallback` is the title of an asset to send when it fails."""

    title: Title
    url: Annotated[str, Meta(pattern=r"^https?://[^\s]+" + _END, max_length=500)]
    duration_s: Seconds
    fallback: Title | None = None

    @property
    def longest_ms(self) -> int:
        """Its duration."""
        return self.duration_s * 1000


class BulletinsSegment(_Segment, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="bulletins"):
    """Approved bulletins of a unit of the tree (`of`), priority ones first, as many as fit."""

    title: Title
    of: Id
    max_duration_s: Seconds

    @property
    def longest_ms(self) -> int:
        """As much as is kept free for it."""
        return self.max_duration_s * 1000


class PauseSegment(_Segment, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="pause"):
    """Silence."""

    duration_ms: Annotated[int, Meta(ge=100, le=600_000)]

    @property
    def longest_ms(self) -> int:
        """Its duration."""
        return self.duration_ms


Segment = ChimeSegment | RelaySegment | BulletinsSegment | PauseSegment


class Session(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One block of the day; `late_s` is how late a device that was off may still begin."""

    id: Id
    title: Title
    at: WallTime
    weekdays: Annotated[tuple[Weekday, ...], Meta(min_length=1, max_length=7)] = EVERY_DAY
    level: Level = Level.NORMAL
    volume: Volume = 70
    late_s: Annotated[int, Meta(ge=0, le=3600)] = 60
    segments: Annotated[tuple[Segment, ...], Meta(min_length=1, max_length=100)]

    @property
    def longest_ms(self) -> int:
        """The most time all its segments may take."""
        return sum(segment.longest_ms for segment in self.segments)


class ProgrammeFile(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A station's programme; `valid_from` and `valid_until` are the first and the last day, in `zone`."""

    format: Annotated[str, Meta(pattern=r"^loa\.programme\.v1" + _END)]
    title: Title
    unit: Id
    authority: Rank = 100
    zone: Annotated[str, Meta(min_length=1, max_length=64)] = "Asia/Ho_Chi_Minh"
    valid_from: date
    valid_until: date | None = None
    sessions: Annotated[tuple[Session, ...], Meta(min_length=1, max_length=48)]


@dataclass(frozen=True, slots=True)
class ProgrammeOccurrence:
    """One session on one day; `start` is aware UTC."""

    start: datetime
    session: Session

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What is sent, in order."""
        return self.session.segments


def load_programme(path: Path) -> ProgrammeFile:
    """Read and check a programme file.

    Raises:
        ScheduleInvalid: not there, not readable, or wrong: with the file, the line and the reason.
    """
    try:
        text = path.read_text(encoding="utf-8")
        programme = hand_written.read(text, ProgrammeFile)
    except hand_written.HandWrittenInvalid as error:
        raise _invalid(path, error.line, error.field, error.reason) from error
    except UnicodeDecodeError as error:
        raise _invalid(path, 1, "$", "not UTF-8; save it again as UTF-8") from error
    except OSError as error:
        raise ScheduleInvalid(
            f"{path} cannot be read: {error.strerror or error}; check its name", file=str(path)
        ) from error
    for field, reason in _faults(programme):
        raise _invalid(path, hand_written.line_of(text, f"$.{field}"), field, reason)
    return programme


def occurrences_on(programme: ProgrammeFile, day: date) -> list[ProgrammeOccurrence]:
    """Sessions that begin on this day of the file's zone, first the earliest."""
    if day < programme.valid_from or (programme.valid_until is not None and day > programme.valid_until):
        return []
    zone = ZoneInfo(programme.zone)
    today = EVERY_DAY[day.weekday()]
    found = [
        ProgrammeOccurrence(datetime.combine(day, time.fromisoformat(session.at), zone).astimezone(UTC), session)
        for session in programme.sessions
        if today in session.weekdays
    ]
    return sorted(found, key=lambda occurrence: (occurrence.start, occurrence.session.id))


def programme_schema() -> dict[str, Any]:
    """The JSON schema of a programme file, as `schedules/programme.schema.json` holds it."""
    schema: dict[str, Any] = json.loads(msgspec.json.encode(msgspec.json.schema(ProgrammeFile)))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _faults(programme: ProgrammeFile) -> list[tuple[str, str]]:
    """What no single field shows: (field, reason), none when the programme is good."""
    faults = []
    try:
        ZoneInfo(programme.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        faults.append(("zone", f"there is no time zone {programme.zone}"))
    if programme.valid_until is not None and programme.valid_until < programme.valid_from:
        faults.append(("valid_until", "the last day is before the first"))
    for index, session in enumerate(programme.sessions):
        faults += [(f"sessions[{index}].{field}", reason) for field, reason in _session_faults(session)]
    ids = [session.id for session in programme.sessions]
    faults += [(f"sessions[{n}].id", f"{one} is used before") for n, one in enumerate(ids) if one in ids[:n]]
    return faults + _clashes(programme)


def _session_faults(session: Session) -> list[tuple[str, str]]:
    faults = []
    if session.level is Level.EMERGENCY:
        faults.append(("level", "emergency is never scheduled; it is released as an alert"))
    if len(set(session.weekdays)) < len(session.weekdays):
        faults.append(("weekdays", "names a day twice"))
    if _begin_ms(session) + session.longest_ms > _MS_A_DAY:
        faults.append(("segments", "the session goes on after midnight; end it before, and begin another"))
    return faults


def _clashes(programme: ProgrammeFile) -> list[tuple[str, str]]:
    for day in EVERY_DAY:
        that_day = sorted(
            ((_begin_ms(one), index, one) for index, one in enumerate(programme.sessions) if day in one.weekdays),
            key=lambda entry: entry[:2],
        )
        for (begin, _, earlier), (next_begin, index, _later) in pairwise(that_day):
            if begin + earlier.longest_ms > next_begin:
                until = timedelta(milliseconds=begin + earlier.longest_ms)
                return [(f"sessions[{index}].at", f"{earlier.id} may last until {until} on {day.value}")]
    return []


def _begin_ms(session: Session) -> int:
    wall = time.fromisoformat(session.at)
    return ((wall.hour * 60 + wall.minute) * 60 + wall.second) * 1000


def _invalid(path: Path, line: int, field: str, reason: str) -> ScheduleInvalid:
    message = f"{path}, line {line}, {field}: {reason}"
    return ScheduleInvalid(message, file=str(path), line=line, field=field, reason=reason)
