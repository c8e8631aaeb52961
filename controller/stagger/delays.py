"""Fixed delays under which nobody hears an echo, where there are such delays. Pure.

For a pair, `first` may begin between −limit − least and limit − most later than `second`: then every place where both
are heard gets them within the limit. All pairs of a cluster at once are a system of difference constraints; its least
solution of whole milliseconds is found by relaxation (Bellman and Ford), and it is the only least one, so that no order
matters. Of all limits up to that of an echo the smallest that can be kept is taken: the sharpest sound.
"""

import math
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence

from controller.stagger.acoustics import Pair

Constraints = Mapping[str, Sequence[tuple[str, int]]]


def narrow_enough(pair: Pair, limit_ms: float) -> bool:
    """Whether any delay keeps this pair within the limit everywhere."""
    window = _window(pair, limit_ms)
    return window[0] <= window[1]


def best(members: Collection[str], pairs: Collection[Pair], *, echo_ms: float, most_ms: int) -> dict[str, int] | None:
    """Delays from 0 to `most_ms` for each member, or None where there are none."""
    found = least(members, pairs, limit_ms=echo_ms, most_ms=most_ms)
    if found is None:
        return None
    low, high = -1, math.floor(echo_ms)  # whole milliseconds; `low` is known, or assumed, not to do
    while high - low > 1:
        middle = (low + high) // 2
        sharper = least(members, pairs, limit_ms=middle, most_ms=most_ms)
        if sharper is None:
            low = middle
        else:
            found, high = sharper, middle
    return found


def least(members: Collection[str], pairs: Iterable[Pair], *, limit_ms: float, most_ms: int) -> dict[str, int] | None:
    """The smallest delays that keep all pairs within the limit, none above `most_ms`; None where there are none."""
    constraints = _constraints(pairs, limit_ms)
    if constraints is None:
        return None
    delays = dict.fromkeys(members, 0)
    waiting = deque(sorted(delays))
    queued = set(delays)
    while waiting:
        changed = waiting.popleft()
        queued.discard(changed)
        for other, later_ms in constraints.get(changed, ()):
            if delays[other] >= delays[changed] + later_ms:
                continue
            delays[other] = delays[changed] + later_ms
            if delays[other] > most_ms:
                return None
            if other not in queued:
                queued.add(other)
                waiting.append(other)
    return delays


def left_ms(delays: Mapping[str, int], pairs: Iterable[Pair]) -> float:
    """The largest difference that anybody still hears."""
    shifted = ((pair, delays[pair.first] - delays[pair.second]) for pair in pairs)
    return max((max(abs(pair.least_ms + by), abs(pair.most_ms + by)) for pair, by in shifted), default=0.0)


def _window(pair: Pair, limit_ms: float) -> tuple[int, int]:
    """How many whole milliseconds later `first` may begin than `second`."""
    return math.ceil(-limit_ms - pair.least_ms), math.floor(limit_ms - pair.most_ms)


def _constraints(pairs: Iterable[Pair], limit_ms: float) -> Constraints | None:
    """Of x: (y, c) where y begins at least c after x. None where a pair alone cannot keep the limit."""
    found: dict[str, list[tuple[str, int]]] = {}
    for pair in pairs:
        low, high = _window(pair, limit_ms)
        if low > high:
            return None
        found.setdefault(pair.second, []).append((pair.first, low))
        found.setdefault(pair.first, []).append((pair.second, -high))
    return found
