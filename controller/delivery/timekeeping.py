"""Signed answers to devices that ask for the time. The question is unsigned, its nonce makes the answer unreplayable.

`now` is taken in the last moment before signing: what comes before it would be the device's error. The answer also
names the newest versions of the device's documents, so that a broker that withholds some is found out.
"""

import asyncio
import logging
import math

from controller.delivery import store
from controller.delivery.directory import Directory
from controller.delivery.uplink import Uplink
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.keys import Signers
from controller.runtime.mqtt import Arrival
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
WORKERS = 4
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
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WORKERS):
                tasks.create_task(self._serve())

    async def _serve(self) -> None:
        while True:
            arrival, question = await self._queue.get()
            try:
                await unbroken(self._answer(arrival, question))
            except Exception:
                log.exception("%s: its time question was not answered; it asks again", question.device)

    async def _answer(self, arrival: Arrival, question: TimeQuestion) -> None:
        known = await self._directory.find(question.device)
        if known is None:
            log.warning("%s asks for the time and is not registered; register it or take it off", question.device)
            return
        async with self._db.reading() as session:
            newest = await store.versions(session, known.topics, self._clock.now())
        answer = TimeAnswer(
            scope=device_scope(question.device), nonce=question.nonce, newest=newest, now=self._clock.now()
        )
        raw = seal("time-answer", answer, [self._keys.plan])
        arrival.link.post(topics.to_device(Family.REPLY, question.device), raw, Urgency.REPLY)
