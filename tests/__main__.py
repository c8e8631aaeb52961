"""`make test`: first what may run side by side, then alone what measures time.

Most tests wait for something more than they work, so there are twice as many workers as processors. Those that share
what is dear to set up go to one worker (`conftest.py`); the acceptance tests, the longest, begin first.

Real programs have deadlines, and a machine that does four things at once may miss them: very few failures of tests with
real programs are asked once more, alone, and those that pass then are named at the end. A fault fails twice.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.outcomes import failed, settle, unproven
from tests.security_tables import named_tests

WORKERS = min(16, max(4, 2 * len(os.sched_getaffinity(0))))
PASSES = (("-m", "not alone", "-n", str(WORKERS), "--dist", "loadgroup"), ("-m", "alone"))
WHOLE = frozenset({"--long"})
"""Arguments with which it is the whole suite all the same."""
REAL = ("tests/acceptance/", "tests/browser/", "tests/integration/")
"""Here programs run against the clock."""
MOST_AGAIN = 3
"""More failures than these are no accident."""
FINE = {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}


def main(arguments: list[str]) -> int:
    """Both passes with the given pytest arguments; the first that fails decides, as does finding no test at all.

    Where nothing was selected, every test that docs/security.md names must have passed, too.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has those that it starts aside ignore it
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "outcomes"
        ask = [sys.executable, "-m", "pytest", f"--outcomes={notes}"]
        passes = PASSES if not WHOLE.issuperset(arguments) else (PASSES[0], (*PASSES[1], *_with_tests_that_run_alone()))
        ended = [subprocess.call([*ask, *one, *arguments], env=_environment()) for one in passes]
        if set(ended) - FINE == {pytest.ExitCode.TESTS_FAILED} and _pass_alone(notes):
            ended = [pytest.ExitCode.OK]
        bad = [code for code in ended if code not in FINE]
        if bad or not WHOLE.issuperset(arguments):
            return int(bad[0] if bad else min(ended))
        missing = unproven(named_tests(), notes)
    if missing:
        sys.stderr.write("docs/security.md names tests that did not run and pass:\n" + "\n".join(missing) + "\n")
    return int(bool(missing))


def _pass_alone(notes: Path) -> bool:
    """Whether the few tests with real programs that failed pass at the second try, where nothing runs beside them."""
    tests = failed(notes)
    if not 0 < len(tests) <= MOST_AGAIN or not all(test.startswith(REAL) for test in tests):
        return False
    again = notes.with_name("again")
    ended = subprocess.call([sys.executable, "-m", "pytest", f"--outcomes={again}", *tests], env=_environment())
    if ended == pytest.ExitCode.OK:
        settle(notes, again)
        sys.stderr.write("failed at first and passed at the second try, alone:\n" + "\n".join(tests) + "\n")
    return ended == pytest.ExitCode.OK


def _with_tests_that_run_alone() -> list[str]:
    """Their files: to collect all the others once more takes longer than some of these tests."""
    files = sorted(Path(__file__).parent.rglob("test_*.py"))
    return [str(file) for file in files if re.search(r"\bmark\.(alone|audio)\b", file.read_text(encoding="utf-8"))]


def _environment() -> dict[str, str]:
    """This one's, but byte code is kept: each of the many processes would compile the program anew."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
