"""What the clock, a stop, the journal and an update decide about an item by themselves, at their edges."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from loa_protocol.documents.device import ClockReport, ClockState, DeviceKind
from loa_protocol.documents.plan import OnPreempt
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.policy import GRACE
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import Agenda, Past, Phase, StopOrder, Stretch, Verdict, agenda_of
from loa_protocol.timeline.standing import NEVER, Standing
from tests.unit.test_timeline import FREE, A, B, T, after, alert, cast, ended, look, plan

MS = timedelta(milliseconds=1)


def plausible(error_ms: int | None) -> ClockReport:
    return ClockReport(state=ClockState.PLAUSIBLE, error_ms=error_ms)


@pytest.mark.parametrize(
    ("clock", "now", "phase"),
    [
        (plausible(60_000), 15.1, Phase.DONE),
        (plausible(60_001), 15.1, Phase.WAITING),
        (plausible(120_000), 17, Phase.WAITING),
        (plausible(120_000), 17.1, Phase.DONE),
        (plausible(None), 600, Phase.WAITING),
        (ClockReport(state=ClockState.UNTRUSTED, error_ms=5), 600, Phase.WAITING),
    ],
)
def test_time_runs_out_only_as_far_as_the_clock_is_believed(clock: ClockReport, now: float, phase: Phase) -> None:
    agenda = agenda_of(alerts=[alert()])

    verdict = look(agenda, now, clock=clock).verdicts[Occurrence(kind="alert", id="flood")]

    assert (verdict.phase, verdict.outcome) == (phase, Outcome.SKIPPED)


def test_a_verdict_for_want_of_a_clock_says_how_the_clock_stands() -> None:
    verdict = look(plan(cast("a", 10, 5, leeway=3)), clock=ClockReport(state=ClockState.UNTRUSTED)).verdicts[A]

    assert (verdict.because, verdict.detail) == ("clock_untrusted", "the clock is untrusted")
    assert (verdict.at, verdict.planned) == (after(13) + timedelta(seconds=2), after(10))


@pytest.mark.parametrize(("begin", "end", "reason"), [(5, 5, "clock"), (5.001, 6, "too_late"), (4, 4.999, "too_late")])
def test_a_chance_that_passed_at_the_edge_of_a_time_without_clock_was_lost_to_it(
    begin: float, end: float, reason: str
) -> None:
    grace = timedelta(seconds=2)
    span = (after(begin) + grace, after(end) + grace)

    assert look(plan(cast("a", 0, 1, leeway=5)), 30, clockless=span).verdicts[A].reason == Reason(reason)


def test_what_nobody_knows_any_more_gets_one_whole_answer() -> None:
    sounding = look(Agenda(), 5, {A: Past((Stretch(T),))}).verdicts[A]
    earlier = look(Agenda(), 5, {A: Past(at=after(1))}).verdicts[A]
    bare = look(Agenda(), 5, {A: Past()}).verdicts[A]

    done, cut = Phase.DONE, Outcome.INTERRUPTED
    assert sounding == Verdict(A, done, cut, Reason.WITHDRAWN, after(5), T, "no_document", None, "")
    because = "began_before_a_power_cut"
    assert earlier == Verdict(A, done, cut, Reason.POWER_CUT, after(5), after(1), because, None, "")
    assert bare.planned == after(5)


def test_what_is_over_and_no_plan_names_any_more_is_not_spoken_of_again() -> None:
    item = agenda_of([plan(cast("a", 0, 5))]).items[A]

    over = look(Agenda(), 9, {A: Past((Stretch(T, after(5)),), Outcome.PLAYED, item=item, at=after(5))})

    assert (dict(over.verdicts), over.segments, over.wake) == ({}, (), None)


def test_a_receipt_in_the_journal_is_the_answer_and_when_it_was_written_is_when() -> None:
    held = plan(cast("a", 0, 5))

    told = look(held, 9, {A: Past((Stretch(T, after(4)),), Outcome.PARTIAL, Reason.STOPPED, at=after(3))}).verdicts[A]
    heard = look(held, 9, {A: Past((Stretch(T, after(4)),), Outcome.PARTIAL, Reason.STOPPED)}).verdicts[A]
    bare = look(held, 9, {A: Past(outcome=Outcome.SKIPPED, reason=Reason.STOPPED)}).verdicts[A]

    assert told == Verdict(A, Phase.DONE, Outcome.PARTIAL, Reason.STOPPED, after(3), T, "journal", None, "")
    assert (heard.at, bare.at) == (after(4), after(9))
    early = look(held, -5, {A: Past((), Outcome.SKIPPED, Reason.STOPPED, at=after(30))}).verdicts[A]
    assert early.phase is Phase.DONE


def test_of_several_stops_the_one_that_came_first_is_to_blame() -> None:
    first = StopOrder(issued=after(2), until=after(60), received=after(4))
    second = StopOrder(issued=after(1), until=after(60), received=after(6))

    for stops in ([first, second], [second, first]):
        verdict = look(plan(cast("a", 3, 5)), 10, stops=stops).verdicts[A]
        assert (verdict.outcome, verdict.reason, verdict.because) == (Outcome.SKIPPED, Reason.STOPPED, "stop")
        assert verdict.at == after(4)


def test_a_stop_skips_what_is_due_before_its_end_and_nothing_due_then() -> None:
    order = StopOrder(issued=T, until=after(10), received=T)
    held = plan(cast("a", 9.99, 5), cast("b", 10, 5))

    timeline = look(held, 1, stops=[order])

    assert timeline.verdicts[A].reason is Reason.STOPPED
    assert timeline.verdicts[A].at == after(9.99)
    assert timeline.verdicts[B].outcome is Outcome.PLAYED


def test_a_stop_of_one_broadcast_leaves_the_other() -> None:
    held = plan(cast("a", 5, 1), cast("b", 7, 1))

    timeline = look(held, 1, stops=[StopOrder(issued=T, until=after(10), received=T, broadcast="b")])

    assert (timeline.verdicts[A].outcome, timeline.verdicts[B].outcome) == (Outcome.PLAYED, Outcome.SKIPPED)


@pytest.mark.parametrize(("issued", "by_plan_key", "stopped"), [(4, True, True), (5, True, True), (4, False, True)])
def test_a_stop_silences_alerts_that_were_issued_before_it(issued: float, *, by_plan_key: bool, stopped: bool) -> None:
    order = StopOrder(issued=after(5), until=after(10), received=after(5), by_plan_key=by_plan_key)
    agenda = agenda_of(alerts=[alert(issued=after(issued))])

    verdict = look(agenda, 6, stops=[order]).verdicts[Occurrence(kind="alert", id="flood")]

    assert (verdict.reason is Reason.STOPPED) is stopped


@pytest.mark.parametrize(("by_plan_key", "stopped"), [(True, False), (False, True)])
def test_an_alert_issued_after_a_stop_of_the_plan_key_sounds(*, by_plan_key: bool, stopped: bool) -> None:
    order = StopOrder(issued=after(5), until=after(10), received=after(5), by_plan_key=by_plan_key)
    agenda = agenda_of(alerts=[alert(issued=after(5) + MS)])

    verdict = look(agenda, 6, stops=[order]).verdicts[Occurrence(kind="alert", id="flood")]

    assert (verdict.reason is Reason.STOPPED) is stopped


def test_what_was_cut_waits_and_what_is_withdrawn_meanwhile_is_interrupted_at_once() -> None:
    held = plan(cast("a", 0, 10, leeway=60, on_preempt=OnPreempt.RESUME))
    history = {A: Past((Stretch(T, after(5)),), item=agenda_of([held]).items[A], at=T)}

    assert ended(look(held, 6, history), A) == (Phase.PAUSED, Outcome.PLAYED, None)
    gone = look(agenda_of([held], dropped=[A]), 6, history).verdicts[A]
    assert (gone.outcome, gone.reason, gone.because) == (Outcome.INTERRUPTED, Reason.WITHDRAWN, "withdrawn")
    assert (gone.phase, gone.at) == (Phase.DONE, after(6))


def test_an_update_of_an_alert_leaves_no_repeat_of_the_old_series_after_it() -> None:
    old = alert(repeat_every_ms=120_000, max_repeats=5)
    new = alert(issued=after(5), repeat_every_ms=120_000, max_repeats=2, sequence=1)

    agenda = agenda_of(alerts=[old, new])

    assert sorted((key.index, item.start) for key, item in agenda.items.items()) == [
        (0, T),
        (1, after(2)),
        (2, after(4)),
        (1000, after(5)),
        (1001, after(7)),
    ]
    assert sorted(key.index for key in agenda.gone) == [0, 1, 2]


def standing(clock: ClockReport) -> Standing:
    return Standing(policy=FREE, history={}, stops=(), clock=clock, now=T, kind=DeviceKind.SPEAKER)


@pytest.mark.parametrize(
    ("clock", "believed"),
    [
        (ClockReport(state=ClockState.TRUSTED, error_ms=90_000), T),
        (plausible(60_000), T),
        (plausible(60_001), T - 60_001 * MS),
        (plausible(None), NEVER),
        (ClockReport(state=ClockState.UNTRUSTED, error_ms=5), NEVER),
    ],
)
def test_what_has_certainly_passed_depends_on_the_clock_alone(clock: ClockReport, believed: datetime) -> None:
    assert standing(clock).believed == believed


def test_what_has_sounded_to_its_end_is_over_in_any_clock() -> None:
    lost = ClockReport(state=ClockState.UNTRUSTED)

    timeline = look(plan(cast("a", 0, 5)), 6, {A: Past((Stretch(T, after(5)),))}, clock=lost)

    assert ended(timeline, A) == (Phase.DONE, Outcome.PLAYED, None)


def test_what_a_power_cut_ended_is_over_even_where_the_clock_went_back_meanwhile() -> None:
    held = plan(cast("a", 0, 5))

    cut = look(held, -60, {A: Past(at=after(1))}).verdicts[A]
    bare = look(held, 5, {A: Past()}).verdicts[A]

    assert (cut.phase, cut.reason, cut.at) == (Phase.DONE, Reason.POWER_CUT, after(1))
    assert (bare.phase, bare.reason, bare.at) == (Phase.DONE, Reason.POWER_CUT, after(5))


def test_what_is_over_wakes_nobody() -> None:
    over = look(plan(cast("a", 0, 5)), -5, {A: Past((), Outcome.SKIPPED, Reason.STOPPED, at=after(30))})

    assert over.wake is None


@pytest.mark.parametrize(("issued_ms", "reason"), [(0, Reason.STOPPED), (1, Reason.TOO_LATE)])
def test_a_stop_is_to_blame_up_to_the_last_chance_to_begin(issued_ms: int, reason: Reason) -> None:
    issued = after(5) + GRACE + issued_ms * MS
    order = StopOrder(issued=issued, until=after(60), received=issued)

    assert look(plan(cast("a", 0, 5, leeway=5)), 31, stops=[order]).verdicts[A].reason is reason


def test_a_stop_ends_what_sounds_although_no_plan_names_it_any_more() -> None:
    begun = agenda_of([plan(cast("a", 0, 10))]).items[A]
    order = StopOrder(issued=after(4), until=after(4), received=after(4))
    history = {A: Past((Stretch(T),), item=begun, at=T)}

    assert look(Agenda(), 5, history, stops=[order]).verdicts[A].reason is Reason.STOPPED
    assert look(agenda_of(dropped=[A]), 5, history).verdicts[A].because == "withdrawn"


@pytest.mark.parametrize(
    ("languages", "end"),
    [((), 5), (("vi",), 5), (("vi", "hmn"), 10)],
    ids=["it has no variants any more", "the device's languages are as before", "they have changed"],
)
def test_a_change_moves_the_end_only_in_the_languages_in_which_it_sounds(
    languages: tuple[str, ...], end: float
) -> None:
    item = replace(agenda_of([plan(cast("a", 0, 10))]).items[A], languages=("vi",))
    changed = Agenda({A: replace(item, languages=languages, duration_ms=300_000)})

    timeline = look(changed, 1, {A: Past((Stretch(T),), item=item, at=T)})

    assert [(s.begin, s.end) for s in timeline.segments] == [(T, after(end))]
