"""What plans contain and how long documents live. Pure.

A broadcast stays in its plans until its last possible end, a cancelled one is named as withdrawn for as long. Versions
are Unix milliseconds where the clock allows, so that a restored controller is ahead of what devices have seen.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from controller.runtime.urgency import Urgency
from loa_protocol.documents.plan import Broadcast, Content, Plan, Withdrawn
from loa_protocol.errors import LoaError
from loa_protocol.spoken import every_ref
from loa_protocol.timeline import turn_length_ms
from loa_protocol.topics import Family

PLAN_LIFE = timedelta(days=14)
ASSIGNMENT_LIFE = timedelta(days=400)
STOP_LIFE = timedelta(days=1)
ASSIGNMENT_AGE = timedelta(days=30)
"""Older assignments are signed anew."""
HORIZONS = tuple(timedelta(days=days) for days in (14, 10, 7, 5, 4, 3))
"""Tried in turn until the plan fits an envelope; never below 72 hours."""


class PlanTooLarge(LoaError):
    """A scope has more broadcasts within 72 hours than one plan can carry."""

    code = "plan_too_large"


def next_version(last: int, now: datetime) -> int:
    """max(last + 1, Unix milliseconds)."""
    return max(last + 1, int(now.timestamp() * 1000))


def ends(broadcast: Broadcast, last_turn: int = 0) -> datetime:
    """When the last device can have ended it: begun as late as it may in the last turn, or the board's window over."""
    turns_ms = last_turn * turn_length_ms(broadcast)
    sound = broadcast.latest_start + timedelta(milliseconds=turns_ms + broadcast.duration_ms)
    return sound if broadcast.board is None else max(sound, broadcast.board.until)


def refs(broadcast: Broadcast) -> frozenset[str]:
    """Manifest keys of everything that any device may sound, fall back on or show of a broadcast."""
    shown = () if broadcast.board is None else broadcast.board.refs
    return every_ref(broadcast.segments) | frozenset(shown)


def plan_of(
    scope: str,
    *,
    version: int,
    now: datetime,
    broadcasts: Iterable[Broadcast],
    cancelled: Iterable[Broadcast],
    contents: Mapping[str, Content],
    horizon: timedelta,
    left: Iterable[Withdrawn] = (),
    last_turn: int = 0,
) -> Plan:
    """The plan of a scope: what has not ended and starts within the horizon, and what was taken back.

    `left`: what is to be named as taken back besides, because it was moved, or no longer goes to this scope;
    `last_turn`: the highest of its devices.
    """
    end = now + horizon
    withdrawn = [Withdrawn(id=one.id, rev=one.rev) for one in cancelled if ends(one, last_turn) > now]
    current = [one for one in broadcasts if ends(one, last_turn) > now and one.start < end]
    needed = sorted({ref for one in current for ref in refs(one)})
    return Plan(
        scope=scope,
        version=version,
        issued=now,
        expires=now + PLAN_LIFE,
        horizon=end,
        broadcasts=tuple(sorted(current, key=lambda one: (one.start, one.id))),
        withdrawn=tuple(sorted((*withdrawn, *left), key=_id)),
        manifest={ref: contents[ref] for ref in needed if ref in contents},
    )


def _id(withdrawn: Withdrawn) -> str:
    return withdrawn.id


def urgency(family: Family) -> Urgency:
    """In which order documents are signed and sent."""
    return {
        Family.STOP: Urgency.STOP,
        Family.TRUST: Urgency.TRUST,
        Family.ASSIGNMENT: Urgency.ASSIGNMENT,
        Family.POLICY: Urgency.POLICY,
    }.get(family, Urgency.PLAN)


def lacking(have: Mapping[str, int], newest: Mapping[str, int]) -> Sequence[str]:
    """Topics of which a device has an older version, or none."""
    return sorted(topic for topic, version in newest.items() if have.get(topic, 0) < version)
