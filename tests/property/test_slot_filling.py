"""Filling a slot: the order of the law, as many as fit, and the same answer whatever order the items come in."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from controller.schedules.slots.filling import LeftOut, Waiting, fill
from loa_protocol.ids import Level

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
MINUTE = 60_000


lengths = st.integers(1, 6 * MINUTE)


def _longest(items: Iterable[Waiting]) -> int:
    """How long these last one after another, on the devices that need longest."""
    each = [one.lengths_ms or (one.duration_ms,) * 3 for one in items]
    return max(map(sum, zip(*each, strict=True)), default=0)


def _hours(count: int) -> timedelta:
    return timedelta(hours=count)


@st.composite
def items(draw: st.DrawFn) -> list[Waiting]:
    ids = draw(st.lists(st.integers(0, 99), unique=True, max_size=12))
    return [
        Waiting(
            id=f"i-{number}",
            title=str(number),
            asset=f"a-{number}",
            duration_ms=draw(lengths),
            lengths_ms=draw(st.just(()) | st.tuples(lengths, lengths, lengths)),
            level=draw(st.sampled_from([Level.NORMAL, Level.PRIORITY])),
            authority=draw(st.sampled_from([10, 100])),
            position=draw(st.integers(0, 3)),
            valid_from=START + _hours(draw(st.integers(-2, 1))),
            valid_until=draw(st.none() | st.integers(-1, 2).map(lambda count: START + _hours(count))),
            created_at=START - _hours(draw(st.integers(1, 3))),
        )
        for number in ids
    ]


slots = st.integers(1, 15 * MINUTE)


@given(items(), slots, st.randoms())
def test_the_order_in_which_items_come_does_not_matter(found, length_ms, random):
    mixed = random.sample(found, len(found))

    assert fill(mixed, start=START, length_ms=length_ms) == fill(found, start=START, length_ms=length_ms)


@given(items(), slots)
def test_every_item_is_chosen_or_left_out_with_its_reason_and_the_lengths_add_up(found, length_ms):
    filling = fill(found, start=START, length_ms=length_ms)

    assert sorted([*filling.chosen, *(one for one, _ in filling.left_out)], key=lambda one: one.id) == sorted(
        found, key=lambda one: one.id
    )
    assert filling.sound_ms + filling.spare_ms == length_ms
    assert filling.spare_ms >= 0
    valid = [one for one in found if one.valid_from <= START and (one.valid_until is None or one.valid_until > START)]
    assert filling.over_ms == max(0, _longest(valid) - length_ms)
    assert filling.sound_ms == _longest(filling.chosen)
    assert set(filling.chosen) <= set(valid)


@given(items(), slots)
def test_what_is_left_out_for_want_of_room_had_none_in_its_turn(found, length_ms):
    filling = fill(found, start=START, length_ms=length_ms)

    for item, reason in filling.left_out:
        before = [one for one in filling.chosen if one.order < item.order]
        if reason is LeftOut.NO_ROOM:
            assert _longest([*before, item]) > length_ms >= item.longest_ms
        elif reason is LeftOut.LONGER_THAN_SLOT:
            assert item.longest_ms > length_ms
        elif reason is LeftOut.NOT_YET:
            assert item.valid_from > START
        else:
            assert item.valid_until is not None
            assert item.valid_until <= START


@given(items(), slots)
def test_priority_comes_first_then_the_province_then_the_units_own_order(found, length_ms):
    chosen = fill(found, start=START, length_ms=length_ms).chosen

    ranks = [(one.level is Level.NORMAL, one.authority, one.position) for one in chosen]
    assert ranks == sorted(ranks)
