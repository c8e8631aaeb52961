"""When it is told that something is about to start and is not approved, and when it is too late. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.bulletins.rules import LEAD

MOST_BEFORE_MIN = 24 * 60
"""No reminder comes earlier before a start."""
AHEAD = timedelta(minutes=MOST_BEFORE_MIN)
LOOK_AGAIN = timedelta(minutes=2)
"""So often is looked whether a programme or the unit's rules have moved something forward."""
TRY_AGAIN = timedelta(seconds=10)
"""What has come due is looked at again so soon, in case somebody was at it."""
BEHIND = timedelta(days=1)
"""So far back starts are still written down that passed while nothing ran."""


@dataclass(frozen=True, slots=True)
class Due:
    """What has come due before a start: `told_min` is the reminder to send, `passed_min` all that count as sent."""

    too_late: bool
    told_min: int | None = None
    passed_min: tuple[int, ...] = ()

    @property
    def anything(self) -> bool:
        """Whether there is something to do."""
        return self.too_late or bool(self.passed_min)


def next_due(start: datetime, before_min: Iterable[int], sent: Collection[int]) -> datetime:
    """When something comes due before a start, or did."""
    waiting = set(before_min) - set(sent)
    return min([start - LEAD, *(start - timedelta(minutes=one) for one in waiting)])


def due(start: datetime, before_min: Iterable[int], sent: Collection[int], now: datetime) -> Due:
    """What has come due; of several reminders only the last one is worth sending."""
    if now >= start - LEAD:
        return Due(too_late=True)
    passed = sorted({one for one in before_min if now >= start - timedelta(minutes=one)} - set(sent))
    told = min(passed) if passed and (not sent or min(passed) < min(sent)) else None
    return Due(too_late=False, told_min=told, passed_min=tuple(passed))
