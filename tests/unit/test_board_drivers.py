"""The drivers on real files: what was shown can be read again, and faults are ours to handle, never to crash on."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_agent.board.drivers.framebuffer import Framebuffer, PixelFormat
from edge_agent.board.drivers.png import PngBoard
from edge_agent.board.drivers.port import BoardReadBackFailed, BoardWriteFailed, DriverKind, FrameDriver
from edge_agent.board.frame import BoardSize, Frame
from edge_agent.board.layout import pages
from edge_agent.board.typeface import typeface

SIZE = BoardSize(64, 32)
(NOTICE,) = pages("Mời họp", SIZE, typeface("bold"))
RED = Frame.plain(SIZE, (255, 0, 0))
NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


def png_board(folder: Path, **given: int) -> PngBoard:
    return PngBoard(folder, SIZE, lambda: NOW, **given)


@contextmanager
def as_a_stranger() -> Iterator[None]:
    """Root may write everywhere, so for the time of a permission test this process is nobody."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture(params=["png", "rgb565", "bgra32", "padded"])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> FrameDriver:
    if request.param == "png":
        return png_board(tmp_path / "board")
    pixels = PixelFormat.BGRA32 if request.param == "bgra32" else PixelFormat.RGB565
    stride = 64 * 2 + 32 if request.param == "padded" else None
    return Framebuffer(tmp_path / "fb0", SIZE, pixels, stride_bytes=stride)


@pytest.mark.parametrize("brightness", [100, 40])
def test_what_every_driver_shows_it_reads_back_as_meant(driver: FrameDriver, brightness: int):
    driver.set_brightness(brightness)

    driver.show(NOTICE)

    assert driver.kind is DriverKind.FRAME
    assert driver.brightness_percent == brightness
    assert driver.read_back() == driver.expected_sha256(NOTICE)
    assert driver.read_back() != driver.expected_sha256(RED)


def test_every_driver_proves_the_newest_frame_only(driver: FrameDriver):
    driver.show(NOTICE)
    driver.show(RED)

    assert driver.read_back() == driver.expected_sha256(RED) != driver.expected_sha256(NOTICE)


def test_nothing_shown_is_not_proof(driver: FrameDriver):
    with pytest.raises(BoardReadBackFailed) as caught:
        driver.read_back()

    assert caught.value.code == "board_read_back_failed"


def test_the_current_picture_is_a_real_png_with_the_very_pixels(tmp_path: Path):
    board = png_board(tmp_path)

    board.show(NOTICE)

    with Image.open(tmp_path / "current.png") as image:
        assert image.format == "PNG"
        assert image.size == (64, 32)
        assert image.tobytes() == NOTICE.rgb


def test_the_history_is_numbered_bounded_and_goes_on_after_a_restart(tmp_path: Path):
    for _ in range(2):
        board = png_board(tmp_path, history_frames=3)
        for frame in (NOTICE, RED, NOTICE):
            board.show(frame)

    kept = sorted(path.name for path in (tmp_path / "history").iterdir())
    assert kept == ["00000004.png", "00000005.png", "00000006.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current.png", "frames.jsonl", "history"]


def test_a_smaller_history_after_a_restart_frees_what_is_too_much(tmp_path: Path):
    board = png_board(tmp_path, history_frames=10)
    for _ in range(6):
        board.show(RED)

    png_board(tmp_path, history_frames=2).show(RED)

    assert sorted(path.name for path in (tmp_path / "history").iterdir()) == ["00000006.png", "00000007.png"]


