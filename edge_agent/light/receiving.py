"""Content that a light device really receives: asked for and checked by the agent's own rules, kept as marks only.

Rules: as `edge_agent.content`: every chunk is checked against the index, the index against the root; when and how much
to ask is decided in `asking`. The bytes are let go once they are checked, each distinct message is hashed once.
"""

import asyncio
import hashlib
import random
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from edge_agent.content import asking
from edge_agent.content.asking import Patience, Window
from edge_agent.content.fetcher import AT_ONCE, Need
from edge_agent.light.content import Send
from loa_protocol import topics
from loa_protocol.content import (
    ContentBadFrame,
    ContentBadSize,
    ContentFrame,
    ContentIndex,
    ContentWrongChunk,
    ContentWrongIndex,
    Kind,
    unpack,
)
from loa_protocol.documents.device import LinkClass, Want
from loa_protocol.topics import Family

TICK_S = 0.25
_HASHED = 512
_PACKET_BYTES = 6  # one of type, three of length, two before the topic
_REFUSALS = (ContentBadFrame, ContentBadSize, ContentWrongIndex, ContentWrongChunk)

Whole = Callable[[str, str, float], None]
"""(device id, root, the loop's seconds): an asset has become whole."""


@dataclass(slots=True)
class Receivers:
    """Makes the content of each device of a fleet. `loss`: share of frames that never arrive, drawn from `chance`.

    `wire_bytes`: MQTT packets of content as they came, lost ones too.
    """

    now: Callable[[], datetime]
    chance: random.Random
    link: LinkClass = "mobile"
    loss: float = 0.0
    whole: Whole | None = None
    wants: int = 0
    frames: int = 0
    wire_bytes: int = 0
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _good: OrderedDict[bytes, None] = field(default_factory=OrderedDict)

    def __call__(self, device_id: str, send: Send, changed: Callable[[], None]) -> "ReceivedContent":
        """A `ContentMaker`."""
        return ReceivedContent(self, device_id, send, changed)

    def begin(self, loss: float) -> None:
        """Count anew, with another loss."""
        self.loss, self.wants, self.frames, self.wire_bytes = loss, 0, 0, 0

    def verify(self, index: ContentIndex, frame: ContentFrame, payload: bytes) -> None:
        """As `ContentIndex.verify_chunk`, once for equal messages."""
        if payload in self._good:
            return
        index.verify_chunk(frame.i, frame.data)
        self._good[payload] = None
        if len(self._good) > _HASHED:
            self._good.popitem(last=False)


