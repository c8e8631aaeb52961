"""What a timeline costs beside merely sorting the same items: a device's week."""

from datetime import timedelta

from benchmarks.measuring import Row, compare
from loa_protocol.documents.device import ClockReport, ClockState, DeviceKind
from loa_protocol.documents.trust import Ceilings
from loa_protocol.policy import merge
from loa_protocol.timeline import agenda_of, compute
from tests.fakes.province import NOW, broadcast, plan


def run() -> list[Row]:
    """Weeks of 50, 300 and 1,000 broadcasts."""
    rows = []
    for count, times in ((50, 20), (300, 5), (1000, 2)):
        items = tuple(
            broadcast(
                id=f"lp-{n}",
                start=(start := NOW + timedelta(days=7) * n / count),
                latest_start=start + timedelta(minutes=5),
            )
            for n in range(count)
        )
        document = plan(broadcasts=items)
        policy = merge((), Ceilings())
        clock = ClockReport(state=ClockState.TRUSTED, error_ms=5, source="bench")

        def ours(document=document, policy=policy, clock=clock) -> object:  # noqa: ANN001 - bound now, not later
            agenda = agenda_of([document])
            return compute(agenda, policy, {}, clock=clock, now=NOW, kind=DeviceKind.SPEAKER)

        def raw(items=items) -> object:  # noqa: ANN001 - bound now, not later
            return sorted(items, key=lambda b: (b.authority, b.start, b.id))

        rows.append(compare(f"a week of {count} broadcasts", ours, raw, times))
    return rows
