"""Bad text is cleaned, and said so, or refused with words for the officer; markup never reaches an engine."""

import pytest

from controller.speech.cleaning import LIMIT, TextEmpty, TextTooLong, TextUnsettled, clean


def codes(text: str) -> dict[str, int]:
    return {change.code: change.count for change in clean(text).notes}


@pytest.mark.parametrize(
    "empty", ["", "   \n\t ", "\u200b\u200b", "😀😀", "<b></b>", "…!?", "\x00\x01", "<script>alert(1)</script>"]
)
def test_a_text_without_anything_to_read_is_refused(empty: str) -> None:
    with pytest.raises(TextEmpty) as refused:
        clean(empty)

    assert "Chưa có nội dung" in str(refused.value.details["vi"])


@pytest.mark.parametrize("length", [LIMIT + 1, 100_000])
def test_a_text_that_is_too_long_is_refused_with_both_figures(length: int) -> None:
    with pytest.raises(TextTooLong, match=str(length)) as refused:
        clean("a" * length)

    assert refused.value.details["limit"] == LIMIT
    assert "20.000" in str(refused.value.details["vi"])


def test_the_longest_text_is_taken() -> None:
    assert len(clean("xã " * 6_666 + "ơi").text) == LIMIT


def test_accents_written_apart_are_joined_and_nothing_is_lost() -> None:
    apart = "Vie\u0323\u0302t Nam: đo\u0323\u0302c la\u0323\u0302p, Hu\u00ea\u0301"

    assert clean(apart).text == "Việt Nam: độc lập, Huế"
    assert codes(apart) == {"composed": 7}


@pytest.mark.parametrize(
    ("text", "kept", "told"),
    [
        ("Bão 🌀 đến 👨‍👩‍👧 rồi ☔️!", "Bão đến rồi !", {"emoji": 6, "invisible": 2}),
        ("Cấm\x00 tụ\x07 tập\x1b[31m", "Cấm tụ tập[31m", {"control": 3}),
        ("an\u202etoàn\u2066 ", "antoàn", {"direction": 2}),
        ("Kí\u200bnh\ufeff thưa\u00ad", "Kính thưa", {"invisible": 3}),
        ("𝗧𝗵𝗼̂𝗻𝗴 báo số Ⅲ, ＡＢＣ ١٢", "Thông báo số III, ABC 12", {"lookalike": 11, "composed": 1}),
        ("a\u0300\u0301\u0302\u0303\u0304\u0305\u0306 b", None, {"piled_marks": 2, "composed": 1}),
        ("xã\u2028mới\x0bđến", "xã\nmới\nđến", {}),
    ],
)
def test_characters_that_carry_nothing_are_dropped_and_told(text: str, kept: str | None, told: dict[str, int]) -> None:
    answer = clean(text)

    assert kept is None or answer.text == kept
    assert codes(text) == told
    assert all(change.vi and change.en and str(change.count) in change.vi for change in answer.notes)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("<p>Kính thưa <b>bà con</b></p><p>Mời họp</p>", "Kính thưa bà con\nMời họp"),
        ('<speak>Bão<break time="9s"/><prosody rate="x-fast">số 3</prosody></speak>', "Bão số 3"),
        ("Mời họp<speak", "Mời họp"),
        ("a<script>alert('x')</script>b", "a b"),
        ("a<!-- ẩn -->b <![CDATA[c]]>", "a b c"),
        ("A &amp; B &nbsp; &lt;speak&gt;C &#7879; &amp;amp;lt;b&amp;gt;D", "A & B C ệ D"),
        ("<s<b>cript>x</s</b>cript>", None),
        ("&#0;&#xD800;xã", None),
    ],
)
def test_markup_is_taken_out_and_its_words_stay(text: str, kept: str | None) -> None:
    answer = clean(text)

    assert kept is None or answer.text == kept
    assert {"markup", "script", "entity"} & set(codes(text))
    assert "<s" not in answer.text
    assert clean(answer.text).text == answer.text


@pytest.mark.parametrize(
    "plain", ["Trẻ < 5 tuổi, mưa > 50 mm", "a <= b; 3<5 và 7>2", "AT&T, R&D; Q&A", "50% & hơn", "f(x) = {1}"]
)
def test_signs_of_ordinary_texts_stay(plain: str) -> None:
    answer = clean(plain)

    assert (answer.text, answer.notes) == (plain, ())


def test_the_names_of_tags_are_told() -> None:
    (change,) = clean("<speak><b>x</b><voice name='a'>").notes

    assert change.vi == "Đã bỏ 4 thẻ định dạng (speak, b, voice); chữ bên trong được giữ lại."
    assert change.en == "4 tags (speak, b, voice) were taken out; their words stay."


def test_codes_within_codes_without_end_are_refused() -> None:
    with pytest.raises(TextUnsettled) as refused:
        clean(f"x &{'#38;' * 12}lt;")

    assert "văn bản thuần" in str(refused.value.details["vi"])


def test_spaces_and_empty_lines_are_made_one() -> None:
    assert clean("  Kính   thưa \t bà con  \r\n\r\n\r\n\r\n Mời  họp ").text == "Kính thưa bà con\n\nMời họp"
