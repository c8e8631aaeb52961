"""How soon the agent is ready, what its processes hold in memory and what they need of the processor at rest."""

import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from benchmarks.agent_raw import AGENT_LIBRARIES, PLAYER_LIBRARIES, imports_s
from benchmarks.agent_rig import OneAgent
from benchmarks.measuring import Figure, Goal, at_most
from benchmarks.memory import on_processor_ns, pss_bytes
from tests.acceptance.rig import wait_for

MEMORY_GOAL_MB = 120
_MB = 1e6
_SETTLE_S = 4.0
_AT_REST_S = 4.0
_SOUND_MS = 20_000
_INTO_SOUND_S = 3.0
_HEADER_FIELDS = 5


def start_figures(one: OneAgent, times: int) -> list[Figure]:
    """A device that knows its plan and content is started again and again; `one` runs before and after."""
    ready_ms, told_ms, raw_ms = [], [], []
    for _ in range(times):
        one.agent.end()
        ready, told = one.start_again()
        ready_ms.append(ready)
        told_ms.append(told)
        raw_ms.append(1e3 * (imports_s(AGENT_LIBRARIES) + imports_s(PLAYER_LIBRARIES)))
    raw = statistics.median(raw_ms)
    return [
        Figure("start: process → subscribed, output open, p50", statistics.median(ready_ms), raw, "ms", times),
        Figure("start: process → controller told ready, p50", statistics.median(told_ms), raw, "ms", times),
    ]


def memory_figures(one: OneAgent, output: str, *, foreign: bool = False) -> list[Figure]:
    """Idle, then while a bulletin sounds. The goal binds PSS, and what the processes would take alone.

    `foreign`: the sound system of this machine loads libraries that a receiver has not; "alone" is then only told.
    """
    time.sleep(_SETTLE_S)
    raw_mb = bare_mb()
    goal = None if foreign else at_most(MEMORY_GOAL_MB)
    idle = [*_figures(one, f"memory idle, {output}", raw_mb, goal), _at_rest(one, output)]
    one.send([one.broadcast("long", in_s=0.5, sound_ms=_SOUND_MS)])
    wait_for(lambda: one.controller.states[-1].playing, "the long bulletin sounds")
    time.sleep(_INTO_SOUND_S)
    return [*idle, *_figures(one, f"memory playing, {output}", raw_mb, goal)]


def _at_rest(one: OneAgent, output: str) -> Figure:
    """What agent and player together need of one core while nothing sounds; the output is fed silence."""
    pids = one.processes()
    before_ns, begin_ns = sum(on_processor_ns(pid) for pid in pids), time.monotonic_ns()
    time.sleep(_AT_REST_S)
    used_ns = sum(on_processor_ns(pid) for pid in pids) - before_ns
    share = 100 * used_ns / (time.monotonic_ns() - begin_ns)
    return Figure(f"processor idle, {output}", share, None, "% of a core", len(pids))


def board_figures(one: OneAgent) -> list[Figure]:
    """A board's agent, which draws in its own process, while it shows a text."""
    one.start_board()
    time.sleep(_INTO_SOUND_S)
    return _figures(one, "memory of a board, showing", None, at_most(MEMORY_GOAL_MB))


def _figures(one: OneAgent, what: str, raw_mb: float | None, goal: Goal | None) -> list[Figure]:
    pids = one.processes()
    pss_mb = sum(pss_bytes(pid) for pid in pids) / _MB
    return [
        Figure(f"{what}: PSS", pss_mb, None, "MB", len(pids), at_most(MEMORY_GOAL_MB)),
        Figure(f"{what}: alone", alone_bytes(pids) / _MB, raw_mb, "MB", len(pids), goal),
    ]


def alone_bytes(pids: Iterable[int]) -> int:
    """What the processes would take on a machine that runs no other Python.

    Private pages of each, and every shared file once, with the most that one of them has of it: PSS flatters where the
    benchmark itself has the same libraries in memory.
    """
    private, shared = 0, defaultdict[str, int](int)
    for pid in pids:
        own: defaultdict[str, int] = defaultdict(int)
        for name, field, size in _mappings(pid):
            if field.startswith("Private_"):
                private += size
            elif field.startswith("Shared_"):
                own[name] += size
        for name, size in own.items():
            shared[name] = max(shared[name], size)
    return private + sum(shared.values())


def bare_mb() -> float:
    """Bare interpreters with the same libraries, agent's and player's, measured the same way."""
    hold = "\nprint(1, flush=True)\nimport sys\nsys.stdin.read()"
    pipe = subprocess.PIPE
    children = [
        subprocess.Popen([sys.executable, "-c", libraries + hold], stdin=pipe, stdout=pipe)
        for libraries in (AGENT_LIBRARIES, PLAYER_LIBRARIES)
    ]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()
    taken = alone_bytes(child.pid for child in children)
    for child in children:
        child.communicate(timeout=10)
    return taken / _MB


def _mappings(pid: int) -> Iterable[tuple[str, str, int]]:
    """(file or other name, field, bytes) of every mapping in /proc/<pid>/smaps."""
    name = ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        first, *rest = line.split(maxsplit=_HEADER_FIELDS)
        if not first.endswith(":"):
            name = rest[_HEADER_FIELDS - 1] if len(rest) == _HEADER_FIELDS else ""
        elif len(rest) > 1 and rest[1] == "kB":
            yield name, first[:-1], int(rest[0]) * 1024
