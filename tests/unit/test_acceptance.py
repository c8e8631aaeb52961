"""What a device accepts, and the exact reason why it refuses everything else."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from loa_protocol import topics
from loa_protocol.acceptance import Accepted, Refusal, Why, check, covers, kept_floors, raised_floors
from loa_protocol.documents.device import Ack, ClockState, TimeAnswer
from loa_protocol.documents.emergency import Stop
from loa_protocol.envelope import seal
from loa_protocol.ids import Level
from loa_protocol.keys import Ed25519Signer
from loa_protocol.topics import Family
from tests.fakes.province import COMMUNE, DEVICE, NOW, Province, assignment, broadcast, plan, receiver

PLAN_TOPIC = topics.scoped(Family.PLAN, COMMUNE)


def _why(topic: str, raw: bytes, province: Province, **known: object) -> Why:
    with pytest.raises(Refusal) as caught:
        check(topic, raw, receiver(province.trust(), **known))  # type: ignore[arg-type]
    return caught.value.why


def test_a_signed_plan_of_an_assigned_scope_is_accepted() -> None:
    province = Province()

    accepted = check(PLAN_TOPIC, seal("plan", plan(), [province.plan]), receiver(province.trust()))

    assert accepted.document == plan()
    assert not accepted.unchanged


def test_the_same_plan_again_is_accepted_and_changes_nothing() -> None:
    province = Province()
    raw = seal("plan", plan(), [province.plan])
    first = check(PLAN_TOPIC, raw, receiver(province.trust()))

    again = check(PLAN_TOPIC, raw, receiver(province.trust(), floors=dict(raised_floors(PLAN_TOPIC, first))))

    assert again.unchanged


def test_an_older_plan_is_refused() -> None:
    province = Province()
    first = check(PLAN_TOPIC, seal("plan", plan(), [province.plan]), receiver(province.trust()))
    older = seal("plan", plan(version=999), [province.plan])

    assert _why(PLAN_TOPIC, older, province, floors=dict(raised_floors(PLAN_TOPIC, first))) is Why.OLDER


def test_another_plan_of_the_same_version_is_equivocation() -> None:
    province = Province()
    first = check(PLAN_TOPIC, seal("plan", plan(), [province.plan]), receiver(province.trust()))
    other = seal("plan", plan(broadcasts=()), [province.plan])

    assert _why(PLAN_TOPIC, other, province, floors=dict(raised_floors(PLAN_TOPIC, first))) is Why.EQUIVOCATION


ATTACKS: list[tuple[str, Why, Callable[[Province], bytes]]] = [
    ("forged", Why.NOT_SIGNED, lambda p: seal("plan", plan(), [Ed25519Signer.generate(p.plan.keyid)])),
    ("wrong role", Why.NOT_SIGNED, lambda p: seal("plan", plan(), [p.ingest])),
    ("another scope inside", Why.WRONG_SCOPE, lambda p: seal("plan", plan(scope="u-tinh-1"), [p.plan])),
    ("expired", Why.EXPIRED, lambda p: seal("plan", plan(expires=NOW), [p.plan])),
    (
        "from the future",
        Why.ISSUED_IN_FUTURE,
        lambda p: seal("plan", plan(issued=NOW + timedelta(minutes=6)), [p.plan]),
    ),
    ("lives too long", Why.LIVES_TOO_LONG, lambda p: seal("plan", plan(expires=NOW + timedelta(days=30)), [p.plan])),
    (
        "emergency in a plan",
        Why.EMERGENCY_IN_PLAN,
        lambda p: seal("plan", plan(broadcasts=(broadcast(level=Level.EMERGENCY),)), [p.plan]),
    ),
    ("another kind", Why.WRONG_TYPE, lambda p: seal("assignment", assignment(), [p.plan])),
    ("truncated", Why.MALFORMED, lambda p: seal("plan", plan(), [p.plan])[:-20]),
    ("oversize", Why.OVERSIZE, lambda p: seal("plan", plan(), [p.plan]) + b" " * 300_000),
    (
        "duplicate key",
        Why.DUPLICATE_KEY,
        lambda p: seal("plan", plan(), [p.plan]).replace(b'"payload":', b'"payload":"","payload":', 1),
    ),
]


@pytest.mark.parametrize(("why", "make"), [attack[1:] for attack in ATTACKS], ids=[attack[0] for attack in ATTACKS])
def test_an_attack_is_refused_for_its_own_reason(why: Why, make: Callable[[Province], bytes]) -> None:
    province = Province()

    assert _why(PLAN_TOPIC, make(province), province) is why


def test_a_plan_of_a_scope_that_is_not_ours_is_refused() -> None:
    province = Province()
    foreign = seal("plan", plan(scope="u-xa-2"), [province.plan])

    assert _why(topics.scoped(Family.PLAN, "u-xa-2"), foreign, province) is Why.NOT_ASSIGNED


def test_another_devices_assignment_is_refused() -> None:
    province = Province()
    foreign = seal("assignment", assignment(scope="d-loa-2"), [province.plan])

    assert _why(topics.to_device(Family.ASSIGNMENT, "loa-2"), foreign, province) is Why.NOT_ASSIGNED


@pytest.mark.parametrize("topic", ["loa/v1/plan/u-xa-1/x", "loa/v2/plan/u-xa-1", "loa/v1/plan/U-XA", "x", ""])
def test_an_unknown_topic_is_refused(topic: str) -> None:
    province = Province()

    assert _why(topic, seal("plan", plan(), [province.plan]), province) is Why.WRONG_TOPIC


def test_without_a_trusted_clock_a_plan_waits() -> None:
    province = Province()
    raw = seal("plan", plan(), [province.plan])

    assert _why(PLAN_TOPIC, raw, province, state=ClockState.UNTRUSTED) is Why.CLOCK_UNTRUSTED


def test_stop_time_and_ack_need_no_clock() -> None:
    province = Province()
    known = receiver(province.trust(), state=ClockState.UNTRUSTED)
    stop = Stop(scope=COMMUNE, version=1, issued=NOW, expires=NOW + timedelta(hours=1), until=NOW)
    answer = TimeAnswer(scope=f"d-{DEVICE}", nonce="n" * 16, now=NOW)
    ack = Ack(scope=f"d-{DEVICE}", journal="j", sequence=0, hash="0" * 64)

    accepted = [
        check(topics.scoped(Family.STOP, COMMUNE), seal("stop", stop, [province.plan]), known),
        check(topics.to_device(Family.REPLY, DEVICE), seal("time-answer", answer, [province.plan]), known),
        check(topics.to_device(Family.ACK, DEVICE), seal("ack", ack, [province.ingest]), known),
    ]

    assert [type(one) for one in accepted] == [Accepted] * 3


def test_when_the_trust_list_has_run_out_nothing_new_is_obeyed() -> None:
    province = Province()
    later = NOW + timedelta(days=701)
    raw = seal("plan", plan(issued=later, expires=later + timedelta(days=1)), [province.plan])

    assert _why(PLAN_TOPIC, raw, province, now=later) is Why.TRUST_EXPIRED


def test_floors_of_keys_the_trust_list_no_longer_knows_are_forgotten() -> None:
    province, successor = Province(), Province()
    first = check(PLAN_TOPIC, seal("plan", plan(), [province.plan]), receiver(province.trust()))
    floors = dict(raised_floors(PLAN_TOPIC, first))

    assert kept_floors(floors, province.trust()) == floors
    assert kept_floors(floors, successor.trust()) == {}


def test_a_key_of_one_commune_does_not_speak_for_the_province() -> None:
    chain = ("d-loa-1", "u-thon-1", "u-xa-1", "u-tinh-1")

    assert covers(("u-xa-1",), "u-thon-1", chain)
    assert covers(("u-xa-1",), "u-xa-1", chain)
    assert not covers(("u-xa-1",), "u-tinh-1", chain)
    assert not covers(("u-xa-1",), "u-xa-2", chain)
