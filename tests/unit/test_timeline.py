"""The timeline's decisions that the golden vectors do not tell, and its dealings with a runner and a journal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from loa_protocol.documents.device import ClockReport, ClockState, DeviceKind
from loa_protocol.documents.emergency import AlertShape, AlertStart, Stop
from loa_protocol.documents.plan import BoardItem, Broadcast, ContentSegment, OnLate, OnPreempt, Plan, RelaySegment
from loa_protocol.documents.policy import Policy, Window
from loa_protocol.ids import Level
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.policy import EffectivePolicy, merge
from loa_protocol.receipts import Occurrence, Receipt, Started
from loa_protocol.timeline import (
    Agenda,
    Class,
    Past,
    Phase,
    StopOrder,
    Stretch,
    Timeline,
    agenda_of,
    alert_items,
    compute,
    history_of,
    stop_order,
    turn_length_ms,
)

T = datetime(2026, 11, 2, 22, 0, tzinfo=UTC)
TRUSTED = ClockReport(state=ClockState.TRUSTED, error_ms=4)
FREE = EffectivePolicy()
A, B = Occurrence(id="a"), Occurrence(id="b")


def after(minutes: float) -> datetime:
    return T + timedelta(minutes=minutes)


def cast(key: str, start: float, length: float, *, leeway: float = 0, **more: object) -> Broadcast:
    return Broadcast(
        id=key,
        start=after(start),
        latest_start=after(start + leeway),
        duration_ms=int(length * 60_000),
        **more,
    )


def plan(*broadcasts: Broadcast, version: int = 1, **more: object) -> Plan:
    fields = {"scope": "u-xa", "issued": T, "expires": after(60 * 24 * 14), "horizon": after(600)} | more
    return Plan(version=version, broadcasts=broadcasts, **fields)


def look(
    agenda: Agenda | Plan, now: float = 0, history: dict[Occurrence, Past] | None = None, **more: object
) -> Timeline:
    held = agenda_of([agenda]) if isinstance(agenda, Plan) else agenda
    fields = {"clock": TRUSTED, "kind": DeviceKind.SPEAKER, "policy": FREE} | more
    policy = fields.pop("policy")
    return compute(held, policy, history or {}, now=after(now), **fields)


def spans(timeline: Timeline) -> list[tuple[str, float, float]]:
    def minutes(instant: datetime) -> float:
        return (instant - T) / timedelta(minutes=1)

    return [(s.occurrence.id, minutes(s.begin), minutes(s.end)) for s in timeline.segments]


def ended(timeline: Timeline, occurrence: Occurrence) -> tuple[Phase, Outcome, Reason | None]:
    verdict = timeline.verdicts[occurrence]
    return (verdict.phase, verdict.outcome, verdict.reason)


def test_wake_is_the_next_instant_at_which_something_happens() -> None:
    agenda = agenda_of([plan(cast("a", 10, 5), cast("b", 12, 1))])

    assert look(agenda).wake == after(10)
    playing = {A: Past((Stretch(after(10)),))}
    assert look(agenda, 11, playing).wake == after(12) + timedelta(seconds=2)
    assert look(agenda, 20, {A: Past(outcome=Outcome.PLAYED), B: Past(outcome=Outcome.SKIPPED)}).wake is None


def test_a_skip_is_settled_only_when_the_last_chance_has_passed() -> None:
    agenda = agenda_of([plan(cast("a", 0, 20), cast("b", 5, 5, leeway=10))])
    playing = {A: Past((Stretch(T),))}

    assert ended(look(agenda, 15, playing), B) == (Phase.WAITING, Outcome.SKIPPED, Reason.CONFLICT)
    assert ended(look(agenda, 15.04, playing), B) == (Phase.DONE, Outcome.SKIPPED, Reason.CONFLICT)
    assert look(agenda, 15.04, playing).verdicts[B].by == A


def test_real_starts_that_slip_by_milliseconds_cost_no_broadcast() -> None:
    slip = timedelta(milliseconds=40)
    policy = merge(
        [Policy(scope="u-xa", version=1, issued=T, expires=T, windows=(Window(from_minute=300, to_minute=330),))]
    )
    held = plan(cast("a", 0, 15), cast("b", 15, 15))

    timeline = look(held, 10, {A: Past((Stretch(T + slip),))}, policy=policy)

    assert [(s.begin, s.end) for s in timeline.segments] == [
        (T + slip, after(15) + slip),
        (after(15) + slip, after(30) + slip),
    ]
    assert ended(timeline, B) == (Phase.WAITING, Outcome.PLAYED, None)


def test_a_broadcast_that_sounded_to_its_end_is_played_before_its_receipt_is_written() -> None:
    held = plan(cast("a", 0, 5))

    assert ended(look(held, 5, {A: Past((Stretch(T),))}), A) == (Phase.DONE, Outcome.PLAYED, None)
    assert ended(look(held, 6, {A: Past((Stretch(T, after(5)),))}), A) == (Phase.DONE, Outcome.PLAYED, None)
    almost = Past((Stretch(T, after(5) - timedelta(milliseconds=30)),))
    assert ended(look(held, 6, {A: almost}), A) == (Phase.DONE, Outcome.PLAYED, None)


def test_what_was_cut_is_settled_no_earlier_than_the_cut() -> None:
    held = plan(cast("a", 0, 10, on_preempt=OnPreempt.RESTART), cast("b", 5, 5, level=Level.PRIORITY))
    history = {A: Past((Stretch(T, after(5)),)), B: Past((Stretch(after(5)),))}

    verdict = look(held, 5, history).verdicts[A]

    assert (verdict.outcome, verdict.at, verdict.by) == (Outcome.PREEMPTED, after(5), B)


def test_a_resumption_must_still_end_by_the_latest_end() -> None:
    held = plan(cast("a", 0, 10, leeway=4), cast("b", 5, 5, level=Level.PRIORITY))

    assert spans(look(held)) == [("a", 0, 5), ("b", 5, 10)]
    assert ended(look(held), A) == (Phase.WAITING, Outcome.PREEMPTED, Reason.PREEMPTED)
    longer = plan(cast("a", 0, 10, leeway=5), cast("b", 5, 5, level=Level.PRIORITY))
    assert spans(look(longer)) == [("a", 0, 5), ("b", 5, 10), ("a", 10, 15)]


def test_a_relay_that_was_cut_goes_on_where_it_is_by_then() -> None:
    held = plan(cast("a", 0, 10, on_late=OnLate.REST), cast("b", 5, 2, level=Level.PRIORITY))

    timeline = look(held)

    assert spans(timeline) == [("a", 0, 5), ("b", 5, 7), ("a", 7, 10)]
    assert timeline.segments[-1].offset_ms == 7 * 60_000
    assert ended(timeline, A) == (Phase.WAITING, Outcome.PARTIAL, Reason.PREEMPTED)
    assert timeline.verdicts[A].by == B


def test_a_relay_that_had_to_wait_says_for_what() -> None:
    held = plan(cast("b", 0, 5, authority=0), cast("a", 2, 10, on_late=OnLate.REST, leeway=9))

    timeline = look(held)

    assert spans(timeline) == [("b", 0, 5), ("a", 5, 12)]
    assert ended(timeline, A) == (Phase.WAITING, Outcome.PARTIAL, Reason.CONFLICT)
    assert timeline.verdicts[A].by == B


def test_a_policy_that_forbids_the_rest_leaves_it_partial() -> None:
    policy = merge(
        [Policy(scope="u-xa", version=1, issued=T, expires=T, windows=(Window(from_minute=300, to_minute=310),))]
    )
    held = plan(cast("a", 0, 9, leeway=9), cast("b", 5, 4, level=Level.PRIORITY))

    timeline = look(held, policy=policy)

    assert spans(timeline) == [("a", 0, 5), ("b", 5, 9)]
    assert ended(timeline, A) == (Phase.WAITING, Outcome.PARTIAL, Reason.POLICY)
    assert timeline.verdicts[A].detail == "u-xa: allowed only 05:00-05:10 (Asia/Ho_Chi_Minh)"


def test_an_end_that_a_change_moves_past_the_policy_is_cut_there() -> None:
    policy = merge(
        [Policy(scope="u-xa", version=1, issued=T, expires=T, windows=(Window(from_minute=300, to_minute=310),))]
    )
    held = plan(cast("a", 0, 60, rev=1))

    timeline = look(held, 3, {A: Past((Stretch(T),))}, policy=policy)

    assert spans(timeline) == [("a", 0, 10)]
    assert ended(timeline, A) == (Phase.PLAYING, Outcome.PARTIAL, Reason.POLICY)


def test_a_change_of_what_sounds_keeps_everything_but_its_end() -> None:
    begun = agenda_of([plan(cast("a", 0, 10, volume=40))]).items[A]
    changed = plan(cast("a", 30, 12, volume=90, level=Level.PRIORITY, rev=1), version=2)

    timeline = look(changed, 5, {A: Past((Stretch(T),), item=begun)})

    assert spans(timeline) == [("a", 0, 12)]
    assert (timeline.segments[0].volume, timeline.segments[0].cls) == (40, Class.NORMAL)


def test_an_end_moved_into_the_past_ends_it_now() -> None:
    timeline = look(plan(cast("a", 0, 3, rev=1)), 5, {A: Past((Stretch(T),))})

    assert timeline.segments == ()
    assert ended(timeline, A) == (Phase.DONE, Outcome.PLAYED, None)


def test_a_plan_that_no_longer_names_what_sounds_says_nothing() -> None:
    begun = agenda_of([plan(cast("a", 0, 10))]).items[A]
    history = {A: Past((Stretch(T),), item=begun)}

    assert spans(look(Agenda(), 5, history)) == [("a", 0, 10)]
    assert ended(look(agenda_of(dropped=[A]), 5, history), A) == (Phase.DONE, Outcome.INTERRUPTED, Reason.WITHDRAWN)
    assert look(agenda_of(dropped=[A]), 5, history).segments == ()


def test_something_that_sounds_and_that_nobody_knows_is_silenced() -> None:
    timeline = look(Agenda(), 5, {A: Past((Stretch(T),))})

    assert timeline.segments == ()
    assert ended(timeline, A) == (Phase.DONE, Outcome.INTERRUPTED, Reason.WITHDRAWN)


def test_of_two_that_claim_to_sound_only_the_first_in_order_goes_on() -> None:
    held = plan(cast("a", 0, 10, leeway=60), cast("b", 1, 10, leeway=60, level=Level.PRIORITY))
    history = {A: Past((Stretch(T),)), B: Past((Stretch(after(1)),))}

    assert spans(look(held, 4, history)) == [("b", 1, 11), ("a", 11, 17)]


def test_while_the_clock_is_lost_what_sounds_goes_on_and_nothing_else_begins() -> None:
    held = plan(cast("a", 0, 10, leeway=60), cast("b", 20, 5), cast("c", -30, 5))
    lost = ClockReport(state=ClockState.UNTRUSTED)

    timeline = look(held, 5, {A: Past((Stretch(T),))}, clock=lost)

    assert spans(timeline) == [("a", 0, 10)]
    assert ended(timeline, Occurrence(id="c")) == (Phase.WAITING, Outcome.SKIPPED, Reason.CLOCK)
    cut = look(held, 6, {A: Past((Stretch(T, after(5)),))}, clock=lost)
    assert cut.segments == ()
    assert ended(cut, A) == (Phase.PAUSED, Outcome.PREEMPTED, Reason.CLOCK)


@pytest.mark.parametrize(("error_ms", "begins"), [(60_000, True), (60_001, False), (None, False)])
def test_a_plausible_clock_plays_schedules_up_to_a_minute_of_error(error_ms: int | None, *, begins: bool) -> None:
    clock = ClockReport(state=ClockState.PLAUSIBLE, error_ms=error_ms)

    assert bool(look(plan(cast("a", 1, 5)), clock=clock).segments) is begins


def test_what_was_missed_while_the_clock_was_lost_says_so() -> None:
    held = plan(cast("a", 0, 5), cast("b", 20, 5))

    timeline = look(held, 30, clockless=(after(10), after(29)))

    assert ended(timeline, A) == (Phase.DONE, Outcome.SKIPPED, Reason.TOO_LATE)
    assert ended(timeline, B) == (Phase.DONE, Outcome.SKIPPED, Reason.CLOCK)


def test_the_horizon_leaves_out_what_is_due_behind_it() -> None:
    held = plan(cast("a", 10, 5), cast("b", 60, 5))

    timeline = look(held, horizon=timedelta(hours=1))

    assert set(timeline.verdicts) == {A}


def test_a_redelivered_stop_does_not_reach_what_began_long_after_it() -> None:
    stop = Stop(scope="u-xa", version=1, issued=T, expires=after(600), until=T)
    order = stop_order(stop, received=after(30), by_plan_key=True)

    assert order.reach == after(2)
    assert spans(look(plan(cast("a", 10, 40)), 31, {A: Past((Stretch(after(10)),))}, stops=[order])) == [("a", 10, 50)]


def test_a_stop_that_came_after_the_last_chance_is_not_to_blame() -> None:
    order = StopOrder(issued=after(30), until=after(60), received=after(30))

    timeline = look(plan(cast("a", 0, 5, leeway=5)), 31, stops=[order])

    assert ended(timeline, A) == (Phase.DONE, Outcome.SKIPPED, Reason.TOO_LATE)


def test_a_stop_ends_what_was_cut_and_waits() -> None:
    held = plan(cast("a", 0, 10, leeway=60), cast("b", 5, 5, level=Level.PRIORITY))
    history = {A: Past((Stretch(T, after(5)),)), B: Past((Stretch(after(5)),))}
    order = StopOrder(issued=after(6), until=after(6), received=after(6))

    timeline = look(held, 6, history, stops=[order])

    assert timeline.segments == ()
    assert ended(timeline, A) == ended(timeline, B) == (Phase.DONE, Outcome.PARTIAL, Reason.STOPPED)


def test_the_journal_is_read_into_a_history() -> None:
    receipt = Receipt(
        occurrence=A,
        outcome=Outcome.PARTIAL,
        reason=Reason.STOPPED,
        planned=T,
        started=T,
        ended=after(9),
        played_ms=60_000,
        clock=TRUSTED,
    )

    history = history_of([Started(occurrence=A, at=T, planned=T), receipt, Started(occurrence=B, at=T, planned=T)])

    assert history[A] == Past((Stretch(T, after(1)),), Outcome.PARTIAL, Reason.STOPPED, at=after(9))
    assert history[B] == Past(at=T)
    assert not history[B].playing


def test_a_plan_never_makes_an_alert() -> None:
    held = plan(cast("a", 0, 5, level=Level.EMERGENCY))

    assert agenda_of([held]).items[A].cls is Class.PRIORITY


def test_absence_from_a_newer_plan_says_nothing() -> None:
    agenda = agenda_of([plan(cast("a", 0, 5), version=1), plan(cast("b", 9, 5), version=2)])

    assert set(agenda.items) == {A, B}


def test_a_rev_in_a_newer_plan_of_the_same_rev_counts() -> None:
    older, newer = plan(cast("a", 0, 5), version=1), plan(cast("a", 0, 7), version=2)

    assert agenda_of([newer, older]).items[A].duration_ms == 7 * 60_000


def test_of_two_plans_of_one_version_the_longer_lived_counts_whichever_came_first() -> None:
    short, long = plan(cast("a", 0, 5), expires=after(30)), plan(cast("a", 0, 5), expires=after(60))

    for held in ([short, long], [long, short]):
        assert agenda_of(held).items[A].expires == after(60)


def test_of_two_plans_that_agree_in_all_but_the_broadcast_one_counts_whichever_came_first() -> None:
    one, two = plan(cast("a", 0, 5)), plan(cast("a", 0, 7))

    assert agenda_of([one, two]) == agenda_of([two, one])


def alert(**more: object) -> AlertStart:
    fields = {"issued": T, "start_before": after(15), "ends": after(30), "duration_ms": 60_000} | more
    return AlertStart(id="flood", scope="u-xa", event="flood", **fields)


def test_an_alert_never_outlasts_what_its_shape_permits() -> None:
    forever = {"ends": after(60 * 24 * 365), "repeat_every_ms": 60_000, "max_repeats": 1000}

    single = list(alert_items(alert(**forever)))
    campaign = list(alert_items(alert(shape=AlertShape.CAMPAIGN, **(forever | {"repeat_every_ms": 3_600_000}))))

    assert len(single) == 30
    assert campaign[-1].start == after(60 * 71)
    assert {item.expires for item in campaign} == {after(60 * 72)}


def test_a_repeat_shorter_than_the_sound_follows_it_at_once() -> None:
    items = list(alert_items(alert(duration_ms=120_000, repeat_every_ms=1, max_repeats=3)))

    assert [item.start for item in items] == [T, after(2), after(4)]


def test_a_drill_is_bound_by_the_policy_and_cannot_cut_an_alert() -> None:
    drill = agenda_of(alerts=[alert(status="drill")]).items[Occurrence(kind="alert", id="flood")]

    assert drill.cls is Class.PRIORITY
    assert not drill.exempt


def test_the_newest_signature_of_a_sequence_counts_whatever_came_first() -> None:
    one, two = alert(), alert(issued=after(1))

    assert agenda_of(alerts=[one, two]) == agenda_of(alerts=[two, one])


def test_an_item_says_which_plan_it_came_from() -> None:
    item = agenda_of([plan(cast("a", 0, 5, rev=3), version=7, scope="g-nhom")]).items[A]

    assert (item.scope, item.version, item.rev, item.issued) == ("g-nhom", 7, 3, T)
    first = msgspec.structs.replace(cast("a", 0, 5), issued=after(-60))
    assert agenda_of([plan(first)]).items[A].issued == after(-60)
    assert replace(item, duration_ms=0).concerns(DeviceKind.SPEAKER) is False


def hours(from_minute: int, to_minute: int, **more: object) -> EffectivePolicy:
    window = Window(from_minute=from_minute, to_minute=to_minute)
    return merge([Policy(scope="u-xa", version=1, issued=T, expires=T, windows=(window,), **more)])


def test_what_had_to_wait_until_it_would_run_over_the_hours_is_skipped() -> None:
    held = plan(cast("a", 0, 15, authority=0), cast("b", 5, 10, leeway=30), cast("c", 5, 5, leeway=30, authority=200))

    timeline = look(held, policy=hours(300, 320))

    assert spans(timeline) == [("a", 0, 15), ("c", 15, 20)]
    assert ended(timeline, B) == (Phase.WAITING, Outcome.SKIPPED, Reason.POLICY)
    assert timeline.verdicts[B].at == after(15)


def test_an_alert_uses_up_no_minutes_and_a_bulletin_it_cuts_no_second_slot() -> None:
    agenda = agenda_of(
        [plan(cast("a", 0, 10, leeway=30), cast("b", 60, 5))], [alert(issued=after(5), duration_ms=20 * 60_000)]
    )

    timeline = look(agenda, policy=hours(0, 1440, max_minutes_a_day=15, max_slots_a_day=2))

    assert spans(timeline) == [("a", 0, 5), ("flood", 5, 25), ("a", 25, 30), ("b", 60, 65)]
    assert ended(timeline, A) == (Phase.WAITING, Outcome.PLAYED, None)


def test_something_lower_is_never_to_blame() -> None:
    agenda = agenda_of([plan(cast("a", 0, 60), cast("b", 10, 5, level=Level.PRIORITY))])

    timeline = look(agenda, 90, {A: Past((Stretch(T, after(60)),), Outcome.PLAYED)})

    assert ended(timeline, B) == (Phase.DONE, Outcome.SKIPPED, Reason.TOO_LATE)
    assert timeline.verdicts[B].by is None


def test_a_repeat_that_would_sound_past_the_end_of_its_alert_is_none() -> None:
    items = list(alert_items(alert(ends=after(4.5), repeat_every_ms=120_000, max_repeats=9)))

    assert [item.start for item in items] == [T, after(2)]


def test_a_window_that_is_over_is_shown_no_more() -> None:
    past = msgspec.structs.replace(cast("a", 0, 0), board=BoardItem(until=after(30), text="x"))
    held = plan(past, msgspec.structs.replace(cast("b", 10, 0), board=BoardItem(until=after(60), text="y")))

    timeline = look(held, 30, {A: Past((Stretch(T),))}, kind=DeviceKind.BOARD)

    assert [window.occurrence for window in timeline.windows] == [B]
    assert ended(timeline, A) == (Phase.DONE, Outcome.PLAYED, None)


def test_what_began_in_its_turn_keeps_its_time_when_its_end_moves() -> None:
    short, long = cast("a", 0, 10), cast("a", 0, 15, rev=1)
    due = after(10) + timedelta(seconds=3)
    began = Past((Stretch(due),), item=agenda_of([plan(short)]).items[A], at=due)

    timeline = look(plan(long), 12, {A: began}, turn=1)

    assert [(s.begin, s.end) for s in timeline.segments] == [(due, due + timedelta(minutes=15))]
    assert timeline.verdicts[A].planned == due


def test_a_change_before_its_turn_moves_the_turn() -> None:
    timeline = look(plan(cast("a", 0, 15, rev=1)), 12, turn=2)

    assert timeline.verdicts[A].planned == after(30) + timedelta(seconds=6)


@pytest.mark.parametrize(("expires", "outcome"), [(9.9, Outcome.SKIPPED), (10.1, Outcome.PLAYED)])
def test_a_plan_that_expires_before_a_turn_begins_ends_the_turn(expires: float, outcome: Outcome) -> None:
    timeline = look(plan(cast("a", 0, 10, leeway=1), expires=after(expires)), turn=1)

    assert timeline.verdicts[A].outcome is outcome


def test_a_device_that_was_off_may_begin_its_turn_as_late_as_any_other() -> None:
    broadcast = plan(cast("a", 0, 10, leeway=1))

    assert look(broadcast, 11, turn=1).verdicts[A].outcome is Outcome.PLAYED
    assert look(broadcast, 11.2, turn=1).verdicts[A].reason is Reason.TOO_LATE


@pytest.mark.parametrize(
    ("more", "expected_ms"),
    [
        ({}, 63_000),
        ({"stagger": False}, 0),
        ({"on_late": OnLate.REST}, 0),
        ({"segments": (RelaySegment(url="https://vov.vn/1", duration_ms=60_000),)}, 0),
        ({"segments": (ContentSegment(ref="vi", variants={"hmn": "mong"}),)}, 63_000),
    ],
)
def test_only_what_can_wait_takes_turns(more: dict[str, object], expected_ms: int) -> None:
    assert turn_length_ms(cast("a", 0, 1, **more)) == expected_ms
    assert turn_length_ms(cast("a", 0, 0, **more)) == 0


def test_a_board_shows_what_also_sounds_when_it_is_planned_whatever_its_turn() -> None:
    both = plan(cast("a", 0, 10, board=BoardItem(until=after(30), text="Họp")))

    timeline = look(both, turn=3, stagger_ms=700, kind=DeviceKind.BOARD)

    assert timeline.verdicts[A].planned == timeline.windows[0].begin == T
