"""`make test`: first what may run side by side, on two workers, then alone what measures time."""

import subprocess
import sys

import pytest

PASSES = (("-m", "not alone", "-n", "2", "--dist", "worksteal"), ("-m", "alone"))
FINE = {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}


def main(arguments: list[str]) -> int:
    """Both passes with the given pytest arguments; the first that fails decides, as does finding no test at all."""
    ended = [subprocess.call([sys.executable, "-m", "pytest", *one, *arguments]) for one in PASSES]
    failed = [code for code in ended if code not in FINE]
    return int(failed[0] if failed else min(ended))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
