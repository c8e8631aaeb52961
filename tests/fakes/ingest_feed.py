"""An ingest without a broker: what is offered goes through the door and every check; acknowledgements are kept."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from controller.delivery.directory import Directory, Known
from controller.delivery.uplink import Uplink
from controller.receipts.ingest import FAMILIES, Ingest
from controller.receipts.opening import Opener
from controller.runtime.changes import Changes
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.runtime.mqtt import Arrival, Link
from controller.runtime.urgency import Urgency
from controller.runtime.waiting import ended
from loa_protocol import topics
from loa_protocol.documents.device import Ack
from loa_protocol.envelope import open_payload, parse
from loa_protocol.keys import Ed25519Signer
from loa_protocol.topics import Family

_POLL_S = 0.001


class _Keys:
    """Signs acknowledgements."""

    def __init__(self) -> None:
        self.ingest = self.plan = Ed25519Signer.generate("ingest")


@dataclass
class Broker:
    """Stands where a link is: keeps what is posted, by topic, and when the last of it was (`time.perf_counter`)."""

    posted: dict[str, list[bytes]] = field(default_factory=dict)
    last_s: float = 0.0

    def post(
        self,
        topic: str,
        payload: bytes,
        urgency: Urgency,  # noqa: ARG002 - a link's signature
        *,
        qos: int = 1,  # noqa: ARG002
        retain: bool = False,  # noqa: ARG002
    ) -> "asyncio.Future[bool]":
        """Have it at once."""
        self.posted.setdefault(topic, []).append(payload)
        self.last_s = time.perf_counter()
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        done.set_result(True)
        return done


@dataclass
class Feed:
    """One ingest that works, and its broker."""

    ingest: Ingest
    uplink: Uplink
    broker: Broker = field(default_factory=Broker)

    def offer(self, topic: str, payload: bytes, *, retained: bool = False) -> None:
        """As a broker delivers it."""
        self.uplink.take(Arrival(topic, payload, retained, cast("Link", self.broker)))

    async def below(self, messages: int) -> None:
        """Wait until fewer than so many are in hand."""
        while self.ingest.in_hand >= messages:  # noqa: ASYNC110 - what is measured must not be told of every step
            await asyncio.sleep(_POLL_S)

    def acks(self, device_id: str) -> Sequence[Ack]:
        """What was acknowledged to a device."""
        raws = self.broker.posted.get(topics.to_device(Family.ACK, device_id), [])
        return [open_payload(parse(raw), Ack) for raw in raws]


def arrival_of(device_id: str) -> Arrival:
    """Something that came from a device; what it was is already opened."""
    return Arrival(topics.up(Family.RECEIPTS, device_id), b"", False, cast("Link", Broker()))


def known_of(device_id: str) -> Known:
    """A device as the directory knows it, as far as receipts need it."""
    return Known(device_id, Ed25519Signer.generate(device_id).trust_key(device_id), (), frozenset())


@asynccontextmanager
async def feeding(db: Database, clock: Clock, opener: Opener | None = None) -> AsyncIterator[Feed]:
    """An ingest that works until the block ends; then everything it took is committed and acknowledged."""
    ingest = Ingest(
        db=db,
        directory=Directory(db, clock),
        keys=_Keys(),
        clock=clock,
        changes=Changes(),
        redelivered=lambda: None,
        opener=opener,
    )
    feed = Feed(ingest, Uplink({}))

    def offer(family: Family, arrival: Arrival, device_id: str) -> None:
        ingest.offer(arrival, family, device_id, feed.uplink)

    feed.uplink.handle({family: partial(offer, family) for family in FAMILIES})
    working = asyncio.create_task(ingest.run(feed.uplink))
    try:
        yield feed
        await feed.below(1)
    finally:
        await ended([working])
