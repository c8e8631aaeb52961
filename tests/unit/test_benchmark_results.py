"""What a benchmark found is kept, drawn and shown as it was."""

import json
import re
from xml.etree import ElementTree as ET

import pytest

from benchmarks import readme, results
from benchmarks.drawing import draw
from benchmarks.measuring import Figure, Growth, Report, at_least, at_most, percentile

GROWTH = Growth("fan-out", "ms", {"ours": [(100, 12.0), (10_000, 180.0)], "raw publish": [(100, 9.0), (10_000, 140.0)]})
REPORT = Report(
    "sample",
    (
        Figure("slow | thing", 12.3456, 10.0, "ms", 10_000, at_most(5.0)),
        Figure("fast thing", 25_000.0, None, "1/s", None, at_least(20_000)),
    ),
    (GROWTH, Growth("memory", "MB", {"ours": [(1, 1.0), (2, 1.5)]})),
    ("told beside it",),
)
WHERE = {"date": "2026-11-21 08:00 UTC", "cores": 2, "cpu": "Some CPU", "memory_gib": 4.0, "python": "3.11.2"}
WHERE |= {"load_average": 0.1}


@pytest.fixture
def page(tmp_path, monkeypatch):
    (tmp_path / "sample.py").write_text('"""Proves that samples are quick."""\n')
    monkeypatch.setattr(readme, "__file__", str(tmp_path / "readme.py"))
    path = tmp_path / "README.md"
    path.write_text(f"# before\n\n{readme.BEGIN}\nold and wrong\n{readme.END}\n\nafter\n")
    return path


def test_the_same_growth_is_drawn_to_the_same_bytes(tmp_path):
    draw(GROWTH, tmp_path / "a.svg")
    draw(GROWTH, tmp_path / "b.svg")

    drawn = (tmp_path / "a.svg").read_text()

    assert drawn == (tmp_path / "b.svg").read_text()
    ET.fromstring(drawn)  # noqa: S314 - we drew it
    assert "raw publish" in drawn
    assert "stroke-dasharray" in drawn
    assert not re.search(r"<dc:date>", drawn)


def test_a_result_is_kept_with_its_goals_and_its_drawings(tmp_path):
    results.keep(REPORT, WHERE, quick=False, folder=tmp_path)

    said = results.kept(tmp_path)["sample"]

    assert [figure["met"] for figure in said["figures"]] == [False, True]
    assert said["drawings"] == ["sample.svg", "sample-2.svg"]
    assert {path.name for path in tmp_path.glob("*.svg")} == set(said["drawings"])
    assert said["machine"] == WHERE


def test_drawings_that_a_newer_result_has_not_go_away_and_others_stay(tmp_path):
    for name in ("sample.svg", "sample-2.svg", "sample-other.svg"):
        (tmp_path / name).write_text("drawn before")

    results.keep(Report("sample", ()), WHERE, quick=True, folder=tmp_path)

    assert [path.name for path in tmp_path.glob("*.svg")] == ["sample-other.svg"]
    assert results.kept(tmp_path)["sample"]["quick"] is True


def test_the_machine_is_told_without_its_name_or_paths():
    said = results.machine()

    assert set(said) == set(WHERE)
    assert "/" not in json.dumps({key: value for key, value in said.items() if key != "cpu"})


def test_the_page_shows_what_is_kept_and_nothing_else_of_the_past(tmp_path, page):
    results.keep(REPORT, WHERE, quick=False, folder=tmp_path)

    readme.rewrite(["sample"], results.kept(tmp_path), page)

    text = page.read_text()
    assert text.startswith("# before\n")
    assert text.endswith("\nafter\n")
    assert "old and wrong" not in text
    assert "Proves that samples are quick." in text
    assert "| slow \\| thing | 10,000 | 12.3 | 10 | ms | 1.23 | ≤ 5: **missed** |" in text
    assert "| fast thing |  | 25,000 |  | 1/s |  | ≥ 20000: met |" in text
    assert "![memory, MB over N](results/sample-2.svg)" in text
    readme.rewrite(["sample"], results.kept(tmp_path), page)
    assert page.read_text() == text


def test_a_quick_result_is_not_shown_as_a_full_one(tmp_path, page):
    results.keep(Report("sample", REPORT.figures), WHERE, quick=True, folder=tmp_path)

    readme.rewrite(["sample"], results.kept(tmp_path), page)

    assert "not to be cited" in page.read_text()


def test_a_page_without_its_markers_is_left_alone(page):
    page.write_text("nothing here")

    with pytest.raises(ValueError, match="results: begin"):
        readme.rewrite(["sample"], {}, page)

    assert page.read_text() == "nothing here"


def test_a_percentile_is_asked_for_as_a_share():
    assert percentile(range(100), 0.99) == 99
    assert percentile([3.0], 0.5) == 3.0
    with pytest.raises(ValueError, match="between 0 and 1"):
        percentile([1.0, 2.0], 99)
