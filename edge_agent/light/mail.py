"""Messages that wait to be thought about: a fleet listens first, so that a thousand sockets are read without delay.

Real devices think side by side; here one would make the others' bytes wait in their sockets. So messages are put
aside, and worked off in short slices once nothing has arrived for a moment, or once they have waited long enough.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

QUIET_S = 0.01
LONGEST_WAIT_S = 0.5
SLICE_S = 0.005
Think = Callable[[], None]


class Mail:
    """One queue of a fleet, in the order of arrival."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Think] = deque()
        self._heard_s = self._oldest_s = 0.0
        self._armed = False

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def put(self, think: Think) -> None:
        """Think about this when there is time."""
        self._heard_s = self._loop.time()
        if not self._waiting:
            self._oldest_s = self._heard_s
        self._waiting.append(think)
        if not self._armed:
            self._armed = True
            self._loop.call_later(QUIET_S, self._work)

    def _work(self) -> None:
        now_s = self._loop.time()
        due = now_s - self._heard_s >= QUIET_S or now_s - self._oldest_s >= LONGEST_WAIT_S
        if due:
            until = time.monotonic() + SLICE_S
            while self._waiting and time.monotonic() < until:
                self._waiting.popleft()()
        self._armed = bool(self._waiting)
        if self._armed:
            self._loop.call_later(0.0 if due else QUIET_S, self._work)
