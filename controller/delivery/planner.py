"""Signs what is wanted: the newest document of every pending topic, stored with its envelope in one transaction.

Several planners may run: the version is a compare-and-set on the topic's row. A stop is signed alone and first. A
topic that cannot be signed waits and is tried again; what stood before it stays in force.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.delivery import drafts, rules, store
from controller.delivery.drafts import Placed
from controller.delivery.store import Stored
from controller.policies.signing import draft as policy_draft
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.database_faults import DatabaseBusy, DatabaseUnavailable
from controller.runtime.keys import Keyring
from controller.runtime.telling import tell_failure
from controller.runtime.urgency import Urgency
from controller.runtime.waiting import happens, unbroken
from loa_protocol import failpoints, topics, trust
from loa_protocol.documents import Versioned
from loa_protocol.documents.trust import TrustList
from loa_protocol.envelope import open_payload, parse, seal
from loa_protocol.errors import LoaError
from loa_protocol.topics import Address, Family

log = logging.getLogger(__name__)

POLL_S = 1.0
AT_ONCE = 50
TRY_AGAIN_S = 30.0


class VersionTaken(LoaError):
    """Another planner stored a document of this topic in the meantime; it is looked at again."""

    code = "version_taken"


class Planner:
    """Turns pending topics into stored envelopes; `signed` is told of every committed document."""

    def __init__(
        self, db: Database, keys: Keyring, clock: Clock, *, signed: Callable[[Sequence[Stored]], None]
    ) -> None:
        self._db, self._keys, self._clock, self._signed = db, keys, clock, signed
        self._wake = asyncio.Event()
        self._not_before_s: dict[str, float] = {}

    def wake(self) -> None:
        """Something was committed; do not wait for the next poll."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._wake.clear()
            try:
                while await unbroken(self.step()):
                    pass
            except Exception as error:  # noqa: BLE001 - told, and tried again
                tell_failure(log, error, "planning failed; trying again in %.0f s", POLL_S)
            await happens(self._wake, POLL_S)

    async def step(self) -> bool:
        """Sign the most urgent batch; False when nothing waits."""
        async with self._db.reading() as session:
            batch = self._batch(await store.pending(session))
            if not batch:
                return False
            await self._keys.follow(session)
        try:
            await self._sign_all(batch)
        except (DatabaseUnavailable, DatabaseBusy):
            raise  # it holds for each of them alone too
        except Exception as error:  # noqa: BLE001 - one bad topic must not hold up the others
            log.info("a batch of %d topics was not signed (%s); signing them one by one", len(batch), error)
            for topic in batch:
                await self._sign_alone(topic)
        return True

    def _batch(self, waiting: Sequence[str]) -> Sequence[str]:
        """All stops, else some of the most urgent others."""
        now_s = self._clock.monotonic()
        ready = [topic for topic in waiting if self._not_before_s.get(topic, -math.inf) <= now_s]
        ordered = sorted(ready, key=lambda topic: (_urgency(topic), topic))
        stops = [topic for topic in ordered if _urgency(topic) is Urgency.STOP]
        return stops or ordered[:AT_ONCE]

    async def _sign_alone(self, topic: str) -> None:
        try:
            await self._sign_all([topic])
        except (DatabaseUnavailable, DatabaseBusy):
            raise
        except Exception as error:  # noqa: BLE001 - reported, and tried again later
            self._postpone(topic, error)

    async def _sign_all(self, batch: Sequence[str]) -> None:
        stored: list[Stored] = []
        async with self._db.transaction() as session:
            counts = await store.wanted_all(session, batch)
            lasts = await store.versions_of(session, counts)
            placed = await drafts.places(session, _devices(counts))
            for topic, count in counts.items():
                made = await self._sign(session, topic, lasts.get(topic, 0), placed)
                if made is not None:
                    stored.append(made)
                await store.settle(session, topic, count)
            failpoints.reach("controller.plan.before_commit")
        failpoints.reach("controller.plan.after_commit")
        for topic in batch:
            self._not_before_s.pop(topic, None)
        self._signed(stored)

    def _postpone(self, topic: str, error: Exception) -> None:
        self._not_before_s[topic] = self._clock.monotonic() + TRY_AGAIN_S
        log.error("%s could not be signed: %s; the document before it stays in force, next try soon", topic, error)

    async def _sign(self, session: AsyncSession, topic: str, last: int, placed: Mapping[str, Placed]) -> Stored | None:
        """The document that is now in the outbox, None where nothing is to be said; it waits, and is locked."""
        made = await self._make(session, topic, last, placed)
        if made is None:
            return None
        stored, issued, expires = made
        if not await store.replace(session, stored, after=last, issued=issued, expires=expires):
            raise VersionTaken(f"{topic} has moved on from version {last}")
        log.info("signed %s version %d (%d bytes)", topic, stored.version, len(stored.envelope))
        return stored

    async def _make(
        self, session: AsyncSession, topic: str, last: int, placed: Mapping[str, Placed]
    ) -> tuple[Stored, datetime, datetime] | None:
        address, now = topics.parse(topic), self._clock.now()
        if address.family is Family.TRUST:
            return await _trust(session)
        made = await self._document(session, address, rules.next_version(last, now), now, placed)
        if made is None:
            return None
        document, envelope = made
        stored = Stored(topic, str(address.family), document.version, envelope)
        return stored, document.issued, document.expires

    async def _document(
        self, session: AsyncSession, address: Address, version: int, now: datetime, placed: Mapping[str, Placed]
    ) -> tuple[Versioned, bytes] | None:
        kind, signers = str(address.family), [self._keys.plan]
        if address.family is Family.PLAN:
            return await drafts.plan(
                session, address.subject, version=version, now=now, sign=lambda made: seal(kind, made, signers)
            )
        document: Versioned | None = None
        if address.family is Family.ASSIGNMENT:
            if address.subject in placed:
                document = drafts.assignment(placed[address.subject], version=version, now=now)
        elif address.family is Family.STOP:
            document = await drafts.stop(session, address.subject, version=version, now=now)
        elif address.family is Family.POLICY:
            document = await policy_draft(session, address.subject, version=version, now=now)
        else:
            log.warning("nothing makes documents of %s yet; the wish is dropped", address)
        return None if document is None else (document, seal(kind, document, signers))


async def _trust(session: AsyncSession) -> tuple[Stored, datetime, datetime] | None:
    lists = await store.trust_lists(session)
    if not lists:
        return None
    newest = open_payload(parse(lists[-1].envelope), TrustList)
    array = trust.join_array([row.envelope for row in lists[-trust.MAX_LISTS :]])
    return Stored(topics.TRUST, "trust", newest.version, array), newest.issued, newest.expires


def _devices(waiting: Iterable[str]) -> list[str]:
    """Whose assignments wait."""
    addresses = [topics.parse(topic) for topic in waiting]
    return [address.subject for address in addresses if address.family is Family.ASSIGNMENT]


def _urgency(topic: str) -> Urgency:
    return rules.urgency(topics.parse(topic).family)
