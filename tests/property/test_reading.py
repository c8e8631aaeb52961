"""What a reading keeps whatever the text: its numbers, its words, nothing but words; and it takes linear time."""

import calendar
import re
import time
import unicodedata
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from controller.speech.cleaning import TextEmpty, TextUnsettled, clean
from controller.speech.reading import NORTHERN, SOUTHERN, Usage, read
from tests.property.reading_back import digits_in, numbers_in

TODAY = date(2026, 11, 21)
ordinary = settings(max_examples=50, deadline=None, derandomize=True)
usages = st.sampled_from([NORTHERN, SOUTHERN])
whole = st.one_of(st.integers(0, 999), st.integers(0, 10**6), st.integers(0, 10**12), st.integers(0, 10**18 - 1))


def is_said(text: str, at: int) -> bool:
    """Letters with their marks, rests, and hyphens or apostrophes inside words."""
    if text[at] in "-'":
        return text[at - 1 : at].isalpha() and text[at + 1 : at + 2].isalpha()
    return unicodedata.category(text[at])[0] in "LM" or text[at] in " ,.;:?!\n"


def dotted(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def heard(text: str, usage: Usage = NORTHERN) -> list[Fraction]:
    return numbers_in(read(text, today=TODAY, usage=usage).spoken)


@ordinary
@given(whole, usages)
@example(1_000_005, NORTHERN)
@example(10**18 - 1, SOUTHERN)
@example(1_005_000_000_000, NORTHERN)
def test_a_number_is_heard_as_it_is_written(number: int, usage: Usage) -> None:
    assert heard(f"Toàn xã có {dotted(number)} hộ.", usage) == [number]


@ordinary
@given(st.integers(0, 10**9 - 1))
def test_a_number_without_dots_is_heard_as_it_is_written(number: int) -> None:
    assert heard(f"Toàn xã có {number} cây") == [number]


@ordinary
@given(st.integers(0, 10**9), st.text("0123456789", min_size=1, max_size=6), usages)
def test_a_decimal_is_heard_as_it_is_written(number: int, tail: str, usage: Usage) -> None:
    text = f"Mực nước {dotted(number)},{tail} m"

    notes = read(text).doubts
    answer = heard(text, usage)

    thousands = len(tail) == 3 and tail.endswith("0") and 0 < number < 1000
    assert answer == [int(f"{number}{tail}") if thousands else number + Fraction(int(tail), 10 ** len(tail))]
    assert bool(notes) == (len(tail) == 3 and 0 < number < 1000)


@ordinary
@given(
    st.integers(0, 5000),
    st.integers(1, 5000),
    st.sampled_from(["-", " - ", "–", " – "]),
    st.sampled_from(["mm", "%", "kg", "ha"]),
)
def test_both_ends_of_a_range_are_heard(low: int, more: int, dash: str, unit: str) -> None:
    assert heard(f"khoảng {low}{dash}{low + more} {unit}.") == [low, low + more]


@ordinary
@given(whole, st.sampled_from([" đồng", "đ", " VNĐ", " đồng/kg", "đ/người", " USD"]))
def test_an_amount_of_money_is_heard_as_it_is_written(number: int, money: str) -> None:
    assert heard(f"Giá {dotted(number)}{money}, thu một lần".replace("một", "tận")) == [number]


@ordinary
@given(whole, st.sampled_from([" ", "\u00a0", "\u202f"]), st.sampled_from([" đồng", "đ", " kg", " hộ", " m2"]))
def test_a_number_in_groups_apart_is_heard_as_it_is_written(number: int, gap: str, unit: str) -> None:
    assert heard(f"Tất cả {dotted(number).replace('.', gap)}{unit}") == [number]


@ordinary
@given(st.lists(st.integers(0, 99), min_size=3, max_size=8))
def test_every_number_joined_by_commas_is_heard(listed: list[int]) -> None:
    assert heard(f"Các điểm {','.join(map(str, listed))} nhé") == listed


@ordinary
@given(st.lists(st.integers(1, 28), min_size=3, max_size=6, unique=True), st.integers(1, 12), st.sampled_from(",-"))
def test_every_day_of_a_list_is_heard(days: list[int], month: int, joint: str) -> None:
    written = joint.join(map(str, sorted(days)))

    found = read(f"các ngày {written}/{month}", today=TODAY)

    assert numbers_in(found.spoken) == [*sorted(days), month]
    assert found.doubts == ()


@ordinary
@given(st.dates(date(2000, 1, 1), date(2000, 12, 31)))
def test_a_day_with_a_dash_is_heard_as_day_and_month(day: date) -> None:
    assert heard(f"mít tinh ngày {day.day}-{day.month} tại xã") == [day.day, day.month]


@ordinary
@given(st.integers(-40, 60), st.integers(0, 9))
def test_a_temperature_is_heard_with_its_sign(degrees: int, tenth: int) -> None:
    value = Fraction(abs(degrees)) + Fraction(tenth, 10)

    assert heard(f"nhiệt độ {'-' if degrees < 0 else ''}{abs(degrees)},{tenth}°C") == [-value if degrees < 0 else value]


@ordinary
@given(
    st.dates(date(1900, 1, 1), date(2099, 12, 31)),
    st.sampled_from(
        ["ngày {d}/{m}/{y}", "{d:02}/{m:02}/{y}", "{d}-{m}-{y}", "{y}-{m:02}-{d:02}", "ngày {d} tháng {m} năm {y}"]
    ),
)
def test_a_date_is_heard_as_it_is_written(day: date, form: str) -> None:
    assert heard(form.format(d=day.day, m=day.month, y=day.year)) == [day.day, day.month, day.year]


@ordinary
@given(st.integers(1, 12), st.integers(1, 31), st.integers(2000, 2060))
def test_a_day_that_is_in_no_calendar_is_doubted(month: int, day: int, year: int) -> None:
    found = read(f"ngày {day}/{month}/{year}", today=TODAY)

    exists = day <= calendar.monthrange(year, month)[1]

    assert bool(found.doubts) == (not exists)
    assert numbers_in(found.spoken) == [day, month, year]


@ordinary
@given(
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(["{h}h{m:02}", "{h:02}:{m:02}", "{h}g{m:02}", "{h} giờ {m} phút"]),
)
def test_a_time_is_heard_as_it_is_written(hour: int, minute: int, form: str) -> None:
    answer = heard("lúc " + form.format(h=hour, m=minute))

    assert answer in ([hour, minute], [hour]) if minute == 0 else answer == [hour, minute]


@ordinary
@given(
    st.text("0123456789", min_size=8, max_size=8),
    st.sampled_from(["09{}", "03{}", "+849{}"]),
    st.sampled_from([None, " ", "."]),
)
def test_every_digit_of_a_telephone_number_is_heard(rest: str, form: str, gap: str | None) -> None:
    number = form.format(rest)
    written = number if gap is None else gap.join([number[:-6], number[-6:-3], number[-3:]])

    assert digits_in(read(f"Gọi {written}.").spoken) == number.removeprefix("+")


@ordinary
@given(st.integers(1, 99_999), st.integers(1990, 2060), st.sampled_from(["KH-UBND", "NĐ-CP", "QĐ-TTg", "CT-BYT"]))
def test_the_number_and_the_year_of_a_document_are_heard(number: int, year: int, signs: str) -> None:
    assert heard(f"Căn cứ văn bản số {number}/{signs}") == [number]
    assert heard(f"Căn cứ văn bản số {number}/{year}/{signs}") == [number, year]


@ordinary
@given(st.integers(1, 39), st.sampled_from(["khóa", "báo động", "thế kỷ", "chương"]))
def test_a_roman_numeral_is_heard_as_its_number(number: int, before: str) -> None:
    numeral = "X" * (number // 10) + ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")[number % 10]

    assert heard(f"{before} {numeral}") == [number]


@st.composite
def sayings(draw: st.DrawFn) -> tuple[str, list[Fraction]]:
    """A clause of a bulletin, and the numbers in it."""
    a, b = draw(st.integers(1, 900)), draw(st.integers(0, 59))
    big, day = draw(whole), draw(st.dates(date(1990, 1, 1), date(2060, 12, 31)))
    tail = draw(st.integers(1, 9))
    return draw(
        st.sampled_from(
            [
                (f"toàn xã có {dotted(big)} hộ", [Fraction(big)]),
                (f"mưa {a}-{a + 20} mm", [Fraction(a), Fraction(a + 20)]),
                (f"gió cấp {b}-{b + 1}", [Fraction(b), Fraction(b + 1)]),
                (
                    f"ngày {day.day}/{day.month}/{day.year}",
                    [Fraction(day.day), Fraction(day.month), Fraction(day.year)],
                ),
                (f"lúc 9h{b:02}", [Fraction(9), Fraction(b)] if b else [Fraction(9)]),
                (f"giá {dotted(big)} đồng/kg", [Fraction(big)]),
                (f"tăng {a},{tail}%", [Fraction(a) + Fraction(tail, 10)]),
                (f"theo Kế hoạch số {a}/KH-UBND", [Fraction(a)]),
                (f"đạt {a + 900}/{a + 950} phiếu", [Fraction(a + 900), Fraction(a + 950)]),
                (f"dài {a} km, rộng {b},{tail} m", [Fraction(a), Fraction(b) + Fraction(tail, 10)]),
            ]
        )
    )


@ordinary
@given(st.lists(sayings(), min_size=1, max_size=8), st.sampled_from([". ", "; ", ", ", "\n", " - ", " (và) "]))
def test_every_number_of_a_bulletin_is_heard_in_its_order(clauses: list[tuple[str, list[Fraction]]], gap: str) -> None:
    text = gap.join(clause for clause, _ in clauses)

    assert heard(text) == [number for _, numbers in clauses for number in numbers]


FRAGMENTS = [
    "UBND xã", "ngày 2/9", "02/09/2025", "cấp 8-9", "1.500.000đ/kg", "báo động III", "rằm tháng 7", "15/7 âm lịch",
    "0912.345.678", "86/KH-UBND", "TS.", "v.v.", "TP.HCM", "XI", "Nguyễn Thị Vi", "A", "X.", "I.", "- ", "+", "\n",
    "\n\n", "1. ", "a) ", "…", "...", "(", ")", "“", "”", "<b>", "&", "/", "°C", "5%", "-5°C", "H'Hen", "K'", "'",
    "’", "-", " - ", "19h30", "7-9h", "24/7", "1/2", "3,5", "3,5,7", "1.2.3", "QL1A", "H5N1", "5A",
    "xa@laocai.gov.vn", "http://", "www.", "CA XÃ", "THÔNG BÁO", "Ⅲ", "½", "²", "😀", "\u202e", "e\u0302\u0301",
    "ភាសាខ្មែរ", "中文", "ß", "ŉ", "ǅ", "İ", "ﬁ", "$100", "tr", "1tr5", "k", "…a", "?!", ";", ":", ",", ".", "0",
    "00000000000", "12345678901234567890123", "001", "m2", "km/h", "đồng/người", "T2-T6", "P.5",
    "BCH", "MN", "T.Ư", "2-9", "1,2/9", "28-29-30/7", "1 000 000", "912 345 678", "15'", "60+", "tuổi",
]  # fmt: skip
texts = st.lists(
    st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=8), st.sampled_from([" ", ""])), max_size=14
).map("".join)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(texts)
def test_a_reading_holds_words_only_and_is_read_as_itself(text: str) -> None:
    first = read(text, today=TODAY)

    again = read(first.spoken, today=TODAY)

    assert all(is_said(first.spoken, at) for at in range(len(first.spoken))), first.spoken
    assert again.spoken == first.spoken
    assert " ".join(one.text for one in first.sentences) == first.spoken.replace("\n", " ")
    assert all(note.written == first.written[note.start :][: len(note.written)] for note in first.notes)


