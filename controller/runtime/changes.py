"""What just changed, for whoever watches: the pages' event streams. A hint, never the truth.

A watcher that does not keep up loses its queued changes and is told to read everything again (`reread`), so that a
slow browser costs a bounded amount of memory and is never wrong for long.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

QUEUED = 256
REREAD = "reread"


@dataclass(frozen=True, slots=True)
class Change:
    """`kind` is `ledger`, `broadcast`, `device` or `reread`; `data` is plain JSON."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


class _Closed:
    """Ends a watcher's iteration."""


class Changes:
    """One publisher, any number of watchers of this process. Call it from the event loop only."""

    def __init__(self, queued: int = QUEUED) -> None:
        self._queued = queued
        self._watchers: set[asyncio.Queue[Change | _Closed]] = set()

    def publish(self, kind: str, data: Mapping[str, Any]) -> None:
        """Tell every watcher; never waits."""
        for queue in self._watchers:
            if queue.full():
                _empty(queue)
                queue.put_nowait(Change(REREAD))
            else:
                queue.put_nowait(Change(kind, data))

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[Change]]:
        """The changes from now on, until the block or the hub ends."""
        queue: asyncio.Queue[Change | _Closed] = asyncio.Queue(self._queued)
        self._watchers.add(queue)
        try:
            yield _follow(queue)
        finally:
            self._watchers.discard(queue)

    def close(self) -> None:
        """End every watcher's iteration."""
        for queue in self._watchers:
            _empty(queue)
            queue.put_nowait(_Closed())


async def _follow(queue: "asyncio.Queue[Change | _Closed]") -> AsyncIterator[Change]:
    while not isinstance(change := await queue.get(), _Closed):
        yield change


def _empty(queue: "asyncio.Queue[Change | _Closed]") -> None:
    while not queue.empty():
        queue.get_nowait()
