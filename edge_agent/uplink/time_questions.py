"""Asks the controller for the time.

Three quick questions at each connection, then one every 6 h; while the clock is not trusted again and again, from 1 s
to 60 s apart. An answer counts only for a question that is waiting.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

import msgspec

from edge_agent.clock import ClockKeeper
from edge_agent.waiting import happens
from loa_protocol import topics
from loa_protocol.audit_head import Head
from loa_protocol.clock import MAX_ROUND_TRIP_MS
from loa_protocol.documents.device import ClockState, TimeAnswer, TimeQuestion
from loa_protocol.topics import Family

QUICK = 3
QUICK_APART_S = 0.25
EVERY_S = 6 * 3600.0
LONGEST_RETRY_S = 60.0
_NS_PER_MS = 1_000_000
_WAITING = 8


class TimeQuestions:
    """The questions that wait, by nonce: when each was sent, and what `witnessed` said then of the audit."""

    def __init__(
        self,
        clock: ClockKeeper,
        *,
        device_id: str,
        publish: Callable[[str, bytes], Awaitable[bool]],
        witnessed: Callable[[], Head | None] = lambda: None,
    ) -> None:
        self._clock, self._device_id, self._publish = clock, device_id, publish
        self._witnessed = witnessed
        self._waiting: dict[str, tuple[int, Head | None]] = {}
        self._connected = asyncio.Event()

    def connected(self) -> None:
        """A new connection."""
        self._connected.set()

    def witnessed_before(self, nonce: str) -> Head | None:
        """What of the audit was witnessed when a question that still waits was asked."""
        waiting = self._waiting.get(nonce)
        return None if waiting is None else waiting[1]

    def answered(self, answer: TimeAnswer) -> bool | None:
        """Whether the clock changed by a verified answer; None for one nobody asked for."""
        received_ns = self._clock.monotonic_ns
        waiting = self._waiting.pop(answer.nonce, None)
        if waiting is None:
            return None
        return self._clock.answered(sent_ns=waiting[0], received_ns=received_ns, now=answer.now)

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await self._connected.wait()
            self._connected.clear()
            for _ in range(QUICK):
                await self._ask()
                await asyncio.sleep(QUICK_APART_S)
            await self._go_on()

    async def _go_on(self) -> None:
        """Until the next connection."""
        pause_s = 1.0
        while not self._connected.is_set():
            trusted = self._clock.read().state is ClockState.TRUSTED
            if await happens(self._connected, EVERY_S if trusted else pause_s):
                return
            pause_s = 1.0 if trusted else min(LONGEST_RETRY_S, pause_s * 2)
            await self._ask()

    async def _ask(self) -> None:
        now_ns = self._clock.monotonic_ns
        waiting = {n: one for n, one in self._waiting.items() if now_ns - one[0] <= 2 * MAX_ROUND_TRIP_MS * _NS_PER_MS}
        nonce = secrets.token_hex(16)
        self._waiting = dict(list(waiting.items())[-_WAITING:]) | {nonce: (now_ns, self._witnessed())}
        question = TimeQuestion(device=self._device_id, nonce=nonce)
        await self._publish(topics.up(Family.UP_REPLY, self._device_id), msgspec.json.encode(question))
