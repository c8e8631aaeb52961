"""How figures are taken: medians of repeated runs, with the baseline's run between ours, so that drift hits both."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

_ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: microseconds per operation of ours and of the raw baseline, and their ratio."""

    what: str
    ours_us: float
    raw_us: float
    ratio: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def compare(what: str, ours: Callable[[], object], raw: Callable[[], object], times: int) -> Row:
    """Median of alternating rounds of `times` calls each."""
    our_us, raw_us = [], []
    for _ in range(_ROUNDS):
        our_us.append(_once(ours, times))
        raw_us.append(_once(raw, times))
    ratios = [a / b for a, b in zip(our_us, raw_us, strict=True)]
    return Row(what, statistics.median(our_us), statistics.median(raw_us), statistics.median(ratios))


def _once(work: Callable[[], object], times: int) -> float:
    begin = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - begin) * 1e6 / times


def table(name: str, rows: list[Row]) -> str:
    """For people."""
    lines = [f"\n{name:<44}{'ours µs':>12}{'raw µs':>12}{'ratio':>8}"]
    lines += [f"  {row.what:<42}{row.ours_us:>12.1f}{row.raw_us:>12.1f}{row.ratio:>8.2f}" for row in rows]
    return "\n".join(lines)
