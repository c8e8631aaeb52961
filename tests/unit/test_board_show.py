"""A board over time: windows, turns, pre-emption, faults. Real driver and real pictures, made-up time."""

import asyncio
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from edge_agent.board.drivers.framebuffer import Framebuffer
from edge_agent.board.drivers.png import PngBoard
from edge_agent.board.frame import BoardSize, Frame
from edge_agent.board.image import ImageUnshowable, fitted
from edge_agent.board.items import BoardItem, BoardItemInvalid, Ending, ItemResult
from edge_agent.board.layout import Look, ScrollStrip, pages
from edge_agent.board.show import BoardShow
from edge_agent.board.typeface import typeface
from loa_protocol.errors import LoaError
from tests.fakes.board_time import MS, StepClock

SIZE = BoardSize(64, 32)
FACE = typeface("bold")
RESTING = Frame.plain(SIZE, (0, 0, 60))
NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
NORMAL, PRIORITY, ALERT = 1, 2, 3


def item(name: str, start_s: float, end_s: float, rank: int = NORMAL, **given: object) -> BoardItem:
    window = {"start_ns": int(start_s * 1000 * MS), "end_ns": int(end_s * 1000 * MS)}
    return BoardItem(**{"occurrence": name, "rank": rank, "text": name, "dwell_ms": 1000, **window, **given})


class JournalFull(LoaError):
    code = "journal_full"


class WatchedBoard(PngBoard):
    """The real png board, noting when it took which frame."""

    def __init__(self, folder: Path, clock: StepClock) -> None:
        super().__init__(folder, SIZE, lambda: NOW)
        self._clock = clock
        self.taken: list[tuple[float, str]] = []
        self.closed = False

    def show(self, frame: Frame) -> None:
        super().show(frame)
        self.taken.append((self._clock.now_ns / MS / 1000, frame.sha256()))

    def close(self) -> None:
        self.closed = True


class Stage:
    """A show in made-up time, with what was on the board when, and what was told to the journal."""

    def __init__(self, folder: Path) -> None:
        self.clock = StepClock()
        self.board = WatchedBoard(folder, self.clock)
        self.told: list[tuple[float, str, str]] = []
        self.results: dict[str, ItemResult] = {}
        self.refuse: str | None = None
        self._names = {RESTING.sha256(): "rest"}
        self.show = BoardShow(self.board, self.clock, self, FACE, resting=RESTING)

    @property
    def frames(self) -> list[tuple[float, str]]:
        """(second, `<text>/<page>` or `rest`) of every frame the board took."""
        return [(second, self._names.get(digest, "?")) for second, digest in self.board.taken]

    def at(self, second: float, act: Callable[[], object]) -> None:
        self.clock.at(int(second * 1000 * MS), act)

    def replace_at(self, second: float, *items: BoardItem) -> None:
        self._name_pages(*items)
        self.at(second, lambda: self.show.replace(items))

    async def run(self, *items: BoardItem, until_s: float) -> None:
        self._name_pages(*items)
        self.show.replace(items)
        self.at(until_s, self.show.stop)
        async with asyncio.timeout(60):
            await self.show.run()

    async def started(self, item: BoardItem, at_ns: int) -> None:
        if item.occurrence == self.refuse:
            raise JournalFull("no room")
        assert at_ns == self.clock.now_ns
        self.told.append((at_ns / MS / 1000, "started", item.occurrence))

    async def ended(self, result: ItemResult) -> None:
        name = result.item.occurrence
        assert name not in self.results, "a result comes once"
        self.told.append((self.clock.now_ns / MS / 1000, str(result.ending), name))
        self.results[name] = result

    def _name_pages(self, *items: BoardItem) -> None:
        for one in items:
            if one.layout == "page" and one.text and one.text.isascii():
                for number, page in enumerate(pages(one.text, SIZE, FACE)):
                    self._names.setdefault(page.sha256(), f"{one.text}/{number}")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "board")


async def test_an_item_is_shown_in_its_window_and_the_board_rests_around_it(stage: Stage):
    await stage.run(item("hop", 2, 5), until_s=8)

    assert stage.frames == [(0, "rest"), (2, "hop/0"), (5, "rest")]
    assert stage.told == [(2, "started", "hop"), (5, "window_over", "hop")]
    assert stage.board.closed


