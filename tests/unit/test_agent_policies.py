"""Which policies bind a device: those of the scopes it belongs to now, the stricter wins, and an empty one lets go."""

from datetime import timedelta

import msgspec

from edge_agent.holdings import Holdings
from loa_protocol.documents.device import Membership
from loa_protocol.documents.policy import Policy, Window
from loa_protocol.envelope import seal
from loa_protocol.policy import merge
from loa_protocol.topics import Family, scoped
from tests.fakes.agent_world import COMMUNE, NOW
from tests.unit.test_agent_documents import OWN, PLAN_KEY, assignment, holding, take

ZONE = "g-truong-hoc"
MORNING = (Window(from_minute=300, to_minute=420),)


def policy(scope: str, version: int = 1, **more: object) -> bytes:
    document = Policy(scope=scope, version=version, issued=NOW, expires=NOW + timedelta(days=30), **more)
    return seal("policy", document, [PLAN_KEY])


def in_zone(version: int) -> bytes:
    zone = Membership(group=ZONE, owner=COMMUNE)
    return seal("assignment", msgspec.structs.replace(assignment(), version=version, groups=(zone,)), [PLAN_KEY])


def binding(holdings: Holdings) -> set[str]:
    return {part.scope for part in merge(holdings.policies).parts}


def test_a_device_that_leaves_a_zone_is_bound_by_it_no_longer_and_again_when_it_returns() -> None:
    holdings, _ = holding()
    take(holdings, OWN, in_zone(2))
    take(holdings, scoped(Family.POLICY, COMMUNE), policy(COMMUNE))
    take(holdings, scoped(Family.POLICY, ZONE), policy(ZONE, windows=MORNING))
    inside = binding(holdings)

    take(holdings, OWN, seal("assignment", msgspec.structs.replace(assignment(), version=3), [PLAN_KEY]))
    outside = binding(holdings)
    take(holdings, OWN, in_zone(4))

    assert inside == binding(holdings) == {COMMUNE, ZONE}
    assert outside == {COMMUNE}


def test_an_empty_policy_lets_go_of_the_one_before_it() -> None:
    holdings, _ = holding()
    topic = scoped(Family.POLICY, COMMUNE)
    take(holdings, topic, policy(COMMUNE, windows=MORNING))
    before = merge(holdings.policies).allows(NOW, NOW + timedelta(minutes=1))

    take(holdings, topic, policy(COMMUNE, 2))

    assert before is not None  # 12:00 in Vietnam
    assert merge(holdings.policies).allows(NOW, NOW + timedelta(minutes=1)) is None
