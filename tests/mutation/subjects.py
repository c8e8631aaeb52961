"""What is put to the test, and by which tests: those that speak of it, none that opens a socket or a process."""

from dataclasses import dataclass
from pathlib import Path

TIMELINE_TESTS = (
    "tests/unit/test_timeline_vectors.py",
    "tests/unit/test_timeline.py",
    "tests/unit/test_timeline_exemption.py",
    "tests/unit/test_timeline_board.py",
    "tests/unit/test_timeline_standing.py",
    "tests/unit/test_timeline_values.py",
    "tests/unit/test_policy.py",
    "tests/property/test_timeline.py",
    "tests/property/test_timeline_policy.py",
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Modules, as globs from the project's folder, and the test files that answer for them."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]

    def files(self, root: Path) -> list[Path]:
        """Every module of it."""
        return [path for source in self.sources for path in sorted(root.glob(source))]


SUBJECTS = {
    "policy": Subject(
        ("loa_protocol/policy.py",),
        (
            "tests/unit/test_policy.py",
            "tests/unit/test_timeline_values.py",
            "tests/unit/test_timeline_vectors.py",
            "tests/property/test_timeline_policy.py",
        ),
    ),
    "timeline": Subject(("loa_protocol/timeline/*.py",), TIMELINE_TESTS),
}
