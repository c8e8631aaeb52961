"""The rules of the air: what a device may sound when, merged from every policy it is under; the stricter wins.

A merged policy is the *set* of its parts, and each part must agree. So merging is order-independent, idempotent and
associative by construction, and one more policy never allows more. Rules are read in their own part's time zone.

- A stretch of sound is allowed if it lies wholly inside the windows and outside the blackouts of every part.
- `GRACE` forgives the milliseconds by which real starts slip; nobody hears them, and a skipped bulletin is heard of.
- Minutes and slots are counted per local day by a `Meter`; an alert is neither bound nor counted.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from loa_protocol.documents.policy import Blackout, Policy, VolumeCap, Window
from loa_protocol.documents.trust import Ceilings
from loa_protocol.errors import LoaError

GRACE = timedelta(seconds=2)
DAY_MINUTES = 24 * 60
_DAY = timedelta(days=1)
CEILING_SCOPE = "ceilings"
_FIRST_DAY, _LAST_DAY = date(1971, 1, 1), date(9000, 1, 1)  # beyond these an instant may not fit in UTC
_EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


class PolicyInvalid(LoaError):
    """A policy or a ceiling names a time zone this device does not know."""

    code = "policy_invalid"


@dataclass(frozen=True, slots=True)
class HardLimits:
    """What the profile of a device model can bear, whatever is signed."""

    max_volume: int = 100


@dataclass(frozen=True, slots=True)
class Violation:
    """Why sound is not allowed. `rule`: hours | legal_hours | blackout | minutes | slots.

    `scope` says whose rule it is (`ceilings` for the root-signed one), `at` the first instant that is not allowed.
    """

    rule: str
    scope: str
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """The rules of one scope, with everything that orders or repeats them taken out."""

    scope: str
    timezone: str
    windows: frozenset[Window] | None = None
    max_slots: int | None = None
    max_minutes: int | None = None
    slot_gap: timedelta = timedelta(minutes=10)
    caps: frozenset[VolumeCap] = frozenset()
    blackouts: frozenset[Blackout] = frozenset()

    def hours(self, begin: datetime, end: datetime) -> Violation | None:
        """The first instant of [begin, end) outside the windows."""
        if self.windows is None:
            return None
        at = begin
        while at < end:
            until = self._open_until(self.windows, at)
            if until is None:
                rule = "legal_hours" if self.scope == CEILING_SCOPE else "hours"
                return Violation(rule, self.scope, f"allowed only {_text(self.windows)} ({self.timezone})", at)
            at = until
        return None

    def _open_until(self, windows: frozenset[Window], at: datetime) -> datetime | None:
        """When the window that holds `at` closes; None if none holds it."""
        today = at.astimezone(zone(self.timezone)).date()
        closing = [
            close
            for window in windows
            for day in (today - _DAY, today)
            if day.isoweekday() in window.weekdays
            for opens, close in (daily_span(day, window.from_minute, window.to_minute, self.timezone),)
            if opens <= at < close
        ]
        return max(closing, default=None)

    def blackout(self, begin: datetime, end: datetime) -> Violation | None:
        """The first instant of [begin, end) on a blacked-out local date."""
        found = []
        for black in self.blackouts:
            opens = midnight(black.first, self.timezone)
            closes = midnight(min(black.last, _LAST_DAY) + _DAY, self.timezone)
            if begin < closes and opens < end:
                title = f" ({black.title})" if black.title else ""
                text = f"blacked out from {black.first} to {black.last}{title}"
                found.append(Violation("blackout", self.scope, text, max(begin, opens)))
        return min(found, key=lambda v: (v.at, v.detail), default=None)

    def cap(self, begin: datetime, end: datetime) -> int:
        """The lowest volume cap that holds anywhere in [begin, end)."""
        lowest = 100
        for day in _days(begin, end, self.timezone, before=1) if self.caps else ():
            for cap in self.caps:
                opens, closes = daily_span(day, cap.from_minute, cap.to_minute, self.timezone)
                if begin < closes and opens < end:
                    lowest = min(lowest, cap.max_volume)
        return lowest


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """All parts a device is under; `max_volume` is the lowest of the ceilings' and the hard limits'."""

    parts: frozenset[Part] = frozenset()
    max_volume: int = 100

    def __and__(self, other: "EffectivePolicy") -> "EffectivePolicy":
        """Both must allow."""
        return EffectivePolicy(self.parts | other.parts, min(self.max_volume, other.max_volume))

    def allows(self, start: datetime, end: datetime) -> Violation | None:
        """None if ordinary sound may fill [start, end) as far as hours and dates go, else the earliest violation."""
        return _hours_and_dates(self.parts, start, max(start + timedelta(milliseconds=1), end - GRACE))

    def volume_at(self, instant: datetime, wanted: int) -> int:
        """The volume at one instant: min(wanted, every cap, the ceiling)."""
        return self.volume_over(instant, instant + timedelta(milliseconds=1), wanted)

    def volume_over(self, begin: datetime, end: datetime, wanted: int, *, exempt: bool = False) -> int:
        """The volume that breaks no cap anywhere in [begin, end); `exempt` (an alert): no cap but the ceiling binds."""
        return min(wanted, self.max_volume, 100 if exempt else _cap(self.parts, begin, end))


# A device asks the same of the same broadcasts at every change: the answers of the last days are kept.
@lru_cache(maxsize=4096)
def _hours_and_dates(parts: frozenset[Part], begin: datetime, end: datetime) -> Violation | None:
    return earliest(v for part in parts for v in (part.hours(begin, end), part.blackout(begin, end)) if v)


@lru_cache(maxsize=4096)
def _cap(parts: frozenset[Part], begin: datetime, end: datetime) -> int:
    return min((part.cap(begin, end) for part in parts), default=100)


class Meter:
    """Counts minutes and slots per local day; stretches are added in the order of time, none overlapping."""

    def __init__(self, policy: EffectivePolicy) -> None:
        self._counts = [_Count(part) for part in policy.parts if (part.max_slots, part.max_minutes) != (None, None)]

    def add(self, begin: datetime, end: datetime, *, continues: bool = False) -> None:
        """Count what sounded. `continues`: the rest of something counted before, so no slot of its own."""
        for count in self._counts:
            count.add(begin, end, continues=continues)

    def violation(self, begin: datetime, end: datetime, *, continues: bool = False) -> Violation | None:
        """The first instant of [begin, end) that would exceed a day's minutes or slots."""
        found = [count.violation(begin, end, continues=continues) for count in self._counts]
        return earliest(v for v in found if v)


