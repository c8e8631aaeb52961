"""Brings signed documents to every broker, retained, and all of them again whenever a broker comes back.

State transfer: the broker is a pipe that may forget everything. Publishing a stored envelope again is harmless, a
newer version never goes out before an older one of the same topic on one connection.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from controller.delivery import rules, store
from controller.delivery.store import Stored
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.mqtt import Link
from controller.runtime.telling import tell_failure
from controller.runtime.urgency import Urgency
from controller.runtime.waiting import happens, unbroken
from loa_protocol import failpoints, topics

log = logging.getLogger(__name__)

POLL_S = 1.0
PAGE = 200


class Publisher:
    """Publishes over all `links`; `published` is told of documents that reached a broker for the first time."""

    def __init__(
        self, db: Database, clock: Clock, links: Iterable[Link], *, published: Callable[[Stored], None]
    ) -> None:
        self._db, self._clock, self._links, self._published = db, clock, tuple(links), published
        self._sent: dict[Link, dict[str, int]] = {link: {} for link in self._links}
        self._greetings: dict[Link, asyncio.Task[None]] = {}
        self._fresh: list[Stored] = []
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something was signed."""
        self._wake.set()

    def offer(self, documents: Iterable[Stored]) -> None:
        """These were just committed: they need not be looked up."""
        self._fresh += documents
        self._wake.set()

    def greet(self, link: Link) -> None:
        """A broker is there (again): bring it everything."""
        known = self._greetings.pop(link, None)
        if known is not None:
            known.cancel()
        self._sent[link].clear()
        self._greetings[link] = asyncio.create_task(self._bring_everything(link), name=f"greet-{link.name}")
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                self._wake.clear()
                try:
                    while await unbroken(self.step()):
                        pass
                except Exception as error:  # noqa: BLE001 - told, and tried again
                    tell_failure(log, error, "publishing failed; trying again in %.0f s", POLL_S)
                await happens(self._wake, POLL_S)
        finally:
            for task in self._greetings.values():
                task.cancel()

    async def step(self) -> bool:
        """Publish the most urgent of what is new on all connected links; False when nothing is left to do."""
        links = [link for link in self._links if link.connected.is_set()]
        if not links:
            return False
        waiting: Sequence[Stored] = self._fresh
        self._fresh = []
        waiting = waiting or await self._unpublished()
        if not waiting:
            return False
        posted = [(one, [self._post(link, one, again=True) for link in links]) for one in _ordered(waiting)]
        done = [one for one, futures in posted if all(await asyncio.gather(*futures))]
        failpoints.reach("controller.publish.after")
        marks = [(one.topic, one.version) for one in done]
        await self._db.attempt(lambda session: store.mark_published(session, marks))
        for one in done:
            log.info("published %s version %d", one.topic, one.version)
            self._published(one)
        return len(done) == len(waiting)

    async def _unpublished(self) -> Sequence[Stored]:
        async with self._db.reading() as session:
            behind = await store.unpublished(session, self._clock.now())
            first = sorted(behind, key=_turn)[:PAGE]
            return await store.named(session, first) if first else []

    def _post(self, link: Link, one: Stored, *, again: bool) -> asyncio.Future[bool]:
        """In its turn; an older version than the last posted on this connection is passed over."""
        last = self._sent[link].get(one.topic, 0)
        if one.version < last or (one.version == last and not again):
            passed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            passed.set_result(True)
            return passed
        self._sent[link][one.topic] = one.version
        urgency = rules.urgency(topics.parse(one.topic).family)
        return link.post(one.topic, one.envelope, urgency, retain=True)

    async def _bring_everything(self, link: Link) -> None:
        """Page by page; whatever is signed meanwhile goes its own, quicker way."""
        after, count = "", 0
        while True:
            try:
                documents = await unbroken(self._page(after))
            except Exception as error:  # noqa: BLE001 - told, and tried again
                tell_failure(log, error, "%s: bringing documents to broker %s waits", link.name, link.address)
                await asyncio.sleep(POLL_S)
                continue
            if not documents:
                break
            sent = await asyncio.gather(*(self._post(link, one, again=False) for one in _ordered(documents)))
            if not all(sent):
                return
            after, count = documents[-1].topic, count + len(documents)
        log.info("%s: brought all %d documents to broker %s", link.name, count, link.address)

    async def _page(self, after: str) -> Sequence[Stored]:
        async with self._db.reading() as session:
            return await store.page(session, after, self._clock.now(), PAGE)


def _turn(topic: str) -> tuple[Urgency, str]:
    return rules.urgency(topics.parse(topic).family), topic


def _ordered(documents: Sequence[Stored]) -> list[Stored]:
    return sorted(documents, key=lambda one: _turn(one.topic))
