"""`make mutation`: how much of what could go wrong in the rules of the air the tests notice.

`python -m tests.mutation [NAME…]` puts each fault of `mutants.py` into the named subjects (all without a name), keeps
the survivors with their reasons in `results/NAME.md`, and fails under 95 %. `survivors.yaml` says why one may live.
`--only WORDS` and `--without WORDS` run those whose name holds the words, or does not, and keep no result,
as does `--every N`.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import yaml

from tests.mutation.mutants import Mutant, mutants
from tests.mutation.report import Result, written
from tests.mutation.running import SURVIVED, arguments, at_import, in_functions
from tests.mutation.subjects import SUBJECTS, Subject

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
LIMIT_AT_IMPORT_S = 600.0


def main(words: list[str]) -> int:
    asked = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    asked.add_argument("names", nargs="*", choices=[*SUBJECTS, []], metavar="NAME", help=", ".join(SUBJECTS))
    asked.add_argument("--only", default="", help="part of the mutants' names")
    asked.add_argument("--without", default="\n", help="what the mutants' names do not hold")
    asked.add_argument(
        "--cache", type=Path, default=ROOT / "var" / "mutation", help="remembers which test noticed what"
    )
    asked.add_argument("--every", type=int, default=1, metavar="N", help="a sample: one of each N")
    asked.add_argument("--survivors", action="store_true", help="only those that survived last time")
    given = asked.parse_args(words)
    names = given.names or list(SUBJECTS)
    if len(names) > 1:  # each in a process that has imported nothing yet
        options = [word for word in words if word not in given.names]
        return max(subprocess.call([sys.executable, "-m", "tests.mutation", name, *options]) for name in names)
    return int(not _run(names[0], SUBJECTS[names[0]], given).good)


def _run(name: str, subject: Subject, given: argparse.Namespace) -> Result:
    remembered = given.cache / f"{name}.json"
    likely: dict[str, str] = json.loads(remembered.read_text()) if remembered.exists() else {}
    chosen = [
        one
        for path in subject.files(ROOT)
        for one in mutants(path)
        if given.only in one.name and given.without not in one.name
    ]
    if given.survivors:
        chosen = [one for one in chosen if likely.get(one.name) == SURVIVED]
    chosen = chosen[:: given.every]
    noticed: dict[str, str] = {}
    begun = time.monotonic()

    def told(mutant: Mutant, by: str) -> None:
        noticed[mutant.name] = by
        if by == SURVIVED:
            print(f"\r{_place(mutant)} survives: {mutant.name}", flush=True)
        print(f"\r{len(noticed)}/{len(chosen)}", end="", flush=True)
        if len(noticed) % 50 == 0 or len(noticed) == len(chosen):
            remembered.parent.mkdir(parents=True, exist_ok=True)
            remembered.write_text(json.dumps(likely | noticed, indent=0, ensure_ascii=False))

    command = arguments([ROOT / test for test in subject.tests], ROOT)
    names = {path: _module(path) for path in subject.files(ROOT)}
    at_import([one for one in chosen if not one.function], names, command, LIMIT_AT_IMPORT_S, likely, told)
    cpu_s = in_functions([one for one in chosen if one.function], names, command, likely, told)
    reasons = yaml.safe_load((FOLDER / "survivors.yaml").read_text()) or {}
    result = Result(name, subject, tuple(chosen), noticed, reasons.get(name) or {}, cpu_s, time.monotonic() - begun)
    print(f"\n{result.sentence}")
    if len(chosen) == sum(len(mutants(path)) for path in subject.files(ROOT)):
        (FOLDER / "results").mkdir(exist_ok=True)
        (FOLDER / "results" / f"{name}.md").write_text(written(result, ROOT))
    return result


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _place(mutant: Mutant) -> str:
    return f"{mutant.path.relative_to(ROOT)}:{mutant.line}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
