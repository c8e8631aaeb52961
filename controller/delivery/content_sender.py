"""Brings content to the devices: once to all when a plan first names it, then whatever they still want.

Every broker has an outflow of its own, so that one that is slow delays nobody else. Wants are unsigned: only content
that the asking device's own plans name is sent, and not too often.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from controller.delivery import rules, store
from controller.delivery.content_outflow import Limits, Outflow
from controller.delivery.content_queue import URGENT_S, Asker, Audience
from controller.delivery.content_rules import INDEX, LATENCY_S, Allowance, bits_of, shared_pace
from controller.delivery.content_store import Frames, Reach, Source, reach, sounds_somewhere
from controller.delivery.directory import Directory, Known
from controller.delivery.store import Stored
from controller.delivery.uplink import Uplink
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.mqtt import Arrival, Link
from controller.runtime.settings import Settings
from controller.runtime.telling import tell_failure
from controller.runtime.waiting import unbroken
from loa_protocol import strict_json
from loa_protocol.documents.device import LinkClass, Want
from loa_protocol.documents.plan import Plan
from loa_protocol.envelope import open_payload, parse
from loa_protocol.errors import DocumentInvalid, LoaError

log = logging.getLogger(__name__)

_WAITING = 20_000
_KNOWN = 20_000
_REACH_KEPT_S = 5.0
_REACHES = 2_000
_AT_ONCE = 500
_CALM = 5
"""What is not needed within a minute waits so many times as long for devices to subscribe."""


class _Asked(NamedTuple):
    want: Want
    arrival: Arrival
    at_s: float


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
        self._delay_s = settings.first_pass_delay_s
        limits = Limits(settings.content_bytes_per_s, settings.content_window_bytes, self._delay_s)
        self.outflows = {main: Outflow(link, frames, clock, limits) for main, link in bulk.items()}
        self._floor = settings.content_floor_bytes_per_s
        self._paces: dict[LinkClass, float] = {
            "fibre": settings.fibre_bytes_per_s,
            "mobile": settings.mobile_bytes_per_s,
            "narrow": settings.narrow_bytes_per_s,
        }
        self._allowance = Allowance()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._first: asyncio.Queue[str] = asyncio.Queue()
        self._reaches: dict[str, tuple[float, Reach | None]] = {}
        self._asked: deque[_Asked] = deque()
        self._something = asyncio.Event()

    def plan_published(self, document: Stored) -> None:
        """A plan reached the brokers: its new content follows, once to all, the soonest needed first."""
        needed = _needed(document)
        for root in sorted(needed, key=lambda one: (needed[one], one)):
            self._reaches.pop(root, None)
            if root not in self._known:
                self._first.put_nowait(root)
            self._remember(root)

    def want(self, arrival: Arrival, device_id: str, uplink: Uplink) -> None:
        """A device asks for chunks."""
        try:
            want = strict_json.decode(arrival.payload, Want)
        except DocumentInvalid as error:
            uplink.drop(error.code, arrival, error)
            return
        now_s = self._clock.monotonic()
        if want.device != device_id or len(self._asked) >= _WAITING:
            uplink.drop("want_not_served", arrival)
        elif not self._allowance.take(device_id, want.root, now_s):
            uplink.drop("wants_too_often", arrival)
        else:
            self._asked.append(_Asked(want, arrival, now_s))
            self._something.set()

    async def run(self, uplink: Uplink) -> None:
        """Send until cancelled."""
        await unbroken(self._remember_published())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._first_passes())
            tasks.create_task(self._wants(uplink))
            for outflow in self.outflows.values():
                tasks.create_task(outflow.run())

    async def _remember_published(self) -> None:
        """What plans named before this process began had its first pass: who missed it asks."""
        async with self._db.reading() as session:
            for plan in await store.published_plans(session, self._clock.now()):
                for root in _needed(plan):
                    self._remember(root)

    def _remember(self, root: str) -> None:
        self._known[root] = None
        self._known.move_to_end(root)
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)

    async def _first_passes(self) -> None:
        while True:
            root = await self._first.get()
            try:
                await self._announce(root)
            except Exception as error:  # noqa: BLE001 - told; devices ask
                tell_failure(log, error, "the first pass of content %s failed; devices will ask for it", root)

    async def _announce(self, root: str) -> None:
        source, reached = await self._source(root), await self._reach(root)
        if source is None or reached is None:
            log.error("a plan names content %s, which cannot be sent", root)
            return
        if not await self._sounds(root, reached):
            log.info("content %s: no device there speaks its language; who comes to asks for itself", root)
            return
        audience = self._audience(reached)
        if audience is None:
            log.info("content %s: only narrow links; each device asks for itself", root)
            return
        urgent = audience.due_s - self._clock.monotonic() < URGENT_S
        for outflow in self.outflows.values():
            outflow.announce(source.index, audience, self._delay_s if urgent else self._delay_s * _CALM)
        log.info("content %s: %d chunks go once to all", root, source.index.chunk_count)

    async def _wants(self, uplink: Uplink) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            while self._asked:
                batch = [self._asked.popleft() for _ in range(min(_AT_ONCE, len(self._asked)))]
                try:
                    known = await unbroken(self._directory.find_all({one.want.device for one in batch}))
                    for one in batch:
                        if not await self._serve(one, known.get(one.want.device)):
                            uplink.drop("want_not_in_plan", one.arrival, one.want.root)
                except Exception as error:  # noqa: BLE001 - told; devices ask again
                    tell_failure(log, error, "%d wants could not be served; devices ask again", len(batch))

    async def _serve(self, asked: _Asked, known: Known | None) -> bool:
        """Whether what is wanted is for that device."""
        want = asked.want
        reached = await self._reach(want.root)
        if known is None or reached is None or reached.scopes.isdisjoint(known.scopes):
            return False
        source = await self._source(want.root)
        outflow = self.outflows.get(asked.arrival.link)
        if source is not None and outflow is not None:
            audience = self._audience(reached) or Audience("", self._floor, self._due_s(reached.due))
            bits = bits_of(number for number in want.chunks if number >= 0) | (bits_of([INDEX]) if want.index else 0)
            if not outflow.want(self._asker(want, known), source.index, audience, bits, asked_s=asked.at_s):
                log.warning("too many wants; that of %s is passed over, it asks again", want.device)
        return True

    def _asker(self, want: Want, known: Known) -> Asker:
        alone = want.alone or known.link == "narrow"
        return Asker(known.device_id, self._paces[known.link], LATENCY_S[known.link], alone)

    def _audience(self, reached: Reach) -> Audience | None:
        pace = shared_pace(reached.listening, self._paces, self._floor)
        if pace is None:
            return None
        return Audience(" ".join(sorted(reached.scopes)), pace, self._due_s(reached.due))

    def _due_s(self, due: datetime) -> float:
        return self._clock.monotonic() + (due - self._clock.now()).total_seconds()

    async def _source(self, root: str) -> Source | None:
        try:
            return await unbroken(self._frames.source(root))
        except LoaError as error:
            log.error("content %s cannot be read: %s", root, error)  # noqa: TRY400 - foreseen
            return None

    async def _sounds(self, root: str, reached: Reach) -> bool:
        """Whether it is worth a first pass."""
        async with self._db.reading() as session:
            return await unbroken(sounds_somewhere(session, root, reached, self._clock.now()))

    async def _reach(self, root: str) -> Reach | None:
        """Whom an asset is for, as known a few seconds ago."""
        held = self._reaches.get(root)
        if held is not None and held[0] > self._clock.monotonic():
            return held[1]
        async with self._db.reading() as session:
            found = await unbroken(reach(session, root, self._clock.now()))
        if len(self._reaches) >= _REACHES:
            self._reaches.clear()
        if found is not None:
            self._reaches[root] = self._clock.monotonic() + _REACH_KEPT_S, found
        return found


def _needed(document: Stored) -> dict[str, datetime]:
    """Content roots of a plan we signed ourselves, and when each is needed first."""
    if document.kind != "plan":
        return {}
    plan = open_payload(parse(document.envelope), Plan)
    needed: dict[str, datetime] = {}
    for broadcast in plan.broadcasts:
        for ref in rules.refs(broadcast) & plan.manifest.keys():
            root = plan.manifest[ref].root
            needed[root] = min(needed.get(root, broadcast.start), broadcast.start)
    return needed
