"""The bare parts that the agent's figures stand beside, each as small as Python and the libraries allow.

Run as a program it is one of the bare processes: `player FILE` (a paced loop of 10 ms blocks that answers each line of
its input when the next block is written) or `sleeper` (wakes at the instants it is given).
"""

import itertools
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import av

from loa_protocol.envelope import b64decode, parse, signed_bytes
from loa_protocol.keys import Ed25519Signer

BLOCK_S = 0.01
DECODE_FRAMES = 9_600
"""200 ms at 48 kHz: what a cue that is due now waits for."""
_STARTED_BYTES = 400
AGENT_LIBRARIES = (
    "import argparse, asyncio, logging, sqlite3, ssl, importlib.resources, concurrent.futures, "
    "msgspec, yaml, aiomqtt, cryptography.hazmat.primitives.asymmetric.ed25519, "
    "cryptography.hazmat.primitives.asymmetric.ec, cryptography.hazmat.primitives.serialization"
)
PLAYER_LIBRARIES = "import argparse, threading, msgspec, numpy, av, av.audio.resampler"
HOG = "while True: pass"


class RawParts:
    """The same work without us: verify, commit, decode, commit, hand over a pipe and wait for a block."""

    def __init__(self, folder: Path, sound: Path, key: Ed25519Signer) -> None:
        self._public, self._sound = key.private.public_key(), sound
        self._databases = [_database(folder / f"raw-{name}.sqlite") for name in ("documents", "journal")]
        command = [sys.executable, "-m", "benchmarks.agent_raw", "player", str(folder / "raw.pcm")]
        self._player = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._hand_over()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._player.communicate(timeout=5)
        for database in self._databases:
            database.close()

    def once(self, envelope: bytes) -> tuple[float, float, float, float]:
        """Milliseconds of: verification; both commits; decoding; hand-over until the block is written."""
        marks = [time.monotonic_ns()]
        parsed = parse(envelope)
        self._public.verify(b64decode(parsed.signatures[0].sig), signed_bytes(parsed))
        marks.append(time.monotonic_ns())
        for database, row in zip(self._databases, (envelope, bytes(_STARTED_BYTES)), strict=True):
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT INTO rows VALUES (?)", (row,))
            database.execute("COMMIT")
        marks.append(time.monotonic_ns())
        _decode(self._sound)
        marks.append(time.monotonic_ns())
        marks.append(self._hand_over())
        verify, commit, decode, block = ((b - a) / 1e6 for a, b in itertools.pairwise(marks))
        return verify, commit, decode, block

    def _hand_over(self) -> int:
        stdin, stdout = self._player.stdin, self._player.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(b"now\n")
        stdin.flush()
        return int(stdout.readline())


def imports_s(libraries: str) -> float:
    """Seconds a fresh interpreter takes to start and import."""
    begin = time.monotonic()
    subprocess.run([sys.executable, "-c", libraries], check=True, timeout=60)
    return time.monotonic() - begin


def start_sleeper(instants_ns: Sequence[int]) -> "subprocess.Popen[bytes]":
    """A bare process that sleeps until each instant; `woken_late_ms` reads its answer."""
    command = [sys.executable, "-m", "benchmarks.agent_raw", "sleeper"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    child.stdin.write(json.dumps(list(instants_ns)).encode() + b"\n")
    child.stdin.flush()
    return child


def woken_late_ms(child: "subprocess.Popen[bytes]") -> list[float]:
    """How late the sleeper woke each time."""
    said, _ = child.communicate(timeout=600)
    late: list[float] = json.loads(said)
    return late


def _database(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE rows (row BLOB)")
    return connection


def _decode(path: Path) -> None:
    with av.open(str(path)) as container:
        frames = 0
        for frame in container.decode(audio=0):
            frames += frame.samples
            if frames >= DECODE_FRAMES:
                return


def _play(path: str) -> None:
    """Blocks at an even pace; each line of the input is answered by the instant its block was written."""
    waiting: list[bytes] = []
    block = bytes(round(BLOCK_S * 48_000) * 2)
    over = threading.Event()

    def listen() -> None:
        for line in sys.stdin.buffer:
            waiting.append(line)  # noqa: PERF402 - one at a time, as they come
        over.set()

    threading.Thread(target=listen, daemon=True).start()
    target = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    due_s, place = time.monotonic(), 0
    while not over.is_set():
        due_s += BLOCK_S
        time.sleep(max(0.0, due_s - time.monotonic()))
        answers, waiting[:] = len(waiting), []
        place += os.pwrite(target, block, place)
        for _ in range(answers):
            sys.stdout.write(f"{time.monotonic_ns()}\n")
            sys.stdout.flush()


def _sleep() -> None:
    late_ms = []
    for instant_ns in json.loads(sys.stdin.readline()):
        time.sleep(max(0.0, (instant_ns - time.monotonic_ns()) / 1e9))
        late_ms.append((time.monotonic_ns() - instant_ns) / 1e6)
    json.dump(late_ms, sys.stdout)


if __name__ == "__main__":
    if sys.argv[1] == "player":
        _play(sys.argv[2])
    else:
        _sleep()
