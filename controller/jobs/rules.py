"""What may become of a job. Pure.

queued → running → done | failed | cancelled, and queued → cancelled; an ended job never changes again. A lease that ran
out makes a running job free for anybody, until it has been tried too often. Progress never goes back, not over attempts
either, and is 1 only when the job is done.
"""

from datetime import datetime
from enum import Enum, StrEnum, auto

MOST_ATTEMPTS = 5
_NEARLY = 0.99
_WORTH_TELLING = 0.01


class JobState(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})
OPEN = frozenset({JobState.QUEUED, JobState.RUNNING})


class Step(Enum):
    """What a worker that looks for work does with a job."""

    TAKE = auto()
    GIVE_UP = auto()
    LEAVE = auto()


def look(state: str, *, lease_until: datetime | None, attempts: int, now: datetime) -> Step:
    """Whether a job is free, and not tried too often already."""
    if state in ENDED or (state == JobState.RUNNING and lease_until is not None and lease_until > now):
        return Step.LEAVE
    return Step.TAKE if attempts < MOST_ATTEMPTS else Step.GIVE_UP


def onward(known: float, reported: float) -> float:
    """The progress of a running job after one more report; nonsense changes nothing."""
    if not 0.0 <= reported <= 1.0:  # also what is not a number
        return known
    return max(known, min(reported, _NEARLY))


def worth_telling(told: float, progress: float) -> bool:
    """Whether watchers would see a difference."""
    return progress - told >= _WORTH_TELLING
