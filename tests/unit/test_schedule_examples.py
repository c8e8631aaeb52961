"""The programmes in schedules/ are real ones: they can be read, and a month of each is what its comments say."""

from importlib.resources import files
from pathlib import Path

import pytest

from controller.schedules.files import load_programme, read_programme, write_programme
from controller.schedules.programme import BulletinsSegment, ChimeSegment, PauseSegment, RelaySegment

SCHEDULES = Path(str(files("schedules")))
EXAMPLES = ("lowland-commune", "highland-commune", "urban-ward", "typhoon-campaign")


def example(name: str):
    return load_programme(SCHEDULES / f"{name}.yaml")


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_can_be_read_and_written(name: str):
    programme = example(name)

    assert read_programme(write_programme(programme)) == programme


@pytest.mark.parametrize("name", EXAMPLES)
def test_addresses_of_examples_are_placeholders_that_answer_nothing(name: str):
    relays = [part for one in example(name).sessions for part in one.segments if isinstance(part, RelaySegment)]

    assert all(relay.url.startswith("https://relay.example/") for relay in relays)  # RFC 2606
    assert "placeholder" in (SCHEDULES / f"{name}.yaml").read_text() or not relays


def test_a_session_goes_from_the_nation_to_the_province_to_the_commune():
    morning, *_ = example("lowland-commune").sessions

    kinds = [type(segment) for segment in morning.segments]
    assert kinds == [ChimeSegment, RelaySegment, RelaySegment, PauseSegment, BulletinsSegment]
    titles = [segment.title for segment in morning.segments if isinstance(segment, RelaySegment)]
    assert titles == ["Tiếp sóng Đài Tiếng nói Việt Nam (VOV1)", "Tiếp sóng đài phát thanh tỉnh"]
