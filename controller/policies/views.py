"""What binds a device, laid out by day for people: bands of the day, whether they allow sound, how loud, whose rule.

Pure; the answer is asked of the merged policy itself, minute by minute where something can change.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from controller.policies.times import open_air
from loa_protocol.policy import EffectivePolicy, Part, daily_span, midnight

_DAY = timedelta(days=1)
_MS = timedelta(milliseconds=1)
LOUDEST = 100


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of one local day with the same rules. `volume` is the loudest, 0 where nothing may sound.

    `closed_by` and `capped_by`: the scopes whose rules decide so.
    """

    begin: datetime
    end: datetime
    allowed: bool
    volume: int
    closed_by: tuple[str, ...]
    capped_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Budget:
    """What one scope grants a day; all of them bind, the smallest first."""

    scope: str
    most: int


def bands(policy: EffectivePolicy, day: date, timezone: str) -> list[Band]:
    """The bands of a local day, in order, without gaps; equal neighbours are one."""
    begin, end = midnight(day, timezone), midnight(day + _DAY, timezone)
    found: list[Band] = []
    turns = sorted({begin, end, *(at for at in _turns(policy, begin, end, day) if begin < at < end)})
    for at, until in pairwise(turns):
        band = _band(policy, at, until)
        last = found[-1] if found else None
        if last is not None and _rules(last) == _rules(band):
            found[-1] = Band(last.begin, until, *_rules(last))
        else:
            found.append(band)
    return found


def _rules(band: Band) -> tuple[bool, int, tuple[str, ...], tuple[str, ...]]:
    return band.allowed, band.volume, band.closed_by, band.capped_by


def _band(policy: EffectivePolicy, at: datetime, until: datetime) -> Band:
    instant = at + _MS
    closed = sorted(
        part.scope for part in policy.parts if EffectivePolicy(frozenset({part})).allows(at, instant) is not None
    )
    volume = policy.volume_over(at, until, LOUDEST)
    capped = sorted(part.scope for part in policy.parts if part.caps and part.cap(at, until) == volume < LOUDEST)
    return Band(at, until, not closed, 0 if closed else volume, tuple(closed), () if closed else tuple(capped))


def _turns(policy: EffectivePolicy, begin: datetime, end: datetime, day: date) -> Iterator[datetime]:
    for part in policy.parts:
        for span in open_air(EffectivePolicy(frozenset({part})), begin, end):
            yield from span
        yield from _caps(part, day)


def _caps(part: Part, day: date) -> Iterator[datetime]:
    for cap in part.caps:
        for other in (day - _DAY, day, day + _DAY):
            yield from daily_span(other, cap.from_minute, cap.to_minute, part.timezone)


def budgets(parts: Iterable[Part], *, minutes: bool) -> Sequence[Budget]:
    """Minutes or slots a day by scope, the strictest first."""
    found = [(part.scope, part.max_minutes if minutes else part.max_slots) for part in parts]
    return sorted((Budget(scope, most) for scope, most in found if most is not None), key=lambda b: (b.most, b.scope))
