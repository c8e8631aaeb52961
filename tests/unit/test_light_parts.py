"""Light devices without a network: the journal in memory, what they share, sending until acknowledged."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from edge_agent.journal import AckRefused
from edge_agent.light.journal import LightJournal
from edge_agent.light.process import TooManyDevices, allow
from edge_agent.light.shared import SharedExamination, SharedMerging
from edge_agent.light.upward import Upward
from loa_protocol import topics
from loa_protocol.acceptance import Refusal, Why, check
from loa_protocol.documents.device import Ack
from loa_protocol.documents.plan import ContentSegment
from loa_protocol.documents.trust import Ceilings, Role, RoleKeys
from loa_protocol.envelope import open_payload, parse, seal
from loa_protocol.keys import Ed25519Signer
from loa_protocol.policy import HardLimits
from loa_protocol.receipts import GENESIS, Note, ReceiptBatch, follow_chain
from loa_protocol.topics import Family
from loa_protocol.trust import join_array
from tests.fakes.agent_world import content_named
from tests.fakes.province import COMMUNE, NOW, Province, plan, receiver

TOPIC = topics.scoped(Family.PLAN, COMMUNE)


def written(count: int) -> LightJournal:
    journal = LightJournal()
    for number in range(count):
        journal.append(Note(code=f"n{number}"), at=NOW)
    return journal


def ack(journal: LightJournal, sequence: int) -> Ack:
    _, mark = follow_chain(journal.pending(0, sequence).entries, 0, GENESIS)
    return Ack(scope="d-loa-1", journal=journal.head.journal, sequence=sequence, hash=mark)


def test_the_journal_in_memory_is_one_chain() -> None:
    pending = written(5).pending(0, 100)

    entries, _ = follow_chain(pending.entries, 0, GENESIS)

    assert [entry.sequence for entry in entries] == [1, 2, 3, 4, 5]
    assert pending.gone is None


def test_what_is_acknowledged_is_let_go_and_told_as_gone_when_asked_for_again() -> None:
    journal = written(5)
    acknowledged = ack(journal, 3)

    journal.acknowledge(acknowledged)

    pending = journal.pending(1, 100)
    assert (pending.first, pending.last) == (4, 5)
    assert pending.gone is not None
    assert (pending.gone.first, pending.gone.last, pending.gone.hash) == (2, 3, acknowledged.hash)
    follow_chain(pending.entries, 3, acknowledged.hash)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"journal": "j-other"}, "ack_other_journal"),
        ({"sequence": 9}, "ack_too_high"),
        ({"hash": "a" * 64}, "ack_other_hash"),
    ],
)
def test_an_ack_that_does_not_fit_lets_nothing_go(changes: dict[str, object], reason: str) -> None:
    journal = written(3)

    with pytest.raises(AckRefused) as refused:
        journal.acknowledge(msgspec.structs.replace(ack(journal, 2), **changes))

    assert refused.value.details["reason"] == reason
    assert len(journal.pending(0, 100).entries) == 3


def upward(journal: LightJournal, sent: list[bytes]) -> Upward:
    def send(raw: bytes) -> bool:
        sent.append(raw)
        return True

    return Upward("loa-1", journal, Ed25519Signer.generate(), send, random.Random(1))


def sequences(raw: bytes) -> list[int]:
    entries = open_payload(parse(raw), ReceiptBatch).entries
    return [entry.sequence for entry in follow_chain(tuple(bytes(one) for one in entries), *_before(entries[0]))[0]]


def _before(raw: object) -> tuple[int, str]:
    first = msgspec.json.decode(bytes(raw))  # type: ignore[call-overload]
    return first["sequence"] - 1, first["previous"]


def test_entries_are_sent_again_until_they_are_acknowledged() -> None:
    journal, sent = written(3), list[bytes]()
    way = upward(journal, sent)

    again_s = way.send(0.0)
    way.send(0.1)
    assert [sequences(raw) for raw in sent] == [[1, 2, 3]]

    assert again_s is not None
    way.send(again_s)
    assert [sequences(raw) for raw in sent] == [[1, 2, 3], [1, 2, 3]]

    way.acknowledged(ack(journal, 3), again_s)
    assert way.send(again_s + 100) is None
    assert len(sent) == 2


def test_a_new_connection_sends_what_was_on_its_way_again() -> None:
    journal, sent = written(2), list[bytes]()
    way = upward(journal, sent)
    way.send(0.0)

    way.connected()
    way.send(0.1)

    assert [sequences(raw) for raw in sent] == [[1, 2], [1, 2]]


def test_a_document_is_verified_once_for_all_devices() -> None:
    province, shared = Province(), SharedExamination()
    trust, raw = province.trust(), seal("plan", plan(), [province.plan])

    accepted = [check(TOPIC, bytes(bytearray(raw)), receiver(trust), shared.examine) for _ in range(50)]

    assert (shared.asked, shared.verified) == (50, 1)
    assert all(one.document is accepted[0].document for one in accepted)


def test_a_refusal_is_remembered_as_a_refusal() -> None:
    province, shared = Province(), SharedExamination()
    raw = seal("plan", plan(), [Ed25519Signer.generate("plan-1")])

    for _ in range(3):
        with pytest.raises(Refusal) as refused:
            check(TOPIC, raw, receiver(province.trust()), shared.examine)
        assert refused.value.why is Why.NOT_SIGNED

    assert shared.verified == 1


def test_what_is_remembered_for_one_ring_of_keys_does_not_count_for_another() -> None:
    province, shared = Province(), SharedExamination()
    raw = seal("plan", plan(), [province.plan])
    check(TOPIC, raw, receiver(province.trust()), shared.examine)
    other = Province()

    with pytest.raises(Refusal) as refused:
        check(TOPIC, raw, receiver(other.trust()), shared.examine)

    assert refused.value.why is Why.NOT_SIGNED
    assert shared.verified == 2


def test_scope_floors_and_time_are_judged_for_each_device() -> None:
    province, shared = Province(), SharedExamination()
    raw, known = seal("plan", plan(), [province.plan]), receiver(province.trust())
    check(TOPIC, raw, known, shared.examine)

    def why(changed: Callable[[], object]) -> Why:
        with pytest.raises(Refusal) as refused:
            changed()
        return refused.value.why

    late = receiver(province.trust(), now=NOW + timedelta(days=14))
    stranger = replace(known, assignment=None)
    assert why(lambda: check(TOPIC, raw, late, shared.examine)) is Why.EXPIRED
    assert why(lambda: check(TOPIC, raw, stranger, shared.examine)) is Why.NOT_ASSIGNED


def test_a_trust_list_is_walked_once_for_all_devices() -> None:
    province, shared = Province(), SharedExamination()
    first = province.trust()
    retired = {Role.PLAN: RoleKeys(threshold=1, keys=(province.plan.keyid,))}
    second = province.signed_trust(2, roles={**province.trust_list().roles, **retired})
    message = join_array([first.raw, second])

    walked = [shared.advance(first, bytes(bytearray(message))) for _ in range(20)]

    assert {trust.current.version for trust in walked} == {2}
    assert shared.verified == 1


def test_equal_documents_are_merged_once_and_others_are_not_mistaken_for_them() -> None:
    merging, one, other = SharedMerging(), plan(), plan(broadcasts=())

    first = merging.agenda((one,), ("vi",), frozenset())

    assert merging.agenda((one,), ("vi",), frozenset()) is first
    assert merging.agenda((other,), ("vi",), frozenset()).items == {}
    strict, mild = Ceilings(max_volume=20), Ceilings(max_volume=90)
    assert merging.policy((), strict, HardLimits()) != merging.policy((), mild, HardLimits())


def test_simulated_devices_that_share_a_plan_last_as_long_as_their_own_languages() -> None:
    merging = SharedMerging()
    [broadcast] = plan().broadcasts
    said = ContentSegment(ref="chung", variants={"hmn": "mong", "vi": "viet"})
    lengths = {"chung": 1000, "mong": 4000, "viet": 3000}
    held = msgspec.structs.replace(
        plan(broadcasts=(msgspec.structs.replace(broadcast, segments=(said,), duration_ms=7000),)),
        manifest={ref: content_named(ref, duration_ms=length_ms) for ref, length_ms in lengths.items()},
    )

    told = {
        languages: next(iter(merging.agenda((held,), languages, frozenset()).items.values())).duration_ms
        for languages in (("hmn", "vi"), ("vi",), ("km",), ())
    }

    assert told == {("hmn", "vi"): 7000, ("vi",): 3000, ("km",): 1000, (): 1000}


def test_more_devices_than_the_system_allows_are_refused_with_what_to_do() -> None:
    with pytest.raises(TooManyDevices, match="ulimit"):
        allow(10**9)
