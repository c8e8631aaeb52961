"""Device profiles: the shipped ones are good, a wrong one is refused with its place, limits are limits."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from edge_agent.board.drivers.framebuffer import Framebuffer
from edge_agent.board.drivers.png import PngBoard
from edge_agent.board.frame import BoardSize
from edge_agent.board.outfit import open_driver
from edge_agent.profile import (
    AlsaAudio,
    FileAudio,
    ProfileInvalid,
    ProfileNotFound,
    load_profile,
    profile_schema,
    shipped_profiles,
)

BOARD = """
format: loa.profile.v1
name: lcd
title: Màn hình
kind: board
board: {driver: framebuffer, width_px: 320, height_px: 240, path: fb0, pixels: bgra32}
limits: {max_volume: 0, min_free_disk_mib: 64, cache_quota_mib: 64}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "own.yaml"
    path.write_text(text)
    return path


def now():
    raise AssertionError("nobody asks the time before a frame is shown")


def test_every_shipped_profile_is_good_and_bears_the_name_of_its_file():
    names = shipped_profiles()

    assert names == ("demo-speaker", "generic-png-board", "generic-raspberry-pi")
    assert tuple(load_profile(name).name for name in names) == names


def test_the_raspberry_pi_profile_drives_a_real_sound_card_within_limits():
    profile = load_profile("generic-raspberry-pi")

    assert profile.kind == "speaker"
    assert profile.audio == AlsaAudio(device="default", channels=1, sample_rate_hz=48000, buffer_ms=20, latency_ms=0)
    assert profile.board is None
    assert profile.limits.max_volume == 100
    assert profile.limits.cache_quota_mib == 2048
    assert profile.clock_sources == ("controller", "chrony")
    assert not profile.has_rtc
    assert profile.modem == "modemmanager"


def test_the_demo_speaker_needs_no_sound_card():
    assert isinstance(load_profile("demo-speaker").audio, FileAudio)
    assert load_profile("demo-speaker").modem == "none"


def test_a_profile_of_the_operator_is_read_by_its_path(tmp_path: Path):
    path = written(tmp_path, BOARD)

    assert load_profile(path) == load_profile(str(path))
    assert load_profile(path).name == "lcd"


def test_a_profile_becomes_a_board_that_can_be_shown_on(tmp_path: Path):
    png = load_profile("generic-png-board").board
    lcd = load_profile(written(tmp_path, BOARD)).board
    assert png is not None
    assert lcd is not None

    drivers = [open_driver(png, tmp_path, now), open_driver(lcd, tmp_path, now)]
    elsewhere = open_driver(lcd, tmp_path, now, folder=tmp_path / "captured")

    assert [type(driver) for driver in drivers] == [PngBoard, Framebuffer]
    assert [driver.size for driver in drivers] == [BoardSize(256, 64), BoardSize(320, 240)]
    assert isinstance(drivers[0], PngBoard)
    assert drivers[0].current == tmp_path / "board" / "current.png"
    assert isinstance(elsewhere, PngBoard)
    assert elsewhere.current == tmp_path / "captured" / "current.png"


@pytest.mark.parametrize("where", ["no-such-device", "../pyproject", "/nowhere/own.yaml", "profile.schema.json"])
def test_a_profile_that_is_not_there_is_told_with_those_that_are(where: str):
    with pytest.raises(ProfileNotFound, match="generic-raspberry-pi") as caught:
        load_profile(where)

    assert caught.value.code == "profile_not_found"
    assert where in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("width_px: 320", "width_px: 4", "board.width_px"),
        ("width_px: 320", "width: 320", "board.width"),
        ("driver: framebuffer", "driver: hub75", "board.driver"),
        ("pixels: bgra32", "pixels: rgb888", "board.pixels"),
        ("pixels: bgra32", "stride_bytes: 600", "board.stride_bytes"),
        ("kind: board", "kind: speaker", "audio"),
        ("kind: board", "kind: speaker-and-board", "audio"),
        ("kind: board", "kind: toaster", "kind"),
        ("max_volume: 0", "max_volume: 101", "limits.max_volume"),
        ("cache_quota_mib: 64}", "cache_quota_mib: 64, cache_quota_mb: 9}", "limits.cache_quota_mb"),
        ("name: lcd", "name: LCD", "name"),
        ("name: lcd", "name: lcd\nname: led", "name"),
        ("loa.profile.v1", "loa.profile.v2", "format"),
        ("title: Màn hình", "clock_sources: [rtc, rtc]\ntitle: x", "clock_sources"),
        ("title: Màn hình", "clock_sources: [gps]\ntitle: x", "clock_sources[0]"),
        ("title: Màn hình", "title: ''", "title"),
        ("title: Màn hình", "relay_allow: [192.168.1.5/24]\ntitle: x", "relay_allow"),
        ("title: Màn hình", "relay: {silence_s: 0}\ntitle: x", "relay.silence_s"),
        ("title: Màn hình", "modem: qmi\ntitle: x", "modem"),
        ("title: Màn hình", "relay: {patience: 3}\ntitle: x", "relay.patience"),
    ],
)
def test_a_wrong_profile_is_refused_with_file_and_field(tmp_path: Path, old: str, new: str, field: str):
    assert old in BOARD
    path = written(tmp_path, BOARD.replace(old, new))

    with pytest.raises(ProfileInvalid) as caught:
        load_profile(path)

    assert caught.value.code == "profile_invalid"
    assert caught.value.details["field"] == field
    assert str(path) in str(caught.value)
    assert field in str(caught.value)


def test_a_profile_that_is_not_text_is_refused(tmp_path: Path):
    path = tmp_path / "own.yaml"
    path.write_bytes(b"name: \xff\xfe")

    with pytest.raises(ProfileInvalid, match="UTF-8"):
        load_profile(path)


def test_the_schema_beside_the_profiles_is_that_of_the_models():
    kept = json.loads(files("firmware_configs").joinpath("profile.schema.json").read_text())

    assert kept == profile_schema()
