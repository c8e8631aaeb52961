"""Named points at which a test may kill the process for real: SIGKILL, no clean-up, as a power cut would.

Nothing is armed unless the command line arms it (`LOA_FAILPOINT=name` or `name:n` for the n-th time it is reached,
`LOA_FAILPOINT_LOG=file` to note which points were reached), so that a point costs one dictionary look-up.
"""

import os
import signal
from pathlib import Path

_armed: dict[str, int] = {}
_log: list[Path] = []


def arm(spec: str, log: Path | None = None) -> None:
    """Arm from `name[:n]`, comma separated; with `log`, a line is appended to it as a point kills."""
    for part in filter(None, spec.split(",")):
        name, _, count = part.partition(":")
        _armed[name] = int(count or 1)
    if log is not None:
        _log.append(log)


def reach(name: str) -> None:
    """Tell that execution is at `name`; does not return where this was armed and its turn has come."""
    left = _armed.get(name)
    if left is None:
        return
    _armed[name] = left - 1
    if left == 1:
        for path in _log:
            with path.open("a") as log:
                log.write(f"{name}\n")
                log.flush()
                os.fsync(log.fileno())
        os.kill(os.getpid(), signal.SIGKILL)
