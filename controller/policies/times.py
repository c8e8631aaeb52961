"""Which other times the rules of the air allow: stretches of open air, and the nearest minute that suits everybody.

Pure. A time suits a class of devices if its hours and dates allow all of the sound, nothing else sounds meanwhile, and
the day's minutes and slots last for it and for what follows. Between two instants at which any of this can change the
answer is the same, so that it is found once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from controller.policies.rules import Span, joined
from loa_protocol.policy import GRACE, EffectivePolicy, Meter, Part, daily_span, midnight, zone

REACH = timedelta(days=7)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_MS = timedelta(milliseconds=1)


def open_air(policy: EffectivePolicy, begin: datetime, end: datetime) -> list[Span]:
    """The longest stretches of [begin, end) in which hours and dates allow ordinary sound."""
    spans = [(begin, end)]
    for part in policy.parts:
        spans = _both(spans, _open(part, begin, end))
    return spans


def _open(part: Part, begin: datetime, end: datetime) -> list[Span]:
    spans = [(begin, end)] if part.windows is None else joined(sorted(_windows(part, begin, end)))
    closed = sorted(
        (midnight(black.first, part.timezone), midnight(min(black.last, _LAST) + _DAY, part.timezone))
        for black in part.blackouts
    )
    for opens, closes in closed:
        spans = [cut for a, b in spans for cut in ((a, min(b, opens)), (max(a, closes), b)) if cut[0] < cut[1]]
    return list(spans)


_LAST = date(9000, 1, 1)


def _windows(part: Part, begin: datetime, end: datetime) -> Iterator[Span]:
    day = begin.astimezone(zone(part.timezone)).date() - _DAY
    last = end.astimezone(zone(part.timezone)).date()
    while day <= last:
        for window in part.windows or ():
            if day.isoweekday() in window.weekdays:
                yield daily_span(day, window.from_minute, window.to_minute, part.timezone)
        day += _DAY


def _both(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    cuts = ((max(a, c), min(b, d)) for a, b in one for c, d in other if c < b and a < d)
    return sorted(cut for cut in cuts if cut[0] < cut[1])


@dataclass(frozen=True)
class Air:
    """One class of devices: its rules, when something sounds there anyway (sorted, apart), how late its turn is."""

    policy: EffectivePolicy
    busy: tuple[Span, ...] = ()
    lag: timedelta = timedelta()

    def suits(self, start: datetime, length: timedelta) -> bool:
        """Whether sound may be planned then: it is whole, also in its turn, and silences nothing that follows."""
        begin = start + self.lag
        if any(self.policy.allows(at, at + length) is not None for at in (start, begin)):
            return False
        return self._free(begin, length) and self._within_the_day(begin, length)

    def _free(self, start: datetime, length: timedelta) -> bool:
        at = bisect_right(self.busy, (start, start))
        before = at == 0 or self.busy[at - 1][1] <= start
        return before and (at == len(self.busy) or start + length <= self.busy[at][0])

    def _within_the_day(self, start: datetime, length: timedelta) -> bool:
        """Minutes and slots, for the sound and for all that comes after it on its days."""
        return all(self._lasts(part, start, start + length) for part in self._counting)

    def _lasts(self, part: Part, start: datetime, end: datetime) -> bool:
        days = [at.astimezone(zone(part.timezone)).date() for at in (start, end - _MS)]
        first, last = midnight(days[0], part.timezone), midnight(days[1] + _DAY, part.timezone)
        meter = Meter(EffectivePolicy(frozenset({part})))
        for span in sorted([*self._within(first, last), (start, end)]):
            if span[0] >= start and meter.violation(*span) is not None:
                return False
            meter.add(*span)
        return True

    @cached_property
    def _counting(self) -> tuple[Part, ...]:
        return tuple(part for part in self.policy.parts if (part.max_slots, part.max_minutes) != (None, None))

    def edges(self, begin: datetime, end: datetime, length: timedelta) -> list[datetime]:
        """The instants between which the answer cannot change for a start in [begin, end), hours and dates apart."""
        found = {edge for opens, closes in self.busy for edge in (opens - length, closes)}
        for part in self._counting:
            gap = part.slot_gap + GRACE
            found |= {edge for opens, closes in self.busy for edge in (opens - length - gap, closes + gap)}
            day = begin.astimezone(zone(part.timezone)).date() - _DAY
            while midnight(day, part.timezone) < end + self.lag + length + _DAY:
                found |= self._edges_at(midnight(day, part.timezone), day, part, length)
                day += _DAY
        return sorted(edge - self.lag for edge in found)

    def _edges_at(self, at: datetime, day: date, part: Part, length: timedelta) -> set[datetime]:
        """Midnight parts the sound in two, and each day has its own minutes left."""
        if part.max_minutes is None:
            return {at, at - length}
        most = timedelta(minutes=part.max_minutes) + GRACE
        before = most - self._used(midnight(day - _DAY, part.timezone), at)
        after = most - self._used(at, midnight(day + _DAY, part.timezone))
        return {at, at - length, at - before, at - length + after}

    def _used(self, begin: datetime, end: datetime) -> timedelta:
        return sum((min(b, end) - max(a, begin) for a, b in self._within(begin, end)), timedelta())

    def _within(self, begin: datetime, end: datetime) -> tuple[Span, ...]:
        """What sounds at any time of [begin, end)."""
        first = bisect_right(self.busy, begin, key=lambda span: span[1])
        return self.busy[first : bisect_left(self.busy, end, key=lambda span: span[0])]


class _Suiting:
    """`Air.suits` for many starts of one length, each cell between two edges asked once."""

    def __init__(self, air: Air, begin: datetime, end: datetime, length: timedelta) -> None:
        self._air, self._length = air, length
        self._edges = air.edges(begin, end, length)
        self._known: dict[tuple[int, bool], bool] = {}

    def __call__(self, start: datetime) -> bool:
        """As `suits`, for a start in open air."""
        at = bisect_left(self._edges, start)
        key = (at, at < len(self._edges) and self._edges[at] == start)
        if key not in self._known:
            self._known[key] = self._air.suits(start, self._length)
        return self._known[key]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The whole minutes closest to a start, before and after it, that suit everybody."""

    before: datetime | None = None
    after: datetime | None = None