@dataclass(slots=True)
class _Coming:
    """An asset on its way."""

    need: Need
    patience: Patience
    index: ContentIndex | None = None
    have: set[int] = field(default_factory=set)
    early: dict[int, bytes] = field(default_factory=dict)

    @property
    def missing(self) -> list[int]:
        """Chunks that have not come, in order."""
        described = self.need.described
        return [
            i for i in range(-(-described.bytes // described.chunk_bytes)) if i not in self.have and i not in self.early
        ]


class ReceivedContent:
    """The assets of one device."""

    __slots__ = (
        "_asked_s",
        "_changed",
        "_coming",
        "_device_id",
        "_needs",
        "_send",
        "_shared",
        "_timer",
        "_whole",
        "_window",
    )

    def __init__(self, shared: Receivers, device_id: str, send: Send, changed: Callable[[], None]) -> None:
        self._shared, self._device_id, self._send, self._changed = shared, device_id, send, changed
        self._window = Window(shared.link)
        self._needs: dict[str, Need] = {}
        self._coming: dict[str, _Coming] = {}
        self._whole: set[str] = set()
        self._asked_s = -1e9
        self._timer: asyncio.TimerHandle | None = None

    @property
    def topics(self) -> Iterable[str]:
        """Its own, and those of what is coming."""
        own = topics.to_device(Family.DEVICE_CONTENT, self._device_id)
        return (own, *(topics.content(root) for root in self._coming if not self._window.alone))

    @property
    def missing(self) -> tuple[str, ...]:
        """Needed and not whole, the soonest first."""
        return tuple(root for root in self._needs if root not in self._whole)

    def need(self, needs: Iterable[Need]) -> None:
        """Begin what is new, let go of what is not needed any more."""
        self._needs = {}
        for need in sorted(needs, key=lambda one: (one.at, one.root)):
            self._needs.setdefault(need.root, need)
        self._whole &= self._needs.keys()
        self._coming = {root: one for root, one in self._coming.items() if root in self._needs}
        self._begin()

    def ready(self, root: str) -> bool:
        """Whether it is whole."""
        return root in self._whole

    def take(self, topic: str, payload: bytes) -> None:
        """One frame; what is lost or refused is asked for again."""
        shared = self._shared
        shared.frames += 1
        shared.wire_bytes += len(payload) + len(topic) + _PACKET_BYTES
        if shared.loss and shared.chance.random() < shared.loss:
            return
        try:
            self._keep(topic, payload)
        except _REFUSALS:
            return

    def _keep(self, topic: str, payload: bytes) -> None:
        frame = unpack(payload)
        address = topics.parse(topic)
        coming = self._coming.get(frame.root)
        if coming is None or (address.family is Family.CONTENT and address.subject != frame.root):
            return
        coming.patience.heard(frame.i if frame.kind is Kind.CHUNK else -1, self._shared.loop.time())
        described = coming.need.described
        if frame.kind is Kind.INDEX:
            index = coming.index = ContentIndex.parse(frame.root, frame.data, described.bytes, described.chunk_bytes)
            early, coming.early = coming.early, {}
            coming.have |= {i for i, digest in early.items() if digest == index.digests[i]}
        elif coming.index is None:
            if frame.i * described.chunk_bytes < described.bytes:
                coming.early[frame.i] = hashlib.sha256(frame.data).digest()
        elif frame.i not in coming.have:
            self._shared.verify(coming.index, frame, payload)
            coming.have.add(frame.i)
        if coming.index is not None and len(coming.have) == coming.index.chunk_count:
            self._finished(frame.root)

    def _finished(self, root: str) -> None:
        del self._coming[root]
        self._whole.add(root)
        if self._shared.whole is not None:
            self._shared.whole(self._device_id, root, self._shared.loop.time())
        self._begin()
        self._changed()

    def _begin(self) -> None:
        now_s, chance = self._shared.loop.time(), self._shared.chance
        for root, need in self._needs.items():
            if len(self._coming) < AT_ONCE and root not in self._whole and root not in self._coming:
                hold_s = asking.jitter_s(self._left_s(need), chance.random())
                self._coming[root] = _Coming(need, Patience(now_s + hold_s, now_s))
        self._wake_later()

    def _wake_later(self) -> None:
        if self._coming and self._timer is None:
            self._timer = self._shared.loop.call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now_s = self._shared.loop.time()
        for coming in self._coming.values():
            if coming.patience.may_ask(now_s, self._left_s(coming.need), self._asked_s):
                self._want(coming, now_s)
        self._wake_later()

    def _want(self, coming: _Coming, now_s: float) -> None:
        lost = coming.patience.lost(coming.missing, now_s)
        chunks = self._window.of(lost, coming.need.described.chunk_bytes)
        if not chunks and coming.index is not None:
            return
        want = Want(
            device=self._device_id,
            root=coming.need.root,
            index=coming.index is None,
            chunks=chunks,
            alone=self._window.alone,
        )
        if self._send(topics.up(Family.WANT, self._device_id), msgspec.json.encode(want), 1):
            coming.patience.wanted(now_s)
            self._asked_s = now_s
            self._shared.wants += 1

    def _left_s(self, need: Need) -> float:
        return (need.at - self._shared.now()).total_seconds()
