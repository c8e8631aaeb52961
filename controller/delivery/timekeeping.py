"""Signed answers to devices that ask for the time. The question is unsigned, its nonce makes the answer unreplayable.

`now` is taken in the last moment before signing: what comes before it would be the device's error. The answer also
names the newest versions of the device's documents, so that a broker that withholds some is found out, and the head of
the audit, read after the question came and never out of a cache: devices witness it, and none may seem to go back.
"""

import asyncio
import logging
import math
from collections.abc import Sequence

from controller.audit.store import head_of
from controller.delivery import store
from controller.delivery.directory import Directory
from controller.delivery.uplink import Uplink
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.keys import Signers
from controller.runtime.mqtt import Arrival
from controller.runtime.telling import tell_failure
from controller.runtime.urgency import Urgency
from controller.runtime.waiting import unbroken
from loa_protocol import strict_json, topics
from loa_protocol.documents.device import TimeAnswer, TimeQuestion
from loa_protocol.envelope import seal
from loa_protocol.errors import DocumentInvalid
from loa_protocol.ids import device_scope
from loa_protocol.topics import Family

log = logging.getLogger(__name__)

WAITING = 5_000
AT_ONCE = 64
LEAST_PAUSE_S = 0.2
_REMEMBERED = 50_000


class TimeKeeper:
    """Answers time questions over the link they came by."""

    def __init__(self, db: Database, directory: Directory, keys: Signers, clock: Clock) -> None:
        self._db, self._directory, self._keys, self._clock = db, directory, keys, clock
        self._queue: asyncio.Queue[tuple[Arrival, TimeQuestion]] = asyncio.Queue(WAITING)
        self._last_s: dict[str, float] = {}

    def offer(self, arrival: Arrival, device_id: str, uplink: Uplink) -> None:
        """A message on a device's reply topic that is not an envelope."""
        try:
            question = strict_json.decode(arrival.payload, TimeQuestion)
        except DocumentInvalid as error:
            uplink.drop(error.code, arrival, error)
            return
        now_s = self._clock.monotonic()
        if question.device != device_id or self._queue.full():
            uplink.drop("time_question_not_served", arrival)
        elif now_s - self._last_s.get(device_id, -math.inf) < LEAST_PAUSE_S:
            uplink.drop("asks_too_often", arrival)
        else:
            if len(self._last_s) > _REMEMBERED:
                self._last_s.clear()
            self._last_s[device_id] = now_s
            self._queue.put_nowait((arrival, question))

    async def run(self) -> None:
        """Answer until cancelled."""
        while True:
            waiting = [await self._queue.get()]
            while len(waiting) < AT_ONCE and not self._queue.empty():
                waiting.append(self._queue.get_nowait())
            try:
                await unbroken(self._answer(waiting))
            except Exception as error:  # noqa: BLE001 - told; devices ask again
                tell_failure(log, error, "%d time questions were not answered; devices ask again", len(waiting))

    async def _answer(self, waiting: Sequence[tuple[Arrival, TimeQuestion]]) -> None:
        """Look everything up for all, then sign each with the time of that moment."""
        known = await self._directory.find_all({question.device for _, question in waiting})
        wanted = frozenset[str]().union(*(device.topics for device in known.values()))
        async with self._db.reading() as session:
            newest = await store.versions(session, wanted, self._clock.now())
            audit = (await head_of(session)).text
        for arrival, question in waiting:
            device = known.get(question.device)
            if device is None:
                log.warning("%s asks for the time and is not registered; register it", question.device)
                continue
            self._sign(arrival, question, {topic: newest[topic] for topic in device.topics & newest.keys()}, audit)
            await asyncio.sleep(0)

    def _sign(self, arrival: Arrival, question: TimeQuestion, newest: dict[str, int], audit: str) -> None:
        answer = TimeAnswer(
            scope=device_scope(question.device),
            nonce=question.nonce,
            newest=newest,
            audit_head=audit,
            now=self._clock.now(),
        )
        raw = seal("time-answer", answer, [self._keys.plan])
        arrival.link.post(topics.to_device(Family.REPLY, question.device), raw, Urgency.REPLY)
