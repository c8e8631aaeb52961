"""What the page of a bulletin that waits shows of its texts: each once, and for whom it is."""

from typing import Any

import pytest

from controller.web.review import changes, variants

SAID = "Kính thưa bà con.\n\nThứ Năm cắt điện lúc 8 giờ."


def variant(**more: Any) -> dict[str, Any]:
    return variants({"variants": [{"language": "vi", "text": SAID, **more}]}, [])[0]


@pytest.mark.parametrize(
    ("board", "shared"),
    [
        ({"long": SAID}, True),
        ({"long": SAID.replace("\n\n", "\n") + "\n"}, True),
        ({"short": SAID}, True),
        ({"long": "Thứ Năm cắt điện"}, False),
        ({"long": SAID.upper()}, False),
        ({"image": "hinh"}, False),
        (None, False),
    ],
)
def test_a_text_is_for_both_where_boards_show_what_is_said(board: dict[str, str] | None, shared: bool) -> None:
    assert variant(board=board)["shared"] is shared


def test_a_board_alone_shares_nothing() -> None:
    assert variant(text="", board={"long": SAID})["shared"] is False
    assert variant(text="", board=None)["shared"] is False


@pytest.mark.parametrize(("reading", "told"), [(SAID, False), (SAID + " ", False), ("Tám giờ", True), (None, False)])
def test_a_reading_is_told_where_it_says_something_else(reading: str | None, told: bool) -> None:
    assert variant(reading=reading)["read_otherwise"] is told


def changed(field: str, before: str, after: str, language: str = "vi") -> dict[str, Any]:
    return {"field": field, "language": language, "before": before, "after": after, "pieces": []}


def test_texts_that_were_changed_alike_are_told_once() -> None:
    found = changes(
        [
            changed("title", "A", "B", ""),
            changed("text", "8 giờ", "7 giờ"),
            changed("board", "8 giờ\n", "7 giờ"),
            changed("text", "8 giờ", "7 giờ", "hmn"),
            changed("sound", "8 giờ", "7 giờ"),
        ]
    )

    assert [one["fields"] for one in found] == [["title"], ["text", "board"], ["text"], ["sound"]]


def test_texts_that_were_changed_differently_are_told_each() -> None:
    found = changes(
        [changed("text", "8 giờ", "7 giờ"), changed("board", "", "7 giờ"), changed("title", "8 giờ", "7 giờ")]
    )

    assert [one["fields"] for one in found] == [["text"], ["board"], ["title"]]
