"""Fetches what the plans will need, in the order in which it is needed, and says what is missing.

Rules: only content of our own plans is listened to; what is whole is not subscribed to any more; when and for how much
to ask is decided in `asking`; a link that falls behind what goes to all leaves it, so that a stop is not queued behind
content at the broker.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import msgspec

from edge_agent.clock import ClockKeeper
from edge_agent.content import asking
from edge_agent.content.asking import Patience, Window
from edge_agent.content.cache import CacheFull, ContentCache
from edge_agent.waiting import happens
from loa_protocol import topics
from loa_protocol.content import ContentBadFrame, Kind, unpack
from loa_protocol.documents.device import LinkClass, Want
from loa_protocol.documents.plan import Content
from loa_protocol.topics import Family

log = logging.getLogger(__name__)
T = TypeVar("T")

AT_ONCE = 8
TICK_S = 0.1
ROOM_AGAIN_S = 30.0
PROBE_EVERY_S = 0.25
HEARD_WITHIN_S = 1.5
LAG_OVER_S = 60.0
OWN_LAG_S = 0.1


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
    """One asset on its way; `named`: what the last want asked for."""

    need: Need
    patience: Patience
    named: frozenset[int] = field(default_factory=frozenset)


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
        link: LinkClass = "mobile",
        probe: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._window, self._probe = Window(link), probe
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
        """Roots to be subscribed to: those being fetched, unless the link cannot carry what goes to all."""
        return () if self._window.alone else tuple(self._fetches)

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
        fetch.patience.heard(frame.i if frame.kind is Kind.CHUNK else -1, asyncio.get_running_loop().time())
        if whole:
            self._finished(fetch)

    async def run(self) -> None:
        """Verify, begin, ask: until cancelled."""
        while True:
            self._woken.clear()
            await self._begin_what_is_needed()
            await self._ask()
            if not await happens(self._woken, TICK_S if self._fetches else 1.0):
                await self._hash_in_idle_time()

    async def watch_lag(self) -> None:
        """Measure while content comes whether it stands before everything else; until cancelled.

        An answer of the broker travels behind the content it holds for us: one that is late says how much that is.
        """
        loop = asyncio.get_running_loop()
        while self._probe is not None:
            await asyncio.sleep(PROBE_EVERY_S)
            heard_s = max((fetch.patience.heard_s for fetch in self._fetches.values()), default=-1e9)
            if loop.time() - heard_s > HEARD_WITHIN_S:
                continue
            began_s, answer = loop.time(), asyncio.ensure_future(self._probe())
            try:
                done, _ = await asyncio.wait({answer}, timeout=asking.LAG_S)
                busy = loop.time() - began_s > asking.LAG_S + OWN_LAG_S  # not the line was late, this process was
                if not done and not busy:
                    self._lagged()
                    await asyncio.wait({answer}, timeout=LAG_OVER_S)
            finally:
                answer.cancel()

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
                hold_s = asking.jitter_s(self._left_s(need), random.random())  # noqa: S311 - spreads load only
                self._fetches[root] = _Fetch(need, Patience(now_s + hold_s, now_s))
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
        """Send the wants that are due, the soonest needed first."""
        now_s = asyncio.get_running_loop().time()
        for fetch in sorted(self._fetches.values(), key=lambda one: one.need.at):
            if fetch.patience.may_ask(now_s, self._left_s(fetch.need), self._asked_s):
                await self._want(fetch, now_s)

    async def _want(self, fetch: _Fetch, now_s: float) -> None:
        root, described = fetch.need.root, fetch.need.described
        index, missing = await self._blocking(lambda: self._cache.missing(root, described))
        if not index and not missing:
            fetch.patience.wanted(now_s)
            await self._finish(fetch)
            return
        if not fetch.named & frozenset(missing):
            self._kept_up(fetch)
        chunks = self._window.of(fetch.patience.lost(missing, now_s), described.chunk_bytes)
        if not chunks and not index:
            return
        want = Want(device=self._device_id, root=root, index=index, chunks=chunks, alone=self._window.alone)
        if await self._publish(topics.up(Family.WANT, self._device_id), msgspec.json.encode(want)):
            fetch.patience.wanted(now_s)
            fetch.named, self._asked_s = frozenset(chunks), now_s
            log.info("%s: asked for %d of %d chunks of %s", self._device_id, len(chunks), len(missing), root[:12])

    async def _finish(self, fetch: _Fetch) -> None:
        """Nothing of it is missing, and yet it is not whole: a crash or a full disk came between."""
        try:
            whole = await self._blocking(lambda: self._cache.finish(fetch.need.root, fetch.need.described))
        except CacheFull as error:
            log.error("%s: %s", self._device_id, error)  # noqa: TRY400 - foreseen
            return
        if whole:
            self._finished(fetch)

    def _finished(self, fetch: _Fetch) -> None:
        self._kept_up(fetch)
        log.info("%s: content %s is whole", self._device_id, fetch.need.root[:12])
        self._fetches.pop(fetch.need.root, None)
        self._woken.set()
        self._changed()

    def _lagged(self) -> None:
        """Leave what goes to all, and ask for little."""
        self._window.lagged()
        for fetch in self._fetches.values():
            fetch.named = frozenset()
        log.warning("%s: content is slower than other messages; asking for little at a time", self._device_id)
        self._changed()

    def _kept_up(self, fetch: _Fetch) -> None:
        if fetch.named:
            alone = self._window.alone
            self._window.kept_up(fetch.need.described.chunk_bytes)
            if alone != self._window.alone:
                self._changed()

    def _left_s(self, need: Need) -> float:
        return (need.at - self._clock.now()).total_seconds()

    async def _blocking(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
