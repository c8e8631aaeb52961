"""The list of sources, and the examples other makers begin with."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.sources import bulletin
from controller.sources.bulletin import Window
from controller.sources.config import load
from controller.sources.errors import SourcesInvalid
from controller.sources.listing import document_of, origin_of
from controller.sources.words import vietnamese
from loa_protocol.ids import Level

SCHEDULES = Path(__file__).parents[2] / "schedules"
GOOD = "sources:\n- {name: tinh, dialect: folder, path: drops, unit: xa}\n"


def test_the_example_list_of_sources_can_be_used() -> None:
    province, health = load(SCHEDULES / "sources.example.yaml")

    assert (province.name, province.levels) == ("htttn-tinh", (Level.NORMAL, Level.PRIORITY))
    assert (health.areas, health.settle_s, health.chime) == (("25747",), 5.0, True)


def test_the_example_bulletin_can_be_read() -> None:
    read = bulletin.read((SCHEDULES / "bulletin.example.json").read_bytes())

    assert (read.id, read.essential, read.areas) == ("SYT-2026-00123", True, ("25747",))
    assert isinstance(read.when, Window)
    assert read.when.begin == datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_an_item_is_listed_under_whose_system_its_source_is(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text(GOOD + "- {name: bo, dialect: folder, path: bo, unit: xa, kind: ministry}\n")

    listed = [origin_of(source, "BT-1") for source in load(tmp_path / "sources.yaml")]

    assert [(one.unit, one.source, one.ref) for one in listed] == [
        ("xa", "province", "tinh/BT-1"),
        ("xa", "ministry", "bo/BT-1"),
    ]


def test_what_an_item_says_is_what_its_bulletin_says() -> None:
    read = bulletin.read((SCHEDULES / "bulletin.example.json").read_bytes())

    said = document_of(read, "am-thanh")

    assert (said.title, said.agency, said.level, said.essential) == (read.title, read.agency, read.level, True)
    assert said.valid_until == read.valid_until
    assert said.sounds == {"vi": "am-thanh"}
    assert [board.text for board in said.boards] == [read.text]
    assert document_of(read, None).sounds == {}


def test_a_relative_path_is_relative_to_the_list(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text(GOOD)

    (source,) = load(tmp_path / "sources.yaml")

    assert source.path == str(tmp_path / "drops")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sources: []\n",
        GOOD.replace("folder", "ftp"),
        GOOD.replace("unit: xa", "unit: xa, colour: red"),
        GOOD.replace("unit: xa", "unit: xa, levels: [emergency]"),
        GOOD.replace("unit: xa", "unit: xa, poll_s: 0"),
        GOOD.replace("unit: xa", "unit: xa, kind: own"),
        GOOD + GOOD.partition("\n")[2],
        GOOD + GOOD.partition("\n")[2].replace("name: tinh", "name: khac"),
    ],
)
def test_a_wrong_list_of_sources_refuses_to_start(text: str, tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text(text)

    with pytest.raises(SourcesInvalid, match=r"sources\.yaml"):
        load(tmp_path / "sources.yaml")


def test_a_list_that_is_not_there_refuses_to_start(tmp_path: Path) -> None:
    with pytest.raises(SourcesInvalid, match="LOA_SOURCES"):
        load(tmp_path / "none.yaml")


def test_a_code_without_words_of_its_own_is_still_told() -> None:
    assert "khong_biet" in vietnamese("khong_biet")
