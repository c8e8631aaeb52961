"""The promises of turns and delays: no echo is left within a turn, whatever the map and the order it is told in."""

import math
import random
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.devices.geo import Point, distance_m
from controller.stagger import colouring, delays
from controller.stagger.acoustics import Air, Horn, Pair, pairs, path_differences_m
from controller.stagger.rules import Reason, Remedy, Setting, StaggerMap, Wishes, stagger_map

ordinary = settings(max_examples=60, deadline=None, derandomize=True)
HERE = Point(21.0, 105.8)
DEGREE_M = 111_195.08

reaches = st.sampled_from([60.0, 200.0, 350.0, 400.0, 900.0])
offsets = st.integers(-1500, 1500)
places = st.tuples(offsets, offsets, reaches)
vertices = st.integers(0, 15).map(lambda n: f"v{n:02d}")
graphs = st.builds(
    lambda alone, edges: colouring.graph_of(
        {*alone, *(one for edge in edges for one in edge)}, [edge for edge in edges if edge[0] != edge[1]]
    ),
    st.sets(vertices),
    st.lists(st.tuples(vertices, vertices), max_size=60),
)


def horn(name: str, east_m: float, north_m: float, reach_m: float) -> Horn:
    longitude = HERE.longitude + east_m / (DEGREE_M * math.cos(math.radians(HERE.latitude)))
    return Horn(name, Point(HERE.latitude + north_m / DEGREE_M, longitude), reach_m)


towns = st.lists(places, max_size=14).map(
    lambda found: [horn(f"h{number:02d}", *place) for number, place in enumerate(found)]
)
chains = st.lists(st.tuples(st.integers(0, 30), st.sampled_from([150.0, 250.0, 400.0])), min_size=2, max_size=8)


def chain(links: list[tuple[int, float]]) -> list[Horn]:
    """Horns along a road that hear each other only at the rims of their reaches: each link overlaps some metres."""
    at_m, made = 0.0, []
    for number, (overlap_m, reach_m) in enumerate(links):
        at_m += (made[-1].reach_m + reach_m - overlap_m) if made else 0.0
        made.append(horn(f"h{number:02d}", 0, at_m, reach_m))
    return made


def echoes(found: StaggerMap, air: Air) -> list[Pair]:
    """Pairs between which somebody hears an echo with what the map tells the horns."""
    told = found.settings
    return [
        pair
        for pair in found.pairs
        if told[pair.first].turn == told[pair.second].turn
        and max(
            abs(limit + told[pair.first].stagger_ms - told[pair.second].stagger_ms)
            for limit in (pair.least_ms, pair.most_ms)
        )
        > air.echo_ms + 1e-6
    ]


@given(towns | chains.map(chain), st.sampled_from([-10.0, 20.0, 40.0]), st.randoms(use_true_random=False))
@ordinary
def test_no_echo_is_left_where_something_was_done(
    town: list[Horn], temperature_c: float, chance: random.Random
) -> None:
    wishes = Wishes(air=Air(temperature_c=temperature_c), most_turns=4, most_delay_ms=2000)

    found = stagger_map(town, wishes)

    dense = {member for one in found.clusters if one.remedy is Remedy.TOO_DENSE for member in one.members}
    assert not [pair for pair in echoes(found, wishes.air) if not {pair.first, pair.second} <= dense]
    for cluster in found.clusters:
        settings = cluster.settings.values()
        assert max(one.turn for one in settings) == (cluster.turns - 1 if cluster.remedy is Remedy.TURNS else 0)
        assert {one.stagger_ms for one in settings} == {0} or cluster.remedy is Remedy.DELAYS
        assert all(0 <= one.stagger_ms <= wishes.most_delay_ms for one in settings)
        assert cluster.at_least <= cluster.turns <= cluster.at_most or cluster.remedy in {
            Remedy.IN_STEP,
            Remedy.DELAYS,
        }
        assert (cluster.turns > wishes.most_turns) == (cluster.remedy is Remedy.TOO_DENSE)
        assert (cluster.apart_ms <= wishes.air.echo_ms) == (cluster.remedy is Remedy.IN_STEP)
        assert cluster.left_ms <= wishes.air.echo_ms + 1e-6 or cluster.remedy is Remedy.TOO_DENSE
    again = list(town)
    chance.shuffle(again)
    assert stagger_map(again, wishes) == found


@given(towns)
@ordinary
def test_a_horn_is_dealt_with_in_one_cluster_at_most_and_alone_is_told_nothing(town: list[Horn]) -> None:
    found = stagger_map(town, Wishes())

    members = [member for cluster in found.clusters for member in cluster.members]
    assert len(members) == len(set(members))
    assert all(found.settings[one.id] == Setting() for one in town if one.id not in members)
    assert set(found.settings) == {one.id for one in town}


