"""A board's windows at their edges: plans that expire, windows that are over, and what hides them."""

from datetime import datetime

import pytest

from loa_protocol.documents.device import DeviceKind
from loa_protocol.documents.emergency import AlertStart
from loa_protocol.documents.plan import BoardItem, Broadcast
from loa_protocol.ids import Level
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import Agenda, Past, Phase, StopOrder, Timeline, agenda_of
from tests.unit.test_timeline import A, B, T, after, cast, ended, look, plan

C = Occurrence(id="c")


def shown(key: str, start: float, until: float, **more: object) -> Broadcast:
    return cast(key, start, 0, board=BoardItem(until=after(until), text=key), **more)


def board(agenda: Agenda | object, now: float = 0, history: dict[Occurrence, Past] | None = None) -> Timeline:
    return look(agenda, now, history, kind=DeviceKind.BOARD)


def windows(timeline: Timeline) -> list[tuple[str, datetime, datetime]]:
    return [(one.occurrence.id, one.begin, one.end) for one in timeline.windows]


@pytest.mark.parametrize(("expires", "now", "at"), [(10, 0, 10), (5, 0, 10), (20, 25, 20), (20, 20, 20)])
def test_a_plan_that_has_expired_shows_nothing_and_says_since_when(expires: float, now: float, at: float) -> None:
    timeline = board(plan(shown("a", 10, 30), expires=after(expires)), now)

    verdict = timeline.verdicts[A]
    assert timeline.windows == ()
    assert (verdict.outcome, verdict.reason, verdict.because) == (Outcome.SKIPPED, Reason.EXPIRED, "plan_expired")
    assert (verdict.at, verdict.occurrence, verdict.by) == (after(at), A, None)


def test_a_plan_that_expires_while_its_window_is_open_shows_it_to_its_end() -> None:
    held = plan(shown("a", 10, 30), expires=after(20))

    assert windows(board(held)) == [("a", after(10), after(30))]
    assert windows(board(held, 25, {A: Past(at=after(10))})) == [("a", after(10), after(30))]
    assert windows(board(held, 19)) == [("a", after(10), after(30))]


@pytest.mark.parametrize("expires", [35, 60])
@pytest.mark.parametrize("now", [30, 45])
def test_a_window_that_is_over_before_the_board_is_on_came_too_late(expires: float, now: float) -> None:
    verdict = board(plan(shown("a", 10, 30), expires=after(expires)), now).verdicts[A]

    assert (verdict.outcome, verdict.reason, verdict.because) == (Outcome.SKIPPED, Reason.TOO_LATE, "window_over")
    assert (verdict.at, verdict.phase) == (after(30), Phase.DONE)


def test_a_window_that_ended_while_there_was_no_clock_is_the_clocks_fault() -> None:
    held = plan(shown("a", 10, 30))

    lost = look(held, 45, kind=DeviceKind.BOARD, clockless=(after(5), after(40)))
    known = look(held, 45, kind=DeviceKind.BOARD, clockless=(after(31), after(40)))
    assert ended(lost, A) == (Phase.DONE, Outcome.SKIPPED, Reason.CLOCK)
    assert ended(known, A) == (Phase.DONE, Outcome.SKIPPED, Reason.TOO_LATE)


def test_a_window_of_no_length_is_no_window() -> None:
    verdict = board(plan(shown("a", 10, 10))).verdicts[A]

    assert (verdict.outcome, verdict.reason, verdict.because) == (Outcome.SKIPPED, Reason.TOO_LATE, "window_over")
    assert (verdict.at, verdict.phase, verdict.by) == (after(10), Phase.WAITING, None)


def test_what_a_higher_class_hides_for_its_whole_window_says_by_what() -> None:
    held = plan(shown("a", 10, 20), shown("b", 5, 30, level=Level.PRIORITY))
    timeline = board(held)

    verdict = timeline.verdicts[A]
    assert windows(timeline) == [("b", after(5), after(30))]
    assert (verdict.outcome, verdict.reason, verdict.by) == (Outcome.SKIPPED, Reason.CONFLICT, B)
    assert (verdict.because, verdict.at) == ("hidden_by_a_higher_class", after(20))
    assert ended(board(held, 15, {A: Past(at=after(10))}), A) == (Phase.PAUSED, Outcome.PLAYED, None)


def test_what_is_hidden_for_a_while_is_shown_before_and_after_and_ends_with_its_last_window() -> None:
    held = plan(shown("a", 0, 60), shown("b", 10, 20, level=Level.PRIORITY), shown("c", 30, 90, level=Level.PRIORITY))

    timeline = board(held)

    assert windows(timeline) == [
        ("a", T, after(10)),
        ("b", after(10), after(20)),
        ("a", after(20), after(30)),
        ("c", after(30), after(90)),
    ]
    assert [timeline.verdicts[key].at for key in (A, B, C)] == [after(30), after(20), after(90)]
    assert {verdict.because for verdict in timeline.verdicts.values()} == {"complete"}
    assert windows(board(held, 15)) == windows(timeline)[1:]


