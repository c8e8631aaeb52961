"""Sends the journal upward until the controller acknowledges it.

Rules: new entries go at once, in order, at most 500 ahead of the last acknowledgement; without an answer everything
from there is sent again, with full jitter from 2 s to 60 s; `resend_from` is answered with the entries or with `gone`.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

import msgspec

from edge_agent.journal import AckRefused, Journal, Pending
from edge_agent.waiting import happens
from loa_protocol import topics
from loa_protocol.clock import ClockReading
from loa_protocol.documents.device import Ack
from loa_protocol.envelope import TooLarge
from loa_protocol.errors import LoaError
from loa_protocol.keys import Ed25519Signer
from loa_protocol.receipts import MAX_BATCH_ENTRIES, ReceiptBatch
from loa_protocol.topics import Family
from loa_protocol.uplink import seal_uplink

log = logging.getLogger(__name__)

FIRST_RETRY_S, LONGEST_RETRY_S = 2.0, 60.0
AHEAD = 500
RESEND_EVERY_S = 1.0
_OFFLINE_POLL_S = 5.0


class ReceiptSender:
    """One journal's way up."""

    def __init__(
        self,
        journal: Journal,
        signer: Ed25519Signer,
        *,
        device_id: str,
        clock: Callable[[], ClockReading],
        publish: Callable[[str, bytes], Awaitable[bool]],
    ) -> None:
        self._journal, self._signer, self._device_id = journal, signer, device_id
        self._clock, self._publish = clock, publish
        self._woken = asyncio.Event()
        self._sent = 0
        self._retry_at_s = 0.0
        self._failures = 0
        self._resent_s = -1e9

    def wake(self) -> None:
        """There is something new."""
        self._woken.set()

    def connected(self) -> None:
        """A new connection: what was on its way may be lost."""
        self._sent = self._journal.head.acknowledged
        self._failures = 0
        self._woken.set()

    async def acknowledged(self, ack: Ack) -> None:
        """A verified ack.

        Raises:
            AckRefused: it does not fit the journal; nothing counts.
        """
        before = self._journal.head.acknowledged
        await self._journal.acknowledge(ack, now=self._clock().now)
        if self._journal.head.acknowledged > before:
            self._failures = 0
            self._retry_at_s = self._next_retry_s()
        if ack.resend_from is not None:
            self._resend(ack.resend_from)
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._woken.clear()
            try:
                await self._send_what_is_due()
            except LoaError as error:
                log.error("%s: receipts wait: %s", self._device_id, error)  # noqa: TRY400 - foreseen
            await happens(self._woken, self._idle_s())

    async def _send_what_is_due(self) -> None:
        now_s, head = asyncio.get_running_loop().time(), self._journal.head
        if head.acknowledged < head.sequence and self._sent > head.acknowledged and now_s >= self._retry_at_s:
            self._failures += 1
            self._sent = head.acknowledged
        while self._sent < min(head.sequence, head.acknowledged + AHEAD):
            pending = await self._journal.pending(self._sent, MAX_BATCH_ENTRIES)
            fitting, raw = self._fitting(pending)
            if not await self._publish(topics.up(Family.RECEIPTS, self._device_id), raw):
                return
            self._sent = max(fitting.last, self._sent)
            self._retry_at_s = self._next_retry_s()

    def _fitting(self, pending: Pending) -> tuple[Pending, bytes]:
        """As many of the entries as one envelope holds."""
        while True:
            try:
                return pending, self._sealed(pending)
            except TooLarge:
                half = len(pending.entries) // 2
                if not half:
                    raise
                pending = Pending(pending.entries[:half], pending.first, pending.gone)

    def _sealed(self, pending: Pending) -> bytes:
        batch = ReceiptBatch(
            device=self._device_id,
            journal=self._journal.head.journal,
            entries=tuple(msgspec.Raw(raw) for raw in pending.entries),
            gone=pending.gone,
        )
        return seal_uplink("receipts", batch, self._signer)

    def _resend(self, first: int) -> None:
        now_s = asyncio.get_running_loop().time()
        if first - 1 < self._sent and now_s - self._resent_s >= RESEND_EVERY_S:
            self._resent_s = now_s
            self._sent = first - 1

    def _next_retry_s(self) -> float:
        limit_s = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2.0**self._failures)
        pause_s = limit_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
        return asyncio.get_running_loop().time() + pause_s

    def _idle_s(self) -> float | None:
        head = self._journal.head
        if self._sent < head.sequence and self._sent < head.acknowledged + AHEAD:
            return _OFFLINE_POLL_S
        if head.acknowledged == head.sequence:
            return None
        return max(0.05, self._retry_at_s - asyncio.get_running_loop().time())


__all__ = ["AckRefused", "ReceiptSender"]