def test_the_log_says_when_which_pixels_were_shown(tmp_path: Path):
    board = png_board(tmp_path, brightness_percent=50)

    board.show(NOTICE)
    board.show(RED)

    lines = [json.loads(line) for line in (tmp_path / "frames.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == [1, 2]
    assert [line["sha256"] for line in lines] == [NOTICE.dimmed(50).sha256(), RED.dimmed(50).sha256()]
    assert lines[0]["at"] == "2026-11-21T05:00:00+00:00"
    assert lines[0]["brightness_percent"] == 50


def test_the_log_is_bounded(tmp_path: Path):
    (tmp_path / "frames.jsonl").write_text("x" * (1024 * 1024 + 1))

    png_board(tmp_path).show(RED)

    assert len((tmp_path / "frames.jsonl").read_text().splitlines()) == 1
    assert (tmp_path / "frames.1.jsonl").stat().st_size > 1024 * 1024


@pytest.mark.parametrize("damage", [b"", b"not a picture", None])
def test_a_picture_damaged_by_another_is_no_proof(tmp_path: Path, damage: bytes | None):
    board = png_board(tmp_path)
    board.show(NOTICE)
    whole = board.current.read_bytes()
    board.current.write_bytes(whole[: len(whole) // 2] if damage is None else damage)

    with pytest.raises(BoardReadBackFailed):
        board.read_back()


def test_a_picture_replaced_by_another_is_read_as_what_it_is(tmp_path: Path):
    board = png_board(tmp_path)
    board.show(NOTICE)
    RED.to_image().save(board.current)

    found = board.read_back()

    assert found == RED.sha256() != board.expected_sha256(NOTICE)


def test_a_folder_of_somebody_else_fails_with_a_code(tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    closed.chmod(stat.S_IRUSR | stat.S_IXUSR)

    with as_a_stranger(), pytest.raises(BoardWriteFailed, match="Permission denied") as caught:
        png_board(closed / "board").show(NOTICE)

    assert caught.value.code == "board_write_failed"


def test_a_file_where_the_folder_should_be_fails_with_a_code(tmp_path: Path):
    (tmp_path / "board").write_text("in the way")

    with pytest.raises(BoardWriteFailed, match="make room there or correct its owner"):
        png_board(tmp_path / "board").show(NOTICE)


def test_a_full_disk_fails_with_a_code():
    with pytest.raises(BoardWriteFailed, match="No space left on device"):
        Framebuffer(Path("/dev/full"), SIZE).show(NOTICE)


def test_a_framebuffer_that_is_not_there_fails_with_a_code(tmp_path: Path):
    board = Framebuffer(tmp_path / "missing" / "fb0", SIZE)

    with pytest.raises(BoardWriteFailed, match="group video"):
        board.show(NOTICE)


def test_a_framebuffer_is_used_again_after_it_came_back(tmp_path: Path):
    board = Framebuffer(tmp_path / "missing" / "fb0", SIZE)
    with pytest.raises(BoardWriteFailed):
        board.show(NOTICE)
    (tmp_path / "missing").mkdir()

    board.show(NOTICE)

    assert board.read_back() == board.expected_sha256(NOTICE)


def test_rgb565_packs_little_endian_five_six_five(tmp_path: Path):
    size = BoardSize(8, 8)
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (8, 4, 8), (7, 3, 7), (128, 128, 128)]
    frame = Frame(size, b"".join(bytes(colour) for colour in colours) * 8)

    Framebuffer(tmp_path / "fb0", size, PixelFormat.RGB565).show(frame)

    words = np.frombuffer((tmp_path / "fb0").read_bytes(), "<u2")
    assert [f"{word:04x}" for word in words[:8]] == ["f800", "07e0", "001f", "ffff", "0000", "0821", "0000", "8410"]
    assert len(words) == 64


def test_bgra32_packs_blue_first_and_does_not_ask_back_for_alpha(tmp_path: Path):
    memory = tmp_path / "fb0"
    board = Framebuffer(memory, SIZE, PixelFormat.BGRA32)
    board.show(Frame.plain(SIZE, (1, 2, 3)))

    assert memory.read_bytes() == b"\x03\x02\x01\xff" * (64 * 32)
    memory.write_bytes(memory.read_bytes().replace(b"\xff", b"\x00"))
    assert board.read_back() == board.expected_sha256(Frame.plain(SIZE, (1, 2, 3)))


def test_rows_keep_to_the_stride(tmp_path: Path):
    memory = tmp_path / "fb0"

    Framebuffer(memory, SIZE, stride_bytes=160).show(RED)

    raw = memory.read_bytes()
    assert len(raw) == 160 * 32
    assert raw[:128] == b"\x00\xf8" * 64
    assert raw[128:160] == bytes(32)
    assert raw[160:162] == b"\x00\xf8"


def test_a_stride_shorter_than_a_row_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="stride"):
        Framebuffer(tmp_path / "fb0", SIZE, stride_bytes=100)


def test_brightness_dims_the_pixels_that_are_shown(tmp_path: Path):
    board = png_board(tmp_path)
    board.set_brightness(-5)
    assert board.brightness_percent == 0
    board.set_brightness(150)
    assert board.brightness_percent == 100
    board.set_brightness(50)

    board.show(RED)

    with Image.open(board.current) as image:
        assert image.getpixel((0, 0)) == (127, 0, 0)