def test_an_alert_hides_the_priority_that_hides_the_ordinary() -> None:
    alert = AlertStart(
        id="flood",
        scope="u-xa",
        event="flood",
        issued=after(10),
        start_before=after(15),
        ends=after(20),
        duration_ms=60_000,
        board_text="Lũ",
    )
    agenda = agenda_of([plan(shown("a", 0, 60), shown("b", 5, 40, level=Level.PRIORITY))], [alert])

    assert windows(board(agenda)) == [
        ("a", T, after(5)),
        ("b", after(5), after(10)),
        ("flood", after(10), after(20)),
        ("b", after(20), after(40)),
        ("a", after(40), after(60)),
    ]


def test_equals_share_a_board_in_their_order() -> None:
    timeline = board(plan(shown("b", 0, 30), shown("a", 0, 20), shown("c", 0, 20, authority=0)))

    assert [name for name, _, _ in windows(timeline)] == ["c", "a", "b"]


def test_what_only_sounds_is_not_for_a_board_and_what_only_shows_not_for_a_loudspeaker() -> None:
    held = plan(cast("a", 0, 5), shown("b", 0, 30))

    assert board(held).verdicts[A].reason is Reason.NOT_FOR_DEVICE
    assert look(held).verdicts[B].reason is Reason.NOT_FOR_DEVICE
    assert look(held).verdicts[B].because == "not_for_device"
    short = plan(Broadcast(id="a", start=T, latest_start=T, duration_ms=1))
    assert ended(look(short), A) == (Phase.WAITING, Outcome.PLAYED, None)


def test_a_board_comes_back_from_what_hid_it_with_the_same_picture() -> None:
    held = plan(shown("a", 0, 60), shown("b", 10, 20, level=Level.PRIORITY))

    assert [(one.occurrence.id, one.board) for one in board(held).windows] == [
        ("a", BoardItem(until=after(60), text="a")),
        ("b", BoardItem(until=after(20), text="b")),
        ("a", BoardItem(until=after(60), text="a")),
    ]


@pytest.mark.parametrize(
    ("first", "second", "by"),
    [
        ((0, 5), (5, 30), "c"),  # the first is over when the second goes on
        ((0, 10), (10, 30), "c"),  # the first ends where the hidden one would begin
        ((10, 30), (12, 30), "b"),  # the first begins with the hidden one
        ((10, 20), (20, 40), "b"),  # one after the other they hide all of it: the first took its beginning
    ],
)
def test_of_several_that_hide_it_the_one_that_took_its_beginning_is_named(
    first: tuple[float, float], second: tuple[float, float], by: str
) -> None:
    held = plan(shown("a", 10, 30), shown("b", *first, level=Level.PRIORITY), shown("c", *second, level=Level.PRIORITY))

    verdict = board(held).verdicts[A]

    assert (verdict.because, verdict.by) == ("hidden_by_a_higher_class", Occurrence(id=by))


def test_of_two_that_hide_it_alike_the_first_in_order_is_named() -> None:
    held = plan(
        shown("a", 10, 20),
        shown("b", 5, 30, level=Level.PRIORITY, authority=2),
        shown("c", 5, 30, level=Level.PRIORITY, authority=1),
    )

    assert board(held).verdicts[A].by == C


def test_a_change_of_what_is_shown_moves_the_end_of_its_window() -> None:
    begun = agenda_of([plan(shown("a", 0, 30))]).items[A]

    timeline = board(plan(shown("a", 5, 60, rev=1)), 10, {A: Past(item=begun, at=T)})

    assert windows(timeline) == [("a", T, after(60))]
    assert timeline.verdicts[A].at == after(60)


def test_a_stop_that_comes_as_a_window_closes_still_skips_it() -> None:
    stop = StopOrder(issued=after(30), until=after(60), received=after(31))

    at_the_end = look(plan(shown("a", 10, 30)), 31, kind=DeviceKind.BOARD, stops=[stop])
    after_it = look(plan(shown("a", 10, 29.9)), 31, kind=DeviceKind.BOARD, stops=[stop])

    assert (at_the_end.verdicts[A].reason, at_the_end.verdicts[A].at) == (Reason.STOPPED, after(31))
    assert after_it.verdicts[A].reason is Reason.TOO_LATE


def test_what_shows_nothing_is_over_when_it_starts() -> None:
    items = agenda_of([plan(cast("a", 3, 5), shown("b", 3, 30))]).items

    assert (items[A].until, items[B].until) == (after(3), after(30))
