"""A simulated device's journal on its way up: batches, sent again until they are acknowledged.

Rules: as `edge_agent.uplink.receipts`: in order, at most 500 entries ahead of the last acknowledgement, again with
full jitter from 2 s to 60 s. New entries wait a little, so that what belongs together goes in one batch.
"""

import random
from collections.abc import Callable

import msgspec

from edge_agent.journal import AckRefused
from edge_agent.light.journal import LightJournal
from edge_agent.uplink.receipts import AHEAD, FIRST_RETRY_S, LONGEST_RETRY_S, RESEND_EVERY_S
from loa_protocol.documents.device import Ack
from loa_protocol.keys import Ed25519Signer
from loa_protocol.receipts import MAX_BATCH_ENTRIES, ReceiptBatch
from loa_protocol.uplink import seal_uplink


class Upward:
    """`send` hands a sealed batch to the socket; instants are seconds of one monotonic clock."""

    __slots__ = ("_chance", "_failures", "_journal", "_name", "_resent_s", "_retry_at_s", "_send", "_sent", "_signer")

    def __init__(
        self,
        device_id: str,
        journal: LightJournal,
        signer: Ed25519Signer,
        send: Callable[[bytes], bool],
        chance: random.Random,
    ) -> None:
        self._name, self._journal, self._signer = device_id, journal, signer
        self._send, self._chance = send, chance
        self._sent = 0
        self._failures = 0
        self._retry_at_s = 0.0
        self._resent_s = -1e9

    def connected(self) -> None:
        """What was on its way may be lost."""
        self._sent, self._failures = self._journal.head.acknowledged, 0

    def acknowledged(self, ack: Ack, now_s: float) -> None:
        """A verified ack.

        Raises:
            AckRefused: it does not fit the journal; nothing counts.
        """
        before = self._journal.head.acknowledged
        self._journal.acknowledge(ack)
        if self._journal.head.acknowledged > before:
            self._failures = 0
        wanted = ack.resend_from
        if wanted is not None and wanted - 1 < self._sent and now_s - self._resent_s >= RESEND_EVERY_S:
            self._resent_s, self._sent = now_s, wanted - 1

    def send(self, now_s: float) -> float | None:
        """Send what is due; seconds until something may have to be sent again, None if all is acknowledged."""
        head = self._journal.head
        if self._sent > head.acknowledged < head.sequence and now_s >= self._retry_at_s:
            self._failures, self._sent = self._failures + 1, head.acknowledged
        while self._sent < min(head.sequence, head.acknowledged + AHEAD):
            pending = self._journal.pending(self._sent, MAX_BATCH_ENTRIES)
            batch = ReceiptBatch(
                device=self._name,
                journal=head.journal,
                entries=tuple(msgspec.Raw(raw) for raw in pending.entries),
                gone=pending.gone,
            )
            if not self._send(seal_uplink("receipts", batch, self._signer)):
                return None
            self._sent = max(pending.last, self._sent)
            limit_s = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2.0**self._failures)
            self._retry_at_s = now_s + limit_s * self._chance.uniform(0.5, 1.0)
        return None if head.acknowledged == head.sequence else max(0.05, self._retry_at_s - now_s)


__all__ = ["AckRefused", "Upward"]
