"""A small controller for tests of the agent alone: signs with a test province's keys, answers time, acknowledges.

It speaks the real protocol over a real broker; it has no database. The same link can also send what a hostile broker
would: `raw()` publishes anything.
"""

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from loa_protocol import content, topics
from loa_protocol.documents.device import Ack, Assignment, DeviceKind, DeviceState, TimeAnswer
from loa_protocol.documents.plan import Broadcast, Content, ContentSegment, Plan
from loa_protocol.documents.trust import Role, RoleKeys, TrustList
from loa_protocol.envelope import open_payload, parse, seal
from loa_protocol.keys import Ed25519Signer
from loa_protocol.receipts import Body, Entry, Receipt, ReceiptBatch, Refused, decode_entry, entry_hash
from loa_protocol.topics import Family

COMMUNE = "u-xa-1"


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


class LoneController:
    """Controls one device on one broker."""

    def __init__(self, port: int, device: str = "loa-1") -> None:
        self.device = device
        self.root = Ed25519Signer.generate("root-1")
        self.plan_key = Ed25519Signer.generate("plan-1")
        self.ingest_key = Ed25519Signer.generate("ingest-1")
        self.entries: dict[tuple[str, int], bytes] = {}
        self.states: list[DeviceState] = []
        self.health: list[dict[str, Any]] = []
        self.acknowledging = True
        self.audit_head = ""
        self._assets: dict[str, SentContent] = {}
        self._lock = threading.Lock()
        self._version = int(utc_now().timestamp() * 1000) - 10_000_000
        self._link = paho.Client(CallbackAPIVersion.VERSION2, client_id="controller")
        self._link.max_inflight_messages_set(1000)
        self._link.on_connect = lambda *_: self._link.subscribe(topics.uplink_filter(), 1)
        self._link.on_message = self._arrived
        self._link.connect("127.0.0.1", port)
        self._link.loop_start()

    def close(self) -> None:
        """Leave the broker."""
        self._link.disconnect()
        self._link.loop_stop()

    def pinned_trust(self) -> bytes:
        """A trust list with one key a role, root 1 of 1."""
        keys = {s.keyid: s.trust_key(s.keyid) for s in (self.root, self.plan_key, self.ingest_key)}
        listed = TrustList(
            version=1,
            issued=utc_now() - timedelta(days=1),
            expires=utc_now() + timedelta(days=365),
            keys=keys,
            roles={
                Role.ROOT: RoleKeys(threshold=1, keys=(self.root.keyid,)),
                Role.PLAN: RoleKeys(threshold=1, keys=(self.plan_key.keyid,)),
                Role.INGEST: RoleKeys(threshold=1, keys=(self.ingest_key.keyid,)),
            },
        )
        return seal("trust", listed, [self.root])

    def next_version(self) -> int:
        """Greater than all before."""
        self._version += 1000
        return self._version

    def raw(self, topic: str, payload: bytes, *, retain: bool = True, qos: int = 1) -> None:
        """Publish anything and wait until the broker has it."""
        self._link.publish(topic, payload, qos, retain).wait_for_publish(10)

    def assign(self, kind: DeviceKind = DeviceKind.SPEAKER) -> None:
        """Put the device into its village, commune and province."""
        document = Assignment(
            scope=f"d-{self.device}",
            version=self.next_version(),
            issued=utc_now(),
            expires=utc_now() + timedelta(days=300),
            kind=kind,
            units=("u-thon-1", COMMUNE, "u-tinh-1"),
        )
        topic = topics.to_device(Family.ASSIGNMENT, self.device)
        self.raw(topic, seal("assignment", document, [self.plan_key]))

    def make_plan(
        self, broadcasts: Sequence[Broadcast], manifest: dict[str, Content] | None = None, version: int | None = None
    ) -> Plan:
        """A plan of the commune, not yet signed."""
        now = utc_now()
        return Plan(
            scope=COMMUNE,
            version=version or self.next_version(),
            issued=now,
            expires=now + timedelta(days=13),
            horizon=now + timedelta(days=13),
            broadcasts=tuple(broadcasts),
            manifest=manifest or {},
        )

    def send_plan(self, plan: Plan) -> bytes:
        """Sign and publish; gives the envelope."""
        envelope = seal("plan", plan, [self.plan_key])
        self.raw(topics.scoped(Family.PLAN, plan.scope), envelope)
        return envelope

    def sound(self, name: str, asset: "SentContent", *, in_s: float, late_s: float = 30.0) -> Broadcast:
        """A broadcast of an asset."""
        start = utc_now() + timedelta(seconds=in_s)
        return Broadcast(
            id=name,
            start=start,
            latest_start=start + timedelta(seconds=late_s),
            duration_ms=asset.duration_ms,
            segments=(ContentSegment(ref=asset.ref),),
            volume=80,
        )

    def send_content(self, asset: "SentContent") -> None:
        """Index and every chunk, as the first pass would send them; wants are answered from now on."""
        self._assets[asset.index.root] = asset
        self._send(asset, topics.content(asset.index.root))

    def _send(self, asset: "SentContent", topic: str) -> None:
        self._link.publish(topic, content.pack_index(asset.index), 0)
        for number, chunk in enumerate(content.split(asset.data)):
            self._link.publish(topic, content.pack_chunk(asset.index, number, chunk), 0)

    def bodies(self) -> list[Body]:
        """Everything the journal has said so far, in order."""
        with self._lock:
            return [decode_entry(raw).body for _, raw in sorted(self.entries.items())]

    def receipts(self, name: str) -> list[Receipt]:
        """All receipts for a broadcast."""
        return [b for b in self.bodies() if isinstance(b, Receipt) and b.occurrence.id == name]

    def refusals(self) -> dict[str, int]:
        """How often the device refused, by reason."""
        counted: dict[str, int] = {}
        for body in self.bodies():
            if isinstance(body, Refused):
                counted[body.reason] = counted.get(body.reason, 0) + body.count
        return counted

    def _arrived(self, _link: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        address = topics.parse(message.topic)
        if address.family is Family.UP_REPLY:
            self._reply(json.loads(message.payload))
        elif address.family is Family.STATE and message.payload:
            self.states.append(open_payload(parse(message.payload), DeviceState))
        elif address.family is Family.HEALTH:
            self.health.append(json.loads(message.payload))
        elif address.family is Family.WANT:
            asset = self._assets.get(json.loads(message.payload)["root"])
            if asset is not None:
                self._send(asset, topics.to_device(Family.DEVICE_CONTENT, self.device))
        elif address.family is Family.RECEIPTS:
            self._keep(open_payload(parse(message.payload), ReceiptBatch))

    def _reply(self, question: dict[str, Any]) -> None:
        if question.get("kind") != "time":
            return
        nonce, head = question["nonce"], self.audit_head
        answer = TimeAnswer(scope=f"d-{self.device}", nonce=nonce, now=utc_now(), audit_head=head)
        topic = topics.to_device(Family.REPLY, self.device)
        self._link.publish(topic, seal("time-answer", answer, [self.plan_key]), 1)

    def _keep(self, batch: ReceiptBatch) -> None:
        last: Entry | None = None
        with self._lock:
            for raw in batch.entries:
                last = decode_entry(raw)
                known = self.entries.setdefault((batch.journal, last.sequence), bytes(raw))
                assert known == bytes(raw), "an entry changed after it was sent"
        if last is not None and self.acknowledging:
            self.acknowledge(batch.journal, last.sequence, entry_hash(bytes(batch.entries[-1])), self.ingest_key)

    def acknowledge(self, journal: str, sequence: int, mark: str, key: Ed25519Signer) -> None:
        """An ack, true or not."""
        ack = Ack(scope=f"d-{self.device}", journal=journal, sequence=sequence, hash=mark)
        self._link.publish(topics.to_device(Family.ACK, self.device), seal("ack", ack, [key]), 1)


class SentContent:
    """An asset as the controller holds it."""

    def __init__(self, ref: str, path: Path, duration_ms: int) -> None:
        self.ref = ref
        self.data = path.read_bytes()
        self.duration_ms = duration_ms
        self.index = content.build_index(content.split(self.data), len(self.data))

    def manifest(self) -> dict[str, Content]:
        """As a plan names it."""
        entry = Content(
            root=self.index.root,
            bytes=self.index.total_bytes,
            chunk_bytes=self.index.chunk_bytes,
            media_type="audio/ogg",
            duration_ms=self.duration_ms,
        )
        return {self.ref: entry}
