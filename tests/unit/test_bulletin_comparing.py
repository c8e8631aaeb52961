"""What a reviewer is told of a change: field by field, word by word."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controller.bulletins import comparing, document
from controller.bulletins.comparing import Kind


def written(**changes: Any) -> document.Document:
    variants = [{"language": "vi", "text": "Cắt nước từ 8 giờ.", "audio": "mot", "audio_kind": "recording"}]
    return document.read({"title": "Cắt nước", "variants": variants, **changes})


def test_what_is_the_same_is_not_told() -> None:
    assert comparing.differences(written(), written()) == []


def test_a_word_that_changed_is_shown_between_those_that_stayed() -> None:
    variants = [{"language": "vi", "text": "Cắt nước từ 9 giờ.", "audio": "hai", "audio_kind": "recording"}]
    found = comparing.differences(written(), written(variants=variants, level="priority"))

    assert [one.field for one in found] == ["level", "text", "sound"]
    assert [(one.kind, one.text) for one in found[1].pieces] == [
        (Kind.SAME, "Cắt nước từ "),
        (Kind.REMOVED, "8"),
        (Kind.ADDED, "9"),
        (Kind.SAME, " giờ."),
    ]


def test_a_language_that_came_is_told_with_all_it_says() -> None:
    more: list[dict[str, Any]] = [
        {"language": "vi", "text": "Cắt nước từ 8 giờ.", "audio": "mot", "audio_kind": "recording"}
    ]
    more.append({"language": "tyz", "text": "Tắt nặm", "board": {"long": "Tắt nặm"}})
    found = comparing.differences(written(), written(variants=more))

    assert [(one.field, one.language) for one in found] == [("language", "tyz"), ("text", "tyz"), ("board", "tyz")]


@given(st.text(alphabet="ab \n", max_size=60), st.text(alphabet="ab \n", max_size=60))
def test_both_texts_can_be_read_out_of_the_pieces(before: str, after: str) -> None:
    found = list(comparing.pieces(before, after))

    assert "".join(one.text for one in found if one.kind is not Kind.ADDED) == before
    assert "".join(one.text for one in found if one.kind is not Kind.REMOVED) == after


def test_a_very_long_text_is_compared_by_its_lines() -> None:
    lines = [f"dòng {number}\n" for number in range(comparing.MOST_WORDS)]
    found = list(comparing.pieces("".join(lines), "".join([*lines[:7], "khác\n", *lines[8:]])))

    assert [(one.kind, one.text) for one in found if one.kind is not Kind.SAME] == [
        (Kind.REMOVED, "dòng 7\n"),
        (Kind.ADDED, "khác\n"),
    ]
