"""Children of the demonstration: started with a log each, ended together, never left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_GRACE_S = 5.0


@dataclass(slots=True)
class Children:
    """Processes of this program, by name."""

    logs: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

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

    def end(self) -> None:
        """Ask all to end, then make those that did not."""
        for child in self.running.values():
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for child in self.running.values():
            try:
                child.wait(_GRACE_S)
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
