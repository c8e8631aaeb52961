"""The device's journal on the wire: numbered entries, chained by hash, sent in signed batches.

An entry's hash is SHA-256 over its exact JSON bytes, which name the previous entry's hash; so the hash at n
vouches for everything before it. Key of an entry: (device, journal, sequence); sequences begin at 1, gap-free.
"""

import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta

from loa_protocol import strict_json
from loa_protocol.documents.base import Wire
from loa_protocol.documents.device import ClockReport, Evidence
from loa_protocol.errors import LoaError
from loa_protocol.ids import Id, Instant, Millis, Sha256Hex, Volume
from loa_protocol.outcomes import Outcome, Reason

GENESIS = "0" * 64
MAX_BATCH_ENTRIES = 100
MAX_SEQUENCE = 2**53 - 1


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
    """What one device did with one occurrence. Levels are dBFS of what went out; skew is started - planned.

    Of `played_ms`, `relayed_ms` was a station's stream and `fallback_ms` what stood in for it. `roots`: the content of
    which something sounded, in its order; of variants, those of the device's languages.
    """

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
    relayed_ms: Millis = 0
    fallback_ms: Millis = 0
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


class Line(msgspec.Struct, frozen=True, gc=False):
    """One entry as it came: `raw` bytes, its place in the chain, its own `hash`.

    There is no `entry` where it is too new for us; then there is `why`.
    """

    raw: bytes
    sequence: int
    previous: str
    hash: str
    entry: Entry | None = None
    why: str = ""


class _Joint(Wire, frozen=True, kw_only=True):
    """What the chain needs of an entry whose body this program is too old to read."""

    sequence: int
    previous: str


_decoder = msgspec.json.Decoder(Entry)
_batches = msgspec.json.Decoder(ReceiptBatch)
_joints = msgspec.json.Decoder(_Joint)


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


def read_batch(payload: bytes) -> tuple[ReceiptBatch, tuple[Line | ChainBroken, ...]]:
    """A verified batch and its entries, strictly read.

    Our own devices write every entry as `encode_entry` does: text that is byte by byte what we would write names no key
    twice. Everything else goes through the strict parser.

    Raises:
        DocumentInvalid: not strict JSON, or not a batch.
    """
    try:
        batch = _batches.decode(payload)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        batch = strict_json.decode(payload, ReceiptBatch)
    read = [_own_line(bytes(raw)) for raw in batch.entries]
    if any(line is None for line in read) or msgspec.json.encode(batch) != payload:
        strict_json.require_strict(payload)
    return batch, tuple(
        read_line(bytes(raw)) if line is None else line for raw, line in zip(batch.entries, read, strict=True)
    )


def _own_line(raw: bytes) -> Line | None:
    """The line if `raw` is byte by byte what `encode_entry` gives."""
    try:
        entry = _decoder.decode(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    if msgspec.json.encode(entry) != raw:
        return None
    return Line(raw, entry.sequence, entry.previous, entry_hash(raw), entry)


def read_line(raw: bytes) -> Line | ChainBroken:
    """An entry in its place, or why it has none; `why` tells what hinders reading the rest of it."""
    try:
        joint = _joints.decode(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        return ChainBroken(f"an entry has no place in the chain: {error}")
    mark = entry_hash(raw)
    try:
        entry = decode_entry(raw)
    except ChainBroken as error:
        return Line(raw, joint.sequence, joint.previous, mark, why=str(error))
    return Line(raw, joint.sequence, joint.previous, mark, entry)


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
