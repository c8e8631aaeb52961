"""A device's journal in memory: numbered entries chained by hash, let go once the controller has them.

Rules: as `edge_agent.journal`, but nothing survives the process, and an acknowledged entry is forgotten at once: asked
for it again, the device answers `gone`.
"""

import secrets
from collections import deque
from datetime import datetime

from edge_agent.journal import AckRefused, Pending
from loa_protocol.documents.device import Ack, JournalHead
from loa_protocol.receipts import GENESIS, Body, Entry, Gone, encode_entry, entry_hash


class LightJournal:
    """Journal of one simulated device."""

    __slots__ = ("_entries", "_last_hash", "_passed", "_passed_hash", "head")

    def __init__(self) -> None:
        self._entries: deque[tuple[bytes, str]] = deque()
        self._passed, self._passed_hash = 0, GENESIS
        self._last_hash = GENESIS
        self.head = JournalHead(journal=f"j-{secrets.token_hex(12)}", sequence=0, acknowledged=0)

    def append(self, body: Body, *, at: datetime) -> None:
        """Write one entry."""
        head = self.head
        raw = encode_entry(Entry(sequence=head.sequence + 1, previous=self._last_hash, at=at, body=body))
        self._last_hash = entry_hash(raw)
        self._entries.append((raw, self._last_hash))
        self.head = JournalHead(journal=head.journal, sequence=head.sequence + 1, acknowledged=head.acknowledged)

    def pending(self, after: int, limit: int) -> Pending:
        """At most `limit` entries behind sequence `after`; `gone` names those that are no longer held."""
        gone = None
        if after < self._passed:
            gone = Gone(first=after + 1, last=self._passed, hash=self._passed_hash)
            after = self._passed
        begin = after - self._passed
        held = tuple(self._entries[place][0] for place in range(begin, min(begin + limit, len(self._entries))))
        return Pending(held, after + 1, gone)

    def acknowledge(self, ack: Ack) -> None:
        """Let everything up to the ack go.

        Raises:
            AckRefused: another journal, a sequence never written, or another hash there. Nothing changes.
        """
        head = self.head
        if ack.journal != head.journal:
            raise AckRefused(f"an ack for journal {ack.journal}, not {head.journal}", reason="ack_other_journal")
        if ack.sequence <= head.acknowledged:
            return
        if ack.sequence > head.sequence:
            raise AckRefused(f"an ack for entry {ack.sequence}, which was never written", reason="ack_too_high")
        if self._entries[ack.sequence - self._passed - 1][1] != ack.hash:
            raise AckRefused(f"an ack with another hash at entry {ack.sequence}", reason="ack_other_hash")
        while self._passed < ack.sequence:
            self._passed_hash = self._entries.popleft()[1]
            self._passed += 1
        self.head = JournalHead(journal=head.journal, sequence=head.sequence, acknowledged=ack.sequence)
