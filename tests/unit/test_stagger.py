"""Worked examples of horns that are heard together: by hand, on a road, in a town."""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from controller.devices.geo import Point
from controller.stagger import acoustics, colouring, delays
from controller.stagger.acoustics import Air, Horn, Pair, path_differences_m, speed_of_sound_m_s
from controller.stagger.rules import Clash, Reason, Remedy, Round, Setting, Wishes, clashes, stagger_map, waits_s

DEGREE_M = 111_195.08
T = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def horn(name: str, north_m: float, reach_m: float = 400.0) -> Horn:
    return Horn(name, Point(20 + north_m / DEGREE_M, 105.0), reach_m)


@pytest.mark.parametrize(("temperature_c", "expected"), [(0, 331.3), (20, 343.2), (35, 351.9), (-10, 325.2)])
def test_sound_is_as_fast_as_tables_say(temperature_c: float, expected: float) -> None:
    assert speed_of_sound_m_s(temperature_c) == pytest.approx(expected, abs=0.1)


def test_a_horn_reaches_where_it_is_six_decibels_above_the_noise() -> None:
    assert acoustics.reach_m() == pytest.approx(398.1, abs=0.1)  # 108 − 20·log10(398.1) = 56 dB
    assert acoustics.reach_m(120, 60) == pytest.approx(10 ** (54 / 20))
    assert acoustics.reach_m(56, 50) == pytest.approx(1)


def test_between_equal_horns_the_span_is_what_geometry_says() -> None:
    ratio = math.sqrt(10)  # 10 dB

    assert path_differences_m(500, 400, 400, 10) == pytest.approx((-400 * (1 - 1 / ratio), 400 * (1 - 1 / ratio)))
    assert path_differences_m(780, 400, 400, 10) == pytest.approx((-20, 20))  # a lens 20 m deep
    assert path_differences_m(100, 400, 400, 10) == pytest.approx((-100, 100))  # beyond either horn
    assert path_differences_m(790, 600, 200, 10) == pytest.approx((390, 410))
    assert path_differences_m(800.1, 400, 400, 10) is None
    assert path_differences_m(0, 400, 400, 10) == pytest.approx((0, 0))
    assert path_differences_m(300, 400, 400, 0) == pytest.approx((0, 0))  # equally loud: equally far


def test_horns_too_far_apart_to_be_heard_together_are_in_no_cluster() -> None:
    found = stagger_map([horn("a", 0), horn("b", 801), horn("c", 1602)], Wishes())

    assert (found.pairs, found.clusters) == ((), ())
    assert set(found.settings.values()) == {Setting()}


def test_horns_that_meet_at_their_rims_stay_in_step() -> None:
    (cluster,) = stagger_map([horn("a", 0), horn("b", 785)], Wishes()).clusters  # 15 m: 44 ms

    assert (cluster.remedy, cluster.reason, cluster.turns) == (Remedy.IN_STEP, Reason.NO_ECHO, 1)
    assert cluster.apart_ms == cluster.left_ms == pytest.approx(1000 * 15 / 343.2, abs=0.1)


def test_a_strong_horn_and_weak_ones_along_a_road_are_aligned_by_delays() -> None:
    """The weak ones wait until the strong one's sound has come: 400 m further, so 1166 ms later."""
    road = [horn("manh", 0, 600), horn("yeu-bac", 790, 200), horn("yeu-nam", -790, 200)]

    (cluster,) = stagger_map(road, Wishes()).clusters

    assert (cluster.remedy, cluster.reason) == (Remedy.DELAYS, Reason.DELAYS_SUFFICE)
    assert cluster.apart_ms == pytest.approx(1000 * 410 / 343.2, abs=0.2)
    assert cluster.left_ms <= 30  # of 29 ms on each side none can be taken away
    assert cluster.settings["manh"] == Setting(0, 0)
    assert cluster.settings["yeu-bac"] == cluster.settings["yeu-nam"]
    assert cluster.settings["yeu-bac"].stagger_ms == pytest.approx(1000 * 400 / 343.2, abs=2)


def test_cold_air_makes_the_delay_longer() -> None:
    road = [horn("a", 0, 600), horn("b", 790, 200)]

    warm, cold = (stagger_map(road, Wishes(air=Air(temperature_c=at))).settings["b"].stagger_ms for at in (38.0, 5.0))

    assert warm == pytest.approx(1000 * 400 / 353.6, abs=2)
    assert cold == pytest.approx(1000 * 400 / 334.3, abs=2)


def test_horns_in_the_middle_of_each_other_take_turns_and_every_second_of_a_row_shares_one() -> None:
    row = [horn(f"h{number}", 500.0 * number) for number in range(5)]

    (cluster,) = stagger_map(row, Wishes()).clusters

    assert (cluster.remedy, cluster.reason) == (Remedy.TURNS, Reason.TOO_WIDE)
    assert (cluster.at_least, cluster.turns, cluster.at_most) == (2, 2, 3)
    assert [cluster.settings[f"h{number}"].turn for number in range(5)] == [0, 1, 0, 1, 0]
    assert cluster.left_ms == 0


