"""What arrives is verified, committed, then acted on; what is refused is told without letting anybody flood us."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.clock import ClockKeeper
from edge_agent.database import DiskFull
from edge_agent.documents import DocumentStore
from edge_agent.holdings import Holdings
from edge_agent.inbox import WAITING_A_TOPIC, Inbox
from edge_agent.refusals import ENTRIES_AN_HOUR, KINDS_AT_A_TIME, SECOND_NS, SEVERAL, Refusals
from edge_agent.trust_store import TrustStore
from loa_protocol import topics
from loa_protocol.documents.device import Ack, Command, TimeAnswer
from loa_protocol.documents.policy import Policy
from loa_protocol.envelope import seal
from loa_protocol.keys import Ed25519Signer
from loa_protocol.receipts import Body, Refused
from loa_protocol.topics import Family
from loa_protocol.trust import join_array, pin
from tests.fakes.agent_world import COMMUNE, DEVICE, NOW, FakeSystem
from tests.unit.test_agent_documents import OWN, PLAN_KEY, TOPIC, assignment, listed, plan


@dataclass
class Desk:
    """Whoever is told."""

    changes: int = 0
    answers: list[TimeAnswer] = field(default_factory=list)
    acks: list[Ack] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    journal: list[Body] = field(default_factory=list)

    async def documents_changed(self) -> None:
        self.changes += 1

    async def time_answered(self, answer: TimeAnswer) -> None:
        self.answers.append(answer)

    async def acknowledged(self, ack: Ack) -> None:
        self.acks.append(ack)

    async def commanded(self, command: Command) -> None:
        self.commands.append(command)

    async def take(self, _topic: str, payload: bytes) -> None:
        self.frames.append(payload)

    async def write(self, body: Body) -> None:
        self.journal.append(body)

    @property
    def reasons(self) -> list[str]:
        return [body.reason for body in self.journal if isinstance(body, Refused)]


class Place:
    """An inbox with everything real but the network."""

    def __init__(self, folder: Path) -> None:
        pinned = folder / "pinned.json"
        pinned.write_bytes(listed(1))
        self.system = FakeSystem()
        self.clock = ClockKeeper(folder / "clock.json", self.system)
        self.desk = Desk()
        self.holdings = Holdings(DEVICE, pin(listed(1)))
        self.store = DocumentStore(folder / "documents.sqlite")
        trust_store = TrustStore(pinned, folder / "trust.json")
        trust_store.load()
        self.inbox = Inbox(
            holdings=self.holdings,
            store=self.store,
            trust_store=trust_store,
            clock=self.clock,
            refusals=Refusals(),
            content=self.desk,
            reactions=self.desk,
            journal=self.desk.write,
        )

    def trust_the_clock(self) -> None:
        self.clock.answered(sent_ns=self.system.mono_ns, received_ns=self.system.mono_ns, now=NOW)

    async def assigned(self) -> None:
        self.trust_the_clock()
        await self.inbox.take(OWN, seal("assignment", assignment(), [PLAN_KEY]))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = Place(tmp_path)
    await made.store.open()
    yield made
    await made.store.close()


async def test_a_true_plan_is_on_the_disk_before_anybody_is_told(place: Place) -> None:
    await place.assigned()
    seen: list[int] = []

    async def told() -> None:
        _, held = await place.store.load()
        seen.append(sum(1 for one in held if one.topic == TOPIC))

    place.desk.documents_changed = told

    await place.inbox.take(TOPIC, seal("plan", plan(5, "mot"), [PLAN_KEY]))

    assert seen == [1]
    assert place.holdings.versions[TOPIC] == 5
    assert place.desk.reasons == []


async def test_the_very_same_document_again_changes_nothing(place: Place) -> None:
    await place.assigned()
    raw = seal("plan", plan(5, "mot"), [PLAN_KEY])
    await place.inbox.take(TOPIC, raw)
    before = place.desk.changes

    await place.inbox.take(TOPIC, raw)

    assert place.desk.changes == before
    assert place.desk.reasons == []


async def test_a_document_whose_floor_is_known_but_which_was_lost_is_taken_again(place: Place) -> None:
    await place.assigned()
    raw = seal("plan", plan(5, "mot"), [PLAN_KEY])
    await place.inbox.take(TOPIC, raw)
    place.holdings.held.pop(TOPIC)

    await place.inbox.take(TOPIC, raw)

    assert len(place.holdings.plans) == 1


@pytest.mark.parametrize(
    ("topic", "raw", "reason"),
    [
        (TOPIC, b"{", "malformed"),
        (TOPIC, seal("plan", plan(9, "x"), [Ed25519Signer.generate("plan-1")]), "not_signed"),
        (TOPIC, seal("plan", plan(4, "x"), [PLAN_KEY]), "older"),
        (TOPIC, seal("plan", plan(5, "y"), [PLAN_KEY]), "equivocation"),
        (TOPIC, b"x" * 300_000, "oversize"),
        (topics.scoped(Family.PLAN, "u-xa-2"), seal("plan", plan(9, "x"), [PLAN_KEY]), "wrong_scope"),
        (OWN, seal("plan", plan(9, "x"), [PLAN_KEY]), "wrong_type"),
        ("loa/v1/nonsense", b"{}", "wrong_topic"),
        (topics.TRUST, b"[1]", "trust_refused"),
        (topics.scoped(Family.ALERT, COMMUNE), b"[]", "not_supported"),
    ],
    ids=lambda part: part if isinstance(part, str) else "raw",
)
async def test_a_refusal_is_journalled_with_its_reason_and_what_was_held_stands(
    place: Place, topic: str, raw: bytes, reason: str
) -> None:
    await place.assigned()
    await place.inbox.take(TOPIC, seal("plan", plan(5, "mot"), [PLAN_KEY]))

    await place.inbox.take(topic, raw)

    assert place.desk.reasons == [reason]
    assert place.holdings.versions[TOPIC] == 5


async def test_a_cleared_retained_message_says_nothing(place: Place) -> None:
    await place.assigned()
    await place.inbox.take(TOPIC, seal("plan", plan(5, "mot"), [PLAN_KEY]))

    await place.inbox.take(TOPIC, b"")

    assert len(place.holdings.plans) == 1
    assert place.desk.reasons == []


async def test_without_a_clock_documents_wait_and_are_taken_when_there_is_one(place: Place) -> None:
    await place.inbox.take(OWN, seal("assignment", assignment(), [PLAN_KEY]))
    await place.inbox.take(TOPIC, seal("plan", plan(5, "mot"), [PLAN_KEY]))
    assert place.holdings.assignment is None
    place.trust_the_clock()

    await place.inbox.clock_usable()

    assert place.holdings.assignment == assignment()
    assert "clock_untrusted" not in place.desk.reasons


async def test_what_waits_for_a_clock_is_bounded_and_the_newest_is_kept(place: Place) -> None:
    for version in range(1, 20):
        document = assignment()
        fields = {name: getattr(document, name) for name in document.__struct_fields__} | {"version": version}
        await place.inbox.take(OWN, seal("assignment", type(document)(**fields), [PLAN_KEY]))
    assert len(place.inbox._waiting[OWN]) == WAITING_A_TOPIC
    place.trust_the_clock()

    await place.inbox.clock_usable()

    assert place.holdings.versions[OWN] == 19


async def test_a_forged_document_does_not_wait_for_a_clock(place: Place) -> None:
    await place.inbox.take(OWN, seal("assignment", assignment(), [Ed25519Signer.generate("plan-1")]))

    assert place.inbox._waiting == {}
    assert place.desk.reasons == ["not_signed"]


async def test_nothing_is_acted_on_that_could_not_be_committed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await place.assigned()
    before = place.desk.changes

    async def full(*_: object, **__: object) -> None:
        raise DiskFull("no room")

    monkeypatch.setattr(place.store, "accept", full)

    await place.inbox.take(TOPIC, seal("plan", plan(5, "mot"), [PLAN_KEY]))

    assert place.holdings.plans == ()
    assert place.desk.changes == before


async def test_a_policy_in_an_unknown_time_zone_does_not_replace_one_that_can_be_read(place: Place) -> None:
    await place.assigned()
    topic = topics.scoped(Family.POLICY, COMMUNE)

    def policy(version: int, timezone: str) -> bytes:
        document = Policy(
            scope=COMMUNE, version=version, issued=NOW, expires=NOW + timedelta(days=9), timezone=timezone
        )
        return seal("policy", document, [PLAN_KEY])

    await place.inbox.take(topic, policy(1, "Asia/Ho_Chi_Minh"))
    await place.inbox.take(topic, policy(2, "Asia/Nowhere"))

    assert place.desk.reasons == ["policy_invalid"]
    assert place.holdings.versions[topic] == 1


async def test_a_newer_trust_list_is_taken_without_a_clock_and_told(place: Place) -> None:
    await place.inbox.take(topics.TRUST, join_array([listed(1), listed(2)]))

    assert place.holdings.trust.current.version == 2
    assert place.desk.changes == 1


async def test_a_thing_nobody_foresaw_does_not_end_the_inbox(place: Place) -> None:
    async def explode(_topic: str, _payload: bytes) -> None:
        raise ZeroDivisionError

    place.desk.take = explode

    await place.inbox.take(topics.content("0" * 64), b"x")


def refusal_entries(refusals: Refusals, times: int, *, topic: str = "t", step_ns: int = 0) -> list[Refused]:
    found: list[Refused] = []
    for number in range(times):
        found += refusals.note(topic, "older", b"%d" % number, number * step_ns)
    return found


def test_equal_refusals_are_folded_and_none_is_lost_from_the_count() -> None:
    refusals = Refusals()
    entries = refusal_entries(refusals, 500)
    assert [entry.count for entry in entries] == [1]

    entries += refusals.due(SECOND_NS)
    later = [entry for second in range(2, 200) for entry in refusals.due(second * SECOND_NS)]

    assert sum(entry.count for entry in entries) == 500
    assert refusals.counts["older"] == 500
    assert later == []


def test_a_lasting_flood_is_told_ever_more_rarely_but_at_least_each_minute() -> None:
    entries = refusal_entries(Refusals(), 6000, step_ns=SECOND_NS // 10)  # ten minutes, ten a second

    assert 10 <= len(entries) <= 20
    assert sum(entry.count for entry in entries) > 5000


def test_many_topics_cannot_flood_the_journal() -> None:
    refusals = Refusals()
    entries = [entry for n in range(5000) for entry in refusals.note(f"topic-{n}", "wrong_topic", b"", 0)]

    assert len(entries) == KINDS_AT_A_TIME + 1
    assert entries[-1].topic == SEVERAL


def test_an_hour_has_a_limit_and_counting_goes_on() -> None:
    refusals = Refusals()
    entries = []
    for second in range(0, 3599, 2):
        for kind in range(5):
            entries += refusals.note(f"{second}-{kind}", "older", b"", second * SECOND_NS)

    assert len(entries) == ENTRIES_AN_HOUR
    assert refusals.counts["older"] == 9000
