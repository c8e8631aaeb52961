"""`make test`: first what may run side by side, then alone what measures time.

Most tests wait for something more than they work, so there are twice as many workers as processors. Those that share
what is dear to set up go to one worker (`conftest.py`); the acceptance tests, the longest, begin first.
"""

import os
import subprocess
import sys

import pytest

WORKERS = min(16, max(4, 2 * len(os.sched_getaffinity(0))))
PASSES = (("-m", "not alone", "-n", str(WORKERS), "--dist", "loadgroup"), ("-m", "alone"))
FINE = {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}


def main(arguments: list[str]) -> int:
    """Both passes with the given pytest arguments; the first that fails decides, as does finding no test at all."""
    ended = [subprocess.call([sys.executable, "-m", "pytest", *one, *arguments]) for one in PASSES]
    failed = [code for code in ended if code not in FINE]
    return int(failed[0] if failed else min(ended))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
