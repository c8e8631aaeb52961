"""What the controller writes about itself can be followed by its time, and cannot be forged by what others wrote."""

import io
import logging
import re
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.runtime import logs

_LINE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z [A-Z]+ [\w.]+: ")


def _written(message: str, *arguments: object, error: BaseException | None = None) -> str:
    record = logging.LogRecord("controller.x", logging.WARNING, "x.py", 1, message, arguments, None)
    if error is not None:
        record.exc_info = (type(error), error, error.__traceback__)
    record.created = 1_795_255_200.25
    return logs.OneLineEach().format(record)


def test_a_line_names_its_instant_in_utc_its_weight_and_its_origin() -> None:
    told = _written("device %s is silent", "loa-1")

    assert told == "2026-11-21T10:00:00.250Z WARNING controller.x: device loa-1 is silent"


@given(st.text())
def test_nothing_that_somebody_wrote_begins_a_line_or_moves_the_cursor(text: str) -> None:
    told = _written("%s", text, error=ValueError(text))

    first, *others = told.split("\n")
    assert _LINE.match(first)
    assert all(line.startswith("    ") for line in others)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", told)


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root of all loggers, as it was afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield root
    root.handlers[:], root.level = before[0], before[1]
    for name in ("controller", "loa_protocol"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.mark.usefixtures("root")
def test_the_program_tells_of_itself_and_libraries_of_trouble_only(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = io.StringIO()
    monkeypatch.setattr(sys, "stderr", heard)

    logs.begin()
    logging.getLogger("controller.runtime.x").info("of our own")
    logging.getLogger("aiomqtt").info("of a library")

    assert len(heard.getvalue().splitlines()) == 1
    assert heard.getvalue().endswith("controller.runtime.x: of our own\n")
