"""One simulated device: the real protocol code over a thin connection, everything in memory.

Rules: what arrives passes `acceptance.check` as on a real device; floors are raised before anything is acted on; what
it says is spread in time, because thousands live in one process; nothing sounds, and receipts and state say so.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_agent.agenda import Desk
from edge_agent.clock import ClockKeeper, RealTime
from edge_agent.documents import StoredDocument, superfluous
from edge_agent.holdings import Holdings
from edge_agent.journal import AckRefused
from edge_agent.light import mqtt
from edge_agent.light.content import LightContent
from edge_agent.light.journal import LightJournal
from edge_agent.light.link import Link
from edge_agent.light.services import Services
from edge_agent.light.stage import Stage
from edge_agent.light.upward import Upward
from edge_agent.reactions import document_topics
from edge_agent.refusals import Refusals
from edge_agent.witness import Witness
from loa_protocol import topics
from loa_protocol.acceptance import Accepted, Refusal, Why, check, raised_floors
from loa_protocol.audit_head import AUDIT_REWOUND, Head
from loa_protocol.documents import Versioned
from loa_protocol.documents.device import (
    Ack,
    Command,
    CommandReply,
    DeviceState,
    Evidence,
    Health,
    Presence,
    TimeAnswer,
    TimeQuestion,
)
from loa_protocol.documents.plan import Plan
from loa_protocol.documents.policy import Policy
from loa_protocol.errors import DocumentInvalid
from loa_protocol.keys import Ed25519Signer
from loa_protocol.policy import HardLimits, PolicyInvalid, merge
from loa_protocol.receipts import Body, Note
from loa_protocol.topics import Family
from loa_protocol.trust import Trust, TrustRefused
from loa_protocol.uplink import seal_uplink

log = logging.getLogger(__name__)

AGENT = "loa-light 0.1.0 (simulated)"
ASK_AGAIN_S, LONGEST_ASK_S = 5.0, 60.0
WAITING = 64
_NOWHERE = Path("/nonexistent")
_MISSING_MAX = 500
_COMMANDS_REMEMBERED = 32


@dataclass(frozen=True, slots=True)
class Identity:
    """Who it is; the controller knows the public half."""

    device_id: str
    signer: Ed25519Signer


class LightDevice:
    """Lives as long as its fleet; connections come and go."""

    __slots__ = (
        "_asked",
        "_boot",
        "_born_s",
        "_clock",
        "_commands",
        "_content",
        "_desk",
        "_holdings",
        "_identity",
        "_journal",
        "_link",
        "_listening",
        "_nonces",
        "_refusals",
        "_refused_acks",
        "_services",
        "_stage",
        "_timers",
        "_upward",
        "_waiting",
        "_witness",
        "whole",
    )

    def __init__(self, identity: Identity, trust: Trust, services: Services) -> None:
        self._identity, self._services = identity, services
        self._boot = secrets.token_hex(12)
        self._born_s = services.now_s()
        self._clock = ClockKeeper(_NOWHERE, RealTime())
        self._clock.raised(trust.current.issued)
        self._holdings = Holdings(identity.device_id, trust)
        self._desk = Desk(self._holdings, self._clock, HardLimits(), services.merging)
        self._journal = LightJournal()
        self._upward = Upward(identity.device_id, self._journal, identity.signer, self._send_receipts, services.chance)
        self._content: LightContent = services.content(identity.device_id, self._send, self._content_changed)
        self._stage = Stage(self._desk, self._clock, ready=self._content.ready, write=self._write)
        self._link: Link | None = None
        self._listening: dict[str, int] = {}
        self._waiting: dict[str, bytes] = {}
        self._nonces: dict[str, tuple[int, Head | None]] = {}
        self._witness = Witness(None)
        self._commands: dict[str, CommandReply] = {}
        self._refusals: Refusals | None = None
        self._refused_acks = 0
        self._asked = 0
        self._timers: dict[Callable[[], None], asyncio.TimerHandle] = {}
        self.whole = False
        self._desk.refresh()

    # What the fleet asks.

    @property
    def device_id(self) -> str:
        """Its id."""
        return self._identity.device_id

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted it."""
        return self._link is not None

    @property
    def unacknowledged(self) -> int:
        """Journal entries the controller has not acknowledged."""
        return self._journal.head.sequence - self._journal.head.acknowledged

    @property
    def journalled(self) -> int:
        """Journal entries ever written."""
        return self._journal.head.sequence

    @property
    def clock_usable(self) -> bool:
        """Whether schedules play by its clock."""
        return self._clock.read().schedules_play

    @property
    def versions(self) -> dict[str, int]:
        """Topic → newest version it holds."""
        return self._holdings.versions

    @property
    def ready(self) -> bool:
        """Whether what is due would be played: it knows its scopes, the time, and has what it needs."""
        return self._holdings.assignment is not None and self.clock_usable and not self._content.missing

    @property
    def playing(self) -> str:
        """What is on now."""
        return self._stage.playing

    @property
    def content(self) -> LightContent:
        """Its assets."""
        return self._content

    def will(self) -> mqtt.Will:
        """What the broker says when it vanishes."""
        return mqtt.Will(topics.up(Family.PRESENCE, self.device_id), self._presence(online=False))

    def power_cut(self) -> None:
        """It stops at once: what is on is interrupted, and everything it says later comes from the next life."""
        self._stage.interrupt()
        self._boot = secrets.token_hex(12)
        if self._link is not None:
            self._link.abort()

    def end(self) -> None:
        """Say that it leaves; no timer fires any more."""
        self._send(topics.up(Family.PRESENCE, self.device_id), self._presence(online=False), 1, retain=True)
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    # The connection.

    def link_up(self, link: Link) -> None:
        """Introduce ourselves and listen."""
        self._link, self._listening, self.whole = link, {}, False
        self._send(topics.up(Family.PRESENCE, self.device_id), self._presence(online=True), 1, retain=True)
        self._listen()
        self._upward.connected()
        self._asked = 0
        self._soon(self._ask_time, at_least_s=self._services.faults.late_clock_s)
        self._soon(self._send_health)
        self._soon(self._repeat_state)
        self._soon(self._send_up)

    def link_down(self, link: Link) -> None:
        """The timeline goes on without a network."""
        if self._link is link:
            self._link = None

    def subscribed(self) -> None:
        """Everything asked for so far is answered; whole once that is more than our own topics."""
        self.whole = self._holdings.assignment is not None

    def take(self, topic: str, payload: bytes, at_ns: int) -> None:
        """One message; whatever is in it, this returns."""
        if not payload:
            return
        try:
            self._dispatch(topic, payload, at_ns)
        except Refusal as refusal:
            self._refused(topic, str(refusal.why), payload)
        except (TrustRefused, DocumentInvalid, PolicyInvalid) as error:
            self._refused(topic, error.code, payload)
        except Exception:
            log.exception("%s: a message on %s could not be handled; it is dropped", self.device_id, topic)

    # Documents.

    def _dispatch(self, topic: str, payload: bytes, at_ns: int) -> None:
        if topic == topics.TRUST:
            self._take_trust(payload)
            return
        receiver = self._holdings.receiver(self._clock.read())
        try:
            accepted = check(topic, payload, receiver, self._services.examination.examine)
        except Refusal as refusal:
            if refusal.why is Why.CLOCK_UNTRUSTED and len(self._waiting) < WAITING:
                self._waiting[topic] = self._services.examination.keep(payload)
                return
            raise
        match accepted.document:
            case TimeAnswer() as answer:
                self._time_answered(answer, at_ns)
            case Ack() as ack:
                self._acknowledged(ack)
            case Command() as command:
                self._obey(command)
            case Versioned() as document:
                self._put_in_force(topic, payload, accepted, document)
            case _:
                raise Refusal(Why.NOT_SUPPORTED, f"a light device does nothing with a {accepted.kind}")

    def _take_trust(self, payload: bytes) -> None:
        trust = self._services.examination.advance(self._holdings.trust, payload)
        if trust.current.version == self._holdings.trust.current.version:
            return
        self._holdings.trusted(trust)
        self._clock.raised(trust.current.issued)
        self._documents_changed()

    def _put_in_force(self, topic: str, payload: bytes, accepted: Accepted, document: Versioned) -> None:
        if accepted.unchanged and self._holdings.has(topic, accepted.digest):
            return
        if isinstance(document, Policy):
            merge([document])
        self._holdings.floors |= raised_floors(topic, accepted)
        raw = self._services.examination.keep(payload) if isinstance(document, Plan) else payload
        self._holdings.add(StoredDocument(topic, accepted.digest, document.version, raw, self._clock.now()), accepted)
        if isinstance(document, Plan):
            self._prune(topic)
        self._documents_changed()

    def _prune(self, topic: str) -> None:
        """Let go of the older plans of a topic that nothing needs."""
        plans = [(one.stored.digest, one.document) for one in self._holdings.held[topic]]
        if len(plans) > 1:
            settled = [occurrence for occurrence in self._stage.history if self._stage.settled(occurrence)]
            gone = superfluous([(mark, plan) for mark, plan in plans if isinstance(plan, Plan)], settled)
            self._holdings.remove(topic, gone)

    def _documents_changed(self) -> None:
        self._desk.refresh()
        self._content.need(self._desk.needs(self._stage.settled))
        self._listen()
        self._soon(self._send_state)
        self._after(self._tick, 0.0)

    def _content_changed(self) -> None:
        self._listen()
        self._soon(self._send_state)
        self._after(self._tick, 0.0)

    def _listen(self) -> None:
        """Subscribe to what the assignment and the content ask for."""
        if self._link is None:
            return
        assignment = self._holdings.assignment
        scopes = assignment.scopes if assignment else (f"d-{self.device_id}",)
        wanted = dict.fromkeys(document_topics(self.device_id, scopes), 1) | dict.fromkeys(self._services.extra, 1)
        wanted |= dict.fromkeys(self._content.topics, 0)
        fresh = [(topic, qos) for topic, qos in wanted.items() if topic not in self._listening]
        gone = [topic for topic in self._listening if topic not in wanted]
        if gone:
            self._link.unsubscribe(gone)
        if fresh:
            self._link.subscribe(fresh)
        self._listening = wanted

    # Time and the timeline.

    def _ask_time(self) -> None:
        if self._link is None:
            return
        nonce = secrets.token_hex(16)
        self._nonces = {nonce: (self._clock.monotonic_ns, self._witness.head)}
        question = msgspec.json.encode(TimeQuestion(device=self.device_id, nonce=nonce))
        self._send(topics.up(Family.UP_REPLY, self.device_id), question, 0)
        self._asked += 1
        limit_s = min(LONGEST_ASK_S, ASK_AGAIN_S * 2.0 ** (self._asked - 1))
        self._soon(self._ask_time_again, at_least_s=limit_s * self._services.chance.uniform(0.5, 1.0))

    def _ask_time_again(self) -> None:
        if not self.clock_usable:
            self._ask_time()

    def _time_answered(self, answer: TimeAnswer, at_ns: int) -> None:
        asked = self._nonces.pop(answer.nonce, None)
        if asked is None:
            return
        sent_ns, before = asked
        taken_back = self._witness.take(answer.audit_head, before)
        if taken_back is not None:
            self._write(Note(code=AUDIT_REWOUND, text=taken_back))
        if self._clock.answered(sent_ns=sent_ns, received_ns=at_ns, now=answer.now):
            waiting, self._waiting = self._waiting, {}
            own = topics.to_device(Family.ASSIGNMENT, self.device_id)
            for topic in sorted(waiting, key=lambda one: one != own):
                self.take(topic, waiting[topic], at_ns)
        self._soon(self._send_state)
        self._after(self._tick, 0.0)

    def _tick(self) -> None:
        wait_s = self._stage.tick()
        if wait_s is not None:
            self._after(self._tick, wait_s)

    # Upwards.

    def _write(self, body: Body) -> None:
        self._journal.append(body, at=self._clock.now())
        self._soon(self._send_up)
        self._soon(self._send_state)

    def _send_up(self) -> None:
        if self._link is None:
            return
        again_s = self._upward.send(self._services.now_s())
        if again_s is not None:
            self._after(self._send_up, again_s)

    def _send_receipts(self, raw: bytes) -> bool:
        return self._send(topics.up(Family.RECEIPTS, self.device_id), raw, 1)

    def _acknowledged(self, ack: Ack) -> None:
        try:
            self._upward.acknowledged(ack, self._services.now_s())
        except AckRefused as error:
            self._refused_acks += 1
            log.warning("%s: %s; nothing is deleted", self.device_id, error)
        self._after(self._send_up, 0.0)
        self._soon(self._send_state)

    def _send_state(self) -> None:
        self._after(self._repeat_state, self._services.pace.state_every_s)
        reading = self._clock.read()
        audit_head, audit_disowned = self._witness.texts
        state = DeviceState(
            device=self.device_id,
            boot=self._boot,
            issued=reading.now,
            agent=AGENT,
            have=self._holdings.versions,
            ready=self.ready,
            missing=self._content.missing[:_MISSING_MAX],
            clock=reading.report(),
            evidence=Evidence.SIMULATED,
            journal=self._journal.head,
            playing=self._stage.playing,
            audit_head=audit_head,
            audit_disowned=audit_disowned,
        )
        raw = seal_uplink("state", state, self._identity.signer)
        self._send(topics.up(Family.STATE, self.device_id), raw, 1, retain=True)

    def _repeat_state(self) -> None:
        self._send_state()

    def _send_health(self) -> None:
        self._after(self._send_health, self._services.pace.health_every_s)
        health = Health(
            device=self.device_id,
            uptime_s=int(self._services.now_s() - self._born_s),
            refused=dict(self._refusals.counts) if self._refusals else {},
        )
        self._send(topics.up(Family.HEALTH, self.device_id), msgspec.json.encode(health), 0)
        if self._refusals is not None:
            for entry in self._refusals.due(self._clock.monotonic_ns):
                self._write(entry)

    def _obey(self, command: Command) -> None:
        """Done once per id; a simulated device does nothing but report."""
        reply = self._commands.get(command.id)
        if reply is None:
            code, message = "", "the state is published"
            if command.name == "report-state":
                self._repeat_state()
            else:
                code, message = "command_unknown", f"a simulated device does not know {command.name}"
            reply = CommandReply(device=self.device_id, id=command.id, code=code, message=message)
            self._commands = dict([*self._commands.items(), (command.id, reply)][-_COMMANDS_REMEMBERED:])
        raw = seal_uplink("command-reply", reply, self._identity.signer)
        self._send(topics.up(Family.UP_REPLY, self.device_id), raw, 1)

    def _refused(self, topic: str, reason: str, payload: bytes) -> None:
        if self._refusals is None:
            self._refusals = Refusals()
        for entry in self._refusals.note(topic, reason, payload, self._clock.monotonic_ns):
            self._write(entry)

    def _presence(self, *, online: bool) -> bytes:
        return msgspec.json.encode(Presence(online=online, boot=self._boot))

    def _send(self, topic: str, payload: bytes, qos: int, *, retain: bool = False) -> bool:
        if self._link is None:
            return False
        return self._services.loses() or self._link.publish(topic, payload, qos=qos, retain=retain)

    # Timers: one for each thing to do; the earlier call wins.

    def _soon(self, act: Callable[[], None], at_least_s: float = 0.05) -> None:
        """Within the fleet's spread."""
        self._after(act, at_least_s + self._services.chance.random() * self._services.pace.spread_s)

    def _after(self, act: Callable[[], None], wait_s: float) -> None:
        known = self._timers.get(act)
        when_s = self._services.now_s() + wait_s
        if known is not None:
            if known.when() <= when_s:
                return
            known.cancel()
        self._timers[act] = self._services.later(lambda: self._fire(act), wait_s)

    def _fire(self, act: Callable[[], None]) -> None:
        del self._timers[act]
        act()
