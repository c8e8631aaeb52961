"""Texts are read as a Vietnamese announcer reads them; the officer is told what was read how and what is doubtful."""

from datetime import date
from pathlib import Path

import pytest

from controller.speech.reading import SOUTHERN, Kind, Pause, as_written, read

VECTORS = Path(__file__).parents[1] / "vectors" / "reading"
TABLES = sorted(VECTORS.glob("*.tsv"))
BULLETINS = sorted((VECTORS / "bulletins").glob("*.txt"))
TODAY = date(2026, 11, 21)
FEWEST = 20


def _lines(table: Path) -> list[tuple[str, str]]:
    rows = [line.split("\t") for line in table.read_text().splitlines() if line and not line.startswith("#")]
    return [(written, spoken) for written, spoken in rows]


def test_every_kind_of_thing_has_its_table_of_phrases() -> None:
    assert {table.stem for table in TABLES} >= {
        "dates", "lunar_dates", "times", "ranges", "decimals", "money", "phones", "roman", "units", "documents",
        "abbreviations", "names",
    }  # fmt: skip
    assert all(len(set(_lines(table))) >= FEWEST for table in TABLES)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_phrases_are_read_as_an_announcer_reads_them(table: Path) -> None:
    expected = _lines(table)

    answers = [(written, read(written, today=TODAY).spoken) for written, _ in expected]

    assert answers == expected


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_what_is_read_stays_the_same_when_it_is_read_again(table: Path) -> None:
    spoken = [spoken for _, spoken in _lines(table)]

    assert [read(words, today=TODAY).spoken for words in spoken] == spoken


@pytest.mark.parametrize("bulletin", BULLETINS, ids=lambda bulletin: bulletin.stem)
def test_whole_bulletins_are_read_as_an_announcer_reads_them(bulletin: Path) -> None:
    written, _, expected = bulletin.read_text().partition("\n---\n")

    answer = read(written, today=TODAY)

    assert answer.spoken == expected.rstrip("\n")


def test_a_pronunciation_list_wins_over_every_rule() -> None:
    words = {
        "UBND": "Uỷ ban",
        "A Lưới": "a lưới",
        "30/4": "ba mươi tháng tư lịch sử",
        "QL1A": "quốc lộ 1",
        "loa": "lô a",
    }

    answer = read("UBND xã A Lưới, đường 30/4, QL1A, số 5/QĐ-UBND, LOA", lexicon=words)

    assert answer.spoken == (
        "Uỷ ban xã a lưới, đường ba mươi tháng tư lịch sử, quốc lộ một, số năm, quyết định của Uỷ ban, lô a"
    )
    assert [note.written for note in answer.notes if note.kind is Kind.LEXICON] == [
        "UBND",
        "A Lưới",
        "30/4",
        "QL1A",
        "LOA",
    ]


def test_a_pronunciation_holds_for_whole_words_only() -> None:
    words = {"Loa": "lô a", "3,5": "ba rưỡi", "2/9": "Quốc khánh"}

    answer = read("Loan và Loa: 3,5 tấn, 13,5 tấn, 2/9/2025", lexicon=words)

    assert answer.spoken == (
        "Loan và lô a: ba rưỡi tấn, mười ba phẩy năm tấn, ngày hai tháng chín năm hai nghìn không trăm hai mươi lăm"
    )


def test_the_longest_pronunciation_is_taken() -> None:
    words = {"A": "á", "A Lưới": "a-lưới", "A Lưới 1": "a-lưới một lớn"}

    assert read("A Lưới 1, A Lưới, A", lexicon=words).spoken == "a-lưới một lớn, a-lưới, á"


def test_a_pronunciation_can_put_nothing_but_words_into_a_reading() -> None:
    words = {"xã": "<speak><break time='9s'/>xã</speak>&lt;", "": "nothing", "bão": "[[b'aU]]"}

    answer = read("xã có bão", lexicon=words)

    assert not set(answer.spoken) & set('<>&[]=/"0123456789')


def test_southern_usage_says_thousands_and_missing_tens_in_its_way() -> None:
    text = "1.005 hộ, giá 24.000đ"

    assert read(text).spoken == "một nghìn không trăm linh năm hộ, giá hai mươi tư nghìn đồng"
    assert read(text, usage=SOUTHERN).spoken == "một ngàn không trăm lẻ năm hộ, giá hai mươi tư ngàn đồng"


def test_the_officer_is_told_what_was_read_how() -> None:
    answer = read("UBND xã họp lúc 19h30 và 19h30")

    told = [(note.kind, note.written, note.start, note.count, note.doubtful) for note in answer.notes]

    assert told == [(Kind.ABBREVIATION, "UBND", 0, 1, False), (Kind.TIME, "19h30", 16, 2, False)]
    assert answer.notes[0].vi == "“UBND” đọc là “ủy ban nhân dân”."
    assert answer.notes[0].en == "“UBND” is read “ủy ban nhân dân”."


