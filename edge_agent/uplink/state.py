"""Publishes the device's signed state: at every connection, soon after something changed, and each minute.

What changes on one device (a new plan of its province) changes on thousands at the same instant: the moments are
spread, and they do not fall into step with the others' later either.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec

from edge_agent.waiting import happens
from loa_protocol import topics
from loa_protocol.documents.device import DeviceState
from loa_protocol.keys import Ed25519Signer
from loa_protocol.topics import Family
from loa_protocol.uplink import seal_uplink

SOON_S = (0.2, 1.0)
EVERY_S = (45.0, 75.0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StateReporter:
    """`compose` gives the state as it is now; `publish` sends it retained."""

    def __init__(
        self,
        signer: Ed25519Signer,
        *,
        device_id: str,
        compose: Callable[[], Awaitable[DeviceState]],
        publish: Callable[[str, bytes], Awaitable[bool]],
    ) -> None:
        self._signer, self._device_id = signer, device_id
        self._compose, self._publish = compose, publish
        self._woken = asyncio.Event()
        self._said: DeviceState | None = None

    def changed(self) -> None:
        """Something in the state may be different."""
        self._woken.set()

    def repeat(self) -> None:
        """Say it again even if nothing is different."""
        self._said = None
        self._woken.set()

    async def run(self) -> None:
        """Report until cancelled."""
        while True:
            if await happens(self._woken, spread(EVERY_S, random.random())):  # noqa: S311 - spreads load only
                await asyncio.sleep(spread(SOON_S, random.random()))  # noqa: S311 - spreads load only
            else:
                self._said = None
            self._woken.clear()
            await self._report()

    async def _report(self) -> None:
        state = await self._compose()
        if self._said is not None and _timeless(state) == _timeless(self._said):
            return
        if await self._publish(topics.up(Family.STATE, self._device_id), seal_uplink("state", state, self._signer)):
            self._said = state


def spread(between: tuple[float, float], chance: float) -> float:
    """Seconds from the first to the second bound, `chance` in 0..1."""
    return between[0] + chance * (between[1] - between[0])


def _timeless(state: DeviceState) -> DeviceState:
    """What makes a difference: not the instant, the free bytes or how far the clock has drifted."""
    clock = msgspec.structs.replace(state.clock, error_ms=None)
    return msgspec.structs.replace(state, issued=_EPOCH, free_bytes=None, clock=clock)
