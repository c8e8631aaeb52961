"""Time for a board show in tests: sleeping takes none, and what a test puts on the timetable happens on the way."""

import asyncio
import heapq
from collections.abc import Callable

MS = 1_000_000
_TURNS = 20


class StepClock:
    """Each sleep moves the clock straight to its end, stopping at every entry of the timetable in between."""

    def __init__(self, start_ns: int = 0) -> None:
        self.now_ns = start_ns
        self._table: list[tuple[int, int, Callable[[], object]]] = []

    def at(self, instant_ns: int, act: Callable[[], object]) -> None:
        """Do something when the clock gets there."""
        heapq.heappush(self._table, (instant_ns, len(self._table), act))

    def monotonic_ns(self) -> int:
        return self.now_ns

    async def sleep_until(self, monotonic_ns: int) -> None:
        while self._table and self._table[0][0] <= monotonic_ns:
            instant, _, act = heapq.heappop(self._table)
            self.now_ns = max(self.now_ns, instant)
            act()
            # What the act has woken runs now; if it gives up this sleep, the cancellation arrives here.
            for _ in range(_TURNS):
                await asyncio.sleep(0)
        self.now_ns = max(self.now_ns, monotonic_ns)
        await asyncio.sleep(0)
