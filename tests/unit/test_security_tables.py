"""docs/security.md says what is true: its tables are complete, and everything that they name is there."""

import ast
import json
from functools import cache
from pathlib import Path

import pytest

from controller.runtime.settings import Settings
from tests import __main__ as whole
from tests import security_tables
from tests.outcomes import asked, failed, plain, settle, unproven
from tests.security_tables import MARK, PAGE, ROOT, STATES, Row, required, tables, written

ASVS, ETSI, TCVN = range(3)
NEVER_UNMET = ("V6.", "V7.", "V8.", "V9.", "V10.", "V11.")
"""Authentication, sessions, access, tokens, sign-on, cryptography."""
_PROVISIONS = {
    **{f"5.{section}": count for section, count in enumerate((5, 3, 16, 4, 8, 9, 2, 3, 3, 1, 4, 3, 1), 1)},
    "6": 5,
    "4": 1,
}
_ROWS = [(table.title, row) for table in tables() for row in table.rows]


def _all() -> list[Row]:
    return [row for _, row in _ROWS]


def test_every_requirement_of_asvs_has_one_row() -> None:
    keys = [row.key for row in tables()[ASVS].rows]

    assert len(keys) == len(set(keys))
    assert set(keys) == set(required())
    assert len(keys) == 253


def test_every_provision_of_etsi_has_one_row() -> None:
    keys = [row.key for row in tables()[ETSI].rows]

    assert len(keys) == len(set(keys))
    assert set(keys) == {f"{section}-{n + 1}" for section, count in _PROVISIONS.items() for n in range(count)}


def test_a_standard_that_could_not_be_read_is_marked_so_in_every_row() -> None:
    part = written().partition(tables()[TCVN].title)[2]

    rows = [line for line in part.splitlines() if line.startswith("| 7.")]
    assert len(rows) == len(tables()[TCVN].rows) > 20
    assert all(", unverified |" in line for line in rows)


def test_nothing_is_unmet_where_it_must_not_be() -> None:
    assert not [row.key for row in tables()[ASVS].rows if row.state == "unmet" and row.key.startswith(NEVER_UNMET)]


def test_what_is_not_met_or_does_not_apply_says_why() -> None:
    assert not [row.key for row in _all() if row.state != "met" and len(row.why) < 10]
    assert not [row.key for row in _all() if row.state == "unmet" and "isk" not in row.why]


def test_what_is_met_is_shown_by_something() -> None:
    assert not [row.key for row in _all() if row.state == "met" and not row.shown]


@cache
def _functions(path: str) -> set[str]:
    parsed = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    machines = (target for one in parsed.body if isinstance(one, ast.Assign) for target in one.targets)
    names = {one.id for one in machines if isinstance(one, ast.Name) and one.id.startswith("Test")}
    return names | {one.name for one in parsed.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_named_test_and_file_is_there() -> None:
    shown = {one for row in _all() for one in row.shown}
    paths = {one.partition("::")[0] for one in shown if not one.startswith("LOA_")}

    assert {path for path in paths if not (ROOT / path).is_file()} == set()
    assert {one for one in shown if "::" in one and one.split("::")[1] not in _functions(one.split("::")[0])} == set()
    assert {one for one in shown if one.startswith("LOA_")} <= {f"LOA_{name.upper()}" for name in Settings.model_fields}


def test_most_of_what_is_met_is_shown_by_a_test() -> None:
    met = [row for row in _all() if row.state == "met"]

    assert sum(any("::" in one for one in row.shown) for row in met) > 0.8 * len(met)


def test_the_page_has_the_tables_as_they_are() -> None:
    assert PAGE.read_text(encoding="utf-8").partition(MARK)[2] == written().removeprefix(MARK), (
        "run python -m tests.security_tables"
    )


def test_no_row_breaks_the_page() -> None:
    assert not [row.key for row in _all() if "|" in row.asks + row.why or "\n" in row.asks + row.why]


@pytest.mark.parametrize(
    "text",
    [
        "A1:\n  asks: x\n  na: never\nA1:\n  asks: y\n  na: never\n",
        "A1:\n  asks: x\n",
        "A1:\n  na: y\n",
        "A1:\n  asks: x\n  met: y\n",
        "A1:\n  asks: x\n  met: [y]\n  na: y\n",
    ],
)
def test_a_row_twice_or_without_its_parts_is_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security_tables, "FOLDER", tmp_path)
    (tmp_path / "one.yaml").write_text(text)

    with pytest.raises(ValueError, match="A1"):
        security_tables.read("one.yaml")


def test_every_state_is_used() -> None:
    assert {row.state for row in _all()} == set(STATES)


def test_a_named_test_counts_only_if_it_ran_and_passed(tmp_path: Path) -> None:
    notes = tmp_path / "outcomes"
    became = [("a::good", "passed"), ("a::mixed", "passed"), ("a::mixed", "failed"), ("a::left", "skipped")]
    notes.write_text("".join(json.dumps(one) + "\n" for one in became))

    found = unproven(["a::good", "a::mixed", "a::left", "a::gone"], notes)

    assert found == ["a::gone: did not run", "a::left: skipped", "a::mixed: failed, passed"]


def test_what_a_test_became_at_the_second_try_counts(tmp_path: Path) -> None:
    notes, again = tmp_path / "outcomes", tmp_path / "again"
    at_first = [("a::good", "passed"), ("a::late[1]", "failed"), ("a::late[2]", "failed"), ("a::wrong", "failed")]
    notes.write_text("".join(json.dumps(one) + "\n" for one in at_first))
    later = [("a::late[1]", "passed"), ("a::late[2]", "passed"), ("a::wrong", "failed")]
    again.write_text("".join(json.dumps(one) + "\n" for one in later))

    asked_again = failed(notes)
    settle(notes, again)

    assert asked_again == ["a::late[1]", "a::late[2]", "a::wrong"]
    assert unproven(["a::good", "a::late", "a::wrong"], notes) == ["a::wrong: failed"]


def test_a_test_is_asked_again_by_its_parameters_without_its_worker() -> None:
    assert asked("tests/a.py::t[x@y]@group-1") == asked("tests/a.py::t[x@y]") == "tests/a.py::t[x@y]"


@pytest.mark.parametrize("node", ["tests/a.py::t", "tests/a.py::t[x-1]", "tests/a.py::t[x]@a", "tests/a.py::t@a"])
def test_a_test_is_known_whatever_its_parameters_and_its_worker(node: str) -> None:
    assert plain(node) == "tests/a.py::t"


@pytest.mark.long
def test_a_whole_run_fails_where_a_named_test_did_not_pass_in_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = "tests/unit/test_logs.py::test_a_line_names_its_instant_in_utc_its_weight_and_its_origin"
    monkeypatch.setattr(whole, "PASSES", (("-n", "1", "--dist", "loadgroup", "-q", "tests/unit/test_logs.py"),))
    monkeypatch.setattr(whole, "named_tests", lambda: {ran, "tests/unit/test_logs.py::test_gone"})

    ended = whole.main([])

    assert ended == 1
    assert capsys.readouterr().err.splitlines()[1:] == ["tests/unit/test_logs.py::test_gone: did not run"]
