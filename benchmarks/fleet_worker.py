"""One process of simulated devices for the benchmarks: told what to do by JSON lines on standard input.

`{"do": "counts"}` answers where the fleet stands, `{"do": "arrivals", "topic": T}` gives every distinct message on T
with the CLOCK_MONOTONIC ns at which each device's last byte of it was read, and forgets them. Ends with its input.
"""

import argparse
import asyncio
import base64
import contextlib
import gc
import json
import sys
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.memory import pss_bytes
from edge_agent.light.faults import Pace
from edge_agent.light.fleet import Fleet
from edge_agent.light.process import allow
from loa_cli.enrolment import load


class Watch:
    """What arrived on the watched topics."""

    def __init__(self, topics: list[str]) -> None:
        self._topics = frozenset(topics)
        self._seen: dict[str, dict[bytes, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))

    def observe(self, device: str, topic: str, payload: bytes, at_ns: int) -> None:
        """An observer of a fleet; what a device hears twice counts once."""
        if topic in self._topics:
            self._seen[topic][payload].setdefault(device, at_ns)

    def heard(self, topic: str) -> dict[str, int]:
        """How many devices have each message, by its base64."""
        return {base64.b64encode(raw).decode(): len(times) for raw, times in self._seen[topic].items()}

    def take(self, topic: str) -> list[dict[str, Any]]:
        """Every message with its instants; they are forgotten."""
        seen = self._seen.pop(topic, {})
        return [{"payload": base64.b64encode(raw).decode(), "times": [*by.values()]} for raw, by in seen.items()]


async def _work(options: argparse.Namespace) -> None:
    names = [f"{options.prefix}-{number:05d}" for number in range(options.first, options.last)]
    allow(len(names))
    enrolled = load(Path(options.folder), names)
    watch = Watch(options.watch)
    fleet = Fleet(
        "127.0.0.1",
        options.port,
        enrolled.identities,
        enrolled.trust,
        pace=Pace.of(options.all),
        extra=options.extra,
        seed=options.first,
    )
    fleet.observers.append(watch.observe)
    living = asyncio.create_task(fleet.run())
    gc.freeze()
    loop = asyncio.get_running_loop()
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            asked = json.loads(line)
            match asked["do"]:
                case "arrivals":
                    answer: Any = watch.take(asked["topic"])
                case "heard":
                    answer = watch.heard(asked["topic"])
                case _:
                    answer = {**asdict(fleet.counts()), "pss_bytes": pss_bytes(), "away": len(fleet.away)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    finally:
        living.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await living


def main() -> None:
    """Read the arguments, live until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("port", type=int)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--all", type=int, required=True, help="devices of all processes")
    parser.add_argument("--prefix", default="sim")
    parser.add_argument("--watch", action="append", default=[])
    parser.add_argument("--extra", action="append", default=[])
    asyncio.run(_work(parser.parse_args()))


if __name__ == "__main__":
    main()
