"""10,000 generated attacks: none is accepted, each is refused for its own reason, and each check is needed."""

from collections import Counter
from datetime import timedelta
from random import Random

import pytest

from loa_protocol import topics
from loa_protocol.acceptance import Floor, Refusal, check, raised_floors
from loa_protocol.documents.plan import Plan
from loa_protocol.envelope import seal
from loa_protocol.topics import Family
from tests.fakes.attacks import CLASSES, Attack, World, without
from tests.fakes.province import COMMUNE, DEVICE, NOW, Province, broadcast, plan, receiver

TOPIC = topics.scoped(Family.PLAN, COMMUNE)
EACH = 850


def _loud(chance: Random, name: str) -> Plan:
    start = NOW + timedelta(milliseconds=chance.randint(0, 2000))
    sound = broadcast(id=name, start=start, latest_start=start + timedelta(minutes=1))
    return plan(version=2_000_000 + chance.randint(1, 10**6), broadcasts=(sound,))


def _world(province: Province) -> tuple[World, dict[tuple[str, str], Floor]]:
    earlier = tuple(seal("plan", plan(version=version), [province.plan]) for version in (900_000, 950_000))
    in_force = plan(version=1_000_000)
    accepted = check(TOPIC, seal("plan", in_force, [province.plan]), receiver(province.trust()))
    world = World(
        plan_key=province.plan,
        ingest_key=province.ingest,
        device=DEVICE,
        other_device="loa-2",
        scope=COMMUNE,
        other_scope="u-xa-2",
        in_force=in_force,
        earlier=earlier,
        now=NOW,
        loud=_loud,
    )
    return world, dict(raised_floors(TOPIC, accepted))


def _refused(attack: Attack, province: Province, floors: dict[tuple[str, str], Floor]) -> str:
    try:
        check(attack.topic, attack.raw, receiver(province.trust(), floors=floors))
    except Refusal as refusal:
        return str(refusal.why)
    return "accepted"


@pytest.mark.parametrize("name", CLASSES)
def test_no_generated_attack_is_accepted_and_each_meets_its_reason(name: str) -> None:
    province, chance = Province(), Random(name)
    world, floors = _world(province)

    met = Counter()
    for _ in range(EACH):
        attack = CLASSES[name](world, chance)
        met[_refused(attack, province, floors) == attack.why] += 1

    assert met == {True: EACH}


@pytest.mark.parametrize("name", CLASSES)
def test_with_its_check_removed_a_class_gets_through(name: str) -> None:
    province, chance = Province(), Random(name)
    world, floors = _world(province)
    attacks = [CLASSES[name](world, chance) for _ in range(300)]

    with without(name):
        met = Counter(_refused(attack, province, floors) for attack in attacks)

    assert met["accepted"] > 0, met
