"""How far from its instant a scheduled sound begins: receipts of a real agent, beside a bare process that sleeps.

The agent plays a clip every 0.4 s by its plan. Its receipts say when the first sample left the converter, on the
device's own clock (which a signed time answer set). Outputs: the paced capture file, and ALSA over a PulseAudio null
sink; each once alone and once beside four processes that burn the processor.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from benchmarks.agent_raw import HOG, start_sleeper, woken_late_ms
from benchmarks.agent_rig import OneAgent
from benchmarks.measuring import Figure, at_most, percentile
from loa_protocol.outcomes import Outcome
from tests.acceptance.rig import wait_for
from tests.fakes.lone_controller import utc_now

GOAL_US = 5_000.0
HOGS = 4
EVERY_S = 0.4
_LEAD_S = 4.0
_ANSWERED_S = 30.0


def skew_figures(one: OneAgent, output: str, starts: int) -> tuple[list[Figure], list[str]]:
    """Alone, then beside the hogs."""
    alone, said = _measure(one, f"skew, {output}", starts, hogs=0)
    pressed, also = _measure(one, f"skew, {output}, {HOGS} hogs", starts, hogs=HOGS)
    return [*alone, *pressed], [*said, *also]


def _measure(one: OneAgent, what: str, starts: int, *, hogs: int) -> tuple[list[Figure], list[str]]:
    first = utc_now() + timedelta(seconds=_LEAD_S)
    instants = [first + timedelta(seconds=EVERY_S) * number for number in range(starts)]
    names = [f"{what.replace(',', '').replace(' ', '-').lower()}-{number}" for number in range(starts)]
    with _burning(hogs):
        sleeper = start_sleeper([_monotonic_ns(instant) for instant in instants])
        one.send([one.clip_at(name, instant) for name, instant in zip(names, instants, strict=True)])
        late_ms = woken_late_ms(sleeper)
    wait_for(lambda: all(one.controller.receipts(name) for name in names[-1:]), "the last is answered", _ANSWERED_S)
    receipts = [receipt for name in names for receipt in one.controller.receipts(name)]
    played = [receipt for receipt in receipts if receipt.outcome is Outcome.PLAYED and receipt.skew_ms is not None]
    skews_us = [1e3 * abs(receipt.skew_ms or 0.0) for receipt in played]
    late_us = [1e3 * late for late in late_ms]
    note = f"{what}: {len(played)} of {starts} played, {sum(receipt.xruns for receipt in receipts)} xruns"
    goal = None if hogs else at_most(GOAL_US)
    return [
        Figure(f"{what}, p50", percentile(skews_us, 0.5), percentile(late_us, 0.5), "µs", len(played)),
        Figure(f"{what}, p99", percentile(skews_us, 0.99), percentile(late_us, 0.99), "µs", len(played), goal),
    ], [note]


@contextmanager
def _burning(count: int) -> Iterator[None]:
    hogs = [subprocess.Popen([sys.executable, "-c", HOG]) for _ in range(count)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def _monotonic_ns(instant: datetime) -> int:
    return time.monotonic_ns() + int((instant - utc_now()) / timedelta(microseconds=1)) * 1000
