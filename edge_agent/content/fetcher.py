"""Fetches what the plans will need, in the order in which it is needed, and says what is missing.

Rules: only content of our own plans is listened to; the first pass of the controller is waited for before anything is
asked; wants are jittered and at most one in 5 s (for what is due within a minute: for each asset, the first three in
2 s); what is whole is not subscribed to any more.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import msgspec

from edge_agent.clock import ClockKeeper
from edge_agent.content.cache import CacheFull, ContentCache
from edge_agent.waiting import happens
from loa_protocol import topics
from loa_protocol.content import ContentBadFrame, unpack
from loa_protocol.documents.device import Want
from loa_protocol.documents.plan import Content
from loa_protocol.topics import Family

log = logging.getLogger(__name__)
T = TypeVar("T")

AT_ONCE = 8
WANT_EVERY_S = 5.0
WANT_EVERY_URGENT_S, WANTS_URGENT = 2.0, 3
URGENT = timedelta(seconds=60)
SOON = timedelta(minutes=10)
QUIET_URGENT_S, QUIET_S = 0.3, 2.0
JITTER_URGENT_S, JITTER_SOON_S, JITTER_S = 0.2, 2.0, 30.0
TICK_S = 0.1
ROOM_AGAIN_S = 30.0
_CHUNKS_A_WANT = 512


class ContentSink(Protocol):
    """Where content messages go."""

    async def take(self, topic: str, payload: bytes) -> None:
        """One frame.

        Raises:
            ContentBadFrame, ContentWrongIndex, ContentWrongChunk: refused; nothing was kept.
        """


@dataclass(frozen=True, slots=True)
class Need:
    """An asset some broadcast will sound, and when it must be there."""

    described: Content
    at: datetime

    @property
    def root(self) -> str:
        """Its name."""
        return self.described.root


@dataclass(slots=True)
class _Fetch:
    """One asset on its way; instants are of the loop's clock, seconds."""

    need: Need
    ask_from_s: float
    heard_s: float
    asked_s: float = -1e9
    asked: int = 0


