"""Who gets which chunks again, and how often a device may ask. Pure.

Wants that come together are merged: a chunk that many lack goes once to everybody, one that few lack goes to each of
them alone, so that devices on slow links hear little that is not for them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

MANY = 3
"""From this many askers on a chunk goes to all."""
BURST = 4
REFILL_S = 5.0
_REMEMBERED = 100_000

INDEX = -1
"""Stands for the index among chunk numbers: it goes first."""


@dataclass(frozen=True, slots=True)
class Repair:
    """One frame to send again: to one device, or to all (`device` None). `number` is a chunk or `INDEX`."""

    root: str
    number: int
    device: str | None


def repairs(wants: Mapping[tuple[str, str], frozenset[int]], many: int = MANY) -> Iterator[Repair]:
    """What to send for merged wants, (device, root) → numbers; indexes first, then each asset in order."""
    askers = Counter((root, number) for (_, root), numbers in wants.items() for number in numbers)
    to_all = {asked for asked, count in askers.items() if count >= many}
    plan = [Repair(root, number, None) for root, number in to_all]
    for (device, root), numbers in wants.items():
        plan += [Repair(root, number, device) for number in numbers if (root, number) not in to_all]
    yield from sorted(plan, key=lambda one: (one.number != INDEX, one.root, one.number, one.device or ""))


def still_missing(numbers: Iterable[int], passed: int | None) -> frozenset[int]:
    """Of what is wanted, that which the first pass, being at chunk `passed`, will not bring anyway. None: none runs."""
    return frozenset(number for number in numbers if passed is None or number < passed)


@dataclass(slots=True)
class Allowance:
    """A token bucket for each (device, root): a restarting agent may ask at once, a mad one cannot flood."""

    burst: int = BURST
    refill_s: float = REFILL_S
    _levels: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def take(self, device: str, root: str, now_s: float) -> bool:
        """Whether this want is served."""
        level, at_s = self._levels.get((device, root), (float(self.burst), now_s))
        level = min(float(self.burst), level + (now_s - at_s) / self.refill_s)
        if level < 1:
            return False
        if len(self._levels) > _REMEMBERED:
            self._levels.clear()
        self._levels[device, root] = (level - 1, now_s)
        return True


@dataclass(slots=True)
class Pace:
    """Bytes a second, with a quarter of a second's credit."""

    bytes_per_s: int
    _free_at_s: float = 0.0

    def delay_s(self, size_bytes: int, now_s: float) -> float:
        """How long to wait before sending `size_bytes` more."""
        begin_s = max(self._free_at_s, now_s - 0.25)
        self._free_at_s = begin_s + size_bytes / self.bytes_per_s
        return max(0.0, begin_s - now_s)
