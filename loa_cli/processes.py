"""Children of the demonstration: started with a log each, ended together, never left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from loa_protocol.errors import LoaError

_GRACE_S = 3.0
_POLL_S = 0.25


class DemoFailed(LoaError):
    """The demonstration did not reach its end."""

    code = "demo_failed"


@dataclass(slots=True)
class Children:
    """Processes of this program, by name."""

    logs: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _asked: dict[str, float] = field(default_factory=dict)

    def start(self, name: str, arguments: Sequence[str], **environment: str) -> subprocess.Popen[bytes]:
        """Run `loa ARGUMENTS…` with its output in `<logs>/<name>.log`, and more in its environment."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "loa_cli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **environment},  # noqa: TID251 - a child's, beside our own
            )
        self.running[name] = child
        return child

    def fallen(self) -> list[str]:
        """Names of those that have ended by themselves."""
        return [name for name, child in self.running.items() if child.poll() is not None]

    def tail(self, name: str, lines: int = 15) -> str:
        """The last lines a child wrote."""
        text = (self.logs / f"{name}.log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def ask(self) -> None:
        """Ask all to end; asked again, only those that were not yet."""
        for name, child in self.running.items():
            if name not in self._asked and child.poll() is None:
                child.send_signal(signal.SIGTERM)
            self._asked.setdefault(name, time.monotonic())

    def end(self) -> None:
        """Ask all to end, then make those that did not within a few seconds for all together.

        Who presses Ctrl-C once more meanwhile leaves nothing behind either.
        """
        with suppress(ValueError):  # only the main thread hears signals
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.ask()
        deadline = min(self._asked.values(), default=0.0) + _GRACE_S
        for child in self.running.values():
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


@contextmanager
def children(logs: Path) -> Iterator[Children]:
    """Children that end with the block."""
    family = Children(logs)
    try:
        yield family
    finally:
        family.end()


def until(family: Children, limit_s: float, what: str, done: Callable[[], bool]) -> None:
    """Wait for `done`.

    Raises:
        DemoFailed: a child ended meanwhile, or it took too long.
    """
    deadline = time.monotonic() + limit_s
    while not done():
        fallen = family.fallen()
        if fallen:
            raise DemoFailed(f"{fallen[0]} ended while {what} started; its log says:\n{family.tail(fallen[0])}")
        if time.monotonic() > deadline:
            raise DemoFailed(f"{what} did not get ready within {limit_s:.0f} s; logs: {family.logs}")
        time.sleep(_POLL_S)


def forget_environment() -> None:
    """A demo has its own database, broker and names, whatever the surroundings say of those of a real controller."""
    for name in [one for one in os.environ if one.startswith("LOA_")]:  # noqa: TID251 - at the program's start
        del os.environ[name]  # noqa: TID251
