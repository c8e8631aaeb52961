"""`loa serve` as a process of its own, for benchmarks that ask it over sockets."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loa_cli.client import Client, locate
from loa_protocol.errors import LoaError

_START_S = 120
_END_S = 30


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Client]:
    """A controller in a folder, with these settings in its environment; ended at the end.

    Raises:
        AssertionError: it does not answer; with the end of its log.
    """
    command = [sys.executable, "-m", "loa_cli", "serve", "--data-dir", str(folder), "--port", "0", "--broker-port", "0"]
    with (folder / "controller.log").open("wb") as log:
        environment = {**os.environ, **settings}  # noqa: TID251 - the process's own
        child = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield _answering(folder, child)
    finally:
        child.terminate()
        child.wait(_END_S)


def _answering(folder: Path, child: "subprocess.Popen[bytes]") -> Client:
    limit = time.monotonic() + _START_S
    while child.poll() is None and time.monotonic() < limit:
        try:
            client = locate(folder, None, None)
            client.get("/health")
        except LoaError:  # not yet
            time.sleep(0.1)
        else:
            return client
    raise AssertionError(f"no controller answers:\n{(folder / 'controller.log').read_text()[-2000:]}")