def test_delays_longer_than_wanted_give_way_to_turns() -> None:
    road = [horn("a", 0, 600), horn("b", 790, 200)]

    (cluster,) = stagger_map(road, Wishes(most_delay_ms=1000)).clusters

    assert (cluster.remedy, cluster.reason) == (Remedy.TURNS, Reason.NOT_ALL_AT_ONCE)


def test_more_turns_than_wanted_are_not_taken_at_all() -> None:
    crowd = [horn(f"h{number}", 60.0 * number) for number in range(9)]  # all hear each other

    (dense,) = stagger_map(crowd, Wishes(most_turns=8)).clusters
    (fits,) = stagger_map(crowd, Wishes(most_turns=9)).clusters

    assert (dense.remedy, dense.turns, dense.at_least) == (Remedy.TOO_DENSE, 9, 9)
    assert set(dense.settings.values()) == {Setting()}
    assert sorted(one.turn for one in fits.settings.values()) == list(range(9))


def test_a_ring_of_odd_length_needs_three_colours_and_a_wheel_four() -> None:
    ring = [(f"r{n}", f"r{(n + 1) % 5}") for n in range(5)]
    wheel = [*ring, *((f"r{n}", "hub") for n in range(5))]
    names = [f"r{n}" for n in range(5)]

    assert len(set(colouring.colours(colouring.graph_of(names, ring), names).values())) == 3
    assert len(set(colouring.colours(colouring.graph_of([*names, "hub"], wheel), [*names, "hub"]).values())) == 4


def test_a_graph_of_two_sides_needs_two_turns_in_whatever_order_it_is_named() -> None:
    """A plain greedy colouring by name needs five here (the crown graph)."""
    edges = [(f"{i}a", f"{j}b") for i in range(5) for j in range(5) if i != j]
    names = sorted({name for edge in edges for name in edge})

    assert set(colouring.colours(colouring.graph_of(names, edges), names).values()) == {0, 1}


def test_of_equally_hemmed_in_horns_the_one_with_most_neighbours_goes_first() -> None:
    """In the other order the greedy choice ends in four turns."""
    edges = [tuple(edge) for edge in ("ac", "ae", "af", "bd", "be", "ce", "cf", "df")]

    assert set(colouring.colours(colouring.graph_of("abcdefg", edges), "abcdefg").values()) == {0, 1, 2}


def test_delays_are_whole_milliseconds_on_the_safe_side_of_their_limits() -> None:
    pair = Pair("a", "b", 790.0, -70.3, -60.0)

    assert delays.least("ab", [pair], limit_ms=50, most_ms=21) == {"a": 21, "b": 0}
    assert delays.least("ab", [pair], limit_ms=50, most_ms=20) is None
    assert delays.best("ab", [pair], echo_ms=50, most_ms=500) == {"a": 65, "b": 0}  # within 6 ms; 5 cannot be kept
    assert delays.left_ms({"a": 65, "b": 0}, [pair]) == pytest.approx(5.3)
    assert delays.least("ab", [Pair("a", "b", 1.0, 60.7, 70.3)], limit_ms=6, most_ms=500) == {"a": 0, "b": 65}
    assert delays.narrow_enough(Pair("a", "b", 1.0, 10.0, 20.0), 5)
    assert not delays.narrow_enough(Pair("a", "b", 1.0, 10.0, 20.1), 5)


def test_the_last_turn_waits_for_all_before_it() -> None:
    assert waits_s(1, 600) == 0
    assert waits_s(3, 600) == 2 * 603


def test_broadcasts_that_only_turns_make_overlap_are_named() -> None:
    def at(minute: float, name: str, minutes: float = 5, *, waits: bool = True) -> Round:
        length_ms = int(minutes * 60_000)
        return Round(T + timedelta(minutes=minute), name, length_ms, length_ms + 3000 if waits else 0)

    found = clashes([at(8, "b"), at(0, "a"), at(30, "c"), at(32, "d"), at(60, "e", waits=False), at(65, "f")], 3)

    assert found == [Clash("a", "b", 7 * 60 + 6)]  # c and d overlap anyway; e waits for nobody
    assert clashes([at(0, "a"), at(8, "b")], 1) == []


def test_ten_thousand_horns_are_parted_in_seconds(tell: Callable[[str], None]) -> None:
    drawn = Random(2)
    province = [Horn(f"d{n:05d}", Point(20 + drawn.random(), 105 + drawn.random()), 400) for n in range(10_000)]
    started = time.process_time()

    found = stagger_map(province, Wishes(most_turns=12))
    took_s = time.process_time() - started

    turns = [one.turns for one in found.clusters if one.remedy is Remedy.TURNS]
    spare = sum(one.turns - one.at_least for one in found.clusters)
    tell(
        f"stagger: 10,000 horns in a province, {len(found.pairs)} pairs, {len(turns)} clusters take turns, at most"
        f" {max(turns)}, {spare} more than the bounds in sum: {took_s:.2f} s of processor"
    )
    told = found.settings
    assert all(told[p.first].turn != told[p.second].turn for p in found.pairs if p.apart_ms > 50)
    assert took_s < 5


def test_a_pair_tells_the_largest_difference_that_anybody_hears() -> None:
    assert Pair("a", "b", 1.0, -70.0, 20.0).apart_ms == 70
    assert Pair("a", "b", 1.0, 10.0, 20.0).apart_ms == 20
