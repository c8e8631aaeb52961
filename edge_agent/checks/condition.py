"""What the checks look at: figures of one moment."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from loa_protocol.documents.device import ClockState


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """`output_open` None: the device has no sound output; `unacknowledged_s`: age of the oldest unanswered entry."""

    clock: ClockState
    connected: bool
    free_bytes: int
    min_free_bytes: int
    output_open: bool | None
    output_down_s: float
    unacknowledged: int
    unacknowledged_s: float
    relay_down: str = ""


class Check(Protocol):
    """One fault."""

    code: ClassVar[str]

    def fault(self, condition: Condition) -> str | None:
        """What is wrong, in words for a technician; None if nothing is."""