@given(graphs)
@ordinary
def test_neighbours_get_different_turns_and_never_more_than_one_above_the_largest_degree(
    graph: dict[str, set[str]],
) -> None:
    for part in colouring.components(graph):
        found = colouring.colours(graph, part)

        assert set(found) == set(part)
        assert all(found[one] != found[other] for one in part for other in graph[one])
        used = set(found.values())
        assert used == set(range(len(used)))
        sizes = [list(found.values()).count(colour) for colour in sorted(used)]
        assert sizes == sorted(sizes, reverse=True)  # most need not wait
        assert colouring.at_least(graph, part) <= len(used) <= colouring.at_most(graph, part)


@given(graphs, st.randoms(use_true_random=False))
@ordinary
def test_the_order_in_which_a_graph_is_told_changes_no_turn(graph: dict[str, set[str]], chance: random.Random) -> None:
    names, edges = list(graph), [(one, other) for one in graph for other in graph[one]]
    chance.shuffle(names)
    chance.shuffle(edges)
    again = colouring.graph_of(names, edges)

    assert colouring.components(again) == colouring.components(graph)
    for part in colouring.components(graph):
        shuffled = list(part)
        chance.shuffle(shuffled)
        assert colouring.colours(again, shuffled) == colouring.colours(graph, part)


@given(graphs)
@ordinary
def test_the_bound_below_is_a_true_one(graph: dict[str, set[str]]) -> None:
    for part in colouring.components(graph):
        size = colouring.at_least(graph, part)

        assert any(
            all(other in graph[one] for one, other in combinations(some, 2)) for some in combinations(part, size)
        )


@given(st.integers(1, 1500), reaches, reaches, st.sampled_from([0.0, 3.0, 10.0, 20.0]), st.integers(0, 2**32))
@settings(ordinary, max_examples=150)
def test_no_listener_is_outside_the_span_and_its_ends_are_heard(
    apart_m: int, reach_a_m: float, reach_b_m: float, masked_db: float, seed: int
) -> None:
    """A second opinion: walk about and measure both distances and both levels."""
    drawn = random.Random(seed)
    span = path_differences_m(apart_m, reach_a_m, reach_b_m, masked_db)
    heard = []
    for _ in range(3000):
        x, y = drawn.uniform(-reach_a_m, reach_a_m), drawn.uniform(0, reach_a_m)
        a, b = math.hypot(x, y), math.hypot(x - apart_m, y)
        if 0 < a <= reach_a_m and 0 < b <= reach_b_m:
            louder_db = abs(20 * math.log10((reach_a_m / a) / (reach_b_m / b)))
            if louder_db <= masked_db:
                heard.append(a - b)

    if span is None:
        assert not heard
    else:
        assert -apart_m - 1e-6 <= span[0] <= span[1] <= apart_m + 1e-6
        assert all(span[0] - 1e-6 <= one <= span[1] + 1e-6 for one in heard)
        if len(heard) > 500 and masked_db:
            wide = 0.15 * (span[1] - span[0]) + 2
            assert min(heard) <= span[0] + wide
            assert max(heard) >= span[1] - wide


@given(st.integers(1, 1500), reaches, reaches)
@ordinary
def test_the_span_turns_round_with_the_pair(apart_m: int, reach_a_m: float, reach_b_m: float) -> None:
    there, back = (
        path_differences_m(apart_m, *both, 10.0) for both in ((reach_a_m, reach_b_m), (reach_b_m, reach_a_m))
    )

    assert (there is None) == (back is None)
    if there is not None and back is not None:
        assert math.isclose(there[0], -back[1], abs_tol=1e-6)
        assert math.isclose(there[1], -back[0], abs_tol=1e-6)


@given(towns)
@ordinary
def test_the_pairs_are_those_that_asking_everybody_about_everybody_finds(town: list[Horn]) -> None:
    air = Air()
    expected = set()
    for one, other in combinations(town, 2):
        away_m = distance_m(one.at, other.at)
        if away_m < one.reach_m + other.reach_m and path_differences_m(away_m, one.reach_m, other.reach_m, 10.0):
            expected.add((one.id, other.id))

    assert {(pair.first, pair.second) for pair in pairs(town, air)} == expected


@given(chains)
@ordinary
def test_delays_are_the_least_and_found_whenever_there_are_any(links: list[tuple[int, float]]) -> None:
    town = chain(links)
    heard = pairs(town, Air())
    names = [one.id for one in town]

    found = delays.best(names, heard, echo_ms=50, most_ms=5000)

    assert (found is not None) == all(delays.narrow_enough(pair, 50) for pair in heard)  # links of a chain are free
    if found is not None:
        assert min(found.values()) == 0
        assert delays.left_ms(found, heard) <= 50
        plain = delays.least(names, heard, limit_ms=50, most_ms=5000)
        assert plain is not None
        assert delays.left_ms(found, heard) <= delays.left_ms(plain, heard) + 1
        for name in (name for name in names if plain[name]):
            smaller = plain | {name: plain[name] - 1}
            assert delays.left_ms(smaller, heard) > 50


def test_a_reason_is_given_for_every_remedy() -> None:
    sounding = stagger_map([horn("a", 0, 0, 400.0), horn("b", 0, 300, 400.0)], Wishes())

    assert [(one.remedy, one.reason) for one in sounding.clusters] == [(Remedy.TURNS, Reason.TOO_WIDE)]
