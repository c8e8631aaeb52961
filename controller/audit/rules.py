"""What an entry of the audit is, byte by byte, and how a chain of them is checked. Pure.

hash(n) = SHA-256("loa.audit.v1", a zero byte, hash(n - 1), entry(n)); hash(0) is 32 zero bytes; entry(n) is JSON with
sorted keys and names its own sequence. Of a value that may have to go an entry holds only a commitment, SHA-256(
"loa.audit.private.v1", a zero byte, salt, JSON of the value): value and salt stand beside the chain, which holds
without them.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from loa_protocol import strict_json
from loa_protocol.audit_head import NOTHING, Head
from loa_protocol.errors import DocumentInvalid
from loa_protocol.ids import Instant

CHAIN = b"loa.audit.v1\0"
COMMITMENT = b"loa.audit.private.v1\0"
SALT_BYTES = 16
_PRIVATE = "private"
_HASH = re.compile(r"[0-9a-f]{64}")
_HEX = re.compile(r"(?:[0-9a-f]{2})*")


class Who(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Who acted: a person, or none; by what (`host`, `session`, `token`, `loa` itself, `nobody` known)."""

    via: str
    person: str = ""
    credential: str = ""


class Changed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One row: `before` is empty for a new one, `after` for one that went, else both hold what differs."""

    table: str
    key: dict[str, Any]
    units: tuple[str, ...] = ()
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What happened. `about` names its objects; `more` counts changed rows by table that were too many to tell.

    `outcome` is `done` or the code of the refusal; `count` such things happened from `at` on.
    """

    sequence: Annotated[int, Meta(ge=1)]
    id: str
    at: Instant
    who: Who
    action: str
    outcome: str = "done"
    count: int = 1
    request: str = ""
    about: dict[str, str] = {}
    units: tuple[str, ...] = ()
    changes: tuple[Changed, ...] = ()
    more: dict[str, int] = {}
    facts: dict[str, Any] = {}


def canonical(entry: Entry) -> bytes:
    """The bytes that are chained and stored."""
    return msgspec.json.encode(entry, order="sorted")


def linked(previous: str, raw: bytes) -> str:
    """The hash of an entry after the one whose hash is `previous`; both in hex."""
    return hashlib.sha256(CHAIN + bytes.fromhex(previous) + raw).hexdigest()


def commitment(salt: bytes, value: Any) -> str:
    """What stands in an entry for a value that may be erased."""
    return hashlib.sha256(COMMITMENT + salt + msgspec.json.encode(value, order="sorted")).hexdigest()


def _commitment_of(beside: "Beside") -> str:
    return commitment(bytes.fromhex(beside.salt), beside.value)


def withheld(digest: str) -> dict[str, str]:
    """How a value that stands beside the chain is written in an entry."""
    return {_PRIVATE: digest}


def commitments(entry: Entry) -> Iterator[str]:
    """Every value of an entry that stands beside the chain."""
    found: list[Any] = [entry.facts]
    for change in entry.changes:
        found += [change.key, change.before, change.after]
    for values in found:
        for value in values.values():
            if isinstance(value, dict) and value.keys() == {_PRIVATE}:
                yield value[_PRIVATE]


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """An erasable value that is still there; `salt` in hex."""

    salt: str
    value: Any


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="entry"):
    """An entry as it is stored, with every column beside its bytes. `entry` is None where the reader may not see all.

    `part`: what they may see of one that also concerns others; nothing in the chain vouches for it alone.
    """

    sequence: int
    previous: str
    hash: str
    entry: str | None = None
    at: Instant | None = None
    person: str = ""
    action: str = ""
    units: tuple[str, ...] = ()
    beside: dict[str, Beside] = {}
    part: Entry | None = None


def part_of(entry: Entry, units: frozenset[str]) -> Entry:
    """What of an entry concerns these units; what is only counted may be of any."""
    return msgspec.structs.replace(
        entry,
        units=tuple(unit for unit in entry.units if unit in units),
        changes=tuple(one for one in entry.changes if not units.isdisjoint(one.units)),
        more={},
    )


def bounded(kept: Kept, units: frozenset[str]) -> Kept:
    """What of a whole entry somebody sees who may look into these units: all of it, a part, or only the link."""
    link = Kept(sequence=kept.sequence, previous=kept.previous, hash=kept.hash)
    if kept.entry is None or units.isdisjoint(kept.units):
        return link
    try:
        entry = msgspec.json.decode(kept.entry, type=Entry)
    except msgspec.MsgspecError:
        return kept if units.issuperset(kept.units) else link  # it was tampered with, which is theirs to find
    part = part_of(entry, units)
    if part == entry:
        return kept
    shown = set(commitments(part))
    beside = {digest: one for digest, one in kept.beside.items() if digest in shown}
    return msgspec.structs.replace(link, part=part, beside=beside)


