"""What becomes of a broadcast and of an alert: one item with all that their documents say, and none of it twice."""

from datetime import timedelta

import pytest

from loa_protocol.documents.emergency import AlertStart
from loa_protocol.documents.plan import BoardItem, ContentSegment, OnLate, OnPreempt, Withdrawn
from loa_protocol.documents.policy import Window
from loa_protocol.ids import Level
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import Class, Item, agenda_of, alert_items, item_of
from tests.unit.test_timeline import A, T, after, alert, cast, plan

TWO_TONGUES = (ContentSegment(ref="vi", variants={"hmn": "mong"}),)


def test_all_that_a_broadcast_says_stands_in_its_item() -> None:
    board = BoardItem(until=after(30), text="x")
    broadcast = cast(
        "a",
        5,
        10,
        leeway=2,
        level=Level.PRIORITY,
        rev=3,
        issued=after(-9),
        authority=4,
        volume=33,
        on_preempt=OnPreempt.DROP,
        on_late=OnLate.BEGIN,
        stagger=True,
        segments=TWO_TONGUES,
        board=board,
    )

    item = item_of(broadcast, plan(broadcast, version=7, scope="g-nhom", expires=after(99)), ["hmn", "km"])

    assert item == Item(
        occurrence=A,
        cls=Class.PRIORITY,
        start=after(5),
        latest_start=after(7),
        expires=after(99),
        issued=after(-9),
        duration_ms=600_000,
        authority=4,
        volume=33,
        on_preempt=OnPreempt.DROP,
        on_late=OnLate.BEGIN,
        stagger=True,
        turn_ms=603_000,
        languages=("hmn", "km"),
        board=board,
        scope="g-nhom",
        version=7,
        rev=3,
    )


def test_the_least_that_a_broadcast_says_makes_an_ordinary_item() -> None:
    broadcast = cast("a", 5, 10, leeway=-3, on_late=OnLate.REST, stagger=False)

    item = item_of(broadcast, plan(broadcast), ["hmn"])

    assert (item.latest_start, item.issued, item.on_late) == (after(5), after(5), OnLate.REST)
    assert (item.stagger, item.turn_ms, item.languages, item.cls) == (False, 0, (), Class.NORMAL)


def test_all_that_an_alert_says_stands_in_each_of_its_repeats() -> None:
    held = alert(
        sequence=2, issued=after(1), repeat_every_ms=300_000, max_repeats=2, volume=44, board_text="Lũ", status="drill"
    )

    def repeat(index: int, start: float, latest: float, board: BoardItem | None) -> Item:
        return Item(
            occurrence=Occurrence(kind="alert", id="flood", index=index),
            cls=Class.PRIORITY,
            start=after(start),
            latest_start=after(latest),
            expires=after(30),
            issued=after(1),
            duration_ms=60_000,
            volume=44,
            on_preempt=OnPreempt.RESTART,
            board=board,
            scope="u-xa",
            version=2,
            rev=2,
        )

    assert list(alert_items(held)) == [
        repeat(2000, 1, 15, BoardItem(until=after(30), text="Lũ")),
        repeat(2001, 6, 10, None),
    ]


@pytest.mark.parametrize(
    ("told", "starts"),
    [
        ({"max_repeats": 3}, [0]),  # nothing repeats without a period
        ({"ends": T}, []),
        ({"ends": after(0.5)}, [0]),  # the first sounds whole
        ({"ends": after(3), "repeat_every_ms": 120_000, "max_repeats": 3}, [0, 2]),
        ({"ends": after(2.9), "repeat_every_ms": 120_000, "max_repeats": 3}, [0]),
        ({"duration_ms": 0, "repeat_every_ms": 1, "max_repeats": 3}, [0, 1 / 60, 2 / 60]),
    ],
)
def test_an_alert_is_repeated_as_often_as_it_says_and_its_end_permits(
    told: dict[str, object], starts: list[float]
) -> None:
    items = list(alert_items(alert(**told)))

    assert [item.start for item in items] == [after(start) for start in starts]
    assert all(item.board is None for item in items)


def test_an_alerts_hours_are_those_of_the_place() -> None:
    held = alert(hours=(Window(from_minute=22 * 60, to_minute=23 * 60),))

    assert set(agenda_of(alerts=[held], timezone="UTC").items) == {Occurrence(kind="alert", id="flood")}
    assert agenda_of(alerts=[held]).items == {}


@pytest.mark.parametrize(("before_ms", "sounds"), [(1, True), (0, False)])
def test_an_alerts_hours_hold_its_last_millisecond_and_not_their_end(before_ms: int, *, sounds: bool) -> None:
    held = alert(hours=(Window(from_minute=21 * 60, to_minute=22 * 60),), issued=T - timedelta(milliseconds=before_ms))

    assert bool(agenda_of(alerts=[held], timezone="UTC").items) is sounds


def test_a_repeat_that_would_begin_with_the_update_is_the_updates() -> None:
    old = alert(repeat_every_ms=120_000, max_repeats=5)

    agenda = agenda_of(alerts=[old, alert(issued=after(4), sequence=1)])

    assert sorted(key.index for key in agenda.items) == [0, 1, 1000]


def test_of_two_signatures_of_one_instant_the_same_counts_whichever_came_first() -> None:
    quiet, loud = alert(volume=20), alert(volume=90)

    assert agenda_of(alerts=[quiet, loud]) == agenda_of(alerts=[loud, quiet])
    newer = AlertStart(**{field: getattr(quiet, field) for field in quiet.__struct_fields__} | {"issued": after(1)})
    for held in ([newer, loud], [loud, newer]):
        assert {item.volume for item in agenda_of(alerts=held).items.values()} == {20}


def test_the_newer_version_counts_whatever_is_in_it() -> None:
    older, newer = plan(cast("a", 0, 7), version=1), plan(cast("a", 0, 5), version=2)

    for held in ([older, newer], [newer, older]):
        assert agenda_of(held).items[A].duration == timedelta(minutes=5)


def test_what_is_withdrawn_is_gone_although_no_plan_that_is_held_names_it() -> None:
    agenda = agenda_of([plan(withdrawn=(Withdrawn(id="a", rev=1),))])

    assert (agenda.items, agenda.gone) == ({}, frozenset({A}))


def test_an_alert_is_the_same_in_all_languages() -> None:
    agenda = agenda_of(alerts=[alert()], languages=["hmn", "vi"])

    assert [item.languages for item in agenda.items.values()] == [()]


def test_hours_without_a_place_are_those_of_vietnam() -> None:
    morning, night = (alert(hours=(Window(from_minute=at * 60, to_minute=(at + 1) * 60),)) for at in (5, 22))

    assert len(list(alert_items(morning))) == len(agenda_of(alerts=[morning]).items) == 1
    assert list(alert_items(night)) == []
