"""The timeline's golden vectors hold for our own code, as they must for any other receiver's maker."""

import json
from pathlib import Path

import pytest

from tests.vectors import make_timeline
from tests.vectors.timeline_cases import CASES

FILES = sorted(make_timeline.FOLDER.glob("*.json"))
ANSWERS = ("segments", "windows", "verdicts", "wake")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_timeline_vector_is_answered_as_it_says(path: Path) -> None:
    vector = json.loads(path.read_text())

    timeline = make_timeline.solve({key: value for key, value in vector.items() if key not in ANSWERS})

    assert make_timeline.answer(timeline) == {key: vector[key] for key in ANSWERS}


def test_every_case_has_its_vector_and_every_vector_what_its_case_says_by_hand() -> None:
    made = make_timeline.vectors(CASES)

    assert {path.stem: json.loads(path.read_text()) for path in FILES} == made
    assert len(FILES) >= 30


def test_a_case_that_expects_something_else_cannot_be_made() -> None:
    plain = CASES["plain"]

    with pytest.raises(AssertionError, match="plain"):
        make_timeline.vectors({"plain": type(plain)(plain.promise, plain.now, plans=plain.plans, sound=("news",))})
