"""What a board's pictures promise: nothing of a letter is cut, nothing of a text is lost."""

import hashlib
import re
import unicodedata
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.board.frame import BoardSize, Frame
from edge_agent.board.layout import Look, ScrollStrip, pages
from edge_agent.board.text import MAX_TEXT_CHARACTERS, TextUnshowable, prepare
from edge_agent.board.typeface import typeface

HARD = "ẨẤẪỄỖỮ ỵ ự"
NOTICE = (
    "Thông báo: Mời bà con thôn Đông đến nhà văn hóa lúc 19 giờ 30 để họp về phòng chống bão số 5. "
    "Đề nghị mọi nhà chằng chống nhà cửa, kiểm tra nguồn điện."
)
FACE = typeface("bold")
NO_MARGIN = Look(margin_px=0)


def lit(frame: Frame) -> np.ndarray:
    """Which pixels carry ink: (height, width) of bool."""
    pixels = np.frombuffer(frame.rgb, np.uint8).reshape(frame.size.height_px, frame.size.width_px, 3)
    return pixels.any(axis=2)


def on_edge(frame: Frame) -> int:
    ink = lit(frame)
    return int(ink[0].sum() + ink[-1].sum() + ink[:, 0].sum() + ink[:, -1].sum())


def ink_of(text: str, text_px: int) -> int:
    """Lit pixels of a line drawn with room to spare: what a picture of it must have when nothing is cut."""
    return sum(map(bool, bytes(FACE.at(text_px).getmask(text))))


@pytest.mark.parametrize("height", [16, 24, 32, 64, 96])
@pytest.mark.parametrize("width", [64, 128, 256])
def test_stacked_marks_and_dots_below_are_never_cut_on_a_page(width: int, height: int):
    shown = pages(HARD, BoardSize(width, height), FACE)

    assert shown
    assert [on_edge(page) for page in shown] == [0] * len(shown)


@pytest.mark.parametrize("height", [32, 64])
@pytest.mark.parametrize("letter", HARD.replace(" ", ""))
def test_each_hard_letter_keeps_every_pixel_even_without_a_margin(letter: str, height: int):
    (page,) = pages(letter, BoardSize(4 * height, height), FACE, NO_MARGIN)

    whole = [ink_of(letter, text_px) for text_px in range(8, height + 1)]
    assert int(lit(page).sum()) in whole
    assert int(lit(page).sum()) > whole[0]


@pytest.mark.parametrize("height", [16, 32, 64])
def test_stacked_marks_and_dots_below_are_never_cut_in_a_scroll(height: int):
    strip = ScrollStrip(HARD, BoardSize(96, height), FACE)

    frames = [strip.frame_at(offset) for offset in range(0, strip.length_px, 7)]
    assert any(lit(frame).any() for frame in frames)
    assert all(not lit(frame)[0].any() and not lit(frame)[-1].any() for frame in frames)


def test_the_test_of_cut_letters_can_fail():
    (page,) = pages("Ẫ", BoardSize(64, 32), FACE, NO_MARGIN)
    cut = page.to_image().crop((0, 6, 64, 38))

    assert int(lit(Frame.of_image(cut)).sum()) < int(lit(page).sum())


def test_decomposed_text_renders_like_composed_text():
    size = BoardSize(192, 64)
    decomposed = unicodedata.normalize("NFD", NOTICE)

    assert decomposed != NOTICE
    assert pages(decomposed, size, FACE) == pages(NOTICE, size, FACE)
    one, other = ScrollStrip(decomposed, size, FACE), ScrollStrip(NOTICE, size, FACE)
    assert one.length_px == other.length_px
    assert one.frame_at(300) == other.frame_at(300)


def test_a_page_has_the_exact_size_and_only_colours_between_ground_and_ink():
    (page,) = pages("Mời họp", BoardSize(256, 64), FACE, Look(ink=(0, 200, 0), ground=(0, 0, 40)))

    pixels = np.frombuffer(page.rgb, np.uint8).reshape(-1, 3)
    assert page.size == BoardSize(256, 64)
    assert tuple(pixels[0]) == (0, 0, 40)
    assert (pixels == (0, 200, 0)).all(axis=1).any()
    assert not pixels[:, 0].any()


def test_a_short_text_is_larger_than_a_long_one():
    size = BoardSize(256, 64)

    (short,) = pages("Họp", size, FACE)
    (long, *_) = pages(NOTICE, size, FACE)

    def tallest_run(frame: Frame) -> int:
        rows = "".join("x" if row.any() else " " for row in lit(frame))
        return max(map(len, rows.split()))

    assert tallest_run(short) > 1.5 * tallest_run(long)


def test_a_text_longer_than_a_page_goes_on_the_next_in_order():
    size = BoardSize(128, 32)
    words = NOTICE.split()

    shown = pages(NOTICE, size, FACE)
    first = pages(" ".join(words[:2]), size, FACE)

    assert 3 <= len(shown) <= len(words)
    assert len({page.sha256() for page in shown}) == len(shown)
    assert first[0].sha256() != shown[-1].sha256()


