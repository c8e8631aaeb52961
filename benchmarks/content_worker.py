"""One process of simulated devices that really receive content: told what to do by JSON lines on standard input.

`{"do": "begin", "loss": L}` forgets all counts and loses that share of the frames from now on; `{"do": "counts"}` tells
where the fleet stands and, for what became whole since, the CLOCK_MONOTONIC seconds. Ends with its input.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_agent.light.fleet import Fleet
from edge_agent.light.process import allow
from edge_agent.light.receiving import Receivers
from loa_cli.enrolment import load


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the devices' own clock


async def _work(options: argparse.Namespace) -> None:
    names = [f"{options.prefix}-{number:05d}" for number in range(options.devices)]
    allow(len(names))
    enrolled = load(Path(options.folder), names)
    whole: list[float] = []
    chance = random.Random(options.seed)  # noqa: S311 - the same losses in every run
    receivers = Receivers(_now, chance, whole=lambda _device, _root, at_s: whole.append(at_s))
    fleet = Fleet("127.0.0.1", options.port, enrolled.identities, enrolled.trust, content=receivers, seed=options.seed)
    living = asyncio.create_task(fleet.run())
    loop = asyncio.get_running_loop()
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            asked = json.loads(line)
            if asked["do"] == "begin":
                receivers.begin(asked["loss"])
                whole.clear()
            counts = fleet.counts()
            answer: dict[str, Any] = {
                "ready": counts.whole == counts.clocks == counts.devices and not counts.thinking,
                "whole": whole,
                "wants": receivers.wants,
                "frames": receivers.frames,
                "wire_bytes": receivers.wire_bytes,
            }
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
    parser.add_argument("devices", type=int)
    parser.add_argument("--prefix", default="sim")
    parser.add_argument("--seed", type=int, default=0)
    asyncio.run(_work(parser.parse_args()))


if __name__ == "__main__":
    main()