async def test_a_result_carries_the_proof_of_what_was_shown(stage: Stage):
    stage.board.set_brightness(60)

    await stage.run(item("hop", 2, 5), until_s=8)

    result = stage.results["hop"]
    (page,) = pages("hop", SIZE, FACE)
    assert result.ending is Ending.WINDOW_OVER
    assert (result.frames_shown, result.pages, result.shown_ms) == (1, 1, 3000)
    assert (result.first_frame_ns, result.last_frame_ns) == (2000 * MS, 2000 * MS)
    assert result.brightness_percent == 60
    assert result.read_back_sha256 == page.dimmed(60).sha256()
    assert result.complete
    assert result.failures == ()


async def test_pages_follow_each_other_by_their_dwell_and_begin_again(stage: Stage):
    text = "alpha beta gamma delta"
    count = len(pages(text, SIZE, FACE))

    await stage.run(item("hop", 0, 3 * count, text=text, dwell_ms=1500), until_s=20)

    turns = [(1.5 * n, f"{text}/{n % count}") for n in range(2 * count)]
    assert count > 1
    assert stage.frames == [*turns, (3.0 * count, "rest")]
    assert len(stage.results["hop"].evidence) == count
    assert stage.results["hop"].complete


async def test_a_window_too_short_for_every_page_is_not_complete(stage: Stage):
    await stage.run(item("hop", 0, 1, text="alpha beta gamma delta"), until_s=2)

    assert stage.results["hop"].frames_shown == 1
    assert not stage.results["hop"].complete


async def test_equals_take_turns_in_the_order_of_their_start(stage: Stage):
    await stage.run(item("b", 0, 6), item("a", 0, 6), item("c", 1, 4), until_s=7)

    assert stage.frames == [
        (0, "a/0"), (1, "b/0"), (2, "c/0"), (3, "a/0"), (4, "b/0"), (5, "a/0"), (6, "rest"),
    ]  # fmt: skip
    assert [stage.results[name].shown_ms for name in "abc"] == [3000, 2000, 1000]


async def test_a_higher_class_takes_the_whole_board_at_once_and_gives_it_back(stage: Stage):
    await stage.run(item("low", 0, 10, dwell_ms=4000), item("high", 1.5, 3, PRIORITY), until_s=11)

    assert stage.frames == [(0, "low/0"), (1.5, "high/0"), (3, "low/0"), (10, "rest")]
    assert stage.results["low"].shown_ms == 8500
    assert stage.results["high"].shown_ms == 1500


async def test_an_item_hidden_for_its_whole_window_says_that_nothing_was_shown(stage: Stage):
    await stage.run(item("low", 1, 2), item("high", 0, 3, ALERT), until_s=4)

    assert stage.results["low"].ending is Ending.WINDOW_OVER
    assert stage.results["low"].frames_shown == 0
    assert stage.results["low"].first_frame_ns is None
    assert not stage.results["low"].complete
    assert (1, "started", "low") not in stage.told


async def test_a_lower_class_never_cuts(stage: Stage):
    await stage.run(item("high", 0, 4, ALERT, dwell_ms=3000), item("low", 1, 6), until_s=7)

    assert stage.frames == [(0, "high/0"), (4, "low/0"), (6, "rest")]


async def test_new_items_are_taken_on_the_fly(stage: Stage):
    stage.replace_at(1.25, item("one", 0, 10, dwell_ms=5000), item("now", 1.25, 2, ALERT))

    await stage.run(item("one", 0, 10, dwell_ms=5000), until_s=3)

    assert stage.frames == [(0, "one/0"), (1.25, "now/0"), (2, "one/0"), (3, "rest")]
    assert stage.told[-1] == (3, "stopped", "one")


async def test_a_withdrawn_item_leaves_the_board_at_once(stage: Stage):
    stage.replace_at(1.5)

    await stage.run(item("gone", 0, 10, dwell_ms=5000), item("later", 5, 6), until_s=7)

    assert stage.frames == [(0, "gone/0"), (1.5, "rest")]
    assert stage.results["gone"].ending is Ending.WITHDRAWN
    assert stage.results["gone"].shown_ms == 1500
    assert "later" not in stage.results


async def test_an_occurrence_that_has_ended_does_not_come_back(stage: Stage):
    stage.replace_at(2)
    stage.replace_at(3, item("gone", 0, 10))

    await stage.run(item("gone", 0, 10), until_s=6)

    assert stage.frames == [(0, "gone/0"), (2, "rest")]


async def test_a_begun_item_changes_only_its_end(stage: Stage):
    stage.replace_at(1, item("hop", 0, 3, text="other"))

    await stage.run(item("hop", 0, 10, text="hop"), until_s=12)

    assert stage.frames == [(0, "hop/0"), (3, "rest")]
    assert stage.told[-1] == (3, "window_over", "hop")
    assert stage.results["hop"].item == item("hop", 0, 3)


