"""Faults are what they say, are noticed where a test looks, and the kept results hold what is demanded."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.mutation.memory import Memory
from tests.mutation.mutants import mutants
from tests.mutation.report import LEAST_PERCENT, Result, kept_as, stale, written
from tests.mutation.running import SURVIVED
from tests.mutation.subjects import SUBJECTS, Subject, subject_of

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "mutation"
SAMPLE = '''"""Says nothing."""

LIMIT = 3


def within(number: int) -> bool:
    """Says nothing either."""
    return number < LIMIT or number == 7


def forgotten(number: int) -> int:
    return number + 1
'''
LOOKS = """from sample import within


def test_the_limit_holds():
    assert [n for n in range(9) if within(n)] == [0, 1, 2, 7]
"""
DRIVER = """
import sys
from pathlib import Path
from tests.mutation.mutants import mutants
from tests.mutation.running import arguments, at_import, in_functions

folder = Path(sys.argv[1])
path = folder / "sample.py"
sys.path.insert(0, str(folder))
told = lambda one, by: print(f"TOLD {one.name} BY {by}", flush=True)
given = arguments([folder / "test_sample.py"], folder)
made = mutants(path)
at_import([one for one in made if not one.function], {path: "sample"}, given, 60, {}, told)
in_functions([one for one in made if one.function], {path: "sample"}, given, {}, told)
"""


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    (tmp_path / "sample.py").write_text(SAMPLE)
    (tmp_path / "test_sample.py").write_text(LOOKS)
    (tmp_path / "conftest.py").write_text(
        "from hypothesis import settings\nsettings.register_profile('mutation', deadline=None)\n"
    )
    return tmp_path


def test_every_line_that_does_something_has_its_faults_and_nothing_else_has(sample: Path) -> None:
    names = [one.name for one in mutants(sample / "sample.py")]

    assert "sample:(import): 3 -> 4" in names
    assert "sample:within: number < LIMIT -> number <= LIMIT" in names
    assert "sample:within: number < LIMIT or number == 7 -> number < LIMIT and number == 7" in names
    assert "sample:forgotten: number + 1 -> number - 1" in names
    assert len(set(names)) == len(names)
    assert not [name for name in names if "Says" in name or "int" in name]


def test_every_fault_changes_what_is_run() -> None:
    for path in SUBJECTS["policy"].files(ROOT):
        whole = compile(path.read_text(), str(path), "exec")
        for one in mutants(path)[::25]:
            assert one.code() != whole, one.name


def test_faults_are_noticed_where_a_test_looks_and_survive_where_none_does(sample: Path) -> None:
    command = [sys.executable, "-c", DRIVER, str(sample)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    told = dict(re.findall(r"TOLD (.+) BY (.*)", done.stdout))
    assert set(told) == {one.name for one in mutants(sample / "sample.py")}, done.stdout + done.stderr
    assert {name.split(":")[1] for name, by in told.items() if not by} == {"forgotten"}
    assert told["sample:within: number < LIMIT -> number <= LIMIT"] == "test_sample.py::test_the_limit_holds"
    assert told["sample:(import): 3 -> 4"] == "test_sample.py::test_the_limit_holds"


@pytest.mark.parametrize("path", sorted((FOLDER / "results").glob("*.md")), ids=lambda path: path.stem)
def test_a_kept_result_has_the_score_that_is_demanded_and_a_reason_for_every_survivor(path: Path) -> None:
    kept = path.read_text()

    scores = re.findall(r" ([\d.]+) % \(", kept)
    assert len(scores) == 1
    assert float(scores[0]) >= LEAST_PERCENT
    assert "NOT EXPLAINED" not in kept
    alive = kept.partition("## Survivors")[2].count("\n- ")
    assert f" {alive} survived, 0 of them unexplained" in kept


def test_every_reason_is_a_sentence_about_a_subject_there_is() -> None:
    reasons = yaml.safe_load((FOLDER / "survivors.yaml").read_text())

    assert set(reasons) == set(SUBJECTS)
    assert all(len(str(reason).split()) > 3 for listed in reasons.values() for reason in listed.values())


def test_a_kept_page_of_an_older_module_is_told_and_one_of_the_same_is_not(tmp_path: Path) -> None:
    module = tmp_path / "rules.py"
    module.write_text("LIMIT = 3\n")
    subject = Subject(("rules.py",), ("test_rules.py",))
    faults = tuple(mutants(module))
    result = Result("air", subject, faults, {one.name: "test_rules.py::test_it" for one in faults}, {})
    kept_as(tmp_path, "air/rules").write_text(written(result, tmp_path))

    assert list(stale(tmp_path, tmp_path)) == []
    module.write_text("LIMIT = 4\n")
    assert list(stale(tmp_path, tmp_path)) == [
        "air-rules.md is of an older rules.py; run `make mutation ARGS=air/rules`"
    ]
    module.unlink()
    assert len(list(stale(tmp_path, tmp_path))) == 1


def test_what_was_noticed_is_tried_again_once_the_module_or_the_test_has_changed(tmp_path: Path) -> None:
    module, test = tmp_path / "rules.py", tmp_path / "test_rules.py"
    module.write_text("LIMIT, MORE = 3, 4\n")
    test.write_text("pass")
    first, second = mutants(module)[-2:]
    memory = Memory(tmp_path / "known.json", tmp_path)
    memory.learn(first, "test_rules.py::test_it")
    memory.learn(second, SURVIVED)
    memory.save()

    again = Memory(tmp_path / "known.json", tmp_path)
    assert (again.holds(first), again.holds(second)) == (True, False)
    test.write_text("pass # changed")
    assert not again.holds(first)
    test.write_text("pass")
    module.write_text("LIMIT, MORE = 3, 5\n")
    assert not again.holds(first)


def test_one_module_of_a_subject_is_a_subject_too() -> None:
    sound = subject_of("timeline/sound", ROOT)

    assert [path.name for path in sound.files(ROOT)] == ["sound.py"]
    assert sound.tests == SUBJECTS["timeline"].tests
    with pytest.raises(KeyError):
        subject_of("timeline/nothing", ROOT)
