"""The closed world of the ledger. Pure.

Every expected (broadcast, device) ends in exactly one outcome. The first answer of a device stays; only the
controller's own `unknown` gives way to a true answer that comes late. A broadcast cancelled before its start expects
nobody; cancelled later it keeps its set.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from loa_protocol.outcomes import Outcome

SOUNDLESS = frozenset({Outcome.SKIPPED, Outcome.FAILED})
"""Outcomes in which nothing of a broadcast needs to have been heard."""


class Step(Enum):
    """What an answer does to a row of the ledger."""

    SET = auto()
    REPLACE = auto()
    SAME = auto()
    CONFLICT = auto()
    NOT_A_DEVICES_WORD = auto()


@dataclass(frozen=True, slots=True)
class Summary:
    """Σ `outcomes` + `waiting` = `expected`."""

    expected: int
    waiting: int
    outcomes: dict[str, int]


def step(current: str | None, answer: Outcome, *, same: bool) -> Step:
    """How a row that stands at `current` takes a device's answer; `same`: it is the receipt already there."""
    if answer is Outcome.UNKNOWN:
        return Step.NOT_A_DEVICES_WORD
    if current is None:
        return Step.SET
    if current == Outcome.UNKNOWN:
        return Step.REPLACE
    return Step.SAME if same else Step.CONFLICT


def expects_nobody(start: datetime, cancelled_at: datetime | None) -> bool:
    """Whether it was taken back before its start."""
    return cancelled_at is not None and cancelled_at < start


def may_fix(start: datetime, now: datetime) -> bool:
    """Whether the expected set can be fixed: not before the start, for devices may come and go until then."""
    return now >= start


def summarise(outcomes: Iterable[str | None]) -> Summary:
    """Count the rows of one broadcast; None is a device that has not answered."""
    return summarise_counts(Counter(outcomes))


def summarise_counts(counted: Mapping[str | None, int]) -> Summary:
    """As `summarise`, of answers that are counted already."""
    waiting = counted.get(None, 0)
    known = {outcome: counted[outcome] for outcome in sorted(filter(None, counted)) if counted[outcome]}
    return Summary(waiting + sum(known.values()), waiting, known)
