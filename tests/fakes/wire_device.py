"""A device that speaks the real protocol over a real broker, and nothing else: no player, no disk."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiomqtt
import msgspec

from controller.runtime.waiting import ended
from loa_protocol import topics
from loa_protocol.acceptance import Accepted, Floor, Receiver, Refusal, Why, check, raised_floors
from loa_protocol.clock import ClockReading
from loa_protocol.documents.device import (
    Ack,
    Assignment,
    ClockReport,
    ClockState,
    DeviceState,
    Presence,
    TimeQuestion,
    Want,
)
from loa_protocol.ids import device_scope
from loa_protocol.keys import Ed25519Signer
from loa_protocol.outcomes import Outcome
from loa_protocol.receipts import (
    GENESIS,
    Body,
    Entry,
    Gone,
    Occurrence,
    Receipt,
    ReceiptBatch,
    encode_entry,
    entry_hash,
)
from loa_protocol.topics import Family
from loa_protocol.trust import Trust, advance, read_array
from loa_protocol.uplink import seal_uplink

WITHIN_S = 30.0
TRUSTED = ClockReport(state=ClockState.TRUSTED, error_ms=5, source="test")


def skipped(broadcast: str, **changes: Any) -> Receipt:
    """The smallest true receipt."""
    fields: dict[str, Any] = {
        "occurrence": Occurrence(id=broadcast),
        "outcome": Outcome.SKIPPED,
        "planned": datetime(2026, 11, 21, 5, 0, tzinfo=UTC),
        "clock": TRUSTED,
    }
    return Receipt(**{**fields, **changes})


@dataclass
class WireJournal:
    """The journal as the wire sees it: entries in order, chained."""

    id: str = field(default_factory=lambda: f"j-{secrets.token_hex(6)}")
    raws: list[bytes] = field(default_factory=list)

    def write(self, *bodies: Body) -> None:
        for body in bodies:
            entry = Entry(sequence=len(self.raws) + 1, previous=self.hash_at(len(self.raws)), at=_now(), body=body)
            self.raws.append(encode_entry(entry))

    def hash_at(self, sequence: int) -> str:
        return entry_hash(self.raws[sequence - 1]) if sequence else GENESIS

    def batch(self, device: str, first: int = 1, last: int | None = None, gone: Gone | None = None) -> ReceiptBatch:
        raws = self.raws[first - 1 : last]
        return ReceiptBatch(device=device, journal=self.id, entries=tuple(msgspec.Raw(raw) for raw in raws), gone=gone)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class WireDevice:
    """One connected device. `held` is topic → version of what it accepted, `arrived` everything that came.

    `patient`: it passes over an older document, as agents do, because several publishers may overtake each other.
    """

    device_id: str
    signer: Ed25519Signer
    trust: Trust
    client: aiomqtt.Client
    boot: str = field(default_factory=lambda: secrets.token_hex(8))
    arrived: list[tuple[str, bytes]] = field(default_factory=list)
    accepted: list[tuple[str, Accepted]] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    assignment: Assignment | None = None
    patient: bool = False
    journal: WireJournal = field(default_factory=WireJournal)
    _floors: dict[tuple[str, str], Floor] = field(default_factory=dict)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def listen(self) -> None:
        """Take everything that comes, verified as the protocol says."""
        await self.client.subscribe([(topic, 1) for topic in self._own_topics()])
        async for message in self.client.messages:
            payload = bytes(message.payload)  # type: ignore[arg-type]
            try:
                await self._take(str(message.topic), payload)
            except Refusal as refusal:
                if not self.patient or refusal.why is not Why.OLDER:
                    raise
            async with self._changed:
                self.arrived.append((str(message.topic), payload))
                self._changed.notify_all()

    async def _take(self, topic: str, payload: bytes) -> None:
        if topic == topics.TRUST:
            self.trust = advance(self.trust, read_array(payload))
            self.held[topic] = self.trust.current.version
        elif not topic.endswith("/content") and f"/{Family.CONTENT}/" not in topic:
            reading = ClockReading(ClockState.TRUSTED, _now(), 5, "test")
            accepted = check(
                topic, payload, Receiver(self.device_id, self.trust, self.assignment, self._floors, reading)
            )
            self._floors.update(raised_floors(topic, accepted))
            self.accepted.append((topic, accepted))
            if (version := getattr(accepted.document, "version", None)) is not None:
                self.held[topic] = version
            if isinstance(accepted.document, Assignment):
                self.assignment = accepted.document
                scoped = [topics.scoped(f, s) for f in (Family.PLAN, Family.STOP) for s in self.assignment.scopes]
                await self.client.subscribe([(one, 1) for one in scoped])

    def _own_topics(self) -> list[str]:
        leaves = (Family.ASSIGNMENT, Family.COMMAND, Family.ACK, Family.REPLY, Family.DEVICE_CONTENT)
        return [topics.TRUST, *(topics.to_device(family, self.device_id) for family in leaves)]

    async def until(self, done: Callable[[], Any], what: str) -> Any:
        """Wait for messages until `done()` is true."""
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(done), WITHIN_S)
            except TimeoutError:
                seen = [topic for topic, _ in self.arrived]
                raise AssertionError(f"{self.device_id}: not within {WITHIN_S} s: {what}; came: {seen}") from None
        return done()

    def documents(self, family: Family) -> list[Any]:
        """Everything accepted of a family, in order."""
        return [one.document for topic, one in self.accepted if topics.parse(topic).family is family]

    async def next_document(self, family: Family, after: int = 0) -> Any:
        """The next one of a family after the first `after`."""
        await self.until(lambda: len(self.documents(family)) > after, f"a document on {family}")
        return self.documents(family)[-1]

    async def raw(self, family: Family, payload: bytes, *, retain: bool = False) -> None:
        """Send anything."""
        await self.client.publish(topics.up(family, self.device_id), payload, 1, retain)

    async def send_state(self, *, have: dict[str, int] | None = None, retain: bool = False, **changes: Any) -> None:
        """Say what is held."""
        fields: dict[str, Any] = {"device": self.device_id, "boot": self.boot, "issued": _now(), "clock": TRUSTED}
        state = DeviceState(**{**fields, "have": self.held if have is None else have, **changes})
        await self.raw(Family.STATE, seal_uplink("state", state, self.signer), retain=retain)

    async def send_presence(self, *, online: bool) -> None:
        """The unsigned hint."""
        await self.raw(Family.PRESENCE, msgspec.json.encode(Presence(online=online, boot=self.boot)), retain=True)

    async def send_batch(self, batch: ReceiptBatch, signer: Ed25519Signer | None = None) -> None:
        """A part of the journal."""
        await self.raw(Family.RECEIPTS, seal_uplink("receipts", batch, signer or self.signer))

    async def acked(self, batch: ReceiptBatch) -> Ack:
        """Send and wait for the acknowledgement that follows."""
        before = len(self.documents(Family.ACK))
        await self.send_batch(batch)
        ack = await self.next_document(Family.ACK, before)
        assert isinstance(ack, Ack)
        assert ack.scope == device_scope(self.device_id)
        return ack

    async def ask_time(self) -> tuple[Any, datetime, datetime]:
        """The answer, and when it was asked and came."""
        question = TimeQuestion(device=self.device_id, nonce=secrets.token_hex(16))
        asked = _now()
        await self.raw(Family.UP_REPLY, msgspec.json.encode(question))
        await self.until(lambda: any(a.nonce == question.nonce for a in self.documents(Family.REPLY)), "a time answer")
        answer = next(a for a in self.documents(Family.REPLY) if a.nonce == question.nonce)
        return answer, asked, _now()

    async def send_want(self, root: str, *chunks: int, index: bool = False) -> None:
        """Ask for chunks."""
        want = Want(device=self.device_id, root=root, chunks=chunks, index=index)
        await self.raw(Family.WANT, msgspec.json.encode(want))


@asynccontextmanager
async def connected(
    device_id: str, signer: Ed25519Signer, trust: Trust, port: int, held: WireDevice | None = None
) -> AsyncIterator[WireDevice]:
    """A device on the broker of this machine; `held` is an earlier life whose memory it goes on with."""
    async with aiomqtt.Client("127.0.0.1", port, identifier=device_id, timeout=WITHIN_S) as client:
        device = WireDevice(device_id, signer, trust, client)
        if held is not None:
            device.held, device.journal, device._floors = held.held, held.journal, held._floors
            device.assignment = held.assignment
        listening = asyncio.create_task(device.listen())
        try:
            yield device
        finally:
            await ended([listening])
            broken = None if listening.cancelled() else listening.exception()
            if broken is not None and not isinstance(broken, aiomqtt.MqttError):
                raise broken


def soon(seconds: float) -> datetime:
    """A moment ahead."""
    return _now() + timedelta(seconds=seconds)
