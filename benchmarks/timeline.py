"""What a timeline costs beside merely sorting the same items: a device's week."""

from datetime import timedelta

from benchmarks.measuring import Figure, Growth, Options, Report, compare
from loa_protocol.documents.device import ClockReport, ClockState, DeviceKind
from loa_protocol.documents.plan import Broadcast
from loa_protocol.documents.trust import Ceilings
from loa_protocol.policy import merge
from loa_protocol.timeline import agenda_of, compute
from tests.fakes.province import NOW, broadcast, plan

SIZES = ((50, 20), (300, 5), (1000, 2))


def run(options: Options) -> Report:
    """Weeks of 50, 300 and 1,000 broadcasts."""
    figures = [_computed(count, times) for count, times in SIZES[: 2 if options.quick else 3]]
    ours = [(figure.n or 0, figure.ours) for figure in figures]
    raw = [(figure.n or 0, figure.raw or 0.0) for figure in figures]
    return Report("timeline", figures, [Growth("A week's timeline", "µs", {"timeline": ours, "bare sort": raw})])


def _computed(count: int, times: int) -> Figure:
    items = tuple(_nth(n, count) for n in range(count))
    document = plan(broadcasts=items)
    policy = merge((), Ceilings())
    clock = ClockReport(state=ClockState.TRUSTED, error_ms=5, source="bench")

    def ours() -> object:
        agenda = agenda_of([document])
        return compute(agenda, policy, {}, clock=clock, now=NOW, kind=DeviceKind.SPEAKER)

    return compare(
        "a week of N broadcasts",
        ours,
        lambda: sorted(items, key=lambda b: (b.authority, b.start, b.id)),
        times,
        n=count,
    )


def _nth(n: int, count: int) -> Broadcast:
    start = NOW + timedelta(days=7) * n / count
    return broadcast(id=f"lp-{n}", start=start, latest_start=start + timedelta(minutes=5))