async def test_an_item_not_yet_begun_changes_wholly(stage: Stage):
    stage.replace_at(1, item("hop", 3, 4, text="other"))

    await stage.run(item("hop", 2, 10), until_s=12)

    assert stage.frames == [(0, "rest"), (3, "other/0"), (4, "rest")]


async def test_an_end_moved_into_the_past_ends_the_item_now(stage: Stage):
    stage.replace_at(4, item("hop", 0, 2))

    await stage.run(item("hop", 0, 10), until_s=6)

    assert stage.told[-1] == (4, "window_over", "hop")


async def test_a_full_or_missing_folder_gives_a_failed_page_and_no_exception(stage: Stage, tmp_path: Path):
    (tmp_path / "board").write_text("in the way")

    await stage.run(item("hop", 1, 4), until_s=5)

    result = stage.results["hop"]
    assert result.frames_shown == 0
    assert [(one.page, one.code, one.times) for one in result.failures] == [(0, "board_write_failed", 3)]
    assert not result.complete


async def test_a_full_disk_gives_a_failed_page_and_no_exception(stage: Stage):
    stage.show = BoardShow(Framebuffer(Path("/dev/full"), SIZE), stage.clock, stage, FACE)

    await stage.run(item("hop", 1, 3), until_s=4)

    assert {one.code for one in stage.results["hop"].failures} == {"board_write_failed"}


async def test_nobody_cuts_or_prolongs_a_page_of_its_own_class(stage: Stage):
    mine, other = item("a", 0, 6, dwell_ms=2000), item("b", 1, 9, dwell_ms=2000)
    brief = item("c", 0.5, 1.5)
    stage.replace_at(0.7, mine, other, brief, item("d", 50, 51))

    await stage.run(mine, other, brief, until_s=7)

    assert stage.frames == [(0, "a/0"), (2, "b/0"), (4, "a/0"), (6, "b/0"), (7, "rest")]


async def test_time_on_the_board_ends_when_a_write_fails(stage: Stage, tmp_path: Path):
    def block() -> None:
        shutil.rmtree(tmp_path / "board")
        (tmp_path / "board").write_text("in the way")

    stage.at(0.5, block)

    await stage.run(item("hop", 0, 4, text="alpha beta gamma delta"), until_s=5)

    assert stage.results["hop"].frames_shown == 1
    assert stage.results["hop"].shown_ms == 1000


async def test_a_page_that_failed_is_tried_again_before_its_dwell_is_over(stage: Stage, tmp_path: Path):
    blocked = tmp_path / "board"
    blocked.write_text("in the way")
    stage.at(1.5, blocked.unlink)

    await stage.run(item("hop", 0, 60, dwell_ms=30_000), until_s=60)

    assert stage.frames == [(2, "hop/0"), (60, "rest")]


async def test_a_board_that_recovers_shows_the_rest_of_the_window(stage: Stage, tmp_path: Path):
    blocked = tmp_path / "board"
    blocked.write_text("in the way")
    stage.at(2.5, blocked.unlink)

    await stage.run(item("hop", 1, 6), until_s=7)

    result = stage.results["hop"]
    assert stage.frames == [(3, "hop/0"), (6, "rest")]
    assert result.shown_ms == 3000
    assert result.complete
    assert [one.times for one in result.failures] == [2]


async def test_a_board_that_cannot_be_cleared_is_tried_again(stage: Stage, tmp_path: Path):
    def block() -> None:
        shutil.rmtree(tmp_path / "board")
        (tmp_path / "board").write_text("in the way")

    stage.at(1.5, block)
    stage.at(4, (tmp_path / "board").unlink)

    await stage.run(item("hop", 0, 2, dwell_ms=5000), until_s=10)

    assert stage.frames == [(0, "hop/0"), (7, "rest")]


async def test_what_another_program_put_over_a_page_is_found_and_replaced(stage: Stage):
    stage.at(1.5, lambda: Frame.plain(SIZE, (9, 9, 9)).to_image().save(stage.board.current))

    await stage.run(item("hop", 0, 4), until_s=5)

    assert stage.frames == [(0, "hop/0"), (2, "hop/0"), (4, "rest")]
    assert [(one.code, one.times) for one in stage.results["hop"].failures] == [("board_read_back_differs", 1)]
    assert stage.results["hop"].complete


async def test_a_page_that_cannot_be_read_back_is_shown_but_not_proven(stage: Stage):
    stage.at(1.5, stage_breaks_read_back(stage))

    await stage.run(item("hop", 0, 3), until_s=5)

    result = stage.results["hop"]
    assert result.frames_shown > 0
    assert {one.code for one in result.failures} == {"board_read_back_failed"}
    assert not result.complete
    assert result.read_back_sha256 is None


