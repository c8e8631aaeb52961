"""Which horns are heard in one place, and how far apart their sounds arrive there. Pure, flat, without wind.

The model, on purpose a simple one (no directions, walls, hills, reverberation or weather), and where it is from:

- A horn's level falls by the inverse square of the distance (6 dB for each doubling) in all directions alike. Real
  clusters point somewhere and lose more over ground and through trees: the model finds rather too much overlap.
- `reach_m` is where it has dropped to 6 dB above the ambient noise, below which speech is no longer followed (an
  assumption). Where nobody knows it: 108 dB at 1 m, what makers of reflex horns state for 1 W, and speech through an
  amplifier of some 25 W is about that much on average; 50 dB of noise, a village by day (both assumptions).
- Two horns are heard together where both are within their reach and neither is more than `masked_db` louder (10 dB:
  Haas, The influence of a single echo on the audibility of speech, 1951; fainter echoes disturb hardly anybody).
- It is an echo where one arrives more than `echo_ms` after the other (50 ms: the same work; below, they are one sound).
- Sound travels at 331.3 m/s times the square root of the absolute temperature over 273.15 K: 343.2 m/s at 20 °C.

Figures of a planning aid: no statement about legal limits of noise follows from them.
"""

import math
from dataclasses import dataclass

from controller.devices.geo import Grid, Point, distance_m

SPEED_AT_FREEZING_M_S = 331.3
FREEZING_K = 273.15
HORN_DB_AT_1_M = 108.0
AMBIENT_DB = 50.0
FOLLOWED_DB = 6.0


@dataclass(frozen=True, slots=True)
class Horn:
    """A loudspeaker cluster at its place."""

    id: str
    at: Point
    reach_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Air:
    """What is assumed of sound and ears."""

    temperature_c: float = 20.0
    echo_ms: float = 50.0
    masked_db: float = 10.0

    @property
    def speed_m_s(self) -> float:
        """The speed of sound."""
        return speed_of_sound_m_s(self.temperature_c)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two horns heard in one place: there `first` arrives from `least_ms` to `most_ms` later than `second`."""

    first: str
    second: str
    distance_m: float
    least_ms: float
    most_ms: float

    @property
    def apart_ms(self) -> float:
        """The largest difference that anybody hears if both begin together."""
        return max(abs(self.least_ms), abs(self.most_ms))


def speed_of_sound_m_s(temperature_c: float) -> float:
    """In dry air."""
    return SPEED_AT_FREEZING_M_S * math.sqrt(1 + temperature_c / FREEZING_K)


def reach_m(db_at_1_m: float = HORN_DB_AT_1_M, ambient_db: float = AMBIENT_DB) -> float:
    """Where a horn has dropped to 6 dB above the noise."""
    return float(10 ** ((db_at_1_m - ambient_db - FOLLOWED_DB) / 20))


def pairs(horns: list[Horn], air: Air) -> list[Pair]:
    """Every two horns heard in one place, by their ids; whatever the order of `horns`."""
    if not horns:
        return []
    ordered = sorted(horns, key=lambda horn: (horn.reach_m, horn.id))
    rank = {horn.id: number for number, horn in enumerate(ordered)}
    grid = Grid({horn.id: horn.at for horn in ordered}, cell_m=2 * ordered[len(ordered) // 2].reach_m)
    found = []
    for horn in ordered:  # asks for those that reach no farther, so that one loud horn makes only its own search wide
        for other_id, _ in grid.near(horn.at, 2 * horn.reach_m):
            if rank[other_id] < rank[horn.id]:
                first, second = sorted((horn, ordered[rank[other_id]]), key=lambda one: one.id)
                pair = _pair(first, second, air)
                if pair is not None:
                    found.append(pair)
    return sorted(found, key=lambda pair: (pair.first, pair.second))


def _pair(first: Horn, second: Horn, air: Air) -> Pair | None:
    apart_m = distance_m(first.at, second.at)
    if apart_m >= first.reach_m + second.reach_m:
        return None
    span = path_differences_m(apart_m, first.reach_m, second.reach_m, air.masked_db)
    if span is None:
        return None
    ms = 1000 / air.speed_m_s
    return Pair(first.id, second.id, apart_m, span[0] * ms, span[1] * ms)


def path_differences_m(
    apart_m: float, reach_a_m: float, reach_b_m: float, masked_db: float
) -> tuple[float, float] | None:
    """The least and the largest (distance to a − distance to b) of all places where both are heard; None: nowhere.

    A place is known by its distances (a, b) to both horns, and any pair of distances that keeps the triangle
    inequalities with `apart_m` is a place. All conditions are linear in (a, b): a convex polygon, whose corners hold
    the extremes.
    """
    ratio = 10 ** (masked_db / 20)
    corners = [(0.0, 0.0), (reach_a_m, 0.0), (reach_a_m, reach_b_m), (0.0, reach_b_m)]
    for p, q, most in (
        (-1.0, -1.0, -apart_m),
        (1.0, -1.0, apart_m),
        (-1.0, 1.0, apart_m),
        (1 / reach_a_m, -ratio / reach_b_m, 0.0),
        (-ratio / reach_a_m, 1 / reach_b_m, 0.0),
    ):
        corners = _clipped(corners, p, q, most)
        if not corners:
            return None
    differences = [a - b for a, b in corners]
    return min(differences), max(differences)


_CLOSE = 1e-9


def _clipped(corners: list[tuple[float, float]], p: float, q: float, most: float) -> list[tuple[float, float]]:
    """What of a convex polygon satisfies p·a + q·b ≤ most."""
    kept = []
    a0, b0 = corners[-1]
    over0 = p * a0 + q * b0 - most
    for a1, b1 in corners:
        over1 = p * a1 + q * b1 - most
        if (over0 > _CLOSE and over1 < -_CLOSE) or (over0 < -_CLOSE and over1 > _CLOSE):
            part = over0 / (over0 - over1)
            kept.append((a0 + part * (a1 - a0), b0 + part * (b1 - b0)))
        if over1 <= _CLOSE:
            kept.append((a1, b1))
        a0, b0, over0 = a1, b1, over1
    return kept
