"""What just changed, for whoever watches: the pages' event streams. A hint, never the truth.

A watcher that does not keep up loses its queued changes and is told to read everything again (`reread`), so that a
slow browser costs a bounded amount of memory and is never wrong for long. Who reads first and watches then names the
mark of before it read, and is told what came in between.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
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
        self._name = secrets.token_hex(4)
        self._count = 0
        self._lately: deque[Change] = deque(maxlen=queued)

    @property
    def mark(self) -> str:
        """How far it has come: for `subscribe`, by whoever reads something now and watches it later."""
        return f"{self._name}.{self._count}"

    def publish(self, kind: str, data: Mapping[str, Any]) -> None:
        """Tell every watcher; never waits."""
        self._count += 1
        self._lately.append(Change(kind, data))
        for queue in self._watchers:
            if queue.full():
                _empty(queue)
                queue.put_nowait(Change(REREAD))
            else:
                queue.put_nowait(Change(kind, data))

    @asynccontextmanager
    async def subscribe(self, since: str | None = None) -> AsyncIterator[AsyncIterator[Change]]:
        """The changes from now on, or since a mark, until the block or the hub ends.

        Of a mark that is not of this hub, or of too long ago, it is not known what came since: `reread`.
        """
        queue: asyncio.Queue[Change | _Closed] = asyncio.Queue(self._queued)
        for change in self._missed(since):
            queue.put_nowait(change)
        self._watchers.add(queue)
        try:
            yield _follow(queue)
        finally:
            self._watchers.discard(queue)

    def _missed(self, since: str | None) -> Iterable[Change]:
        if since is None:
            return ()
        name, _, count = since.partition(".")
        missed = self._count - int(count) if name == self._name and count.isdecimal() else -1
        if not 0 <= missed <= len(self._lately):
            return (Change(REREAD),)
        return list(self._lately)[len(self._lately) - missed :]

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
