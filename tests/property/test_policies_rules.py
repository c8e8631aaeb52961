"""What is checked at save is what devices do: accepted is not skipped for its policy there, refused would be."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.policies import rules
from controller.policies.rules import BLACKOUT, VOLUME, Airing, airing, judge
from controller.policies.times import Air
from loa_protocol.documents.device import DeviceKind
from loa_protocol.documents.plan import Broadcast, ChimeSegment, OnLate, OnPreempt, Plan
from loa_protocol.documents.policy import Policy
from loa_protocol.ids import Level
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.policy import EffectivePolicy, merge
from loa_protocol.timeline import Past, agenda_of, compute
from tests.property import test_policies_times as days
from tests.property.timeline_world import END, STEP, T0, TRUSTED, Runner, World, policies

ordinary = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
hourly = st.integers(0, 240).map(lambda n: T0 + n * STEP)
weekly = st.integers(-3 * 96, 3 * 96).map(lambda n: T0 + n * timedelta(minutes=15))


@st.composite
def tight(draw: st.DrawFn) -> Policy:
    """At any hour, but not much of it: where what comes first takes the place of what follows."""
    return Policy(
        scope="u-b",
        version=1,
        issued=T0,
        expires=END,
        max_slots_a_day=draw(st.none() | st.integers(1, 2)),
        max_minutes_a_day=draw(st.integers(10, 40)),
    )


held_policies = st.lists(policies() | tight(), min_size=1, max_size=2)


@st.composite
def casts(draw: st.DrawFn, prefix: str, starts: st.SearchStrategy[datetime], most: int) -> list[Broadcast]:
    found = []
    for number in range(draw(st.integers(1, most))):
        start = draw(starts)
        found.append(
            Broadcast(
                id=f"{prefix}-{number}",
                title=prefix,
                start=start,
                latest_start=start + draw(st.sampled_from([0, 0, 1, 10, 40])) * STEP,
                issued=T0 - timedelta(days=9),
                duration_ms=draw(st.integers(1, 60)) * 30_000,
                level=draw(st.sampled_from([Level.NORMAL, Level.NORMAL, Level.PRIORITY])),
                authority=draw(st.integers(0, 2)),
                segments=(ChimeSegment(name="ding", duration_ms=1000),),
                on_preempt=draw(st.sampled_from(list(OnPreempt))),
                on_late=draw(st.sampled_from([OnLate.BEGIN, OnLate.BEGIN, OnLate.REST])),
                volume=draw(st.integers(0, 100)),
                stagger=draw(st.booleans()),
            )
        )
    return found


def plan(broadcasts: Sequence[Broadcast]) -> Plan:
    end = END + timedelta(days=13)
    return Plan(scope="u-a", version=1, issued=T0, expires=end, horizon=end, broadcasts=tuple(broadcasts))


def lived(broadcasts: Sequence[Broadcast], policy: Sequence[Policy]) -> dict[str, Past]:
    """What a device did that held these documents, hour by hour."""
    runner = Runner(World(plans=(plan(broadcasts),), policies=tuple(policy)), T0 - STEP)
    for hour in range(1, 7):
        runner.go_to(T0 + timedelta(hours=hour))
    return {occurrence.id: past for occurrence, past in runner.history.items()}


def ruled_out(fates: dict[str, Past]) -> set[str]:
    return {key for key, past in fates.items() if past.reason is Reason.POLICY}


def airings(broadcasts: Sequence[Broadcast], *, recurring: bool = False) -> list[Airing]:
    return [airing(one, ["u-a"], recurring=recurring) for one in broadcasts]


def agrees(
    troubles: Sequence[rules.Trouble], before: set[str], after: set[str], planned: set[str], proposed: set[str]
) -> None:
    """`before` and `after`: what the device silenced for its policy without and with what was proposed."""
    refused = {one.key for one in troubles if one.rule != VOLUME and not one.fell}
    fell = {one.fell for one in troubles if one.fell}
    assert refused == after & proposed
    assert fell == (after - before) & planned
    assert {one.key for one in troubles} <= proposed


@given(held_policies, casts("da-co", hourly, 4), casts("moi", hourly, 3), st.booleans())
@ordinary
def test_what_is_accepted_is_not_skipped_for_its_policy_and_what_is_refused_is(
    held: list[Policy], planned: list[Broadcast], proposed: list[Broadcast], recurring: bool
) -> None:
    troubles = judge(merge(held), airings(planned), airings(proposed, recurring=recurring))

    before, after = ruled_out(lived(planned, held)), ruled_out(lived([*planned, *proposed], held))
    agrees(troubles, before, after, {one.id for one in planned}, {one.id for one in proposed})


@given(
    st.builds(merge, st.lists(days.policies(), min_size=1, max_size=2), days.ceilings),
    casts("da-co", weekly, 8),
    casts("moi", weekly, 4),
    st.integers(0, 2),
)
@ordinary
def test_it_agrees_over_days_zones_ceilings_and_turns(
    policy: EffectivePolicy, planned: list[Broadcast], proposed: list[Broadcast], turn: int
) -> None:
    troubles = judge(policy, airings(planned), airings(proposed), turn=turn)

    silenced = []
    for held in (planned, [*planned, *proposed]):
        now = min(one.start for one in held)
        found = compute(agenda_of([plan(held)]), policy, {}, clock=TRUSTED, now=now, kind=DeviceKind.SPEAKER, turn=turn)
        silenced.append({key.id for key, one in found.verdicts.items() if one.reason is Reason.POLICY})
    agrees(troubles, *silenced, {one.id for one in planned}, {one.id for one in proposed})


@given(st.lists(policies(), max_size=2), casts("moi", hourly, 1))
@ordinary
def test_a_volume_that_is_noted_is_the_volume_that_sounds(held: list[Policy], proposed: list[Broadcast]) -> None:
    troubles = judge(merge(held), (), airings(proposed))

    found = World(plans=(plan(proposed),), policies=tuple(held)).timeline(T0 - STEP)
    noted = [one.lowered for one in troubles if one.rule == VOLUME]
    for segment in found.segments:
        assert segment.volume == (noted[0] if noted else proposed[0].volume)


@given(st.lists(policies(), max_size=2), policies(), casts("moi", hourly, 1))
@ordinary
def test_one_more_policy_never_lets_more_through(held: list[Policy], more: Policy, proposed: list[Broadcast]) -> None:
    before, after = (judge(merge(rules), (), airings(proposed)) for rules in (held, [*held, more]))

    refused = [any(one.rule != VOLUME for one in troubles) for troubles in (before, after)]
    lowered = [min((one.lowered or 0 for one in found if one.rule == VOLUME), default=100) for found in (before, after)]
    assert refused[1] or not refused[0]
    assert lowered[1] <= lowered[0]


@given(days.rules, days.rules, days.busy(), days.starts, days.lengths)
@ordinary
def test_no_time_suits_two_policies_that_does_not_suit_each(
    one: EffectivePolicy,
    other: EffectivePolicy,
    busy: tuple[tuple[datetime, datetime], ...],
    start: datetime,
    length: timedelta,
) -> None:
    if Air(one & other, busy).suits(start, length):
        assert Air(one, busy).suits(start, length)
        assert Air(other, busy).suits(start, length)


@given(st.lists(policies(), max_size=1), st.lists(policies(), max_size=2), casts("da-co", hourly, 5))
@ordinary
def test_a_changed_policy_tells_exactly_what_it_silences(
    old: list[Policy], new: list[Policy], planned: list[Broadcast]
) -> None:
    told = rules.fallen(merge(old), merge(new), airings(planned))

    assert {one.key for one in told} == ruled_out(lived(planned, new)) - ruled_out(lived(planned, old))


@given(held_policies, casts("da-co", hourly, 4), casts("moi", hourly, 2))
@ordinary
def test_the_order_of_what_is_asked_changes_nothing(
    held: list[Policy], planned: list[Broadcast], proposed: list[Broadcast]
) -> None:
    one = judge(merge(held), airings(planned), airings(proposed))
    other = judge(merge(held), airings(planned[::-1]), airings(proposed[::-1]))

    assert set(one) == set(other)


@given(held_policies, casts("moi", hourly, 2))
@ordinary
def test_an_occurrence_on_a_silent_date_is_left_out_and_counts_for_nothing(
    held: list[Policy], proposed: list[Broadcast]
) -> None:
    many = judge(merge(held), (), airings(proposed, recurring=True))
    single = judge(merge(held), (), airings(proposed))

    out = {one.key for one in many if one.rule == BLACKOUT}
    assert out == {one.key for one in single if one.rule == BLACKOUT}
    assert {one.rule for one in many if one.key in out} <= {BLACKOUT}


def test_the_strategies_reach_what_they_are_for() -> None:
    """Each kind of answer occurs, so that the properties above say something."""
    seen: set[str] = set()

    @given(held_policies, casts("da-co", hourly, 4), casts("moi", hourly, 3))
    @settings(ordinary, max_examples=100)
    def collect(held: list[Policy], planned: list[Broadcast], proposed: list[Broadcast]) -> None:
        troubles = judge(merge(held), airings(planned), airings(proposed))
        seen.update(one.rule for one in troubles)
        seen.update("fell" for one in troubles if one.fell)
        seen.add("accepted" if not troubles else "")
        found = lived([*planned, *proposed], held)
        seen.update("played" for past in found.values() if past.outcome is Outcome.PLAYED)

    collect()

    assert {"hours", "minutes", "slots", VOLUME, "fell", "accepted", "played"} <= seen