async def test_a_text_that_cannot_be_drawn_fails_alone(stage: Stage):
    await stage.run(item("khmer", 0, 3, text="ខ្មែរ"), item("hop", 0, 3), until_s=4)

    assert stage.results["khmer"].ending is Ending.FAILED
    assert [one.code for one in stage.results["khmer"].failures] == ["board_text_unshowable"]
    assert stage.frames == [(0, "hop/0"), (3, "rest")]


async def test_nothing_is_shown_before_its_start_is_in_the_journal(stage: Stage):
    stage.refuse = "secret"

    await stage.run(item("secret", 0, 3), until_s=4)

    assert [one.code for one in stage.results["secret"].failures] == ["journal_full"]
    assert stage.frames == [(0, "rest")]


async def test_a_scrolled_text_moves_across_and_is_proven(stage: Stage):
    moving = item("scroll", 1, 9, layout="scroll", text="Mời bà con họp")

    await stage.run(moving, until_s=10)

    result = stage.results["scroll"]
    strip = ScrollStrip(moving.text, SIZE, FACE)
    on_the_way = {strip.frame_at(offset).sha256() for offset in range(strip.length_px)}
    shown = [digest for second, digest in stage.board.taken if 1 <= second < 9]
    assert set(shown) <= on_the_way
    assert len(set(shown)) > 10
    assert result.frames_shown == len(shown)
    assert result.complete
    assert stage.frames[-1] == (9, "rest")


async def test_a_scroll_has_its_turn_when_it_has_passed_once(stage: Stage):
    moving = item("a-scroll", 0, 60, layout="scroll", text="Họp")

    await stage.run(moving, item("page", 0, 60, dwell_ms=2000), until_s=15)

    of_page = [second for second, name in stage.frames if name == "page/0"]
    passing_s = ScrollStrip("Họp", SIZE, FACE).length_px / 48
    assert of_page[0] == pytest.approx(passing_s, abs=0.25)
    assert of_page[1] - of_page[0] == pytest.approx(passing_s + 2, abs=0.5)


async def test_a_scroll_alone_on_the_board_passes_again_and_again(stage: Stage):
    await stage.run(item("scroll", 0, 12, layout="scroll", text="Họp"), until_s=13)

    strip = ScrollStrip("Họp", SIZE, FACE)
    middle = {strip.frame_at(offset).sha256() for offset in range(80, 100)}
    seen = [second for second, digest in stage.board.taken if digest in middle]
    passing_s = strip.length_px / 48
    assert 3 * passing_s < 12
    assert seen[0] < passing_s < max(seen) - passing_s


async def test_symbols_left_out_are_named_in_the_result(stage: Stage):
    await stage.run(item("hop", 0, 1, text="📢 hop"), until_s=2)

    assert stage.results["hop"].left_out == ("📢",)


async def test_an_item_given_too_late_says_so(stage: Stage):
    stage.replace_at(5, item("late", 1, 4))

    await stage.run(until_s=8)

    assert stage.told == [(5, "window_over", "late")]


@pytest.mark.parametrize(("given", "word"), [({"dwell_ms": 0}, "read"), ({"end_ns": 0}, "window")])
def test_an_item_no_board_could_show_is_refused(given: dict[str, int], word: str):
    with pytest.raises(BoardItemInvalid, match=word):
        item("bad", 0, 1, **given)


def stage_breaks_read_back(stage: Stage) -> Callable[[], None]:
    """From then on every picture is spoilt before it can be read."""
    real = stage.board.show

    def spoilt(frame: Frame) -> None:
        real(frame)
        stage.board.current.write_bytes(b"spoilt")

    def begin() -> None:
        stage.board.current.write_bytes(b"spoilt")
        stage.board.show = spoilt  # type: ignore[method-assign]

    return begin


def picture(folder: Path, size: tuple[int, int] = (40, 40), colour: tuple[int, ...] = (200, 30, 30)) -> Path:
    path = folder / f"anh-{size[0]}x{size[1]}"
    Image.new("RGBA" if len(colour) == 4 else "RGB", size, colour).save(path, "WEBP", lossless=True, exact=True)
    return path


