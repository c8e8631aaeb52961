"""What is kept of a run: the score, module by module, and every survivor with the reason why it may live."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutants import Mutant
from tests.mutation.running import SURVIVED, TIMED_OUT
from tests.mutation.subjects import Subject

LEAST_PERCENT = 95.0
_ROW = re.compile(r"^\| `(.+)` \| ([0-9a-f]{12}) \|", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Result:
    """`noticed`: a mutant's name -> the test that noticed it; `cpu_s` of all tests with nothing changed, 0: unknown."""

    name: str
    subject: Subject
    mutants: tuple[Mutant, ...]
    noticed: Mapping[str, str]
    reasons: Mapping[str, str]
    cpu_s: float = 0.0

    @property
    def survivors(self) -> list[Mutant]:
        """Those no test noticed."""
        return [one for one in self.mutants if self.noticed[one.name] == SURVIVED]

    @property
    def percent(self) -> float:
        """How many of a hundred were noticed."""
        return 100 * (1 - len(self.survivors) / max(1, len(self.mutants)))

    @property
    def unexplained(self) -> list[Mutant]:
        """Survivors without a reason."""
        return [one for one in self.survivors if not self.reasons.get(one.name)]

    @property
    def good(self) -> bool:
        """Enough were noticed, and every survivor has its reason."""
        return self.percent >= LEAST_PERCENT and not self.unexplained

    @property
    def sentence(self) -> str:
        """The figures in a line."""
        late = sum(by == TIMED_OUT for by in self.noticed.values())
        seen = len(self.mutants) - len(self.survivors)
        return (
            f"{self.name}: {seen} of {len(self.mutants)} noticed, {self.percent:.1f} % ({late} by taking too long), "
            f"{len(self.survivors)} survived, {len(self.unexplained)} of them unexplained"
        )


def kept_as(folder: Path, name: str) -> Path:
    """The page of a subject, or of one module of it."""
    return folder / f"{name.replace('/', '-')}.md"


def stale(folder: Path, root: Path) -> Iterator[str]:
    """Sentences about kept pages whose modules have changed since, or are gone."""
    for page in sorted(folder.glob("*.md")):
        for source, digest in _ROW.findall(page.read_text()):
            path = root / source
            if not path.exists() or _digest(path) != digest:
                yield f"{page.name} is of an older {source}; run `make mutation ARGS={page.stem.replace('-', '/', 1)}`"


def written(result: Result, root: Path) -> str:
    """As Markdown."""
    took = f"; the tests take {result.cpu_s:.0f} s of CPU as they are" if result.cpu_s else ""
    lines = [
        f"# Mutation score: {result.name}",
        "",
        f"{result.sentence}.",
        "",
        f"Made by `make mutation ARGS={result.name}`{took}.",
        "",
        "| module | source (sha256) | mutants | noticed | score |",
        "| --- | --- | ---: | ---: | ---: |",
        *(_row(path, result, root) for path in result.subject.files(root)),
        "",
        "Tests: " + ", ".join(f"`{test}`" for test in result.subject.tests) + ".",
        "",
        "## Survivors",
        "",
        *(
            f"- `{one.name.replace('`', '')}` (line {one.line}): {result.reasons.get(one.name, 'NOT EXPLAINED')}"
            for one in result.survivors
        ),
    ]
    return "\n".join(lines) + "\n"


def _row(path: Path, result: Result, root: Path) -> str:
    here = [one for one in result.mutants if one.path == path]
    alive = sum(one.path == path for one in result.survivors)
    score = f"{100 * (len(here) - alive) / len(here):.1f} %" if here else "-"
    return f"| `{path.relative_to(root)}` | {_digest(path)} | {len(here)} | {len(here) - alive} | {score} |"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