class Fetcher:
    """Keeps the cache ahead of the plans."""

    def __init__(
        self,
        cache: ContentCache,
        *,
        device_id: str,
        clock: ClockKeeper,
        publish: Callable[[str, bytes], Awaitable[bool]],
        changed: Callable[[], None],
        spoiled: Callable[[str], Awaitable[None]],
    ) -> None:
        self._cache, self._device_id, self._clock = cache, device_id, clock
        self._publish, self._changed, self._spoiled = publish, changed, spoiled
        self._needs: dict[str, Need] = {}
        self._fetches: dict[str, _Fetch] = {}
        self._no_room: dict[str, float] = {}
        self._asked_s = -1e9
        self._woken = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="content")

    @property
    def active(self) -> tuple[str, ...]:
        """Roots that are being fetched: to be subscribed to."""
        return tuple(self._fetches)

    @property
    def missing(self) -> tuple[str, ...]:
        """Needed roots that cannot sound yet, the soonest first."""
        return tuple(root for root in self._needs if not self._cache.verified(root))

    def missing_before(self, within: timedelta) -> bool:
        """Whether something that is needed that soon cannot sound yet."""
        limit = self._clock.now() + within
        return any(need.at <= limit and not self._cache.verified(root) for root, need in self._needs.items())

    def ready(self, root: str) -> bool:
        """Whether an asset is whole and was hashed since the start."""
        return self._cache.verified(root)

    def need(self, needs: Iterable[Need]) -> None:
        """Replace what is needed; any order."""
        self._needs = {}
        for need in sorted(needs, key=lambda need: (need.at, need.root)):
            self._needs.setdefault(need.root, need)
        for root in list(self._fetches):
            if root in self._needs:
                self._fetches[root].need = self._needs[root]
            else:
                del self._fetches[root]
        self._woken.set()

    async def take(self, topic: str, payload: bytes) -> None:
        """One frame of content; what nobody here needs is passed over.

        Raises:
            ContentBadFrame, ContentWrongIndex, ContentWrongChunk: refused; nothing was kept.
        """
        frame = unpack(payload)
        address = topics.parse(topic)
        if address.family is Family.CONTENT and address.subject != frame.root:
            raise ContentBadFrame(f"content {frame.root} came on the topic of {address.subject}; dropped")
        fetch = self._fetches.get(frame.root)
        if fetch is None:
            return
        try:
            whole = await self._blocking(lambda: self._cache.take(frame, fetch.need.described))
        except CacheFull as error:
            log.error("%s: %s", self._device_id, error)  # noqa: TRY400 - foreseen
            return
        fetch.heard_s = asyncio.get_running_loop().time()
        if whole:
            log.info("%s: content %s is whole", self._device_id, frame.root[:12])
            self._fetches.pop(frame.root, None)
            self._woken.set()
            self._changed()

    async def run(self) -> None:
        """Verify, begin, ask: until cancelled."""
        while True:
            self._woken.clear()
            await self._begin_what_is_needed()
            await self._ask()
            if not await happens(self._woken, TICK_S if self._fetches else 1.0):
                await self._hash_in_idle_time()

    async def recheck(self, root: str) -> bool:
        """Hash an asset again because somebody could not use it; whether it is good."""
        return await self._verify(root)

    async def used_bytes(self) -> int:
        """What the cache takes on the disk."""
        return await self._blocking(self._cache.used_bytes)

    async def close(self) -> None:
        """Let the thread finish."""
        await self._blocking(lambda: None)
        self._thread.shutdown(wait=False)

    async def _begin_what_is_needed(self) -> None:
        now_s = asyncio.get_running_loop().time()
        whole = await self._blocking(self._cache.unverified)
        for root, need in list(self._needs.items()):
            if self._cache.verified(root) or root in self._fetches:
                continue
            if root in whole and await self._verify(root):
                continue
            if len(self._fetches) >= AT_ONCE or self._no_room.get(root, 0.0) > now_s:
                continue
            if await self._make_room(need):
                self._fetches[root] = _Fetch(need, now_s + self._jitter_s(need), now_s)
                self._changed()
            else:
                self._no_room[root] = now_s + ROOM_AGAIN_S

    async def _make_room(self, need: Need) -> bool:
        needed_at = {root: one.at for root, one in self._needs.items()}
        try:
            await self._blocking(lambda: self._cache.make_room(need.described.bytes, need.at, needed_at, ()))
        except CacheFull as error:
            log.warning("%s: content %s waits: %s", self._device_id, need.root[:12], error)
            return False
        return True

    async def _verify(self, root: str) -> bool:
        good = await self._blocking(lambda: self._cache.verify(root))
        if not good:
            await self._spoiled(root)
        self._woken.set()
        self._changed()
        return good

    async def _hash_in_idle_time(self) -> None:
        """One asset at a time, when nothing is on its way."""
        if self._fetches:
            return
        waiting = await self._blocking(self._cache.unverified)
        if waiting:
            await self._verify(min(waiting))

    async def _ask(self) -> None:
        """Send the one want that is due most."""
        now_s = asyncio.get_running_loop().time()
        for fetch in sorted(self._fetches.values(), key=lambda one: one.need.at):
            if self._may_ask(fetch, now_s):
                await self._want(fetch, now_s)

    def _may_ask(self, fetch: _Fetch, now_s: float) -> bool:
        urgent = self._left(fetch.need) < URGENT
        quiet_s = QUIET_URGENT_S if urgent else QUIET_S
        asked_s = fetch.asked_s if urgent else max(fetch.asked_s, self._asked_s)
        if urgent:
            fetch.ask_from_s = min(fetch.ask_from_s, now_s + JITTER_URGENT_S)
        every_s = WANT_EVERY_URGENT_S if urgent and fetch.asked <= WANTS_URGENT else WANT_EVERY_S
        return now_s >= max(fetch.ask_from_s, fetch.heard_s + quiet_s, asked_s + every_s)

    async def _want(self, fetch: _Fetch, now_s: float) -> None:
        root = fetch.need.root
        index, chunks = await self._blocking(lambda: self._cache.missing(root, fetch.need.described))
        want = Want(device=self._device_id, root=root, index=index, chunks=chunks[:_CHUNKS_A_WANT])
        if await self._publish(topics.up(Family.WANT, self._device_id), msgspec.json.encode(want)):
            fetch.asked_s = self._asked_s = now_s
            fetch.asked += 1
            log.info("%s: asked for %d chunks of %s", self._device_id, len(chunks), root[:12])

    def _left(self, need: Need) -> timedelta:
        return need.at - self._clock.now()

    def _jitter_s(self, need: Need) -> float:
        left = self._left(need)
        limit_s = JITTER_URGENT_S if left < URGENT else JITTER_SOON_S if left < SOON else JITTER_S
        return random.uniform(0.0, limit_s)  # noqa: S311 - spreads load, guards nothing

    async def _blocking(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
