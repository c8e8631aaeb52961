"""Rows of the journals and the ledger as they go in and out in bulk. Instants are aware UTC, JSON is text."""

from datetime import datetime
from typing import NamedTuple

Key = tuple[str, str]
"""(device, journal), or (broadcast, device) in the ledger."""


class HeadRow(NamedTuple):
    """How far a journal is committed, and its chain hash there."""

    device: str
    journal: str
    sequence: int
    hash: str


class EntryRow(NamedTuple):
    """One entry of a journal, as exact bytes."""

    device: str
    journal: str
    sequence: int
    hash: str
    kind: str
    raw: bytes


class Span(NamedTuple):
    """Entries `first`…`last` of a journal."""

    device: str
    journal: str
    first: int
    last: int


class AnswerRow(NamedTuple):
    """A device's answer, and the entry of its journal in which its receipt stands."""

    broadcast: str
    device: str
    outcome: str
    reason: str | None
    started: datetime | None
    played_ms: int
    journal: str
    sequence: int


class BegunRow(NamedTuple):
    """A device has begun a broadcast."""

    broadcast: str
    device: str
    started: datetime


class Standing(NamedTuple):
    """A row of the ledger as it stands; both None while it is awaited. `raw`: the entry with the receipt."""

    outcome: str | None
    raw: bytes | None