_Piece = tuple[date, datetime, timedelta, bool]


class _Count:
    """The meter of one part."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._used: dict[date, timedelta] = {}
        self._slots: dict[date, int] = {}
        self._last_end: datetime | None = None

    def _pieces(self, begin: datetime, end: datetime, *, continues: bool) -> Iterator[_Piece]:
        """(local day, begin, length, whether it opens a slot) of [begin, end) cut at local midnights."""
        apart = self._last_end is None or begin - self._last_end >= self._part.slot_gap + GRACE
        days = _days(begin, end, self._part.timezone)
        for day in days:
            opens = begin if day is days[0] else midnight(day, self._part.timezone)
            closes = end if day is days[-1] else midnight(day + _DAY, self._part.timezone)
            fresh = not self._slots.get(day) or (apart and not continues)
            yield day, opens, closes - opens, fresh

    def add(self, begin: datetime, end: datetime, *, continues: bool) -> None:
        for day, _, length, fresh in self._pieces(begin, end, continues=continues):
            self._used[day] = self._used.get(day, timedelta()) + length
            self._slots[day] = self._slots.get(day, 0) + fresh
        self._last_end = end

    def violation(self, begin: datetime, end: datetime, *, continues: bool) -> Violation | None:
        part = self._part
        for day, opens, length, fresh in self._pieces(begin, end, continues=continues):
            if part.max_slots is not None and fresh and self._slots.get(day, 0) >= part.max_slots:
                return Violation("slots", part.scope, f"{part.max_slots} slots a day are used up on {day}", opens)
            if part.max_minutes is None:
                continue
            left = timedelta(minutes=part.max_minutes) - self._used.get(day, timedelta())
            if length > left + GRACE:
                text = f"{part.max_minutes} minutes a day are not enough on {day}"
                return Violation("minutes", part.scope, text, opens + max(left, timedelta()))
        return None


def merge(
    policies: Iterable[Policy], ceilings: Ceilings | None = None, limits: HardLimits | None = None
) -> EffectivePolicy:
    """Everything that binds one device.

    Raises:
        PolicyInvalid: a time zone is unknown here; refuse the document.
    """
    ceilings, limits = ceilings or Ceilings(), limits or HardLimits()
    parts = {_part(policy) for policy in policies}
    if ceilings.legal_hours is not None:
        legal = ceilings.legal_hours
        window = Window(from_minute=legal.from_minute, to_minute=legal.to_minute)
        parts.add(Part(CEILING_SCOPE, legal.timezone, frozenset({window})))
    for part in parts:
        zone(part.timezone)
    return EffectivePolicy(frozenset(parts), min(ceilings.max_volume, limits.max_volume))


def _part(policy: Policy) -> Part:
    return Part(
        scope=policy.scope,
        timezone=policy.timezone,
        windows=frozenset(policy.windows) if policy.windows else None,
        max_slots=policy.max_slots_a_day,
        max_minutes=policy.max_minutes_a_day,
        slot_gap=timedelta(milliseconds=policy.slot_gap_ms),
        caps=frozenset(policy.volume_caps),
        blackouts=frozenset(policy.blackouts),
    )


def earliest(violations: Iterable[Violation]) -> Violation | None:
    """The one that comes first; equal instants are told apart by name, so that the answer is always the same."""
    return min(violations, key=lambda v: (v.at, v.rule, v.scope, v.detail), default=None)


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name.

    Raises:
        PolicyInvalid: it is unknown here.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise PolicyInvalid(f"time zone {name!r} is unknown here: correct the policy or install tzdata") from error


@lru_cache(maxsize=4096)
def midnight(day: date, timezone: str) -> datetime:
    """The instant at which that local day begins."""
    day = max(_FIRST_DAY, day)
    return datetime(day.year, day.month, day.day, tzinfo=zone(timezone)).astimezone(UTC)


@lru_cache(maxsize=4096)
def daily_span(day: date, from_minute: int, to_minute: int, timezone: str) -> tuple[datetime, datetime]:
    """The instants of a daily span that opens on `day`; from > to runs over midnight, from = to is empty."""
    if from_minute > to_minute:
        to_minute += DAY_MINUTES
    return _wall(day, from_minute, timezone), _wall(day, to_minute, timezone)


def _wall(day: date, minute: int, timezone: str) -> datetime:
    """The instant at which local clocks show that minute of `day`; 1440 is the next midnight."""
    days, minute = divmod(minute, DAY_MINUTES)
    day += timedelta(days=days)
    hour, minute = divmod(minute, 60)
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone(timezone)).astimezone(UTC)


def _days(begin: datetime, end: datetime, timezone: str, *, before: int = 0) -> list[date]:
    """Local dates touched by [begin, end), and `before` days earlier."""
    local = begin.astimezone(zone(timezone)).date()
    if not before and end <= midnight(local + _DAY, timezone):
        return [local]
    last = max(begin, end - timedelta(microseconds=1)).astimezone(zone(timezone)).date()
    first = local - before * _DAY
    return [first + n * _DAY for n in range((last - first).days + 1)]


def _text(windows: frozenset[Window]) -> str:
    return "; ".join(
        sorted(
            f"{_clock(one.from_minute)}-{_clock(one.to_minute)}"
            + ("" if one.weekdays == _EVERY_DAY else f" on ISO weekdays {','.join(map(str, one.weekdays))}")
            for one in windows
        )
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
