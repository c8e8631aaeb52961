"""A station's programme as one document: what it sends, on which days, when, and where to.

The same models are the file people write, the body of the API and what a revision stores. Rules: strict, an unknown
field is refused; wall times and dates belong to the programme's `zone` and stay text; nothing here is expanded, filled
or looked up. A session recurs by exactly one of `weekdays`, `rrule`, `lunar` and `dates`; every day if it names none.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from controller.handwritten.days import Weekday
from controller.handwritten.forms import END, form
from loa_protocol.documents.plan import OnPreempt, Rank
from loa_protocol.ids import Id, Language, Level, Scope, Volume

FORMAT = "loa.programme.v1"
WallTime = Annotated[
    str,
    form(
        r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?",
        "viết giờ và phút đủ hai chữ số, ví dụ 05:00",
        "write hours and minutes in two digits: 05:00",
    ),
]
WallInstant = Annotated[
    str,
    form(
        r"^[0-9]{4}-[01][0-9]-[0-3][0-9]T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?",
        "viết ngày và giờ, ví dụ 2026-11-21T05:00",
        "write date and time, such as 2026-11-21T05:00",
    ),
]
"""A local date and time of the programme's zone; names an occurrence by when its rule has it begin."""
Title = Annotated[str, Meta(min_length=1, max_length=300)]
Note = Annotated[str, Meta(max_length=500)]
Seconds = Annotated[int, Meta(ge=1, le=4 * 3600)]
Rrule = Annotated[
    str,
    form(
        r"^[A-Za-z0-9=;,+:-]+",
        "viết quy tắc RFC 5545 không có DTSTART, ví dụ FREQ=WEEKLY;BYDAY=MO",
        "write an RFC 5545 rule without DTSTART, such as FREQ=WEEKLY;BYDAY=MO",
        least=6,
        most=500,
    ),
]
Dates = Annotated[tuple[date, ...], Meta(max_length=1000)]


class OnHoliday(StrEnum):
    """What a session does on a public holiday."""

    PLAY = "play"
    SKIP = "skip"
    ONLY = "only"


class LeapMonth(StrEnum):
    """What a lunar date does in a year whose month of that number comes twice."""

    FIRST = "first"
    BOTH = "both"


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of everything in a programme."""


class Lunar(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Days of the Vietnamese lunar calendar; no `months` means every month.

    Day 30 of a month that has 29 does not occur; `last_day` is the 29th or 30th, whichever ends the month.
    """

    days: Annotated[tuple[Annotated[int, Meta(ge=1, le=30)], ...], Meta(max_length=30)] = ()
    months: Annotated[tuple[Annotated[int, Meta(ge=1, le=12)], ...], Meta(max_length=12)] = ()
    last_day: bool = False
    leap: LeapMonth = LeapMonth.BOTH


class _Segment(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"):
    """Base of the segments; each says by `longest_ms` how much time it may take."""


class ChimeSegment(_Segment, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="chime"):
    """A tone every device makes by itself; `CHIME_MS` of the plan has the lengths."""

    name: Id = "opening"


class ContentSegment(_Segment, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="content"):
    """One sound of the library, by its id; `duration_s` is what is kept free for it.

    `variants`: language → the sound for devices that list it, one after another in their order.
    """

    asset: Id
    duration_s: Seconds
    variants: Annotated[dict[Language, Id], Meta(max_length=20)] = {}


class RelaySegment(_Segment, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="relay"):
    """Another station for a fixed time (tiếp sóng); `fallback` is an asset that is sent when it fails or is silent."""

    title: Title
    url: Annotated[str, Meta(pattern=r"^https?://[^\s]+" + END, max_length=500)]
    duration_s: Seconds
    fallback: Id | None = None


class BulletinsSegment(_Segment, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="bulletins"):
    """A slot for what stands in the queue of a unit (`of`), by rule as much as fits; `fallback` where nothing does."""

    title: Title
    of: Id
    max_duration_s: Seconds
    fallback: Id | None = None


class PauseSegment(_Segment, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="pause"):
    """Silence."""

    duration_ms: Annotated[int, Meta(ge=100, le=600_000)]


Segment = ChimeSegment | ContentSegment | RelaySegment | BulletinsSegment | PauseSegment
Segments = Annotated[tuple[Segment, ...], Meta(min_length=1, max_length=100)]


class Session(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What recurs; `late_s` is how late a device that was off may still begin.

    `at` is the wall time; `also` adds dates to the rule and `except` takes dates from it (RDATE and EXDATE);
    `valid_from` and `valid_until` (both inclusive) narrow those of the programme. `to` is the unit if nothing is named.
    `languages`: those that are spoken in it: of what has variants only these are sent; where it is one, to all alike.
    An `rrule` is an RFC 5545 rule without DTSTART: it counts from the first valid day, at `at`.
    """

    id: Id
    title: Title
    at: WallTime
    weekdays: Annotated[tuple[Weekday, ...], Meta(min_length=1, max_length=7)] | None = None
    rrule: Rrule | None = None
    lunar: Lunar | None = None
    dates: Dates = ()
    also: Dates = ()
    except_: Dates = msgspec.field(default=(), name="except")
    on_holiday: OnHoliday = OnHoliday.PLAY
    valid_from: date | None = None
    valid_until: date | None = None
    to: Annotated[tuple[Scope, ...], Meta(max_length=200)] = ()
    languages: Annotated[tuple[Language, ...], Meta(max_length=10)] = ()
    level: Level = Level.NORMAL
    volume: Volume = 70
    late_s: Annotated[int, Meta(ge=0, le=3600)] = 60
    on_preempt: OnPreempt = OnPreempt.RESUME
    stagger: bool = True
    length_s: Seconds | None = None
    segments: Segments


class Change(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One occurrence that is not as its rule has it ("this occurrence only"); `occurrence` is when the rule begins it.

    `cancel` drops it; `start` moves it; the rest replaces what the session says. Nothing of these: as the rule has it
    again.
    """

    session: Id
    occurrence: WallInstant
    cancel: bool = False
    start: WallInstant | None = None
    title: Title | None = None
    volume: Volume | None = None
    segments: Segments | None = None
    note: Note = ""


class ProgrammeFile(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A programme; `id` is ours and permanent, `valid_from` and `valid_until` are its first and last day in `zone`."""

    FORMAT: ClassVar[str] = FORMAT

    format: Annotated[str, form(r"^loa\.programme\.v1", f"viết {FORMAT}", f"write {FORMAT}")]
    id: Id
    title: Title
    unit: Id
    authority: Rank = 100
    zone: Annotated[str, Meta(min_length=1, max_length=64)] = "Asia/Ho_Chi_Minh"
    valid_from: date
    valid_until: date | None = None
    holidays: Dates = ()
    """Further days that count as public holidays, e.g. a local one or a day off in lieu."""
    sessions: Annotated[tuple[Session, ...], Meta(min_length=1, max_length=48)]
    changes: Annotated[tuple[Change, ...], Meta(max_length=2000)] = ()
