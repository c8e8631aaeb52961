"""Merging policies: the stricter wins, in whatever order and however often they come."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from loa_protocol.documents.policy import Policy
from loa_protocol.documents.trust import Ceilings, LegalHours
from loa_protocol.policy import GRACE, HardLimits, Meter, merge
from tests.property.effort import examples
from tests.property.timeline_world import STEP, T0, instants, policies

ordinary = examples(80)
many = st.lists(policies(), max_size=4)
ceilings = st.builds(
    Ceilings,
    max_volume=st.integers(0, 100),
    legal_hours=st.none() | st.builds(LegalHours, from_minute=st.integers(0, 1440), to_minute=st.integers(0, 1440)),
)
spans = st.tuples(instants, st.integers(1, 120)).map(lambda one: (one[0], one[0] + one[1] * STEP))


@given(many, ceilings, st.randoms(use_true_random=False))
@ordinary
def test_the_order_of_policies_changes_nothing(members: list[Policy], ceiling: Ceilings, chance) -> None:
    turned = list(members)
    chance.shuffle(turned)

    assert merge(turned, ceiling) == merge(members, ceiling)


@given(many, ceilings)
@ordinary
def test_a_policy_that_comes_twice_counts_once(members: list[Policy], ceiling: Ceilings) -> None:
    merged = merge(members, ceiling)

    assert merge([*members, *members], ceiling) == merged
    assert merged & merged == merged


@given(many, many, many, ceilings)
@ordinary
def test_policies_merge_in_any_grouping(a: list[Policy], b: list[Policy], c: list[Policy], ceiling: Ceilings) -> None:
    one, two, three = merge(a), merge(b, ceiling), merge(c)

    assert (one & two) & three == one & (two & three)
    assert one & two == two & one
    assert merge([*a, *b, *c], ceiling) == one & two & three


@given(many, policies(), ceilings, spans, st.integers(0, 100))
@ordinary
def test_one_more_policy_never_allows_more(
    members: list[Policy], more: Policy, ceiling: Ceilings, span: tuple[datetime, datetime], volume: int
) -> None:
    before, after = merge(members), merge([*members, more], ceiling)

    old, new = before.allows(*span), after.allows(*span)
    assert old is None or (new is not None and new.at <= old.at)
    assert after.volume_at(span[0], volume) <= before.volume_at(span[0], volume)
    assert after.volume_over(*span, volume) <= before.volume_over(*span, volume)


@given(many, policies(), st.lists(spans, max_size=6))
@ordinary
def test_one_more_policy_never_gives_more_minutes_or_slots(
    members: list[Policy], more: Policy, wanted: list[tuple[datetime, datetime]]
) -> None:
    before, after = Meter(merge(members)), Meter(merge([*members, more]))
    free = T0
    for begin, end in sorted(wanted):
        if begin < free:
            continue
        free = end

        old, new = before.violation(begin, end), after.violation(begin, end)
        assert old is None or (new is not None and new.at <= old.at)
        for meter in (before, after):
            meter.add(begin, end)


@given(many, spans)
@ordinary
def test_what_is_allowed_is_allowed_in_every_part_of_it(members: list[Policy], span: tuple[datetime, datetime]) -> None:
    policy = merge(members)
    begin, end = span
    violation = policy.allows(begin, end)

    if violation is None:
        at = begin
        while at < end - GRACE:
            assert policy.allows(at, at + timedelta(milliseconds=1)) is None
            at += STEP
    else:
        assert begin <= violation.at < end
        assert policy.allows(violation.at, violation.at + timedelta(milliseconds=1)) is not None


@given(many, ceilings, st.integers(0, 100), spans, st.integers(0, 100))
@ordinary
def test_no_volume_passes_the_ceiling_or_the_hard_limit(
    members: list[Policy], ceiling: Ceilings, hard: int, span: tuple[datetime, datetime], wanted: int
) -> None:
    policy = merge(members, ceiling, HardLimits(max_volume=hard))

    for exempt in (False, True):
        assert policy.volume_over(*span, wanted, exempt=exempt) <= min(wanted, ceiling.max_volume, hard)
