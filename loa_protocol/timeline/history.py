"""What the journal, and in this boot the runner's memory, say of each occurrence.

A `Past` with no stretches began in an earlier life of the device: a loudspeaker ends it as `interrupted(power_cut)`.
A last stretch without end sounds now. A last stretch with an end and no outcome was cut, and may follow `on_preempt`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.receipts import Body, Occurrence, Receipt, Started
from loa_protocol.timeline.items import Item

_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Sound without a break, from `offset_ms` of the item on; `end` is None while it sounds."""

    begin: datetime
    end: datetime | None = None
    offset_ms: int = 0

    def sounded_ms(self, now: datetime) -> int:
        """How much of it has been heard by `now`."""
        return max(0, ((self.end or now) - self.begin) // _MS)


@dataclass(frozen=True, slots=True)
class Past:
    """One occurrence that began, or ended without beginning.

    `item`: as it was when it began; a change afterwards moves only its end. `at`: when it began, or ended if it has.
    """

    stretches: tuple[Stretch, ...] = ()
    outcome: Outcome | None = None
    reason: Reason | None = None
    item: Item | None = None
    at: datetime | None = None

    @property
    def playing(self) -> bool:
        """Whether it sounds now."""
        return self.outcome is None and bool(self.stretches) and self.stretches[-1].end is None


def history_of(bodies: Iterable[Body]) -> dict[Occurrence, Past]:
    """Read journal entries' bodies, oldest first. The runner lays what it plays or has cut in this boot over it."""
    history: dict[Occurrence, Past] = {}
    for body in bodies:
        if isinstance(body, Started):
            history[body.occurrence] = Past(at=body.at)
        elif isinstance(body, Receipt):
            history[body.occurrence] = _ended(body)
    return history


def _ended(receipt: Receipt) -> Past:
    stretches: tuple[Stretch, ...] = ()
    if receipt.started is not None and receipt.played_ms:
        stretches = (Stretch(receipt.started, receipt.started + receipt.played_ms * _MS),)
    at = receipt.ended or receipt.started or receipt.planned
    return Past(stretches, receipt.outcome, receipt.reason, at=at)
