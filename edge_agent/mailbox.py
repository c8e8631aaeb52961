"""The queue between the socket and the agent: documents pass content, and neither can fill the memory.

Rules: a stop goes first, then all other documents in the order they came, then content; when a lane is full its
oldest message goes, which is safe: documents are published again until the device has them, chunks are wanted again.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from aiomqtt import Message

from loa_protocol.topics import PREFIX

_STOP = f"{PREFIX}/stop/"
_CONTENT = f"{PREFIX}/content/"
_CONTENT_LEAF = "/content"


@dataclass(slots=True)
class _Lane:
    """Messages of one urgency, at most `limit` and `limit_bytes`."""

    limit: int
    limit_bytes: int
    messages: deque[Message] = field(default_factory=deque)
    held_bytes: int = 0

    def push(self, message: Message) -> None:
        self.messages.append(message)
        self.held_bytes += size_of(message)
        while len(self.messages) > self.limit or (self.held_bytes > self.limit_bytes and len(self.messages) > 1):
            self.pop()

    def pop(self) -> Message:
        message = self.messages.popleft()
        self.held_bytes -= size_of(message)
        return message


def size_of(message: Message) -> int:
    """Bytes of a message's payload."""
    return len(message.payload) if isinstance(message.payload, bytes | bytearray) else 0


class Lanes:
    """All lanes; sized like the plain container that `asyncio.Queue` expects."""

    def __init__(self) -> None:
        self._stops = _Lane(64, 1 << 20)
        self._documents = _Lane(512, 8 << 20)
        self._content = _Lane(64, 8 << 20)
        self._all = (self._stops, self._documents, self._content)

    def __len__(self) -> int:
        return sum(len(lane.messages) for lane in self._all)

    def push(self, message: Message) -> None:
        """Put a message into its lane."""
        topic = str(message.topic)
        if topic.startswith(_STOP):
            self._stops.push(message)
        elif topic.startswith(_CONTENT) or topic.endswith(_CONTENT_LEAF):
            self._content.push(message)
        else:
            self._documents.push(message)

    def pop(self) -> Message:
        """The most urgent message; there must be one."""
        return next(lane for lane in self._all if lane.messages).pop()


class Mailbox(asyncio.Queue[Message]):
    """What aiomqtt puts arriving messages into."""

    def _init(self, maxsize: int) -> None:  # noqa: ARG002 - the lanes have their own limits
        self._queue = Lanes()

    def _put(self, item: Message) -> None:
        self._queue.push(item)

    def _get(self) -> Message:
        return self._queue.pop()

    def full(self) -> bool:
        """Never: a full lane lets its oldest message go."""
        return False
