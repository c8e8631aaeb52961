"""The promises of the timeline, whatever the documents say and whenever they come."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from loa_protocol.documents.device import DeviceKind
from loa_protocol.documents.emergency import AlertCancel
from loa_protocol.documents.plan import Broadcast, OnLate, OnPreempt, Plan, Withdrawn
from loa_protocol.documents.policy import Policy
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.timeline import TURN_GAP_MS, Class, Past, Phase, Timeline
from tests.property.effort import examples
from tests.property.timeline_world import (
    END,
    GRACE,
    SPAN,
    STEP,
    T0,
    Runner,
    World,
    additions,
    broadcasts,
    fates,
    instants,
    overlapping,
    policies,
    shape,
    stop_orders,
    worlds,
)

ordinary = examples(25)
thorough = examples(30)
LOCAL = ZoneInfo("Asia/Ho_Chi_Minh")


def lawful(policies: tuple[Policy, ...], instant: datetime) -> bool:
    """A second opinion on hours and dates, by looking at the local clock."""
    local = instant.astimezone(LOCAL)
    minute = local.hour * 60 + local.minute
    return all(
        (
            not policy.windows
            or any(w.from_minute <= minute < w.to_minute and local.isoweekday() in w.weekdays for w in policy.windows)
        )
        and not any(b.first <= local.date() <= b.last for b in policy.blackouts)
        for policy in policies
    )


def in_the_middle(world: World, moment: int) -> datetime:
    """An instant at which something sounds, if anything ever does."""
    segments = world.timeline(T0).segments
    if not segments:
        return T0 + moment * STEP
    segment = segments[moment % len(segments)]
    return segment.begin + (segment.end - segment.begin) / 2


def shuffled(plan: Plan, chance: random.Random) -> Plan:
    """The same plan, written in another order."""
    members = list(plan.broadcasts)
    chance.shuffle(members)
    return msgspec.structs.replace(plan, broadcasts=tuple(members))


@given(worlds(), instants)
@thorough
def test_every_item_gets_exactly_one_verdict(world: World, now: datetime) -> None:
    timeline = world.timeline(now)

    assert set(timeline.verdicts) == set(world.agenda.items)
    for segment in timeline.segments:
        assert timeline.verdicts[segment.occurrence].phase is not Phase.DONE


@given(worlds(), instants)
@thorough
def test_sounds_never_overlap(world: World, now: datetime) -> None:
    timeline = world.timeline(now)

    assert overlapping((s.begin, s.end, s.occurrence) for s in timeline.segments) == []


@given(worlds(), instants)
@thorough
def test_only_a_higher_class_cuts(world: World, now: datetime) -> None:
    segments = world.timeline(now).segments

    for segment in segments:
        whole = segment.begin + segment.item.duration - timedelta(milliseconds=segment.offset_ms)
        if segment.end < whole:
            assert [s.cls for s in segments if s.begin == segment.end and s.cls > segment.cls]


@given(worlds(stops=False), instants, st.randoms(use_true_random=False))
@ordinary
def test_the_order_in_which_documents_came_changes_nothing(world: World, now: datetime, chance: random.Random) -> None:
    before = Runner(world, T0)
    before.go_to(now)
    plans = [shuffled(plan, chance) for plan in world.plans]
    lists = [plans, list(world.alerts), list(world.cancels), list(world.policies), list(before.history.items())]
    for members in lists:
        chance.shuffle(members)
    again = World(
        tuple(lists[0]),
        tuple(lists[1]),
        tuple(lists[2]),
        (),
        tuple(lists[3]),
        stagger_ms=world.stagger_ms,
        turn=world.turn,
        languages=world.languages,
    )

    assert again.timeline(now, dict(lists[4])) == world.timeline(now, before.history)


@given(worlds(), st.lists(instants, min_size=1, max_size=4))
@examples(60)
def test_stepping_through_time_gives_what_one_look_foretold(world: World, stops_at: list[datetime]) -> None:
    foretold = world.timeline(T0)
    runner = Runner(world, T0)

    for now in sorted(stops_at):
        runner.go_to(now)
        assert shape(runner.timeline, now) == shape(foretold, now)
        assert fates(runner.timeline) == fates(foretold)


@given(worlds(), st.lists(st.tuples(instants, worlds(stops=False)), max_size=3))
@thorough
def test_what_sounds_while_documents_arrive_keeps_the_rules(first: World, news: list[tuple[datetime, World]]) -> None:
    runner = Runner(replace(first, stops=()), T0)
    for now, more in sorted(news, key=lambda one: one[0]):
        runner.go_to(now)
        runner.look(now, additions(runner.world, more))
    runner.go_to(END)

    assert overlapping(runner.sounded) == []
    for past in runner.history.values():
        begun = [s for s in past.stretches if s.offset_ms == 0]
        assert len(begun) <= 1 or (past.item is not None and past.item.on_preempt is OnPreempt.RESTART)
        assert past.outcome is not None
        assert past.outcome is not Outcome.SKIPPED or not past.stretches
        assert past.outcome is not Outcome.PLAYED or past.stretches
        assert past.outcome is not Outcome.INTERRUPTED or past.reason is Reason.WITHDRAWN


@given(worlds(), instants, st.lists(st.tuples(instants, policies()), min_size=1, max_size=3))
@examples(60)
def test_nothing_ordinary_sounds_outside_the_policy(
    world: World, boot: datetime, news: list[tuple[datetime, Policy]]
) -> None:
    news = [(max(boot, now), policy) for now, policy in news]
    runner = Runner(world, boot)
    spans = []
    for now, policy in [*sorted(news, key=lambda one: one[0]), (END, news[0][1])]:
        since = runner.now
        runner.go_to(now)
        spans += [(max(a, since), min(b, now), key, runner.world.policies) for a, b, key in runner.sounded]
        runner.look(now, replace(runner.world, policies=(policy,)))

    for begin, end, key, in_force in spans:
        shift = timedelta(milliseconds=runner.world.stagger_ms if runner.items[key].stagger else 0)
        at = begin - shift
        while at < end - GRACE - shift:
            assert runner.items[key].cls is Class.ALERT or lawful(in_force, at)
            at += STEP


@given(worlds(stops=False), st.integers(5, 40), st.lists(instants, min_size=1, max_size=3))
@thorough
def test_minutes_a_day_are_never_exceeded(world: World, limit: int, looks: list[datetime]) -> None:
    rule = Policy(scope="u-a", version=1, issued=T0, expires=END, max_minutes_a_day=limit)
    runner = Runner(replace(world, policies=(rule,)), T0)
    for now in sorted(looks):
        runner.go_to(now)
    runner.go_to(END)

    total = sum((b - a for a, b, key in runner.sounded if key.kind == "broadcast"), timedelta())
    assert total <= timedelta(minutes=limit) + GRACE


@given(worlds(stops=False), st.integers(0, 20), st.data())
@thorough
def test_after_a_stop_nothing_due_before_its_end_sounds(world: World, moment: int, data: st.DataObject) -> None:
    now = in_the_middle(world, moment)
    stop = replace(data.draw(stop_orders(now)), broadcast=None)
    runner = Runner(world, T0)
    runner.go_to(now)
    playing = [key for key, past in runner.history.items() if past.playing]
    runner.look(now, replace(world, stops=(stop,)))
    runner.go_to(END)

    for begin, end, key in runner.sounded:
        item = runner.items[key]
        later_alert = stop.by_plan_key and item.cls is Class.ALERT and item.issued > now
        if item.start < stop.until or begin < now:
            assert end <= now or later_alert
    for key in playing:
        past = runner.history[key]
        assert (past.outcome, past.reason) == (Outcome.PARTIAL, Reason.STOPPED) or past.item.start >= now


@given(worlds(), st.integers(0, 20), instants)
@thorough
def test_after_a_power_cut_nothing_that_had_begun_sounds_again(world: World, moment: int, back: datetime) -> None:
    runner = Runner(world, T0)
    now = in_the_middle(world, moment)
    runner.go_to(now)
    journal = {k: p if p.outcome else Past(at=p.at) for k, p in runner.history.items() if p.outcome or p.stretches}
    lost = {key for key, past in journal.items() if past.outcome is None}
    again = Runner(world, max(now, back), dict(journal))
    again.go_to(END)

    assert not {key for _, end, key in again.sounded if end > now} & set(journal)
    assert {again.history[key].reason for key in lost} <= {Reason.POWER_CUT}


@given(worlds(stops=False), instants)
@thorough
def test_an_alert_is_never_delayed_by_anything_below(world: World, now: datetime) -> None:
    alone = World(alerts=tuple(a for a in world.alerts if a.status == "actual"), cancels=world.cancels)
    mixed = replace(world, alerts=alone.alerts)

    with_others = [s for s in shape(mixed.timeline(now), now) if s[0] in alone.agenda.items]
    assert with_others == shape(alone.timeline(now), now)


@given(worlds(stops=False), st.integers(0, 20), st.sets(st.integers(0, 12)))
@thorough
def test_what_is_taken_back_never_sounds_afterwards(world: World, moment: int, picked: set[int]) -> None:
    now = in_the_middle(world, moment)
    runner = Runner(world, T0)
    runner.go_to(now)
    known = sorted(runner.world.agenda.items, key=lambda key: (key.kind, key.id, key.index))
    taken = [key for index, key in enumerate(known) if index in picked or runner.history.get(key, Past()).playing]
    plan = Plan(
        scope="u-b",
        version=9,
        issued=now,
        expires=END,
        horizon=END,
        withdrawn=tuple(Withdrawn(id=key.id, rev=2) for key in taken if key.kind == "broadcast"),
    )
    cancels = tuple(AlertCancel(id=key.id, scope="u-a", issued=now) for key in taken if key.kind == "alert")
    runner.look(now, additions(world, World(plans=(plan,), cancels=cancels)))
    runner.go_to(END)

    assert set(taken) <= runner.world.agenda.gone
    assert not [key for _, end, key in runner.sounded if key in taken and end > now]
    interrupted = [past for past in runner.history.values() if past.outcome is Outcome.INTERRUPTED]
    assert all(past.stretches and past.reason is Reason.WITHDRAWN for past in interrupted)


@given(worlds(), instants)
@thorough
def test_nothing_begins_late_or_ends_after_its_last_chance(world: World, now: datetime) -> None:
    stagger = timedelta(milliseconds=world.stagger_ms)

    for segment in world.timeline(now).segments:
        item = segment.item
        assert segment.begin >= max(now, item.start)
        assert segment.begin < item.expires + stagger
        turns = timedelta(milliseconds=world.turn * item.turn_ms)
        assert segment.begin >= item.start + turns
        assert segment.end <= item.latest_start + item.duration + GRACE + stagger + turns


@given(worlds(stops=False), instants, st.integers(0, 15), st.sampled_from([0, 700]))
@thorough
def test_no_turn_and_no_stagger_moves_an_alert(world: World, now: datetime, turn: int, stagger_ms: int) -> None:
    moved = replace(world, turn=turn, stagger_ms=stagger_ms)

    def alerts(timeline: Timeline) -> list[tuple[object, ...]]:
        return [one for one in shape(timeline, now) if world.agenda.items[one[0]].cls is Class.ALERT]

    assert alerts(moved.timeline(now)) == alerts(world.timeline(now))


@given(broadcasts(), st.integers(0, 14), st.sampled_from([0, 700]))
@ordinary
def test_each_turn_begins_a_gap_after_the_one_before_has_ended(
    broadcast: Broadcast, turn: int, stagger_ms: int
) -> None:
    plan = Plan(
        scope="u-a", version=1, issued=T0, expires=END + timedelta(days=1), horizon=END, broadcasts=(broadcast,)
    )
    world = World(plans=(plan,), stagger_ms=stagger_ms)

    (first,), (second,) = (replace(world, turn=n).timeline(T0).segments for n in (turn, turn + 1))

    simultaneous = not broadcast.stagger or broadcast.on_late is OnLate.REST
    apart = timedelta() if simultaneous else first.item.duration + timedelta(milliseconds=TURN_GAP_MS)
    assert second.begin == first.begin + apart
    assert second.end - second.begin == first.end - first.begin == first.item.duration


@given(worlds(), instants)
@thorough
def test_a_segment_is_never_louder_than_any_cap(world: World, now: datetime) -> None:
    for segment in world.timeline(now).segments:
        assert segment.volume <= segment.item.volume
        if segment.cls is not Class.ALERT:
            for at in (segment.begin, segment.end - timedelta(milliseconds=1)):
                assert segment.volume <= world.policy.volume_at(at, 100)


@given(worlds(board=True, stops=False), st.lists(instants, max_size=4))
@thorough
def test_a_board_shows_the_highest_class_alone(world: World, looks: list[datetime]) -> None:
    items = [i for i in world.agenda.items.values() if i.board is not None and i.occurrence not in world.agenda.gone]
    items = [i for i in items if i.start < i.expires]
    timeline = world.timeline(T0)

    for at in (T0 + n * STEP for n in range(0, SPAN + 60, 7)):
        wanted = [i for i in items if i.start <= at < i.board.until]
        top = max((i.cls for i in wanted), default=None)
        shown = {w.occurrence for w in timeline.windows if w.begin <= at < w.end}
        assert shown == {i.occurrence for i in wanted if i.cls is top}
    assert world.kind is DeviceKind.BOARD
    assert timeline.segments == ()
    assert set(timeline.verdicts) == set(world.agenda.items)
    for at in (at for at in looks if all(at < item.expires for item in items)):
        foretold = {(w.occurrence, max(at, w.begin), w.end) for w in timeline.windows if w.end > at}
        assert {(w.occurrence, max(at, w.begin), w.end) for w in world.timeline(at).windows} == foretold
