"""What is put to the test, and by which tests: those that speak of it, none that opens a socket or a process.

The timeline answers to its examples alone. Its properties would notice more, but each survivor costs a run of them.
"""

from dataclasses import dataclass, replace
from pathlib import Path

TIMELINE_TESTS = (
    "tests/unit/test_timeline_vectors.py",
    "tests/unit/test_timeline.py",
    "tests/unit/test_timeline_exemption.py",
    "tests/unit/test_timeline_board.py",
    "tests/unit/test_timeline_history.py",
    "tests/unit/test_timeline_items.py",
    "tests/unit/test_timeline_sound.py",
    "tests/unit/test_timeline_standing.py",
    "tests/unit/test_timeline_values.py",
    "tests/unit/test_policy.py",
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Modules, as globs from the project's folder, and the test files that answer for them."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]

    def files(self, root: Path) -> list[Path]:
        """Every module of it."""
        return [path for source in self.sources for path in sorted(root.glob(source))]

    def alone(self, path: Path, root: Path) -> "Subject":
        """One of its modules, under the same tests."""
        return replace(self, sources=(path.relative_to(root).as_posix(),))


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
    "recurrence": Subject(
        ("controller/schedules/rules.py",),
        (
            "tests/unit/test_recurrence_values.py",
            "tests/unit/test_recurrence_refusals.py",
            "tests/unit/test_recurrence_rules.py",
            "tests/unit/test_schedule_examples.py",
        ),
    ),
}


def subject_of(name: str, root: Path) -> Subject:
    """By its name; `timeline/sound` is one module of `timeline`.

    Raises:
        KeyError: there is none of that name.
    """
    whole, _, module = name.partition("/")
    subject = SUBJECTS[whole]
    if not module:
        return subject
    return subject.alone({path.stem: path for path in subject.files(root)}[module], root)
