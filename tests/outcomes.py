"""What became of each test of a whole run: noted across workers and passes, looked at in the end.

Tests that docs/security.md names as what shows a row must have run, and passed, in every whole run of the suite.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

PASSED = "passed"


class Notes:
    """A plugin of the process that hears of all tests; it appends to a file when the pass ends."""

    def __init__(self, path: Path) -> None:
        self._path, self._lines = path, list[str]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Of a test that passed, its call; of any other, whatever did not pass."""
        if report.when == "call" or report.outcome != PASSED:
            self._lines.append(json.dumps([plain(report.nodeid), report.outcome]) + "\n")

    def pytest_sessionfinish(self) -> None:
        """Keep them."""
        with self._path.open("a", encoding="utf-8") as notes:
            notes.writelines(self._lines)


def plain(node: str) -> str:
    """A test's id without what it is parametrised with, and without its group of workers."""
    return node.partition("[")[0].partition("@")[0]


def unproven(named: Iterable[str], path: Path) -> list[str]:
    """Those of the named tests that did not run and pass, with what became of them."""
    became = defaultdict[str, set[str]](set)
    for line in path.read_text(encoding="utf-8").splitlines():
        test, outcome = json.loads(line)
        became[test].add(outcome)
    return [
        f"{one}: {', '.join(sorted(became[one])) or 'did not run'}"
        for one in sorted(named)
        if PASSED not in became[one] or "failed" in became[one]
    ]
