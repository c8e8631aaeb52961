"""What a batch of receipts tells, as far as it is stored: read once by whoever opens the message.

Plain enough to cross from an opening process as it is. Whoever needs more of an entry reads its bytes again: the body
of what is odd, the receipts that are compared.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise

import msgspec

from loa_protocol.receipts import Body, ChainBroken, Gone, Line, Receipt, ReceiptBatch, Started, read_line

UNREADABLE = "unreadable"
_FAR = 2**63 - 1
"""No journal is that long; what a device claims beyond it has the same end."""


class Told(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One entry: its exact bytes, its place in the chain, its kind (the body's tag, or `unreadable` and `why`).

    `broadcast` is the one that it is about, if it is; without an `outcome` it was begun. `started` is as instants are
    stored.
    """

    raw: bytes
    sequence: int
    previous: str
    hash: str
    kind: str
    why: str = ""
    broadcast: str = ""
    outcome: str = ""
    reason: str | None = None
    started: str | None = None
    played_ms: int = 0


class Received(msgspec.Struct, frozen=True, array_like=True, tag="b"):
    """A verified batch: its entries up to the first one without a place in the chain, and why that one has none.

    `plain`: nothing is gone or broken, everything can be read, and each entry follows the one before it.
    """

    device: str
    journal: str
    lines: tuple[Told, ...]
    plain: bool
    gone: Gone | None = None
    broken: str = ""

    @classmethod
    def of(cls, batch: ReceiptBatch, lines: Sequence[Line | ChainBroken]) -> "Received":
        """What was read of a batch."""
        whole: list[Told] = []
        broken = ""
        for line in lines:
            if isinstance(line, ChainBroken):
                broken = str(line)
                break
            whole.append(_told(line))
        plain = batch.gone is None and not broken and _joined(whole)
        return cls(batch.device, batch.journal, tuple(whole), plain, _bounded(batch.gone), broken)

    @classmethod
    def read(cls, batch: ReceiptBatch) -> "Received":
        """Read the entries here and now."""
        return cls.of(batch, [read_line(bytes(raw)) for raw in batch.entries])

    @property
    def key(self) -> tuple[str, str]:
        """Which journal."""
        return self.device, self.journal


def stored(at: datetime) -> str:
    """As instants are stored: UTC without saying so, microseconds, as text that both databases read.

    Instants at the edge of the calendar have no UTC; a device's clock may say anything.
    """
    if at.tzinfo is not UTC:
        try:
            at = at.astimezone(UTC)
        except OverflowError:
            at = at.replace(tzinfo=UTC)
    return at.isoformat(" ", "microseconds")[:26]


def _told(line: Line) -> Told:
    sequence = line.sequence if -_FAR < line.sequence < _FAR else _near(line.sequence)
    if line.entry is None:
        return Told(line.raw, sequence, line.previous, line.hash, UNREADABLE, line.why)
    body = line.entry.body
    place = line.raw, sequence, line.previous, line.hash, _tag(type(body)), ""
    if not isinstance(body, Receipt | Started) or body.occurrence.kind != "broadcast":
        return Told(*place)
    if isinstance(body, Started):
        return Told(*place, body.occurrence.id, started=stored(body.at))
    reason = None if body.reason is None else str(body.reason)
    started = None if body.started is None else stored(body.started)
    return Told(*place, body.occurrence.id, str(body.outcome), reason, started, body.played_ms)


def _joined(lines: Sequence[Told]) -> bool:
    if any(line.kind == UNREADABLE for line in lines):
        return False
    return all(after.sequence == line.sequence + 1 and after.previous == line.hash for line, after in pairwise(lines))


def _bounded(gone: Gone | None) -> Gone | None:
    return None if gone is None else Gone(first=_near(gone.first), last=_near(gone.last), hash=gone.hash)


def _near(number: int) -> int:
    """A number that every format and database holds."""
    return max(-_FAR, min(number, _FAR))


@cache
def _tag(body: type[Body]) -> str:
    return str(body.__struct_config__.tag)
