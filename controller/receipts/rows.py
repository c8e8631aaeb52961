"""Rows of the journals and the ledger as they go in and out in bulk. JSON is text; instants of devices are text too."""

from collections.abc import Sequence
from typing import NamedTuple

from controller.receipts.told import Told

Key = tuple[str, str]
"""(device, journal), or (broadcast, device) in the ledger."""


class HeadRow(NamedTuple):
    """How far a journal is committed, and its chain hash there."""

    device: str
    journal: str
    sequence: int
    hash: str


class MovedRow(NamedTuple):
    """Where a journal stands from now on, if it stands at hash `was`."""

    device: str
    journal: str
    was: str
    sequence: int
    hash: str


class AddedRows(NamedTuple):
    """New entries of one journal, in their order."""

    device: str
    journal: str
    entries: Sequence[Told]


class Span(NamedTuple):
    """Entries `first`…`last` of a journal."""

    device: str
    journal: str
    first: int
    last: int


class AnswerRow(NamedTuple):
    """A device's answer, and the entry of its journal in which its receipt stands; `started` as instants are stored."""

    broadcast: str
    device: str
    outcome: str
    reason: str | None
    started: str | None
    played_ms: int
    journal: str
    sequence: int
    raw: bytes
    """That entry; it is stored with the journal, and here only for who compares."""


class BegunRow(NamedTuple):
    """A device has begun a broadcast; `started` as instants are stored."""

    broadcast: str
    device: str
    started: str


class Standing(NamedTuple):
    """A row of the ledger as it stands; both None while it is awaited. `raw`: the entry with the receipt."""

    outcome: str | None
    raw: bytes | None
