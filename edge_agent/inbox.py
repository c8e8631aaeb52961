"""Everything that arrives: verify, commit, then act; or refuse with a reason and act not at all.

Rules: nothing is used before `loa_protocol.acceptance` let it in; floor and document are on the disk before anybody is
told; the same document again changes nothing; what only an untrusted clock speaks against waits, bounded, and is looked
at again when the clock is usable.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from edge_agent.clock import ClockKeeper
from edge_agent.content.fetcher import ContentSink
from edge_agent.documents import DocumentStore, StoredDocument
from edge_agent.holdings import Holdings
from edge_agent.refusals import Refusals
from edge_agent.trust_store import TrustStore
from loa_protocol import topics
from loa_protocol.acceptance import Accepted, Refusal, Why, check, raised_floors
from loa_protocol.content import ContentBadFrame, ContentWrongChunk, ContentWrongIndex
from loa_protocol.documents import Versioned
from loa_protocol.documents.device import Ack, Command, TimeAnswer
from loa_protocol.documents.plan import Plan
from loa_protocol.documents.policy import Policy
from loa_protocol.errors import DocumentInvalid, LoaError
from loa_protocol.policy import PolicyInvalid, merge
from loa_protocol.receipts import Body
from loa_protocol.topics import Family
from loa_protocol.trust import TrustRefused

log = logging.getLogger(__name__)

WAITING_TOPICS = 64
WAITING_A_TOPIC = 4
WAITING_BYTES = 4 * 1024 * 1024
INLINE_BYTES = 8 * 1024
_REFUSALS = (
    TrustRefused,
    PolicyInvalid,
    DocumentInvalid,
    ContentBadFrame,
    ContentWrongIndex,
    ContentWrongChunk,
)


class Reactions(Protocol):
    """Who is told what was accepted."""

    async def documents_changed(self) -> None:
        """The holdings or the trust are not what they were."""

    async def time_answered(self, answer: TimeAnswer) -> None:
        """A verified time answer; its nonce is not checked yet."""

    async def acknowledged(self, ack: Ack) -> None:
        """A verified acknowledgement; the journal compares it."""

    async def commanded(self, command: Command) -> None:
        """A verified command."""


class Inbox:
    """Takes messages one after the other."""

    def __init__(
        self,
        *,
        holdings: Holdings,
        store: DocumentStore,
        trust_store: TrustStore,
        clock: ClockKeeper,
        refusals: Refusals,
        content: ContentSink,
        reactions: Reactions,
        journal: Callable[[Body], Awaitable[None]],
    ) -> None:
        self._holdings, self._store, self._trust_store = holdings, store, trust_store
        self._clock, self._refusals, self._content = clock, refusals, content
        self._reactions, self._journal = reactions, journal
        self._waiting: dict[str, deque[bytes]] = {}

    async def take(self, topic: str, payload: bytes) -> None:
        """One message; whatever is in it, this returns."""
        if not payload:
            return  # a retained message was cleared: absence says nothing
        try:
            await self._dispatch(topic, payload)
        except Refusal as refusal:
            await self._refused(topic, str(refusal.why), payload)
            log.warning("refused on %s: %s", topic, refusal)
        except _REFUSALS as error:
            await self._refused(topic, error.code, payload)
            log.warning("refused on %s: %s", topic, error)
        except LoaError as error:
            log.error("%s on %s was not acted on: %s", error.code, topic, error)  # noqa: TRY400 - foreseen
        except Exception:
            log.exception("a message on %s could not be handled; it is dropped", topic)

    async def clock_usable(self) -> None:
        """Look again at what waited for a clock."""
        waiting, self._waiting = self._waiting, {}
        own = topics.to_device(Family.ASSIGNMENT, self._holdings.device_id)
        for topic in sorted(waiting, key=lambda one: one != own):
            for payload in waiting[topic]:
                await self.take(topic, payload)

    async def _dispatch(self, topic: str, payload: bytes) -> None:
        family = _family(topic)
        if family is Family.TRUST:
            await self._take_trust(payload)
        elif family in {Family.CONTENT, Family.DEVICE_CONTENT}:
            await self._content.take(topic, payload)
        else:
            await self._take_document(topic, payload)

    async def _take_trust(self, payload: bytes) -> None:
        before = self._holdings.trust
        trust = await asyncio.to_thread(self._trust_store.walk, before, payload)
        if trust.current.version == before.current.version:
            return
        fallen = self._holdings.trusted(trust)
        self._clock.raised(trust.current.issued)
        await self._store.keep_floors(self._holdings.floors)
        await self._store.drop((stored.topic, stored.digest) for stored in fallen)
        log.info("trust list %d is in force; %d documents fell with it", trust.current.version, len(fallen))
        await self._reactions.documents_changed()

    async def _take_document(self, topic: str, payload: bytes) -> None:
        try:
            accepted = await self._check(topic, payload)
        except Refusal as refusal:
            if refusal.why is Why.CLOCK_UNTRUSTED and _family(topic) is not Family.COMMAND:
                self._wait(topic, payload)
                return
            raise
        match accepted.document:
            case TimeAnswer() as answer:
                await self._reactions.time_answered(answer)
            case Ack() as ack:
                await self._reactions.acknowledged(ack)
            case Command() as command:
                await self._reactions.commanded(command)
            case Versioned() as document:
                await self._put_in_force(topic, payload, accepted, document)
            case _:
                raise Refusal(Why.NOT_SUPPORTED, f"this agent does nothing with a {accepted.kind}")

    async def _check(self, topic: str, payload: bytes) -> Accepted:
        receiver = self._holdings.receiver(self._clock.read())
        if len(payload) <= INLINE_BYTES:
            return check(topic, payload, receiver)
        return await asyncio.to_thread(check, topic, payload, receiver)

    async def _put_in_force(self, topic: str, payload: bytes, accepted: Accepted, document: Versioned) -> None:
        if accepted.unchanged and self._holdings.has(topic, accepted.digest):
            return
        if isinstance(document, Policy):
            merge([document])  # a policy that cannot be read must not replace one that can
        stored = StoredDocument(topic, accepted.digest, document.version, payload, self._clock.now())
        keep_older = isinstance(document, Plan)
        await self._store.accept(stored, raised_floors(topic, accepted), keep_older=keep_older)
        self._holdings.add(stored, accepted)
        log.info("%s version %d is in force", topic, document.version)
        await self._reactions.documents_changed()

    def _wait(self, topic: str, payload: bytes) -> None:
        """Keep the newest few of a topic; of too many topics, the first ones."""
        if topic not in self._waiting and len(self._waiting) >= WAITING_TOPICS:
            return
        kept = self._waiting.setdefault(topic, deque(maxlen=WAITING_A_TOPIC))
        if payload not in kept:
            kept.append(payload)
        held = sum(len(one) for many in self._waiting.values() for one in many)
        while held > WAITING_BYTES and kept:
            held -= len(kept.popleft())

    async def _refused(self, topic: str, reason: str, payload: bytes) -> None:
        for entry in self._refusals.note(topic, reason, payload, self._clock.monotonic_ns):
            try:
                await self._journal(entry)
            except LoaError as error:
                log.error("a refusal could not be journalled: %s", error)  # noqa: TRY400 - foreseen


def _family(topic: str) -> Family | None:
    try:
        return topics.parse(topic).family
    except topics.TopicUnknown:
        return None
