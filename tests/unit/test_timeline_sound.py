"""The sound channel at its edges: who may go on and how late, what counts towards the day, and who is to blame."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from loa_protocol.documents.device import ClockReport, ClockState
from loa_protocol.documents.emergency import AlertStart
from loa_protocol.documents.plan import OnLate, OnPreempt
from loa_protocol.documents.policy import Policy, VolumeCap
from loa_protocol.ids import Level
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.policy import GRACE, EffectivePolicy, merge
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import Agenda, Past, Phase, Stretch, agenda_of
from loa_protocol.timeline.sound import Turn
from tests.unit.test_timeline import A, B, T, after, alert, cast, ended, hours, look, plan, spans

MS = timedelta(milliseconds=1)
REST, RESTART, DROP = {"on_late": OnLate.REST}, {"on_preempt": OnPreempt.RESTART}, {"on_preempt": OnPreempt.DROP}


def turn(more: dict[str, object], *, heard: bool = False, offset_ms: int = 0) -> Turn:
    """Ten minutes due at T that may begin until four minutes later."""
    item = replace(agenda_of([plan(cast("a", 0, 10))]).items[A], **more)
    return Turn(item, T, after(4), offset_ms, [(T, after(1))] if heard else [])


@pytest.mark.parametrize(("offset_ms", "rest_ms"), [(0, 600_000), (599_999, 1), (600_000, 0), (600_001, 0)])
def test_what_is_left_to_sound_is_never_less_than_nothing(offset_ms: int, rest_ms: int) -> None:
    assert turn({}, offset_ms=offset_ms).rest == rest_ms * MS


@pytest.mark.parametrize(
    ("more", "heard", "limit"),
    [
        ({}, False, after(4)),
        ({}, True, after(5)),
        (RESTART, False, after(4)),
        (RESTART, True, after(4)),
        (DROP, True, after(4)),
        (REST, False, after(4)),
        (REST, True, after(10) - 50 * MS),
        (REST | RESTART, True, after(10) - 50 * MS),
    ],
)
def test_what_was_heard_may_go_on_so_late_that_it_still_ends_in_time(
    more: dict[str, object], limit: datetime, *, heard: bool
) -> None:
    assert turn(more, heard=heard, offset_ms=60_000).limit == limit


@pytest.mark.parametrize(
    ("more", "at", "offset_ms"),
    [
        ({}, after(3), 7),
        (DROP, after(3), 7),
        (RESTART, after(3), 0),
        (REST, after(3), 180_000),
        (REST, T - MS, 0),
        (REST | RESTART, after(3) + 0.5 * MS, 180_000),
    ],
)
def test_where_its_sound_begins_depends_on_what_it_does_when_late_or_cut(
    more: dict[str, object], at: datetime, offset_ms: int
) -> None:
    moving = turn(more, heard=True, offset_ms=7)

    moving.moved(at)

    assert moving.offset_ms == offset_ms


def a_day(**more: object) -> EffectivePolicy:
    return merge([Policy(scope="u-xa", version=1, issued=T, expires=T, **more)])


def over(*stretches: Stretch) -> Past:
    return Past(stretches, Outcome.PLAYED, at=stretches[-1].end)


def test_what_was_cut_for_long_and_went_on_has_used_one_slot() -> None:
    held = plan(cast("a", 0, 10), cast("b", 60, 5), cast("c", 90, 5))
    history = {A: over(Stretch(T, after(5)), Stretch(after(20), after(25)))}

    timeline = look(held, 30, history, policy=a_day(max_slots_a_day=2))

    assert ended(timeline, B)[1:] == (Outcome.PLAYED, None)
    assert ended(timeline, Occurrence(id="c"))[1:] == (Outcome.SKIPPED, Reason.POLICY)


def test_what_sounded_before_counts_and_an_alert_that_did_does_not() -> None:
    flood = Occurrence(kind="alert", id="flood")
    held = plan(cast("b", 60, 5))

    assert spans(look(held, 30, {flood: over(Stretch(T, after(20)))}, policy=a_day(max_minutes_a_day=20))) != []
    assert spans(look(held, 30, {A: over(Stretch(T, after(15)))}, policy=a_day(max_minutes_a_day=20))) != []
    assert spans(look(held, 30, {A: over(Stretch(T, after(15.1)))}, policy=a_day(max_minutes_a_day=20))) == []


def test_what_sounds_counts_once_and_what_is_silenced_up_to_now() -> None:
    held = agenda_of([plan(cast("a", 0, 10), cast("b", 20, 5))])
    sounding = {A: Past((Stretch(T),), at=T)}

    assert spans(look(held, 8, sounding, policy=a_day(max_minutes_a_day=15))) == [("a", 0, 10), ("b", 20, 25)]
    assert spans(look(held, 8, sounding, policy=a_day(max_minutes_a_day=14))) == [("a", 0, 10)]
    gone = replace(held, gone=frozenset({A}))
    assert spans(look(gone, 8, sounding, policy=a_day(max_minutes_a_day=13))) == [("b", 20, 25)]
    assert spans(look(gone, 8, sounding, policy=a_day(max_minutes_a_day=12))) == []


def test_what_no_document_tells_of_any_more_is_to_blame_whatever_it_was() -> None:
    held = agenda_of([plan(cast("b", 10, 5, level=Level.PRIORITY))])
    normal = agenda_of([plan(cast("a", 0, 20))]).items[A]
    past = over(Stretch(T, after(20)))

    assert look(held, 30, {A: past}).verdicts[B].by == A
    assert look(held, 30, {A: replace(past, item=normal)}).verdicts[B].by is None
    known = Agenda({**held.items, A: normal})
    assert look(known, 30, {A: past}).verdicts[B].by is None
    first = replace(past, item=replace(normal, cls=held.items[B].cls))
    assert look(known, 30, {A: first}).verdicts[B].by == A


@pytest.mark.parametrize(("heard_ms", "outcome"), [(300_000 - 50, Outcome.PLAYED), (300_000 - 51, Outcome.PREEMPTED)])
def test_a_cut_within_the_last_fiftieth_of_a_second_left_nothing(heard_ms: int, outcome: Outcome) -> None:
    end = T + heard_ms * MS

    verdict = look(plan(cast("a", 0, 5)), 30, {A: Past((Stretch(T, end),), at=T)}).verdicts[A]

    assert verdict.outcome is outcome
    assert verdict.phase is Phase.DONE
    if outcome is Outcome.PLAYED:
        assert verdict.at == end


def test_what_is_dropped_names_what_cut_it_also_when_it_is_asked_again() -> None:
    held = plan(cast("a", 0, 10, on_preempt=OnPreempt.DROP), cast("b", 5, 5, level=Level.PRIORITY))
    history = {A: Past((Stretch(T, after(5)),), at=T), B: Past((Stretch(after(5), after(6)), Stretch(after(6))))}

    foretold = look(held).verdicts[A]
    later = look(held, 7, history).verdicts[A]

    assert (foretold.at, foretold.by, foretold.because) == (after(5), B, "cut_and_dropped")
    assert (later.at, later.by, later.because) == (after(5), B, "cut_and_dropped")
    assert (foretold.phase, later.phase) == (Phase.WAITING, Phase.DONE)


@pytest.mark.parametrize(("now", "at"), [(6, 5 + 2 / 60 + 5), (20, 5 + 2 / 60 + 5)])
def test_what_waits_for_a_clock_is_lost_once_it_could_not_go_on(now: float, at: float) -> None:
    lost = ClockReport(state=ClockState.UNTRUSTED)
    history = {A: Past((Stretch(T, after(5)),), at=T)}

    verdict = look(plan(cast("a", 0, 10, leeway=5)), now, history, clock=lost).verdicts[A]

    assert (verdict.outcome, verdict.reason, verdict.because) == (
        Outcome.PREEMPTED,
        Reason.CLOCK,
        "clock_untrusted",
    )
    assert verdict.at == after(at)
    late = {A: Past((Stretch(after(9), after(19)),), at=after(9))}
    assert look(plan(cast("a", 0, 60)), 20, late, clock=lost).verdicts[A].at == after(19)


def test_a_plan_that_expires_refuses_what_begins_then_and_what_goes_on_then() -> None:
    held = plan(
        cast("a", 0, 10, leeway=60),
        cast("b", 5, 20, level=Level.PRIORITY),
        cast("c", 0, 5, leeway=60, authority=200),
        expires=after(20),
    )

    timeline = look(held)

    assert spans(timeline) == [("a", 0, 5), ("b", 5, 25)]
    cut, never = timeline.verdicts[A], timeline.verdicts[Occurrence(id="c")]
    assert (cut.outcome, cut.reason, cut.because, cut.at) == (
        Outcome.PREEMPTED,
        Reason.EXPIRED,
        "plan_expired",
        after(20),
    )
    assert (never.outcome, never.reason, never.at) == (Outcome.SKIPPED, Reason.EXPIRED, after(20))


def test_a_plan_that_had_expired_when_it_was_due_says_since_when() -> None:
    held = plan(cast("a", 10, 5), expires=after(9))

    assert look(held).verdicts[A].at == after(10)
    assert look(plan(cast("a", 10, 5), expires=after(10))).verdicts[A].reason is Reason.EXPIRED
    assert look(plan(cast("a", 10, 5), expires=after(10.001))).verdicts[A].outcome is Outcome.PLAYED


def test_a_last_chance_that_passed_before_the_plan_expired_was_missed_and_not_expired() -> None:
    held = plan(cast("a", 0, 5, leeway=5), expires=after(20))

    assert ended(look(held, 30), A) == (Phase.DONE, Outcome.SKIPPED, Reason.TOO_LATE)
    assert look(held, 30).verdicts[A].at == after(5) + timedelta(seconds=2)
    both = plan(cast("a", 0, 5, leeway=5), expires=after(5) + timedelta(seconds=2))
    assert ended(look(both, 30), A) == (Phase.DONE, Outcome.SKIPPED, Reason.EXPIRED)


def test_an_alert_that_cuts_what_it_may_not_outlast_is_named_by_its_repeat() -> None:
    agenda = agenda_of([plan(cast("a", 0, 10))], [alert(issued=after(5), duration_ms=300_000)])

    verdict = look(agenda).verdicts[A]

    assert (verdict.outcome, verdict.because) == (Outcome.PREEMPTED, "cut_too_long")
    assert verdict.by == Occurrence(kind="alert", id="flood")
    assert verdict.at == after(5) + timedelta(seconds=2)


def test_of_two_that_the_journal_has_at_once_the_same_is_to_blame_whichever_was_read_first() -> None:
    held = plan(cast("c", 7, 5))
    c = Occurrence(id="c")
    same = [(A, over(Stretch(T, after(20)))), (B, over(Stretch(T, after(20))))]
    nested = [(A, over(Stretch(T, after(20)))), (B, over(Stretch(after(5), after(10))))]

    for pairs in (same, nested, [(A, over(Stretch(T, after(9)))), same[1]]):
        for read in (pairs, pairs[::-1]):
            assert look(held, 30, dict(read)).verdicts[c].by == B


@pytest.mark.parametrize("end", [T, T - MS])
def test_a_stretch_of_no_length_uses_nothing_up_and_is_not_to_blame(end: datetime) -> None:
    held = plan(cast("c", 0, 5), cast("b", 60, 5))
    history = {Occurrence(id="0"): Past((Stretch(T, end),), Outcome.PARTIAL, at=T), A: over(Stretch(T, after(15)))}

    one_slot = look(held, 30, {A: history[Occurrence(id="0")]}, policy=a_day(max_slots_a_day=1))
    too_many = look(held, 30, history, policy=a_day(max_minutes_a_day=19))

    assert one_slot.verdicts[B].outcome is Outcome.PLAYED
    assert one_slot.verdicts[Occurrence(id="c")].by is None
    assert too_many.verdicts[B].reason is Reason.POLICY


def test_what_follows_the_clock_and_lost_nothing_between_its_parts_is_whole() -> None:
    held = plan(cast("a", 0, 10, on_late=OnLate.REST))
    parts = (Stretch(T, after(3)), Stretch(after(3), after(5), 180_000), Stretch(after(5), None, 300_000))

    assert ended(look(held, 7, {A: Past(parts, at=T)}), A) == (Phase.PLAYING, Outcome.PLAYED, None)
    assert ended(look(held, 7, {A: Past(parts[1:], at=T)}), A) == (Phase.PLAYING, Outcome.PARTIAL, Reason.PREEMPTED)


@pytest.mark.parametrize(("normal", "priority"), [("a", "b"), ("b", "a")])
def test_of_two_that_claim_to_sound_the_lower_is_cut_now_by_the_other(normal: str, priority: str) -> None:
    low, high = Occurrence(id=normal), Occurrence(id=priority)
    casts = [cast(normal, 0, 10, on_preempt=OnPreempt.DROP), cast(priority, 1, 10, level=Level.PRIORITY)]
    history = {low: Past((Stretch(T),), at=T), high: Past((Stretch(after(1)),), at=after(1))}

    for held in (plan(*casts), plan(*reversed(casts))):
        timeline = look(held, 4, history)
        verdict = timeline.verdicts[low]
        assert spans(timeline) == [(priority, 1, 11)]
        assert (verdict.outcome, verdict.at, verdict.by, verdict.because) == (
            Outcome.PREEMPTED,
            after(4),
            high,
            "cut_and_dropped",
        )


def test_what_goes_on_is_judged_by_when_it_sounds_and_not_again_by_when_it_was_planned() -> None:
    held = plan(cast("a", 0, 10, leeway=60))

    timeline = look(held, 6, {A: Past((Stretch(T, after(5)),), at=T)}, policy=hours(306, 330))

    assert ended(timeline, A) == (Phase.PAUSED, Outcome.PLAYED, None)
    assert look(held, 6, policy=hours(306, 330)).verdicts[A].detail.startswith("u-xa: allowed only 05:06-05:30")


def test_each_time_it_is_cut_it_goes_on_where_it_was() -> None:
    held = plan(
        cast("a", 0, 10, leeway=60), cast("b", 2, 2, level=Level.PRIORITY), cast("c", 6, 2, level=Level.PRIORITY)
    )

    timeline = look(held)

    assert [(s.occurrence.id, s.offset_ms // 60_000) for s in timeline.segments] == [
        ("a", 0),
        ("b", 0),
        ("a", 2),
        ("c", 0),
        ("a", 4),
    ]
    assert spans(timeline)[-1] == ("a", 8, 14)
    assert {s.item for s in timeline.segments if s.occurrence == A} == {agenda_of([held]).items[A]}


def test_what_is_cut_in_the_instant_it_began_has_not_sounded() -> None:
    held = plan(cast("a", 5, 5), cast("b", 5, 5, level=Level.PRIORITY))

    verdict = look(held, 5, {A: Past((Stretch(after(5)),), at=after(5))}).verdicts[A]

    assert (verdict.outcome, verdict.reason, verdict.by) == (Outcome.SKIPPED, Reason.CONFLICT, B)


def test_a_clock_that_went_back_while_something_sounded_gives_no_minutes_back() -> None:
    held = plan(cast("a", 0, 10), cast("b", 1, 12, level=Level.PRIORITY))

    timeline = look(held, 0, {A: Past((Stretch(after(5)),), at=after(5))}, policy=a_day(max_minutes_a_day=10))

    assert timeline.verdicts[B].reason is Reason.POLICY


def test_who_is_judged_while_something_sounds_sees_all_it_has_used_by_then() -> None:
    held = plan(
        cast("a", 0, 8, leeway=60),
        cast("b", 3, 30, level=Level.PRIORITY),
        cast("c", 5, 5, level=Level.PRIORITY),
    )
    c = Occurrence(id="c")

    assert look(held, policy=a_day(max_minutes_a_day=15)).verdicts[c].outcome is Outcome.PLAYED
    assert look(held, policy=a_day(max_minutes_a_day=9)).verdicts[c].reason is Reason.POLICY


def test_what_goes_on_after_a_long_alert_needs_no_second_slot() -> None:
    agenda = agenda_of([plan(cast("a", 0, 10, leeway=60))], [alert(issued=after(5), duration_ms=20 * 60_000)])

    timeline = look(agenda, policy=a_day(max_slots_a_day=1))

    assert spans(timeline) == [("a", 0, 5), ("flood", 5, 25), ("a", 25, 30)]
    after_it = replace(agenda, items=agenda.items | agenda_of([plan(cast("b", 32, 5))]).items)
    assert look(after_it, policy=a_day(max_slots_a_day=1)).verdicts[B].outcome is Outcome.PLAYED


def test_what_a_policy_cuts_says_by_which_rule() -> None:
    timeline = look(plan(cast("a", 0, 10)), 3, {A: Past((Stretch(T),), at=T)}, policy=hours(300, 305))

    verdict = timeline.verdicts[A]
    assert (verdict.outcome, verdict.because, verdict.at) == (Outcome.PARTIAL, "hours", after(5))
    assert verdict.detail == "u-xa: allowed only 05:00-05:05 (Asia/Ho_Chi_Minh)"


def test_only_an_alert_claims_an_exemption_although_others_are_made_quiet_too() -> None:
    caps = a_day(volume_caps=(VolumeCap(from_minute=0, to_minute=1440, max_volume=30),))

    verdict = look(plan(cast("a", 0, 10)), 3, {A: Past((Stretch(T),), at=T)}, policy=caps).verdicts[A]

    assert (verdict.outcome, verdict.detail) == (Outcome.PLAYED, "")


def test_an_alert_keeps_what_it_was_exempt_from_when_it_begins_again_within_the_hours() -> None:
    early = alert(duration_ms=240_000)
    other = AlertStart(
        id="fire",
        scope="u-xa",
        event="fire",
        issued=after(-1),
        start_before=after(15),
        ends=after(30),
        duration_ms=420_000,
    )
    flood, fire = Occurrence(kind="alert", id="flood"), Occurrence(kind="alert", id="fire")
    history = {flood: Past((Stretch(T),), at=T), fire: Past((Stretch(after(-1)),), at=after(-1))}

    timeline = look(agenda_of(alerts=[early, other]), 1, history, policy=hours(305, 330))

    assert spans(timeline) == [("fire", -1, 6), ("flood", 6, 10)]
    assert timeline.verdicts[flood].detail.startswith("exempt from hours of u-xa")


@pytest.mark.parametrize(("late_ms", "outcome"), [(2000, Outcome.PLAYED), (2001, Outcome.PARTIAL)])
def test_what_follows_the_clock_is_whole_if_it_lost_no_more_than_real_starts_do(late_ms: int, outcome: Outcome) -> None:
    held = plan(cast("a", 0, 10, leeway=5, on_late=OnLate.REST))

    assert look(held, late_ms / 60_000).verdicts[A].outcome is outcome


def test_what_does_not_follow_the_clock_is_whole_once_its_end_has_sounded() -> None:
    held = plan(cast("a", 0, 10))

    verdict = look(held, 6, {A: Past((Stretch(after(5), None, 300_000),), at=after(5))}).verdicts[A]

    assert (verdict.outcome, verdict.at) == (Outcome.PLAYED, after(10))


def test_what_lost_its_middle_says_that_only_the_rest_sounded() -> None:
    held = plan(cast("a", 0, 10, on_late=OnLate.REST), cast("b", 5, 2, level=Level.PRIORITY))

    assert look(held).verdicts[A].because == "only_the_rest"


def test_a_clock_too_far_off_lets_nothing_go_on_that_was_cut() -> None:
    clock = ClockReport(state=ClockState.PLAUSIBLE, error_ms=120_000)
    history = {A: Past((Stretch(T, after(5)),), at=T)}

    verdict = look(plan(cast("a", 0, 10, leeway=60)), 6, history, clock=clock).verdicts[A]

    assert (verdict.outcome, verdict.because) == (Outcome.PREEMPTED, "clock_untrusted")


def test_what_was_missed_while_the_clock_was_lost_says_because_of_what() -> None:
    verdict = look(plan(cast("a", 20, 5)), 30, clockless=(after(10), after(29))).verdicts[A]

    assert verdict.because == "clock_untrusted"


def test_a_stagger_moves_neither_the_hours_nor_the_expiry_of_what_is_staggered() -> None:
    held = plan(cast("a", 0, 5, stagger=True, on_late=OnLate.REST, leeway=1), expires=after(0.05))

    timeline = look(held, policy=hours(300, 305), stagger_ms=5000)

    assert [(s.begin, s.end) for s in timeline.segments] == [(T + 5000 * MS, after(5) + 5000 * MS)]
    assert look(held, policy=hours(300, 305), stagger_ms=0).verdicts[A].outcome is Outcome.PLAYED


def test_what_goes_on_after_a_cut_is_held_to_the_hours_without_its_stagger() -> None:
    held = plan(cast("a", 0, 10, stagger=True, leeway=60))
    history = {A: Past((Stretch(T, after(2)),), at=T)}

    kept = look(held, 5 + 4 / 60, history, policy=hours(305, 330), stagger_ms=4000)
    lost = look(held, 5 + 4 / 60, history, policy=hours(305, 330), stagger_ms=4001)

    assert [s.begin for s in kept.segments] == [after(5) + 4000 * MS]
    assert (lost.verdicts[A].outcome, lost.verdicts[A].reason) == (Outcome.PARTIAL, Reason.POLICY)


def test_who_begins_at_the_last_instant_begins_and_who_is_kept_to_it_names_by_whom() -> None:
    grace = 2 / 60
    held = plan(cast("a", 0, 5 + grace), cast("b", 1, 5, leeway=4))

    assert spans(look(held))[-1] == ("b", pytest.approx(5 + grace), pytest.approx(10 + grace))
    missed = look(held, 30, {A: over(Stretch(T, after(5) + GRACE))}).verdicts[B]
    long_ago = look(held, 30, {A: over(Stretch(T, after(5) + GRACE - MS))}).verdicts[B]
    assert (missed.reason, missed.by) == (Reason.CONFLICT, A)
    assert (long_ago.reason, long_ago.by) == (Reason.TOO_LATE, None)


def test_what_was_cut_after_its_plan_had_expired_is_over_since_the_cut() -> None:
    held = plan(cast("a", 0, 60, leeway=60), cast("b", 25, 5, level=Level.PRIORITY), expires=after(20))
    history = {A: Past((Stretch(T, after(25)),), at=T), B: Past((Stretch(after(25)),), at=after(25))}

    verdict = look(held, 26, history).verdicts[A]

    assert (verdict.because, verdict.at, verdict.outcome) == ("plan_expired", after(25), Outcome.PREEMPTED)


def test_who_lost_its_place_to_another_needs_no_more_words() -> None:
    verdict = look(plan(cast("a", 0, 20, authority=1), cast("b", 5, 5))).verdicts[B]

    assert (verdict.because, verdict.by, verdict.detail) == ("lost_its_place", A, "")
