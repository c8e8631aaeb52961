"""Brings content to the devices: once to all when a plan first names it, then whatever they still want.

It has connections of its own and never more than a few frames under way on them, at a set pace, so that nothing bulky
stands before a stop. Wants are unsigned: only content that the asking device's own plans name is sent, not too often.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from controller.delivery import content_rules, store
from controller.delivery.content_rules import INDEX, Allowance, Pace
from controller.delivery.content_store import Frames, Source, named_for
from controller.delivery.directory import Directory
from controller.delivery.store import Stored
from controller.delivery.uplink import Uplink
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.mqtt import Arrival, Link
from controller.runtime.settings import Settings
from controller.runtime.urgency import Urgency
from controller.runtime.waiting import unbroken
from loa_protocol import strict_json, topics
from loa_protocol.documents.device import Want
from loa_protocol.documents.plan import Plan
from loa_protocol.envelope import open_payload, parse
from loa_protocol.errors import DocumentInvalid, LoaError
from loa_protocol.topics import Family

log = logging.getLogger(__name__)

MERGE_S = 0.1
"""How long wants are gathered before they are answered together."""
UNDER_WAY = 2
_WAITING = 20_000


class _Asked(NamedTuple):
    want: Want
    arrival: Arrival


class ContentSender:
    """First passes and repairs. `bulk` maps each broker's main link to its link for content."""

    def __init__(
        self,
        *,
        db: Database,
        frames: Frames,
        directory: Directory,
        clock: Clock,
        settings: Settings,
        bulk: Mapping[Link, Link],
    ) -> None:
        self._db, self._frames, self._directory, self._clock = db, frames, directory, clock
        self._bulk, self._delay_s = dict(bulk), settings.first_pass_delay_s
        self._pace = Pace(settings.content_bytes_per_s)
        self._allowance = Allowance()
        self._known: set[str] = set()
        self._first: asyncio.Queue[str] = asyncio.Queue()
        self._passed: dict[str, int] = {}
        self._asked: deque[_Asked] = deque()
        self._something = asyncio.Event()
        self._under_way: set[asyncio.Future[bool]] = set()

    def plan_published(self, document: Stored) -> None:
        """A plan reached the brokers: its new content follows, once to all."""
        for root in sorted(_roots(document) - self._known):
            self._known.add(root)
            self._passed[root] = INDEX
            self._first.put_nowait(root)

    def want(self, arrival: Arrival, device_id: str, uplink: Uplink) -> None:
        """A device asks for chunks."""
        try:
            want = strict_json.decode(arrival.payload, Want)
        except DocumentInvalid as error:
            uplink.drop(error.code, arrival, error)
            return
        if want.device != device_id or len(self._asked) >= _WAITING:
            uplink.drop("want_not_served", arrival)
        elif not self._allowance.take(device_id, want.root, self._clock.monotonic()):
            uplink.drop("wants_too_often", arrival)
        else:
            self._asked.append(_Asked(want, arrival))
            self._something.set()

    async def run(self, uplink: Uplink) -> None:
        """Send until cancelled."""
        await unbroken(self._remember_published())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._first_passes())
            tasks.create_task(self._repairs(uplink))

    async def _remember_published(self) -> None:
        """What plans named before this process began had its first pass: who missed it asks."""
        async with self._db.reading() as session:
            for plan in await store.published_plans(session, self._clock.now()):
                self._known |= _roots(plan)

    async def _first_passes(self) -> None:
        while True:
            root = await self._first.get()
            await asyncio.sleep(self._delay_s)
            try:
                await self._first_pass(root)
            except LoaError as error:
                log.error("content %s cannot be sent: %s", root, error)  # noqa: TRY400 - foreseen
            except Exception:
                log.exception("the first pass of content %s failed; devices will ask for it", root)
            finally:
                self._passed.pop(root, None)

    async def _first_pass(self, root: str) -> None:
        source = await unbroken(self._frames.source(root))
        if source is None:
            log.error("a plan names content %s, which is not stored", root)
            return
        for number in range(INDEX, source.index.chunk_count):
            await self._send(source, number, topics.content(root), self._bulk.values(), qos=0)
            self._passed[root] = number + 1
        log.info("content %s: %d chunks sent once to all", root, source.index.chunk_count)

    async def _repairs(self, uplink: Uplink) -> None:
        while True:
            await self._something.wait()
            await asyncio.sleep(MERGE_S)
            self._something.clear()
            try:
                await self._answer(uplink)
            except Exception:
                log.exception("repairs failed; devices ask again")

    async def _answer(self, uplink: Uplink) -> None:
        merged: dict[tuple[str, str], frozenset[int]] = {}
        sources: dict[str, Source] = {}
        via: dict[str, Link] = {}
        while self._asked:
            want, arrival = self._asked.popleft()
            source = sources.get(want.root) or await self._allowed(want)
            if source is None or not await unbroken(self._is_for(want)):
                uplink.drop("want_not_in_plan", arrival, want.root)
                continue
            sources[want.root], via[want.device] = source, arrival.link
            key = (want.device, want.root)
            merged[key] = merged.get(key, frozenset()) | self._numbers(want, source)
        for repair in content_rules.repairs(merged):
            await self._repair(repair, sources[repair.root], via)

    def _numbers(self, want: Want, source: Source) -> frozenset[int]:
        """Valid numbers of a want; the first pass may be about to bring some of them."""
        asked = {number for number in want.chunks if 0 <= number < source.index.chunk_count}
        if want.index:
            asked.add(INDEX)
        return content_rules.still_missing(asked, self._passed.get(want.root))

    async def _allowed(self, want: Want) -> Source | None:
        try:
            return await unbroken(self._frames.source(want.root))
        except LoaError as error:
            log.error("content %s, which %s wants, cannot be read: %s", want.root, want.device, error)  # noqa: TRY400
            return None

    async def _is_for(self, want: Want) -> bool:
        known = await self._directory.find(want.device)
        if known is None or not known.scopes:
            return False
        async with self._db.reading() as session:
            return await named_for(session, want.root, known.scopes, self._clock.now())

    async def _repair(self, repair: content_rules.Repair, source: Source, via: Mapping[str, Link]) -> None:
        if repair.device is None:
            await self._send(source, repair.number, topics.content(repair.root), self._bulk.values(), qos=0)
            return
        link = self._bulk.get(via[repair.device])
        topic = topics.to_device(Family.DEVICE_CONTENT, repair.device)
        await self._send(source, repair.number, topic, [link] if link else (), qos=1)

    async def _send(self, source: Source, number: int, topic: str, links: Iterable[Link], *, qos: int) -> None:
        """One frame, when the pace and those still under way allow it."""
        frame = await self._frames.frame(source, number)
        delay_s = self._pace.delay_s(len(frame), self._clock.monotonic())
        if delay_s:
            await asyncio.sleep(delay_s)
        while len(self._under_way) >= UNDER_WAY:
            _, self._under_way = await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        urgency = Urgency.INDEX if number == INDEX else Urgency.CONTENT
        self._under_way |= {link.post(topic, frame, urgency, qos=qos) for link in links}


def _roots(document: Stored) -> set[str]:
    """Content roots of a plan we signed ourselves."""
    if document.kind != "plan":
        return set()
    return {content.root for content in open_payload(parse(document.envelope), Plan).manifest.values()}
