"""`make mutation`: how much of what could go wrong in the rules of the air the tests notice.

`python -m tests.mutation [NAME…]` puts each fault of `mutants.py` into the named subjects (all without a name), keeps
the survivors with their reasons in `results/NAME.md`, and fails under 95 %. `survivors.yaml` says why one may live.
`timeline/sound` is one module of a subject; a run that ends early leaves the pages of the modules it has done. What is
kept of older modules is told first. `--resume` goes on where such a run stopped: it does not try again what a test
noticed, while the module and that test's file are the same. `--only WORDS` and `--without WORDS` run those whose name
holds the words, or does not, and keep no result, as does `--every N`.
"""

import argparse
import subprocess
import sys
from itertools import chain
from pathlib import Path

import yaml

from tests.mutation.memory import Memory
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.report import Result, kept_as, stale, written
from tests.mutation.running import SURVIVED, arguments, at_import, in_functions
from tests.mutation.subjects import SUBJECTS, Subject, subject_of

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
LIMIT_AT_IMPORT_S = 600.0


def main(words: list[str]) -> int:
    asked = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    asked.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SUBJECTS) + ", or one module: timeline/sound")
    asked.add_argument("--only", default="", help="part of the mutants' names")
    asked.add_argument("--without", default="\n", help="what the mutants' names do not hold")
    asked.add_argument(
        "--cache", type=Path, default=ROOT / "var" / "mutation", help="remembers which test noticed what"
    )
    asked.add_argument("--every", type=int, default=1, metavar="N", help="a sample: one of each N")
    asked.add_argument("--resume", action="store_true", help="do not try again what was noticed")
    asked.add_argument("--survivors", action="store_true", help="only those that survived last time")
    given = asked.parse_args(words)
    names = given.names or list(SUBJECTS)
    try:
        subjects = {name: subject_of(name, ROOT) for name in names}
    except KeyError as unknown:
        asked.error(f"there is no subject or module {unknown}; there are {', '.join(SUBJECTS)}")
    if len(names) > 1:  # each in a process that has imported nothing yet
        options = [word for word in words if word not in given.names]
        return max(subprocess.call([sys.executable, "-m", "tests.mutation", name, *options]) for name in names)
    for sentence in stale(FOLDER / "results", ROOT):
        print(sentence, flush=True)
    return int(not _run(names[0], subjects[names[0]], given).good)


def _run(name: str, subject: Subject, given: argparse.Namespace) -> Result:
    listed = name.partition("/")[0]
    memory = Memory(given.cache / f"{listed}.noticed.json", ROOT)
    likely = memory.likely
    every = {path: tuple(mutants(path)) for path in subject.files(ROOT)}
    chosen = _chosen(list(chain(*every.values())), likely, given)
    whole = len(chosen) == sum(map(len, every.values()))
    reasons = (yaml.safe_load((FOLDER / "survivors.yaml").read_text()) or {}).get(listed) or {}
    noticed = {one.name: likely[one.name] for one in chosen if given.resume and memory.holds(one)}
    tried = [one for one in chosen if one.name not in noticed]

    def told(mutant: Mutant, by: str) -> None:
        noticed[mutant.name] = by
        memory.learn(mutant, by)
        if by == SURVIVED:
            print(f"\r{mutant.path.relative_to(ROOT)}:{mutant.line} survives: {mutant.name}", flush=True)
        print(f"\r{len(noticed)}/{len(chosen)}", end="", flush=True)
        if len(noticed) % 20 == 0 or len(noticed) == len(chosen):
            memory.save()
        if whole and len(every) > 1 and noticed.keys() >= {one.name for one in every[mutant.path]}:
            part = subject.alone(mutant.path, ROOT)
            _keep(Result(f"{name}/{mutant.path.stem}", part, every[mutant.path], noticed, reasons))

    command = arguments([ROOT / test for test in subject.tests], ROOT)
    names = {path: _module(path) for path in every}
    at_import([one for one in tried if not one.function], names, command, LIMIT_AT_IMPORT_S, likely, told)
    cpu_s = in_functions([one for one in tried if one.function], names, command, likely, told)
    result = Result(name, subject, tuple(chosen), noticed, reasons, cpu_s)
    print(f"\n{result.sentence}")
    if whole:
        _keep(result)
        for path in every if len(every) > 1 else ():
            kept_as(FOLDER / "results", f"{name}/{path.stem}").unlink(missing_ok=True)
    return result


def _chosen(every: list[Mutant], likely: dict[str, str], given: argparse.Namespace) -> list[Mutant]:
    named = [one for one in every if given.only in one.name and given.without not in one.name]
    if given.survivors:
        named = [one for one in named if likely.get(one.name) == SURVIVED]
    return named[:: given.every]


def _keep(result: Result) -> None:
    (FOLDER / "results").mkdir(exist_ok=True)
    kept_as(FOLDER / "results", result.name).write_text(written(result, ROOT))


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
