"""What is odd about a device, to be written down for a person."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Odd:
    """A finding to write down."""

    code: str
    detail: str
