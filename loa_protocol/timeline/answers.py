"""What the timeline answers: segments for the player, windows for the board and one verdict per item.

Words of `Verdict.because`: complete, only_the_rest; cut_and_dropped, cut_too_long, lost_its_place,
hidden_by_a_higher_class; came_too_late, window_over, plan_expired; hours, legal_hours, blackout, minutes, slots; stop,
withdrawn, no_document; clock_untrusted, began_before_a_power_cut, not_for_device; journal (it has its receipt).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from loa_protocol.documents.plan import BoardItem
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline.items import Class, Item


class Phase(StrEnum):
    """Where an occurrence stands at `now`; only DONE is settled and may be written into the journal."""

    WAITING = "waiting"
    PLAYING = "playing"
    PAUSED = "paused"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Segment:
    """Sound from `begin` to `end` that starts at `offset_ms` of the item; `begin` may lie before `now`: it sounds."""

    occurrence: Occurrence
    begin: datetime
    end: datetime
    offset_ms: int
    volume: int
    cls: Class
    item: Item


@dataclass(frozen=True, slots=True)
class BoardWindow:
    """A stretch in which a board shows an item; several of one class share the board in turns."""

    occurrence: Occurrence
    begin: datetime
    end: datetime
    cls: Class
    board: BoardItem
    item: Item


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an occurrence ended or, if nothing changes, will end.

    `at`: when that is settled. `planned`: when it was due on this device. `because`: a stable word for the rule that
    decided, `by`: the occurrence it lost to, `detail`: English, for people; of an alert that sounds in spite of the
    policy it says from which rules it was exempt.
    """

    occurrence: Occurrence
    phase: Phase
    outcome: Outcome
    reason: Reason | None
    at: datetime
    planned: datetime
    because: str = ""
    by: Occurrence | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Segments and windows in the order of time, current and future ones.

    While nothing changes it comes true: when a segment's sound has ended, and its verdict's `at` with it, that verdict
    is the receipt. What sounds and is in no current segment is to be silenced. `wake`: compute again by then.
    """

    segments: tuple[Segment, ...]
    windows: tuple[BoardWindow, ...]
    verdicts: Mapping[Occurrence, Verdict]
    wake: datetime | None