@pytest.mark.long
@settings(max_examples=8_000, deadline=None)
@given(texts)
def test_readings_of_very_many_texts_hold_words_only(text: str) -> None:
    test_a_reading_holds_words_only_and_is_read_as_itself.hypothesis.inner_test(text)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(texts)
def test_a_text_is_cleaned_once_for_all_or_refused(text: str) -> None:
    try:
        cleaned = clean(text)
    except (TextEmpty, TextUnsettled):
        return

    assert clean(cleaned.text).text == cleaned.text
    assert not re.search(r"</?(?:b|speak)\b", cleaned.text)


NASTY = [
    "1.111", "1,111,", "1/2/", "9-", "9 - ", "a.", "a@", "a-", "A", "AB ", "X", "XVI ", "h'", "(0", "+84 ", "12:",
    "T2-", "1.", "….", ". ", ", ", "\n", "\n- 1", "<", "</a", "www.a", "86/KH-", "86-KH/", "TS.", "0912 345 ",
    "ngày 1/", "1-1/1-", "đồng/kg/", "1x", "1tr", "$1", "III-", "0", "1 ",
    "1,2", "2-9 ", "1 000 ", "1,2/", "1-2-", "5'", "‘5’ ", "5+", "BCH ", "MN ", "113: ", "e\u0301\u0301\u0301", "số ",
]  # fmt: skip


@pytest.mark.parametrize("nasty", NASTY)
def test_no_text_takes_more_time_than_its_length_is_worth(nasty: str) -> None:
    def seconds(length: int) -> float:
        text = (nasty * length)[:length]
        begin = time.process_time()
        read(text)
        return time.process_time() - begin

    short, long = min(seconds(250) for _ in range(2)), seconds(2_000)

    assert long < 24 * short + 0.05