@pytest.mark.parametrize(
    ("written", "doubted"),
    [
        ("họp chi bộ 2/3", "2/3"),
        ("ngày 31/2/2027", "31/2/2027"),
        ("ngày 9/25/2026", "9/25/2026"),
        ("thứ Sáu, ngày 21/11/2026", "21/11/2026"),
        ("thứ 6, 21/11", "21/11"),
        ("ngày 21/11/2026 (Thứ Sáu)", "21/11/2026"),
        ("ngày 21 tháng 11 năm 2026, thứ Năm", "21 tháng 11 năm 2026"),
        ("ngày 31 tháng 11", "31 tháng 11"),
        ("1,250 hộ", "1,250"),
        ("2.5 km", "2.5 km"),
        ("ông Lý XI", "XI"),
        ("theo QWRT", "QWRT"),
        ("có -5 hộ", "-5"),
        ("số 123456789012", "123456789012"),
        ("xin 500k", "500k"),
        ("báo cho TT", "TT"),
        ("lúc 25h70 và 25h10", "25h10"),
        ("xa@laocai.gov.vn", "xa@laocai.gov.vn"),
        ("trạm 中文", "中文"),
        ("từ 9-8 hộ", "9-8"),
        ("BCH xã họp", "BCH"),
        ("Hội nghị BCH lần thứ 5", "BCH"),
        ("BCH Quân sự tỉnh", "BCH"),
        ("Nghị quyết số 12-NQ/BCH", "12-NQ/BCH"),
        ("Mực nước MN 12,34m", "MN"),
        ("MN: 12,34m", "MN"),
        ("các tỉnh MN", "MN"),
        ("mít tinh 2-9", "2-9"),
        ("ngày 5-9", "5-9"),
        ("từ ngày 2-9", "2-9"),
        ("các ngày 2-9", "2-9"),
        ("8,9/10", "8,9/10"),
        ("ngày 30-31-1/8", "30-31-1/8"),
        ("ngày 30,31/6", "30,31/6"),
        ("2,5,3,5 kg", "2,5,3,5 kg"),
        ("gọi 912 345 678", "912 345 678"),
        ("tổ 5 200 học sinh", "5"),
        ("mừng 1 000 000", "1 000 000"),
        ("năm 2025 100 000 đồng", "000"),
        ("50+ hộ", "50+"),
        ("phim 18+", "18+"),
    ],
)
def test_what_can_be_meant_otherwise_is_doubted_in_both_languages(written: str, doubted: str) -> None:
    doubts = {note.written: note for note in read(written, today=TODAY).doubts}

    assert doubted in doubts
    assert doubts[doubted].vi.count(".") >= 2
    assert doubts[doubted].vi != doubts[doubted].en


@pytest.mark.parametrize(
    "written",
    [
        "thứ Bảy, ngày 21/11/2026",
        "Chủ nhật, 22/11",
        "ngày 25 tháng 11 năm 2026 (Thứ Tư)",
        "ngày 2/9",
        "1.250 hộ",
        "khóa XI",
        "2,5 km",
        "giảm 1/3 số hộ",
        "UBND xã",
        "29/2/2028",
        "BCH Quân sự xã",
        "BCH PCTT&TKCN xã",
        "BCH Đảng bộ xã",
        "BCH T.Ư Đoàn",
        "trường MN Hoa Sen",
        "đường dây nóng: 111",
        "1 500 000 đồng",
        "5 000 người",
        "0912 345 678",
        "các ngày 1,2/9",
        "(28-29-30/7)",
        "khối 6,7,8",
        "2,5 lít",
        "mức 1,5 triệu",
        "Quốc khánh 2-9",
        "ngày 2-9",
        "ngày 2-9 xã tổ chức mít tinh",
        "từ ngày 2-9 đến ngày 5-9",
        "nghỉ lễ 30-4 và 1-5",
        "từ 2-9 người",
        "lớp 1-5",
        "trẻ 1-5 tuổi",
        "7-9 giờ",
        "mỗi ngày 2-3 lần",
        "thổi còi 15'",
        "người 60+ tuổi",
    ],
)
def test_what_is_plain_is_not_doubted(written: str) -> None:
    assert read(written, today=TODAY).doubts == ()


def test_a_reading_is_parted_into_sentences_and_phrases_with_their_rests() -> None:
    answer = read("Kính thưa bà con! Lúc 19h, xã họp\nMời bà con: đến đông đủ.\n\nXin cảm ơn")

    parts = [[(phrase.text, phrase.pause) for phrase in sentence.phrases] for sentence in answer.sentences]

    assert answer.spoken == "Kính thưa bà con! Lúc mười chín giờ, xã họp.\nMời bà con: đến đông đủ.\nXin cảm ơn"
    assert parts == [
        [("Kính thưa bà con!", Pause.SENTENCE)],
        [("Lúc mười chín giờ,", Pause.PHRASE), ("xã họp.", Pause.PARAGRAPH)],
        [("Mời bà con:", Pause.PHRASE), ("đến đông đủ.", Pause.PARAGRAPH)],
        [("Xin cảm ơn", Pause.END)],
    ]
    assert [sentence.pause_ms for sentence in answer.sentences] == [600, 1_100, 1_100, 0]


def test_a_line_that_was_only_wrapped_is_no_paragraph() -> None:
    assert read("Đề nghị bà con\nkhông đi qua ngầm tràn").spoken == "Đề nghị bà con không đi qua ngầm tràn"


def test_a_list_is_read_line_by_line() -> None:
    written = "Bà con chuẩn bị:\n- đèn pin\n- 5 lít nước;\n+ thuốc men,\n* áo phao"

    assert read(written).spoken == "Bà con chuẩn bị:\nđèn pin.\nnăm lít nước;\nthuốc men.\náo phao"


@pytest.mark.parametrize("nothing", ["", " ", "\n\n", "😀", "…", "()", "\u200b", "- \n+ "])
def test_where_nothing_is_written_nothing_is_said(nothing: str) -> None:
    answer = read(nothing)

    assert (answer.spoken, answer.sentences, answer.doubts) == ("", (), ())


def test_accents_written_apart_are_never_lost() -> None:
    assert read("Ti\u1ebf\u0301ng Vie\u0323\u0302t, u\u031b\u0301ng").spoken.endswith("Việt, ứng")


def test_other_languages_are_said_as_they_are_written() -> None:
    answer = as_written("Pab tau! <Lub> zos\nmuaj 5 tsev")

    assert answer.spoken == "Pab tau! Lub zos.\nmuaj tsev"
    assert answer.notes == ()
