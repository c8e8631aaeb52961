"""What sessions and failed proofs come to. Pure.

A session of somebody who releases what is heard, or who gives roles, ends sooner than others once it is strong.
Failures in a row make whoever fails wait, longer each time: a stranger who guesses can slow a sign-in down, never
shut it for good, and never touches a session that is there. Codes are guessed only by who knows the password; so
many of them wrong lock the account until an administrator opens it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

FREE_FAILURES = 5
"""So many may be wrong without a wait."""
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN = timedelta(hours=24)
"""So long after the last failure they count no more."""
MOST_CODES = 20
"""So many wrong codes in a row lock an account."""
PENDING_LIFE = timedelta(minutes=10)
"""Time for the second factor after the password."""
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session may lie idle, and how long it may last."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True, slots=True)
class Times:
    """When a session began and was last seen."""

    began_at: datetime
    seen_at: datetime


def ends_at(times: Times, limits: Limits) -> datetime:
    """The instant from which the session is over, if nobody is seen until then."""
    return min(times.began_at + limits.absolute, times.seen_at + limits.idle)


def is_over(times: Times, limits: Limits, now: datetime) -> bool:
    """Whether a session has ended."""
    return now >= ends_at(times, limits)


@dataclass(frozen=True, slots=True)
class Failed:
    """Wrong proofs in a row, and when the last one was."""

    count: int
    last_at: datetime


def after(failed: Failed | None, now: datetime) -> Failed:
    """With one more."""
    before = 0 if failed is None or is_forgotten(failed, now) else failed.count
    return Failed(before + 1, now)


def is_forgotten(failed: Failed, now: datetime) -> bool:
    """Whether it is so long ago that it counts no more."""
    return now >= failed.last_at + FORGOTTEN


def wait(count: int) -> timedelta:
    """How long nothing is looked at after so many failures: doubling from the fifth, up to a quarter of an hour."""
    if count < FREE_FAILURES:
        return timedelta()
    doublings = min(count - FREE_FAILURES, 30)
    factor: int = 2**doublings
    return min(FIRST_WAIT * factor, LONGEST_WAIT)


def waits_until(failed: Failed | None, now: datetime) -> datetime | None:
    """Until when the next proof is not looked at; None: it is."""
    if failed is None or is_forgotten(failed, now):
        return None
    until = failed.last_at + wait(failed.count)
    return until if until > now else None


def is_locked(codes: Failed | None) -> bool:
    """Whether wrong codes have locked an account; time does not open it."""
    return codes is not None and codes.count >= MOST_CODES
