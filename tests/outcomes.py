"""What became of each test of a whole run: noted across workers and passes, looked at in the end.

Tests that docs/security.md names as what shows a row must have run, and passed, in every whole run of the suite.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

PASSED, FAILED = "passed", "failed"


class Notes:
    """A plugin of the process that hears of all tests; it appends to a file when the pass ends."""

    def __init__(self, path: Path) -> None:
        self._path, self._lines = path, list[str]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Of a test that passed, its call; of any other, whatever did not pass."""
        if report.when == "call" or report.outcome != PASSED:
            self._lines.append(json.dumps([asked(report.nodeid), report.outcome]) + "\n")

    def pytest_sessionfinish(self) -> None:
        """Keep them."""
        with self._path.open("a", encoding="utf-8") as notes:
            notes.writelines(self._lines)


def asked(node: str) -> str:
    """A test's id as pytest takes it: without its group of workers, which comes last."""
    return re.sub(r"@[\w.-]+$", "", node)


def plain(node: str) -> str:
    """A test's id without what it is parametrised with, and without its group of workers."""
    return node.partition("[")[0].partition("@")[0]


def failed(path: Path) -> list[str]:
    """The tests that failed, each once."""
    return sorted({test for test, outcome in _noted(path) if outcome == FAILED})


def settle(path: Path, again: Path) -> None:
    """What tests became when they were asked again counts instead of what they became at first."""
    later = _noted(again)
    kept = [one for one in _noted(path) if one[0] not in {test for test, _ in later}]
    path.write_text("".join(json.dumps(one) + "\n" for one in kept + later), encoding="utf-8")


def _noted(path: Path) -> list[tuple[str, str]]:
    return [(test, outcome) for test, outcome in map(json.loads, path.read_text(encoding="utf-8").splitlines())]


def unproven(named: Iterable[str], path: Path) -> list[str]:
    """Those of the named tests that did not run and pass, with what became of them."""
    became = defaultdict[str, set[str]](set)
    for test, outcome in _noted(path):
        became[plain(test)].add(outcome)
    return [
        f"{one}: {', '.join(sorted(became[one])) or 'did not run'}"
        for one in sorted(named)
        if PASSED not in became[one] or FAILED in became[one]
    ]
