"""Documents and trust on the device: floors before acting, the disk believed no more than the broker."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from edge_agent.documents import DocumentStore, StoredDocument, superfluous
from edge_agent.holdings import Holdings, newer_elsewhere
from edge_agent.trust_store import TrustStore
from loa_protocol import topics
from loa_protocol.acceptance import Floor, Receiver, check, raised_floors
from loa_protocol.clock import ClockReading
from loa_protocol.documents.device import Assignment, ClockState, CommandReply, DeviceKind
from loa_protocol.documents.plan import Broadcast, Plan, Withdrawn
from loa_protocol.documents.trust import KeyStatus, Role, RoleKeys, TrustList
from loa_protocol.envelope import seal
from loa_protocol.keys import Ed25519Signer
from loa_protocol.receipts import Occurrence
from loa_protocol.topics import Family
from loa_protocol.trust import TrustRefused, join_array, pin
from tests.fakes.agent_world import COMMUNE, DEVICE, NOW

ROOT, PLAN_KEY = Ed25519Signer.generate("root"), Ed25519Signer.generate("plan-1")
TRUSTED = ClockReading(ClockState.TRUSTED, NOW, 5, "time-answer")
TOPIC = topics.scoped(Family.PLAN, COMMUNE)
OWN = topics.to_device(Family.ASSIGNMENT, DEVICE)


def listed(version: int = 1, *, status: KeyStatus = KeyStatus.ACTIVE, drop_plan_key: bool = False) -> bytes:
    keys = {"root": ROOT.trust_key("root")}
    if not drop_plan_key:
        key = PLAN_KEY.trust_key("plan-1")
        keys["plan-1"] = type(key)(alg=key.alg, public=key.public, person=key.person, status=status)
    document = TrustList(
        version=version,
        issued=NOW - timedelta(days=1),
        expires=NOW + timedelta(days=365),
        keys=keys,
        roles={
            Role.ROOT: RoleKeys(threshold=1, keys=("root",)),
            Role.PLAN: RoleKeys(threshold=1, keys=("plan-1",)),
        },
    )
    return seal("trust", document, [ROOT])


def broadcast(name: str) -> Broadcast:
    return Broadcast(id=name, start=NOW, latest_start=NOW, duration_ms=1000)


def plan(version: int, *names: str, withdrawn: tuple[str, ...] = ()) -> Plan:
    return Plan(
        scope=COMMUNE,
        version=version,
        issued=NOW,
        expires=NOW + timedelta(days=13),
        horizon=NOW + timedelta(days=13),
        broadcasts=tuple(broadcast(name) for name in names),
        withdrawn=tuple(Withdrawn(id=name, rev=0) for name in withdrawn),
    )


def assignment() -> Assignment:
    return Assignment(
        scope=f"d-{DEVICE}",
        version=1,
        issued=NOW,
        expires=NOW + timedelta(days=300),
        kind=DeviceKind.SPEAKER,
        units=(COMMUNE,),
    )


def take(holdings: Holdings, topic: str, raw: bytes) -> StoredDocument:
    accepted = check(topic, raw, holdings.receiver(TRUSTED))
    stored = StoredDocument(topic, accepted.digest, accepted.document.version, raw, NOW)
    holdings.add(stored, accepted)
    return stored


def holding(*plans: Plan) -> tuple[Holdings, list[StoredDocument]]:
    holdings = Holdings(DEVICE, pin(listed()))
    stored = [take(holdings, OWN, seal("assignment", assignment(), [PLAN_KEY]))]
    stored += [take(holdings, TOPIC, seal("plan", one, [PLAN_KEY])) for one in plans]
    return holdings, stored


def test_plans_of_a_unit_the_device_has_left_ask_for_nothing_until_it_returns() -> None:
    holdings, _ = holding(plan(1, "tin"))
    moved = msgspec.structs.replace(assignment(), version=2, units=("u-xa-khac",))

    take(holdings, OWN, seal("assignment", moved, [PLAN_KEY]))
    elsewhere = holdings.plans
    take(holdings, OWN, seal("assignment", msgspec.structs.replace(assignment(), version=3), [PLAN_KEY]))

    assert elsewhere == ()
    assert [one.broadcasts[0].id for one in holdings.plans] == ["tin"]


async def test_a_document_and_its_floors_are_committed_together(tmp_path: Path) -> None:
    store = DocumentStore(tmp_path / "documents.sqlite")
    await store.open()
    document = StoredDocument(TOPIC, "d" * 64, 7, b"raw", NOW)
    await store.accept(document, {(TOPIC, "key"): Floor(7, "d" * 64)}, keep_older=False)
    await store.close()
    again = DocumentStore(tmp_path / "documents.sqlite")
    await again.open()

    floors, held = await again.load()

    assert floors == {(TOPIC, "key"): Floor(7, "d" * 64)}
    assert held == (document,)
    await again.close()


@pytest.mark.parametrize(("keep_older", "versions"), [(True, [1, 2]), (False, [2])])
async def test_only_plans_keep_their_older_versions(tmp_path: Path, keep_older: bool, versions: list[int]) -> None:
    store = DocumentStore(tmp_path / "documents.sqlite")
    await store.open()
    for version in (1, 2):
        document = StoredDocument(TOPIC, f"{version:064x}", version, b"raw", NOW)
        await store.accept(document, {}, keep_older=keep_older)

    _, held = await store.load()

    assert [one.version for one in held] == versions
    await store.close()


async def test_a_command_is_taken_once_and_its_reply_is_kept(tmp_path: Path) -> None:
    store = DocumentStore(tmp_path / "documents.sqlite")
    await store.open()
    expires = NOW + timedelta(minutes=5)

    first = await store.begin_command("c-1", expires=expires, now=NOW)
    under_way = await store.begin_command("c-1", expires=expires, now=NOW)
    await store.end_command(CommandReply(device=DEVICE, id="c-1", code="busy", message="later"))
    done = await store.begin_command("c-1", expires=expires, now=NOW)

    assert (first, under_way) == (True, False)
    assert isinstance(done, CommandReply)
    assert (done.code, done.message) == ("busy", "later")
    await store.close()


def test_what_the_disk_holds_is_verified_again() -> None:
    _, stored = holding(plan(10, "mot"))
    forged = replace(stored[1], raw=seal("plan", plan(11, "gia"), [Ed25519Signer.generate("plan-1")]))
    holdings = Holdings(DEVICE, pin(listed()))

    refused = holdings.restore([forged, *stored])

    assert [str(refusal.why) for _, refusal in refused] == ["not_signed"]
    assert [one.id for held in holdings.plans for one in held.broadcasts] == ["mot"]
    assert holdings.assignment == assignment()


def test_a_restored_document_raises_its_floor_even_if_the_floor_was_lost() -> None:
    _, stored = holding(plan(10, "mot"))
    holdings = Holdings(DEVICE, pin(listed()))
    holdings.restore(stored)

    receiver: Receiver = holdings.receiver(TRUSTED)

    with pytest.raises(Exception, match="version 9 after 10"):
        check(TOPIC, seal("plan", plan(9, "cu"), [PLAN_KEY]), receiver)


def test_a_revoked_key_takes_its_documents_along_and_what_they_played() -> None:
    holdings, _ = holding(plan(10, "mot"))

    fallen = holdings.trusted(pin(listed(2, status=KeyStatus.REVOKED)))

    assert {stored.topic for stored in fallen} == {OWN, TOPIC}
    assert holdings.plans == ()
    assert holdings.dropped == {Occurrence(id="mot")}
    assert holdings.floors == {}


def test_a_retired_key_leaves_its_documents_standing() -> None:
    holdings, _ = holding(plan(10, "mot"))

    fallen = holdings.trusted(pin(listed(2, status=KeyStatus.RETIRED)))

    assert fallen == ()
    assert len(holdings.plans) == 1
    assert holdings.floors


def test_a_key_the_new_list_does_not_know_loses_its_floors() -> None:
    holdings, _ = holding(plan(10, "mot"))

    holdings.trusted(pin(listed(2, drop_plan_key=True)))

    assert holdings.floors == {}


def test_the_newest_plan_is_kept_and_older_ones_as_long_as_they_alone_speak_of_something() -> None:
    plans = [("v1", plan(1, "a", "b")), ("v2", plan(2, "b", "c")), ("v3", plan(3, "c"))]

    assert superfluous(plans, []) == ()
    assert superfluous(plans, [Occurrence(id="a")]) == ("v1",)
    assert set(superfluous(plans, [Occurrence(id="a"), Occurrence(id="b")])) == {"v1", "v2"}
    assert superfluous([("v1", plan(1))], []) == ()


def test_a_withdrawal_is_kept_while_an_older_plan_could_bring_the_broadcast_back() -> None:
    plans = [("v1", plan(1, "a", "b")), ("v2", plan(2, "b", withdrawn=("a",))), ("v3", plan(3, "b"))]

    assert superfluous(plans, []) == ("v1",)
    assert set(superfluous(plans, [Occurrence(id="a")])) == {"v1", "v2"}


def test_newer_versions_elsewhere_are_named() -> None:
    assert newer_elsewhere({"a": 3, "b": 2}, {"a": 3, "b": 5, "c": 1}) == ("b", "c")


def test_trust_is_walked_kept_and_walked_again_after_a_restart(tmp_path: Path) -> None:
    pinned = tmp_path / "pinned.json"
    pinned.write_bytes(listed(1))
    store = TrustStore(pinned, tmp_path / "trust.json")
    trust, _ = store.load()

    newest = store.walk(trust, join_array([listed(1), listed(2), listed(3)]))

    again, damaged = TrustStore(pinned, tmp_path / "trust.json").load()
    assert newest.current.version == again.current.version == 3
    assert not damaged


def test_a_trust_list_signed_by_nobody_we_know_changes_nothing(tmp_path: Path) -> None:
    pinned = tmp_path / "pinned.json"
    pinned.write_bytes(listed(1))
    store = TrustStore(pinned, tmp_path / "trust.json")
    trust, _ = store.load()
    stranger = Ed25519Signer.generate("root")
    document = TrustList(
        version=2,
        issued=NOW,
        expires=NOW + timedelta(days=1),
        keys={"root": stranger.trust_key("root")},
        roles={Role.ROOT: RoleKeys(threshold=1, keys=("root",))},
    )

    with pytest.raises(TrustRefused):
        store.walk(trust, join_array([listed(1), seal("trust", document, [stranger])]))

    assert not (tmp_path / "trust.json").exists()


def test_a_damaged_trust_file_falls_back_to_the_pinned_list(tmp_path: Path) -> None:
    pinned = tmp_path / "pinned.json"
    pinned.write_bytes(listed(1))
    (tmp_path / "trust.json").write_bytes(b"[{}")

    trust, damaged = TrustStore(pinned, tmp_path / "trust.json").load()

    assert (trust.current.version, damaged) == (1, True)
    assert (tmp_path / "trust.json.damaged").exists()


def test_without_a_pinned_list_there_is_no_device(tmp_path: Path) -> None:
    with pytest.raises(TrustRefused, match="provision"):
        TrustStore(tmp_path / "none.json", tmp_path / "trust.json").load()


def test_raised_floors_name_the_topic_and_the_raw_key() -> None:
    holdings, _ = holding(plan(10, "mot"))
    accepted = check(TOPIC, seal("plan", plan(11, "hai"), [PLAN_KEY]), holdings.receiver(TRUSTED))

    (floor,) = raised_floors(TOPIC, accepted).items()

    assert floor[0][0] == TOPIC
    assert floor[1].version == 11
