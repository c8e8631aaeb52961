"""The recorder process: reads a PulseAudio source, keeps the samples, stamps each block's arrival; knows no plan.

    python rig_recorder.py SOURCE SAMPLES.s16 STAMPS.jsonl

A stamp is `[samples heard so far, CLOCK_MONOTONIC ns]`. Ends on SIGTERM.
"""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

RATE_HZ = 48_000
_FORMAT = ("--raw", "--format=s16le", f"--rate={RATE_HZ}", "--channels=1", "--latency-msec=10")


def record(source: str, raw: Path, stamps: Path) -> None:
    """Record until the source ends or this process is told to."""
    parec = subprocess.Popen(["parec", f"--device={source}", *_FORMAT], stdout=subprocess.PIPE, bufsize=0)
    signal.signal(signal.SIGTERM, lambda *_: parec.terminate())
    heard_bytes = 0
    with raw.open("wb", buffering=0) as samples, stamps.open("wb", buffering=0) as log:
        while parec.stdout is not None and (block := parec.stdout.read(65_536)):
            arrival_ns = time.monotonic_ns()
            samples.write(block)
            heard_bytes += len(block)
            log.write(json.dumps([heard_bytes // 2, arrival_ns]).encode() + b"\n")
    parec.wait(5)


if __name__ == "__main__":
    record(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
