"""What somebody says about a thing when it is handed in: whose it is, its language, how it came about. Pure.

Labels travel in a job's order under `labels`, so that a job that is tried again says the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

TEXT_CHARACTERS: Final = 20_000
KEY: Final = "labels"


class Origin(StrEnum):
    """How a sound came about; “giọng máy” is what people read for `machine`."""

    RECORDING = "recording"
    UPLOAD = "upload"
    MACHINE = "machine"
    JOINED = "joined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """`text`: what is said or shown in it, to be found by; at most 20,000 characters.

    `bounded` False: it is taken in though its unit's library is full, as what a source hands down is.
    """

    unit_id: str | None = None
    language: str | None = None
    origin: Origin = Origin.UPLOAD
    text: str = ""
    bounded: bool = True

    def told(self) -> dict[str, Any]:
        """Ready for an order: only what was said."""
        usual = Labels()
        said: dict[str, Any] = {
            "unit_id": self.unit_id,
            "language": self.language,
            "origin": str(self.origin),
            "text": self.text,
            "bounded": self.bounded,
        }
        return {name: value for name, value in said.items() if value != getattr(usual, name)}

    @classmethod
    def of(cls, given: Mapping[str, Any], usual: Origin = Origin.UPLOAD) -> Self:
        """From a job's order; one that says nothing has the origin that is usual for its kind."""
        said = given.get(KEY) or {}
        return cls(
            unit_id=said.get("unit_id"),
            language=said.get("language"),
            origin=Origin(said.get("origin", usual)),
            text=str(said.get("text", ""))[:TEXT_CHARACTERS],
            bounded=bool(said.get("bounded", True)),
        )
