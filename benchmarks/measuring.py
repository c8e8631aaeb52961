"""What a benchmark says, and how figures are taken: the baseline's run lies between ours, so that drift hits both."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Options:
    """How a benchmark is run: `quick` keeps it to seconds, `seed` fixes what is random."""

    quick: bool = False
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit on a figure, or on its ratio to the raw baseline."""

    limit: float
    at_most: bool
    of_ratio: bool

    def met(self, ours: float, ratio: float | None) -> bool | None:
        """Whether the figure keeps the limit; None where a ratio is asked and nothing raw was measured."""
        value = ratio if self.of_ratio else ours
        if value is None:
            return None
        return value <= self.limit if self.at_most else value >= self.limit

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.limit:g}{' × raw' if self.of_ratio else ''}"


def at_most(limit: float) -> Goal:
    """The figure shall not exceed `limit`, in the figure's unit."""
    return Goal(limit, at_most=True, of_ratio=False)


def at_least(limit: float) -> Goal:
    """The figure shall reach `limit`, in the figure's unit."""
    return Goal(limit, at_most=False, of_ratio=False)


def at_most_raw(ratio: float) -> Goal:
    """The figure shall not exceed `ratio` times the raw baseline."""
    return Goal(ratio, at_most=True, of_ratio=True)


def at_least_raw(ratio: float) -> Goal:
    """The figure shall reach `ratio` times the raw baseline."""
    return Goal(ratio, at_most=False, of_ratio=True)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure; `raw` is the baseline of the same run in the same unit, `n` the size it was taken at."""

    what: str
    ours: float
    raw: float | None = None
    unit: str = "µs"
    n: int | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """Ours over raw."""
        return None if not self.raw else self.ours / self.raw

    @property
    def met(self) -> bool | None:
        """Whether the goal was met; None without a goal."""
        return None if self.goal is None else self.goal.met(self.ours, self.ratio)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        said: dict[str, Any] = {"what": self.what, "n": self.n, "ours": self.ours, "raw": self.raw}
        said |= {"ratio": self.ratio, "unit": self.unit, "goal": None if self.goal is None else str(self.goal)}
        return said | {"met": self.met}


@dataclass(frozen=True, slots=True)
class Growth:
    """How a figure grows: for each series, (n, value) in `unit`."""

    title: str
    unit: str
    series: Mapping[str, Sequence[tuple[int, float]]]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "title": self.title,
            "unit": self.unit,
            "series": {name: list(row) for name, row in self.series.items()},
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What one run of a benchmark found."""

    name: str
    figures: Sequence[Figure]
    growths: Sequence[Growth] = ()
    notes: Sequence[str] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "benchmark": self.name,
            "figures": [figure.as_dict() for figure in self.figures],
            "growths": [growth.as_dict() for growth in self.growths],
            "notes": list(self.notes),
        }


def percentile(values: Iterable[float], q: float) -> float:
    """The value at quantile `q` (0…1) by nearest rank; of at least one value."""
    if not 0 <= q <= 1:
        raise ValueError(f"a quantile lies between 0 and 1, not at {q}; write 0.99 for p99")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def compare(
    what: str,
    ours: Callable[[], object],
    raw: Callable[[], object],
    times: int,
    *,
    n: int | None = None,
    goal: Goal | None = None,
) -> Figure:
    """Median of alternating rounds of `times` calls each, in microseconds of processor time a call.

    For work that only computes: processor time says the same on a busy machine as on a quiet one.
    """
    our_us, raw_us = [], []
    for _ in range(_ROUNDS):
        our_us.append(_once(ours, times))
        raw_us.append(_once(raw, times))
    return Figure(what, statistics.median(our_us), statistics.median(raw_us), "µs", n, goal)


def _once(work: Callable[[], object], times: int) -> float:
    begin_ns = time.thread_time_ns()
    for _ in range(times):
        work()
    return (time.thread_time_ns() - begin_ns) / 1e3 / times


def table(report: Report) -> str:
    """For people."""
    lines = [f"\n{report.name:<58}{'ours':>12}{'raw':>12}{'ratio':>8}  {'goal'}"]
    lines += [_line(figure) for figure in report.figures]
    return "\n".join([*lines, *(f"  {note}" for note in report.notes)])


def _line(figure: Figure) -> str:
    what = figure.what if figure.n is None else f"{figure.what}, N = {figure.n:,}"
    raw = "" if figure.raw is None else f"{figure.raw:,.1f}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    goal = "" if figure.goal is None else f"{figure.goal} {({True: 'met', False: 'MISSED', None: 'open'})[figure.met]}"
    return f"  {f'{what} ({figure.unit})':<56}{figure.ours:>12,.1f}{raw:>12}{ratio:>8}  {goal}"
