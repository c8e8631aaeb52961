"""What is opened and waits to be stored: everything of a device in one lane, in the order in which it came.

Lanes are stored side by side, each one group after the other: while the database works for one, the next of another is
prepared. SQLite lets one writer in at a time and gets one lane.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from zlib import crc32

from controller.receipts.acknowledging import Acknowledger
from controller.receipts.heads import Heads
from controller.receipts.opening import Message
from controller.runtime.database import Database
from controller.runtime.keys import Signers

LANES = 2
GROUP = 2_000
GROUP_ENTRIES = 2_000
"""One transaction: so many messages, or so many journal entries in them."""
OPENED_BYTES = 16 * 1024 * 1024
"""Of envelopes that are opened and not stored; what is in them is at most a few times as large."""


class Lane:
    """One queue; whoever stores it asks for group after group. Its journals are in no other lane."""

    def __init__(self, keys: Signers) -> None:
        self.acknowledger, self.heads = Acknowledger(keys), Heads()
        self.waiting_bytes = 0
        self._waiting: deque[Message] = deque()
        self._message = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Message) -> None:
        """Behind those that wait."""
        self._waiting.append(message)
        self.waiting_bytes += len(message.arrival.payload)
        self._message.set()

    async def group(self) -> list[Message]:
        """The next messages that are stored together; waits for the first."""
        await self._message.wait()
        group: list[Message] = []
        entries = 0
        while self._waiting and len(group) < GROUP and entries < GROUP_ENTRIES:
            message = self._waiting.popleft()
            entries += message.entries
            self.waiting_bytes -= len(message.arrival.payload)
            group.append(message)
        if not self._waiting:
            self._message.clear()
        return group


class Lanes:
    """All lanes of one ingest."""

    def __init__(self, db: Database, keys: Signers) -> None:
        count = 1 if db.engine.dialect.name == "sqlite" else LANES
        self.all = tuple(Lane(keys) for _ in range(count))

    @property
    def full(self) -> bool:
        """Whether so much waits that nothing more should be opened."""
        waiting = sum(map(len, self.all))
        return waiting >= GROUP or sum(lane.waiting_bytes for lane in self.all) >= OPENED_BYTES

    def put(self, messages: Sequence[Message]) -> None:
        """Each into the lane of its device."""
        for message in messages:
            self.all[crc32(message.known.device_id.encode()) % len(self.all)].put(message)
