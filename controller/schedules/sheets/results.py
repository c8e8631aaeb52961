"""What comes of a table: the programme, or every mistake with its row and column; and how much a table may be. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import msgspec

from controller.schedules.programme import FORMAT, ProgrammeFile
from loa_protocol.errors import LoaError

MAX_ROWS = 2000
MAX_COLUMNS = 40
MAX_CELL_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class CellFault:
    """One mistake; `row` counts from 1 as the table program does, `column` is the header, `letter` its place (C)."""

    row: int
    column: str
    letter: str
    code: str
    vi: str
    en: str

    def told(self, lang: str = "en") -> str:
        """The fault as one line for people."""
        cell = f" “{self.column}” ({self.letter})" if self.column else ""
        if lang == "vi":
            return f"dòng {self.row}{', cột' if cell else ''}{cell}: {self.vi} [{self.code}]"
        return f"row {self.row}{', column' if cell else ''}{cell}: {self.en} [{self.code}]"


class SheetInvalid(LoaError):
    """A table is no schedule yet; `faults` has every cell to correct. Nothing of it was taken."""

    code = "sheet_invalid"

    def __init__(self, faults: Sequence[CellFault]) -> None:
        super().__init__("\n".join(fault.told() for fault in faults), faults=[asdict(fault) for fault in faults])
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Frame:
    """What a table does not say of its programme."""

    id: str
    unit: str
    title: str
    valid_from: date
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the programme as it is now: authority, zone, valid_until, holidays, changes."""

    def told(self) -> dict[str, Any]:
        """As fields of a programme."""
        own = {"format": FORMAT, "id": self.id, "title": self.title, "unit": self.unit}
        return {**self.more, **own, "valid_from": self.valid_from.isoformat()}


def frame_of(
    current: ProgrammeFile | None, *, programme_id: str, unit: str, title: str | None, valid_from: date
) -> Frame:
    """The frame of a table: what the programme says today, where there is one, else what is given.

    Changes of single occurrences stay if their session does: a session is told by its id.
    """
    if current is None:
        return Frame(programme_id, unit, title or f"Chương trình của {unit}", valid_from)
    now = msgspec.to_builtins(current)
    more = {name: value for name, value in now.items() if name not in {"sessions", "valid_from"}}
    return Frame(programme_id, unit, title or current.title, current.valid_from, more)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table that was read: its programme, and the rows that were passed over because they are examples."""

    programme: ProgrammeFile
    examples: tuple[int, ...] = ()