def test_a_word_wider_than_the_board_is_broken_and_not_cut():
    shown = pages("Nghiêngnghiêngnghiêngnghiêng", BoardSize(32, 32), FACE)

    assert len(shown) > 1
    assert [on_edge(page) for page in shown] == [0] * len(shown)


def test_line_breaks_of_the_author_are_kept():
    size = BoardSize(256, 64)

    broken = pages("Mời họp\nNhà văn hóa", size, FACE)

    assert broken != pages("Mời họp Nhà văn hóa", size, FACE)
    assert broken == pages("Mời họp\r\n\n  Nhà văn\u00a0hóa  ", size, FACE)


def test_a_scroll_starts_and_ends_with_an_empty_board_and_moves_evenly():
    strip = ScrollStrip(NOTICE, BoardSize(96, 32), FACE)

    assert not lit(strip.frame_at(0)).any()
    assert not lit(strip.frame_at(strip.length_px)).any()
    now, later = lit(strip.frame_at(200)), lit(strip.frame_at(205))
    assert now.any()
    assert (now[:, 5:] == later[:, :-5]).all()


def test_invisible_characters_draw_nothing_and_change_nothing():
    size = BoardSize(128, 32)
    hidden = "Mời\u200b \u202ehọp\u202c\u0007 \ufeffthôn"

    assert pages(hidden, size, FACE) == pages("Mời họp thôn", size, FACE)


def test_a_symbol_the_font_lacks_is_left_out_and_named():
    prepared = prepare("📢 Thông báo", FACE)

    assert prepared.left_out == ("📢",)
    assert prepared.words == ("Thông", "báo")


@pytest.mark.parametrize(
    ("text", "named"),
    [("", "one word"), (" \n ", "one word"), ("📢", "one word"), ("ខ្មែរ", "U+1781"), ("x" * 5001, "at most 5000")],
)
def test_a_text_that_cannot_be_shown_truthfully_is_refused(text: str, named: str):
    with pytest.raises(TextUnshowable, match=re.escape(named)) as caught:
        pages(text, BoardSize(128, 32), FACE)

    assert caught.value.code == "board_text_unshowable"
    assert MAX_TEXT_CHARACTERS == 5000


def test_a_board_too_low_for_letters_is_refused():
    with pytest.raises(TextUnshowable, match="too low"):
        pages(HARD, BoardSize(64, 8), FACE)


@pytest.mark.parametrize("side", [7, 8193])
def test_a_board_of_no_sensible_size_is_refused(side: int):
    with pytest.raises(ValueError, match="8 to 8192"):
        BoardSize(side, 32)


VIETNAMESE = "aàảãáạăằẳẵắặâầẩẫấậbcdđeèẻẽéẹêềểễếệghiìỉĩíịklmnoòỏõóọôồổỗốộơờởỡớợpqrstuùủũúụưừửữứựvxyỳỷỹýỵ"


@given(
    words=st.lists(st.text(VIETNAMESE + VIETNAMESE.upper(), min_size=1, max_size=14), min_size=1, max_size=12),
    width=st.integers(32, 200),
    height=st.integers(18, 80),
)
@example(words=["ÌABa", "ABa"], width=69, height=20)  # the first letter reaches left of where it begins
def test_no_vietnamese_text_touches_the_edge_of_any_board(words: list[str], width: int, height: int):
    shown = pages(" ".join(words), BoardSize(width, height), FACE)

    assert sum(map(on_edge, shown)) == 0


@pytest.mark.parametrize("weight", ["regular", "bold"])
def test_the_shipped_fonts_have_every_vietnamese_letter(weight: str):
    face = typeface(weight)

    assert [c for c in VIETNAMESE + VIETNAMESE.upper() + "₫–“”…" if not face.has(c)] == []
    assert not face.has("ក")


def test_the_shipped_fonts_are_those_the_readme_names():
    folder = files("edge_agent.board").joinpath("fonts")
    named = dict(re.findall(r"`(\S+\.ttf)` \| `([0-9a-f]{64})`", folder.joinpath("README.md").read_text()))

    found = {
        entry.name: hashlib.sha256(entry.read_bytes()).hexdigest()
        for entry in folder.iterdir()
        if entry.name.endswith(".ttf")
    }
    assert found == named
    assert len(found) == 2
    assert "SIL OPEN FONT LICENSE" in folder.joinpath("OFL.txt").read_text()


@pytest.mark.parametrize("word", ["ẲỆ", "ỖỰ", "ẪỴ"])
def test_the_lowest_boards_give_up_their_margin_before_a_mark(word: str):
    (page,) = pages(word, BoardSize(32, 16), FACE)

    assert int(lit(page).sum()) in [ink_of(word, text_px) for text_px in range(8, 17)]
