"""A controller, a broker and fleets of simulated devices, as processes of their own, for benchmarks that need them."""

import itertools
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.memory import cpu_s
from edge_agent.light.process import allow
from loa_cli.enrolment import enrol, share
from tests.acceptance.rig import COMMUNE, System, broker_process, free_port, wait_for

PREFIX = "sim"
_IDLE_PART = 0.08
_IDLE_FOR_S = 0.5


@dataclass(slots=True)
class Worker:
    """One process of simulated devices."""

    child: subprocess.Popen[str]

    def ask(self, **request: Any) -> Any:
        """A request and its answer."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(json.dumps(request) + "\n")
        self.child.stdin.flush()
        answer = self.child.stdout.readline()
        if not answer:
            raise RuntimeError(f"a process of simulated devices ended with {self.child.wait(10)}")
        return json.loads(answer)

    def end(self) -> None:
        """Close its input, and make it end if it does not."""
        assert self.child.stdin is not None
        self.child.stdin.close()
        try:
            self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


@dataclass(slots=True)
class Stand:
    """Everything that runs."""

    system: System
    workers: list[Worker]
    devices: int
    folder: Path

    def ask(self, **request: Any) -> list[Any]:
        """The same request to every process."""
        return [worker.ask(**request) for worker in self.workers]

    def counts(self) -> Counter[str]:
        """All processes together."""
        together: Counter[str] = Counter()
        for answer in self.ask(do="counts"):
            together.update(answer)
        return together

    def wait(self, done: Callable[[], Any], what: str, limit_s: float, every_s: float = 0.05) -> float:
        """Seconds until it was so."""
        begin = time.monotonic()
        while not done():
            if time.monotonic() - begin > limit_s:
                raise RuntimeError(f"not within {limit_s:.0f} s: {what}; {self.counts()}")
            time.sleep(every_s)
        return time.monotonic() - begin

    def settle(self, limit_s: float = 400.0) -> float:
        """Until nobody has anything to do any more: what one round set off must not lie in the next one."""

        def idle() -> bool:
            before, pid = cpu_s(self.system.controller.pid), self.system.controller.pid
            time.sleep(_IDLE_FOR_S)
            counts = self.counts()
            quiet = not counts["thinking"] and not counts["unacknowledged"]
            return quiet and cpu_s(pid) - before < _IDLE_PART * _IDLE_FOR_S

        return self.wait(idle, "everybody rests", limit_s)

    def connect(self, *, processes: int, watch: Sequence[str] = (), extra: Sequence[str] = ()) -> float:
        """Start the devices; seconds until all are connected, subscribed and know the time."""
        begin = time.monotonic()
        shares = [self.devices * part // processes for part in range(processes + 1)]
        self.workers.extend(_start(self, span, watch, extra) for span in itertools.pairwise(shares))

        def whole() -> bool:
            counts = self.counts()
            return counts["whole"] == counts["clocks"] == self.devices - counts["away"]

        self.wait(whole, "all devices are connected and know the time", 120 + self.devices / 16, 0.5)
        return time.monotonic() - begin


@contextmanager
def standing(devices: int, broker: str, *, answer_deadline_s: int = 60) -> Iterator[Stand]:
    """A controller that knows so many devices; everything is ended whatever happens.

    `broker` is embedded or mosquitto.
    """
    allow(devices)
    workers: list[Worker] = []
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as kept:
        folder = Path(kept)
        system = System(folder / "system", broker, answer_deadline_s=answer_deadline_s)
        try:
            system.start()
            enrol(system.client, folder, share(devices, [COMMUNE], PREFIX))
            yield Stand(system, workers, devices, folder)
        finally:
            for worker in workers:
                worker.end()
            system.end()


def _start(stand: Stand, span: tuple[int, int], watch: Sequence[str], extra: Sequence[str]) -> Worker:
    arguments = [str(stand.folder), str(stand.system.broker_port), *map(str, span)]
    command = [sys.executable, "-m", "benchmarks.fleet_worker", *arguments, "--prefix", PREFIX]
    command += ["--all", str(stand.devices)]
    for topic in (*watch, *extra):
        command += ["--watch", topic]
    for topic in extra:
        command += ["--extra", topic]
    with (stand.folder / f"fleet-{span[0]}.log").open("w") as log:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    return Worker(child)


@contextmanager
def lone_broker(kind: str = "mosquitto") -> Iterator[int]:
    """A broker and nothing else; its port."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as kept:
        port = free_port()
        process = broker_process(kind, Path(kept), port)
        process.start()
        try:
            wait_for(lambda: _listens(port), "the broker listens")
            yield port
        finally:
            process.end()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