def nearest(
    airs: Sequence[Air], start: datetime, length: timedelta, *, not_before: datetime, not_after: datetime | None = None
) -> Nearest:
    """Where else a sound of that length may begin, within `REACH` of `start`."""
    first = max(start - REACH, not_before)
    last = start + REACH if not_after is None else min(start + REACH, not_after)
    if last < first:
        return Nearest()
    need = max(_MS, length - GRACE)
    whole = (first, last + need + _MS)
    spans = [whole]
    for policy, lag in {(air.policy, lag) for air in airs for lag in (air.lag, timedelta())}:
        there = open_air(policy, whole[0] + lag, whole[1] + lag)
        spans = _both(spans, [(begin - lag, end - lag) for begin, end in there])
    starts = [(a, b - need) for a, b in spans if a <= b - need]
    asked = [_Suiting(air, first, last, length) for air in airs]
    before = next(_suiting(asked, _down(starts, min(start - _MS, last))), None)
    return Nearest(before, next(_suiting(asked, _up(starts, max(start + _MS, first), last)), None))


def _suiting(asked: list[_Suiting], minutes: Iterator[datetime]) -> Iterator[datetime]:
    """Those that suit everybody; who refused last is asked first."""
    for minute in minutes:
        refusing = next((at for at, one in enumerate(asked) if not one(minute)), None)
        if refusing is None:
            yield minute
        else:
            asked.insert(0, asked.pop(refusing))


def _up(starts: Sequence[Span], begin: datetime, last: datetime) -> Iterator[datetime]:
    """Whole minutes of the spans (ends included) from `begin` to `last`."""
    for opens, closes in starts:
        minute = _whole(max(opens, begin))
        while minute <= min(closes, last):
            yield minute
            minute += _MINUTE


def _down(starts: Sequence[Span], last: datetime) -> Iterator[datetime]:
    """Whole minutes of the spans from `last` downwards."""
    for opens, closes in reversed(starts):
        latest = min(closes, last)
        minute = latest.replace(second=0, microsecond=0)
        while minute >= opens:
            yield minute
            minute -= _MINUTE


def _whole(at: datetime) -> datetime:
    """That minute, or the next if it has begun."""
    minute = at.replace(second=0, microsecond=0)
    return minute if minute == at else minute + _MINUTE
