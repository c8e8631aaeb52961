"""Takes in what devices send: journal batches, states, telemetry, presence, answers to commands.

Rules: signature and name are checked before anything is read; whatever has queued up while the last group was committed
is the next group, one transaction; where a group fails, its halves are tried, so that one bad message harms only
itself; an acknowledgement is signed and sent only after the commit; what was lost on the way is sent again by the
device. While a group is committed the next ones are opened, several at a time, and stored in the order in which they
came of each device; what waits is bounded in number and in bytes.
"""

import asyncio
import gc
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from controller.delivery import rules
from controller.delivery import store as delivery
from controller.delivery.directory import Directory, Known
from controller.delivery.redelivery import Redelivery
from controller.delivery.uplink import Uplink
from controller.receipts import taking
from controller.receipts.effects import Effects
from controller.receipts.heads import Overtaken
from controller.receipts.lanes import Lane, Lanes
from controller.receipts.opening import FAMILIES, Closed, Message, NotTakenIn, Opener, Refusal
from controller.runtime.changes import Changes
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.database_faults import DatabaseBusy, DatabaseUnavailable
from controller.runtime.keys import Signers
from controller.runtime.mqtt import Arrival
from controller.runtime.waiting import unbroken
from loa_protocol import failpoints
from loa_protocol.documents.device import DeviceState
from loa_protocol.errors import LoaError
from loa_protocol.topics import Family

__all__ = ["FAMILIES", "Ingest"]

log = logging.getLogger(__name__)

WAITING = 10_000
WAITING_BYTES = 64 * 1024 * 1024
OPENED_AT_ONCE = 128
OPENING = 3
"""So many times that are on their way: who opens has work while their answers wait for us."""

