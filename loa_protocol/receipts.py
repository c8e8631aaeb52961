"""The device's journal on the wire: numbered entries, chained by hash, sent in signed batches.

An entry's hash is SHA-256 over its exact JSON bytes, which name the previous entry's hash; so the hash at n
vouches for everything before it. Key of an entry: (device, journal, sequence); sequences begin at 1, gap-free.
"""

import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta

from loa_protocol.documents.base import Wire
from loa_protocol.documents.device import ClockReport, Evidence
from loa_protocol.errors import LoaError
from loa_protocol.ids import Id, Instant, Millis, Sha256Hex, Volume
from loa_protocol.outcomes import Outcome, Reason

GENESIS = "0" * 64
MAX_BATCH_ENTRIES = 100


class ChainBroken(LoaError):
    """Entries do not follow each other: a gap, a wrong previous hash or a wrong order."""

    code = "chain_broken"


class Occurrence(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that may sound or show: a broadcast, or repeat `index` of an alert (its sequence x 1000 + repeat)."""

    kind: Annotated[str, Meta(pattern=r"^(broadcast|alert|live)(?![\s\S])")] = "broadcast"
    id: Id
    index: Annotated[int, Meta(ge=0, le=10_000_999)] = 0


class Started(Wire, frozen=True, kw_only=True, omit_defaults=True, tag="started"):
    """Committed before the first sample; after it the occurrence never begins again."""

    occurrence: Occurrence
    at: Instant
    planned: Instant
    plan_version: int = 0


class BoardProof(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """What a board showed; `read_back` is the SHA-256 of the pixels read back, where the driver can."""

    window_end: Instant
    frames: int
    read_back: Sha256Hex | None = None
    brightness: Annotated[int, Meta(ge=0, le=100)] | None = None


class Receipt(Wire, frozen=True, kw_only=True, omit_defaults=True, tag="receipt"):
    """What one device did with one occurrence. Levels are dBFS of what went out; skew is started - planned."""

    occurrence: Occurrence
    outcome: Outcome
    reason: Reason | None = None
    detail: Annotated[str, Meta(max_length=300)] = ""
    plan_version: int = 0
    rev: int = 0
    planned: Instant
    started: Instant | None = None
    ended: Instant | None = None
    played_ms: Millis = 0
    skew_ms: float | None = None
    volume: Volume | None = None
    rms_dbfs: float | None = None
    peak_dbfs: float | None = None
    evidence: Evidence | None = None
    roots: tuple[Sha256Hex, ...] = ()
    xruns: int = 0
    clock: ClockReport
    board: BoardProof | None = None


class Refused(Wire, frozen=True, kw_only=True, omit_defaults=True, tag="refused"):
    """A document the device did not accept; `count` folds equal refusals of a minute."""

    topic: Annotated[str, Meta(max_length=200)]
    reason: Annotated[str, Meta(max_length=60)]
    digest: Sha256Hex
    count: int = 1


class Note(Wire, frozen=True, kw_only=True, omit_defaults=True, tag="note"):
    """Something else worth keeping: boot, clock step, equivocation, content thrown away."""

    code: Annotated[str, Meta(max_length=60)]
    text: Annotated[str, Meta(max_length=300)] = ""


Body = Started | Receipt | Refused | Note


class Entry(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the journal."""

    sequence: Annotated[int, Meta(ge=1)]
    previous: Sha256Hex
    at: Instant
    body: Body


class Gone(Wire, frozen=True, kw_only=True):
    """Entries `first`…`last` were asked for and are no longer held; `hash` is the chain hash at `last`."""

    first: int
    last: int
    hash: Sha256Hex


class ReceiptBatch(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Consecutive entries of one journal, as exact JSON bytes, oldest first."""

    device: Id
    journal: Id
    entries: Annotated[tuple[msgspec.Raw, ...], Meta(max_length=MAX_BATCH_ENTRIES)] = ()
    gone: Gone | None = None


_decoder = msgspec.json.Decoder(Entry)


def encode_entry(entry: Entry) -> bytes:
    """The bytes that are stored, sent and hashed."""
    return msgspec.json.encode(entry)


def decode_entry(raw: bytes | msgspec.Raw) -> Entry:
    """Inverse of `encode_entry`.

    Raises:
        ChainBroken: the bytes are not an entry.
    """
    try:
        return _decoder.decode(raw)
    except msgspec.MsgspecError as error:
        raise ChainBroken(f"a journal entry cannot be read: {error}; the device must send it again") from error


def entry_hash(raw: bytes) -> str:
    """Chain hash at this entry."""
    return hashlib.sha256(raw).hexdigest()


def follow_chain(entries: tuple[bytes, ...], sequence: int, previous: str) -> tuple[tuple[Entry, ...], str]:
    """Decode `entries`, which must continue after (`sequence`, `previous`); gives them and the new chain hash.

    Raises:
        ChainBroken: a gap, a wrong previous hash or something unreadable.
    """
    decoded = []
    for raw in entries:
        entry = decode_entry(raw)
        sequence += 1
        if entry.sequence != sequence:
            raise ChainBroken(f"expected entry {sequence}, got {entry.sequence}", expected=sequence)
        if entry.previous != previous:
            raise ChainBroken(f"entry {sequence} does not continue the chain", sequence=sequence)
        previous = entry_hash(raw)
        decoded.append(entry)
    return tuple(decoded), previous
