"""Where things are: distances on the globe, what lies near what. Pure.

The earth is a sphere of the mean radius: against the ellipsoid a distance is wrong by at most 0.56 %, which is less
than what anybody knows of how far a horn reaches. Poles and the date line are places like all others.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (2a + b) / 3 of the WGS 84 ellipsoid."""


@dataclass(frozen=True, slots=True)
class Point:
    """A place, in degrees: north and east are positive."""

    latitude: float
    longitude: float


def distance_m(a: Point, b: Point) -> float:
    """Along the great circle, by the haversine formula."""
    phi_a, phi_b = math.radians(a.latitude), math.radians(b.latitude)
    across = math.sin(math.radians(b.longitude - a.longitude) / 2) ** 2
    square = math.sin((phi_b - phi_a) / 2) ** 2 + math.cos(phi_a) * math.cos(phi_b) * across
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(square)))


def east_north_m(origin: Point, point: Point) -> tuple[float, float]:
    """Where a point lies as seen from a near origin, on a flat map: for drawings and angles within some 100 km."""
    turn = (point.longitude - origin.longitude + 180) % 360 - 180
    east = math.radians(turn) * math.cos(math.radians(origin.latitude))
    return EARTH_RADIUS_M * east, EARTH_RADIUS_M * math.radians(point.latitude - origin.latitude)


_SLACK_M = 0.001
Cell = tuple[int, int, int]


class Grid:
    """Finds what is near: points in cubes of `cell_m` around the centre of the earth, so that no place is special."""

    def __init__(self, points: Mapping[str, Point], *, cell_m: float) -> None:
        if not cell_m > 0:
            raise ValueError("a cell has a size")
        self._points, self._cell_m = points, cell_m
        self._cells: dict[Cell, list[str]] = {}
        for key, point in points.items():
            self._cells.setdefault(self._cell(point), []).append(key)

    def near(self, centre: Point, radius_m: float) -> list[tuple[str, float]]:
        """What lies within the radius of a place and how far it is, in no particular order."""
        found = []
        for key in self._around(centre, radius_m):
            away_m = distance_m(centre, self._points[key])
            if away_m <= radius_m:
                found.append((key, away_m))
        return found

    def _around(self, centre: Point, radius_m: float) -> Iterator[str]:
        """Everything in cells that the radius touches: a chord is never longer than its arc."""
        steps = math.ceil((radius_m + _SLACK_M) / self._cell_m)
        x, y, z = self._cell(centre)
        cells: Iterable[Cell] = self._cells
        if (2 * steps + 1) ** 3 < len(self._cells):
            span = range(-steps, steps + 1)
            cells = ((x + dx, y + dy, z + dz) for dx in span for dy in span for dz in span)
        for cell in cells:
            yield from self._cells.get(cell, ())

    def _cell(self, point: Point) -> Cell:
        phi, turn = math.radians(point.latitude), math.radians(point.longitude)
        flat = EARTH_RADIUS_M * math.cos(phi)
        axes = (flat * math.cos(turn), flat * math.sin(turn), EARTH_RADIUS_M * math.sin(phi))
        x, y, z = (math.floor(axis / self._cell_m) for axis in axes)
        return x, y, z