_COLLECT = (20_000, 50, 100)
"""Python's own 700 costs a fifth of the time of taking receipts in."""


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Search for garbage less often: a group is thousands of small objects, none of them in a circle."""
    before = gc.get_threshold()
    gc.set_threshold(*_COLLECT)
    try:
        yield
    finally:
        gc.set_threshold(*before)


class Ingest:
    """One worker; `redelivered` is called when documents are to be published again.

    `opener` opens while it runs and is ended with it; by default one without processes.
    """

    def __init__(
        self,
        *,
        db: Database,
        directory: Directory,
        keys: Signers,
        clock: Clock,
        changes: Changes,
        redelivered: Callable[[], None],
        opener: Opener | None = None,
    ) -> None:
        self._db, self._directory, self._clock = db, directory, clock
        self._changes, self._redelivered = changes, redelivered
        self._redelivery = Redelivery()
        self._lanes = Lanes(db, keys)
        self._opener = opener or Opener()
        self._opening: deque[tuple[int, asyncio.Task[list[Message]]]] = deque()
        self._arrived: deque[tuple[Arrival, Family, str]] = deque()
        self._arrived_bytes = self._in_hand = 0
        self._arrival, self._begun, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @property
    def in_hand(self) -> int:
        """Messages that were offered and are neither committed nor dropped yet."""
        return self._in_hand

    def offer(self, arrival: Arrival, family: Family, device_id: str, uplink: Uplink) -> None:
        """A message that came through the door. What finds no room is dropped: its device sends it again, later."""
        size = len(arrival.payload)
        if len(self._arrived) >= WAITING or self._arrived_bytes + size > WAITING_BYTES:
            uplink.drop("ingest_busy", arrival)
            return
        self._arrived.append((arrival, family, device_id))
        self._arrived_bytes += size
        self._in_hand += 1
        self._arrival.set()

    async def run(self, uplink: Uplink) -> None:
        """Work until cancelled."""
        try:
            with seldom_collecting():
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._open_for_ever(tasks, uplink), name="ingest-open")
                    tasks.create_task(self._gather_for_ever(), name="ingest-gather")
                    for lane in self._lanes.all:
                        tasks.create_task(self._store_for_ever(lane, uplink), name="ingest-store")
        finally:
            await self._opener.end()
            for lane in self._lanes.all:
                await lane.acknowledger.end()

    async def _open_for_ever(self, tasks: asyncio.TaskGroup, uplink: Uplink) -> None:
        while True:
            await self._arrival.wait()
            while not self._has_room():
                self._room.clear()
                await self._room.wait()
            waiting = self._next_arrivals()
            opening = tasks.create_task(self._open_or_tell(waiting, uplink), name="ingest-open-some")
            self._opening.append((len(waiting), opening))
            self._begun.set()

    def _has_room(self) -> bool:
        return not self._lanes.full and len(self._opening) < OPENING

    async def _gather_for_ever(self) -> None:
        """What is opened, in the order in which it came."""
        while True:
            await self._begun.wait()
            waiting, opening = self._opening[0]
            opened = await opening
            self._opening.popleft()
            if not self._opening:
                self._begun.clear()
            self._in_hand -= waiting - len(opened)
            self._lanes.put(opened)
            self._room.set()

    def _next_arrivals(self) -> list[tuple[Arrival, Family, str]]:
        waiting = [self._arrived.popleft() for _ in range(min(OPENED_AT_ONCE, len(self._arrived)))]
        self._arrived_bytes -= sum(len(arrival.payload) for arrival, _, _ in waiting)
        if not self._arrived:
            self._arrival.clear()
        return waiting

    async def _open_or_tell(self, waiting: Sequence[tuple[Arrival, Family, str]], uplink: Uplink) -> list[Message]:
        try:
            return await self._open(waiting, uplink)
        except LoaError as error:
            log.warning("%d messages were not opened: %s; devices send them again", len(waiting), error)
        except Exception:
            log.exception("%d messages were not opened; devices send them again", len(waiting))
        return []

    async def _open(self, waiting: Sequence[tuple[Arrival, Family, str]], uplink: Uplink) -> list[Message]:
        known = await self._directory.find_all({device_id for _, _, device_id in waiting})
        closed = []
        for arrival, family, device_id in waiting:
            if device_id in known:
                closed.append(Closed(arrival, family, known[device_id]))
            else:
                uplink.drop("device_unknown", arrival)
        opened = []
        found_all = await self._opener.open_all(closed, len(self._arrived))
        for one, found in zip(closed, found_all, strict=True):
            if isinstance(found, Refusal):
                uplink.drop(found.code, one.arrival, found)
            else:
                opened.append(found)
        return opened

    async def _store_for_ever(self, lane: Lane, uplink: Uplink) -> None:
        while True:
            group = await lane.group()
            self._room.set()
            try:
                await unbroken(self._take_all(group, lane, uplink))
            except Exception:
                log.exception("%d messages were not taken in; devices send them again", len(group))
            self._in_hand -= len(group)

    async def _take_all(self, group: Sequence[Message], lane: Lane, uplink: Uplink) -> None:
        """All in one transaction; where that fails, each half alone, down to the message that is the cause."""
        try:
            await self._take(group, lane)
        except (DatabaseUnavailable, DatabaseBusy) as error:  # it holds for each of them alone too
            log.warning("%d messages were not taken in: %s; devices send them again", len(group), error)
            for message in group:
                uplink.drop(error.code, message.arrival)
        except Exception:
            if len(group) == 1:
                log.exception("%s: a message could not be taken in", group[0].known.device_id)
                uplink.drop(NotTakenIn.code, group[0].arrival)
                return
            log.warning("%d messages could not be taken in together; trying each half", len(group), exc_info=True)
            middle = len(group) // 2
            await self._take_all(group[:middle], lane, uplink)
            await self._take_all(group[middle:], lane, uplink)

    async def _take(self, group: Sequence[Message], lane: Lane) -> None:
        receipts = any(message.entries for message in group)

        async def work(session: AsyncSession) -> Effects:
            effects = await taking.take(session, group, self._clock, lane.heads)
            if receipts:
                failpoints.reach("controller.ingest.before_commit")
            return effects

        try:
            effects = await self._db.attempt(work)
        except Overtaken:  # now it looks, and locks
            effects = await self._db.attempt(work)
        lane.heads.learn(effects.heads())
        if receipts:
            failpoints.reach("controller.ingest.after_commit")
        await lane.acknowledger.send(effects.acks)
        for change in effects.changes:
            self._changes.publish(change.kind, change.data)
        await self._redeliver(effects.states)

    async def _redeliver(self, states: Sequence[tuple[Known, DeviceState]]) -> None:
        """Publish again what devices say they lack, seldom enough to harm nobody."""
        if not states:
            return
        now_s, again = self._clock.monotonic(), set[str]()
        async with self._db.reading() as session:
            wanted = frozenset[str]().union(*(known.topics for known, _ in states))
            newest = await delivery.versions(session, wanted, self._clock.now())
        for known, state in states:
            lacking = rules.lacking(state.have, {topic: newest[topic] for topic in known.topics & newest.keys()})
            due = self._redelivery.due(lacking, newest, now_s)
            if due:
                log.info("%s lacks %s; publishing again", known.device_id, ", ".join(due))
                again.update(due)
        if again:
            await self._db.attempt(lambda session: delivery.publish_again(session, sorted(again)))
            self._redelivered()
