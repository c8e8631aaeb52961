"""Distances on the globe against published geodesics, and what lies near what against asking everybody."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.devices import geo
from controller.devices.geo import EARTH_RADIUS_M, Grid, Point, distance_m, east_north_m

PUBLISHED = {
    "Flinders Peak to Buninyong": (
        Point(-37.951033417, 144.424867889),
        Point(-37.652821139, 143.926495528),
        54_972.271,
    ),
    "New York to London": (Point(40.6, -73.8), Point(51.6, -0.5), 5_551_759.400),
    "Wellington to Salamanca": (Point(-41.32, 174.81), Point(40.96, -5.50), 19_959_679.267),
}
"""Geodesics of the ellipsoid: Geoscience Australia's test line of Vincenty's formulae, and GeographicLib's examples."""

points = st.builds(
    Point,
    st.floats(-90, 90, allow_nan=False).map(lambda x: round(x, 6)),
    st.floats(-180, 180, allow_nan=False).map(lambda x: round(x, 6)),
)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_distance_is_that_of_the_ellipsoid_within_what_a_sphere_allows(name: str) -> None:
    begin, end, published_m = PUBLISHED[name]

    found = distance_m(begin, end)

    assert found == pytest.approx(published_m, rel=0.0056)


def test_a_quarter_of_the_way_round_is_that_of_the_sphere() -> None:
    quarter = EARTH_RADIUS_M * math.pi / 2

    assert distance_m(Point(0, 0), Point(90, 17)) == pytest.approx(quarter, rel=1e-12)
    assert distance_m(Point(0, 170), Point(0, -100)) == pytest.approx(quarter, rel=1e-12)
    assert distance_m(Point(10, 20), Point(-10, -160)) == pytest.approx(2 * quarter, rel=1e-7)


def test_a_metre_is_a_metre_also_across_the_date_line() -> None:
    degree = math.degrees(1 / EARTH_RADIUS_M)

    assert distance_m(Point(0, 180 - degree / 2), Point(0, -180 + degree / 2)) == pytest.approx(1, abs=1e-6)
    assert distance_m(Point(21, 105), Point(21 + degree, 105)) == pytest.approx(1, abs=1e-6)


@given(points, points)
def test_the_way_back_is_as_long(a: Point, b: Point) -> None:
    assert distance_m(a, b) == pytest.approx(distance_m(b, a), abs=1e-6)
    assert 0 <= distance_m(a, b) <= EARTH_RADIUS_M * math.pi + 1e-6


@given(st.floats(-70, 70), st.floats(-180, 180), st.floats(-0.01, 0.01), st.floats(-0.01, 0.01))
def test_a_flat_map_of_the_neighbourhood_keeps_distances(lat: float, lon: float, north: float, east: float) -> None:
    origin = Point(lat, lon)
    point = Point(lat + north, (lon + east + 180) % 360 - 180)

    x, y = east_north_m(origin, point)

    assert math.hypot(x, y) == pytest.approx(distance_m(origin, point), rel=2e-3, abs=0.01)


@given(st.lists(points, max_size=30), points, st.floats(1, 5e6), st.floats(50, 1e6))
def test_a_grid_finds_what_asking_everybody_finds(
    places: list[Point], centre: Point, radius_m: float, cell_m: float
) -> None:
    everybody = {str(number): place for number, place in enumerate(places)}
    near = {key for key, place in everybody.items() if distance_m(centre, place) <= radius_m}

    found = Grid(everybody, cell_m=cell_m).near(centre, radius_m)

    assert {key for key, _ in found} == near
    assert all(away_m == distance_m(centre, everybody[key]) for key, away_m in found)
    assert len(found) == len(near)


def test_the_neighbours_of_ten_thousand_are_found_without_asking_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = random.Random(4)
    crowd = {f"d{n}": Point(20 + drawn.random(), 105 + drawn.random()) for n in range(10_000)}
    asked: list[Point] = []

    def counted(a: Point, b: Point) -> float:
        asked.append(b)
        return distance_m(a, b)

    monkeypatch.setattr(geo, "distance_m", counted)
    grid = Grid(crowd, cell_m=500)

    found = [grid.near(crowd[key], 500) for key in crowd]

    assert all(near for near in found)
    assert len(asked) < 50 * len(crowd)