@pytest.mark.parametrize("size", [(40, 40), (4000, 100), (8, 1000), (64, 32), (640, 320)])
def test_an_image_is_whole_in_its_proportions_and_as_large_as_fits(size: tuple[int, int], tmp_path: Path):
    ground = (0, 0, 90)

    frame = fitted(picture(tmp_path, size), SIZE, Look(ground=ground)).to_image()

    inked = [
        (x, y)
        for x in range(64)
        for y in range(32)
        if sum(abs(a - b) for a, b in zip(frame.getpixel((x, y)), (200, 30, 30), strict=True)) < 30
    ]
    width = max(x for x, _ in inked) - min(x for x, _ in inked) + 1
    height = max(y for _, y in inked) - min(y for _, y in inked) + 1
    scale = min(64 / size[0], 32 / size[1])
    assert (width, height) == (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    assert abs(min(x for x, _ in inked) - (64 - width) / 2) <= 1
    assert abs(min(y for _, y in inked) - (32 - height) / 2) <= 1
    if width < 62:
        assert frame.getpixel((0, 16)) == ground


def test_what_is_transparent_shows_the_boards_ground(tmp_path: Path):
    frame = fitted(picture(tmp_path, (64, 32), (200, 30, 30, 0)), SIZE, Look(ground=(0, 0, 90)))

    assert frame == Frame.plain(SIZE, (0, 0, 90))


@pytest.mark.parametrize("data", [b"", b"RIFF\x00\x00\x00\x00WEBP", b"<svg/>", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_what_is_no_image_is_not_drawn(data: bytes, tmp_path: Path):
    path = tmp_path / "anh"
    path.write_bytes(data)

    with pytest.raises(ImageUnshowable):
        fitted(path, SIZE, Look())


async def test_an_image_is_the_first_page_and_its_text_follows(stage: Stage, tmp_path: Path):
    path = picture(tmp_path)
    stage._names[fitted(path, SIZE, Look()).sha256()] = "image"

    await stage.run(item("hop", 0, 4, image=path), until_s=6)

    assert stage.frames == [(0, "image"), (1, "hop/0"), (2, "image"), (3, "hop/0"), (4, "rest")]
    assert (stage.results["hop"].pages, stage.results["hop"].complete) == (2, True)


async def test_an_image_alone_stands_for_its_window(stage: Stage, tmp_path: Path):
    path = picture(tmp_path)
    stage._names[fitted(path, SIZE, Look()).sha256()] = "image"

    await stage.run(item("hop", 1, 5, text="", image=path), until_s=6)

    assert stage.frames == [(0, "rest"), (1, "image"), (5, "rest")]
    assert stage.results["hop"].complete


async def test_a_scrolled_text_passes_once_after_its_image(stage: Stage, tmp_path: Path):
    path = picture(tmp_path)
    stage._names[fitted(path, SIZE, Look()).sha256()] = "image"

    await stage.run(item("hop", 0, 60, layout="scroll", image=path), until_s=61)

    images = [second for second, name in stage.frames if name == "image"]
    assert images[0] == 0
    assert len(images) >= 2
    assert stage.frames[1][0] == 1
    assert stage.results["hop"].pages == 2
    assert len(stage.results["hop"].evidence) == 2


async def test_an_image_that_comes_late_is_shown_from_then_on(stage: Stage, tmp_path: Path):
    path = picture(tmp_path)
    stage._names[fitted(path, SIZE, Look()).sha256()] = "image"
    stage.replace_at(2.5, item("hop", 0, 6, image=path))

    await stage.run(item("hop", 0, 6, lacks=("board_image_missing",)), until_s=7)

    assert stage.frames == [(0, "hop/0"), (2.5, "image"), (3.5, "hop/0"), (4.5, "image"), (5.5, "hop/0"), (6, "rest")]
    assert [what for _, what, _ in stage.told] == ["started", "window_over"]
    assert (stage.results["hop"].lacks, stage.results["hop"].complete) == ((), True)


async def test_a_text_stands_for_an_image_that_cannot_be_drawn_and_says_so(stage: Stage, tmp_path: Path):
    path = tmp_path / "anh"
    path.write_bytes(b"nothing")

    await stage.run(item("hop", 0, 2, image=path), until_s=3)

    assert stage.frames == [(0, "hop/0"), (2, "rest")]
    assert stage.results["hop"].lacks == ("board_image_unshowable",)


async def test_an_image_alone_that_cannot_be_drawn_has_failed(stage: Stage, tmp_path: Path):
    path = tmp_path / "anh"
    path.write_bytes(b"nothing")

    await stage.run(item("hop", 0, 2, text="", image=path), until_s=3)

    assert stage.results["hop"].ending is Ending.FAILED
    assert [one.code for one in stage.results["hop"].failures] == ["board_image_unshowable"]