class Fault(StrEnum):
    """What can be wrong with a chain."""

    ALTERED = "altered"
    """An entry is not the one that was chained, or was changed beside its bytes."""
    MISSING = "missing"
    """The sequence jumps: something was removed."""
    MISPLACED = "misplaced"
    """Something stands where it does not belong: put in, repeated, or in another order."""
    UNLINKED = "unlinked"
    """It does not follow from the entry before."""
    CUT_SHORT = "cut_short"
    """The chain ends before (or after) where its head says."""
    BESIDE = "beside"
    """A value beside the chain is not the one that was committed to."""
    CHECKPOINT = "checkpoint"
    """The chain begins where no signed checkpoint says that it may."""
    WITNESS = "witness"
    """A device witnessed what the chain does not have."""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is wrong, at a sequence."""

    fault: Fault
    sequence: int
    told: str


@dataclass(slots=True)
class Chain:
    """Checks a chain entry by entry, from `start` on; memory does not grow with it.

    `witnessed`: the heads that devices hold, with how many hold each; those met are counted in `confirmed`.
    """

    start: Head = NOTHING
    witnessed: Mapping[Head, int] = field(default_factory=dict)
    head: Head = field(init=False)
    found: list[Found] = field(default_factory=list)
    checked: int = 0
    hidden: int = 0
    erased: int = 0
    confirmed: dict[Head, int] = field(default_factory=dict)
    _at: dict[int, set[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.head = self.start
        self._at = {}
        for one in self.witnessed:
            self._at.setdefault(one.sequence, set()).add(one.hash)
        self._meet(self.start)

    def take(self, kept: Kept) -> None:
        """The next entry in the order of sequences."""
        if kept.sequence <= self.head.sequence:
            self._add(Fault.MISPLACED, kept.sequence, f"it stands after {self.head.sequence}")
            return
        if kept.sequence != self.head.sequence + 1:
            gone = f"{self.head.sequence + 1} to {kept.sequence - 1} are not there"
            self._add(Fault.MISSING, kept.sequence, gone)
        if kept.previous != self.head.hash:
            self._add(Fault.UNLINKED, kept.sequence, "it does not follow from the entry before")
        if kept.entry is None:
            self.hidden += 1
        else:
            self._look_into(kept, kept.entry.encode())
        self.checked += 1
        self.head = Head(kept.sequence, kept.hash)
        self._meet(self.head)

    def end(self, head: Head | None) -> list[Found]:
        """Everything that is wrong; `head` is what the chain's head row says, None where there is none."""
        if head is None:
            self._add(Fault.CUT_SHORT, self.head.sequence, "the head is missing")
        elif head != self.head:
            self._add(
                Fault.CUT_SHORT, self.head.sequence, f"the head says {head.text}, the chain ends at {self.head.text}"
            )
        for sequence, hashes in sorted(self._at.items()):
            if sequence < self.start.sequence:
                continue  # before the retention's cut: nothing is left to compare with
            count = sum(self.witnessed[Head(sequence, one)] for one in hashes)
            heads = ", ".join(f"{sequence}:{one}" for one in sorted(hashes))
            told = f"{count} devices witnessed what the chain does not have: {heads}"
            self._add(Fault.WITNESS, sequence, told)
        return self.found

    def _meet(self, head: Head) -> None:
        """What devices witnessed here is so; whatever else they say of this sequence stays to be told."""
        hashes = self._at.get(head.sequence)
        if hashes is None or head.hash not in hashes:
            return
        self.confirmed[head] = self.witnessed[head]
        hashes.discard(head.hash)
        if not hashes:
            del self._at[head.sequence]

    def _look_into(self, kept: Kept, raw: bytes) -> None:
        if not _HASH.fullmatch(kept.previous) or linked(kept.previous, raw) != kept.hash:
            self._add(Fault.ALTERED, kept.sequence, "its bytes are not those that were chained")
            return
        try:
            entry = strict_json.decode_own(raw, Entry)
        except DocumentInvalid as error:
            self._add(Fault.ALTERED, kept.sequence, f"it is no entry: {error}")
            return
        if canonical(entry) != raw or entry.sequence != kept.sequence:
            self._add(Fault.ALTERED, kept.sequence, f"it is not written as entries are, or is that of {entry.sequence}")
        columns = kept.at, kept.person, kept.action, kept.units
        if columns != (entry.at, entry.who.person, entry.action, entry.units):
            self._add(Fault.ALTERED, kept.sequence, "a column beside its bytes says something else")
        self._compare(kept, set(commitments(entry)))

    def _compare(self, kept: Kept, committed: set[str]) -> None:
        for digest, beside in kept.beside.items():
            if digest not in committed or not _HEX.fullmatch(beside.salt) or _commitment_of(beside) != digest:
                self._add(Fault.BESIDE, kept.sequence, "a value beside it is not the one that was committed to")
        self.erased += len(committed - kept.beside.keys())

    def _add(self, fault: Fault, sequence: int, told: str) -> None:
        self.found.append(Found(fault, sequence, told))
