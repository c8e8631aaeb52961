"""Whether an agent's event loop turns: its main thread goes to sleep and wakes at least once a second.

The kernel counts that (`voluntary_ctxt_switches`). A loop that hangs in a lock, or spins, counts nothing. Being without
a broker is no illness: an agent plays on without a network.
"""  # noqa: INP001 - one file of its own inside the image

import sys
import time
from pathlib import Path

LOOK_S = 4.0
LEAST_WAKINGS = 2


def wakings(pid: int) -> int:
    """How often the process's main thread has gone to sleep by itself so far.

    Raises:
        OSError: there is no such process.
    """
    status = Path(f"/proc/{pid}/task/{pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    if fields["State"].startswith("Z"):
        raise ProcessLookupError(f"process {pid} is dead")
    return int(fields["voluntary_ctxt_switches"])


def is_well(pid: int, look_s: float = LOOK_S) -> bool:
    """Watch the process for `look_s` seconds."""
    try:
        before = wakings(pid)
        time.sleep(look_s)
        return wakings(pid) - before >= LEAST_WAKINGS
    except OSError:
        return False


if __name__ == "__main__":
    raise SystemExit(0 if is_well(int(sys.argv[1])) else 1)
