"""Tables that communes fill in: what people write is understood, and every mistake is told by row and column."""

import unicodedata
from datetime import date, datetime, time

import pytest

from controller.schedules.files import read_programme, write_programme
from controller.schedules.programme import ProgrammeFile
from controller.schedules.sheets import words as sheet_words
from controller.schedules.sheets.columns import COLUMNS
from controller.schedules.sheets.days import Days, calendar_date, dates, days
from controller.schedules.sheets.reading import read
from controller.schedules.sheets.results import MAX_ROWS, CellFault, Frame, SheetInvalid, frame_of
from controller.schedules.sheets.words import Unclear, bare, length_s, slug, wall_time
from controller.schedules.sheets.workbook_child import text_of

HEADERS = tuple(column.header for column in COLUMNS)
KEYS = tuple(column.key for column in COLUMNS)
FRAME = Frame("thu", "xa-thu", "Thử", date(2026, 1, 1))
DAY = date(2026, 11, 21)


def row(**cells: str) -> list[str]:
    return [cells.get(key, "") for key in KEYS]


MORNING = row(session="Buổi sáng", at="5h", days="T2-T6", kind="nhạc hiệu")
RELAY = row(kind="tiếp sóng", title="Tiếp sóng VOV1", length="15", source="https://relay.example/vov1")
NEWS = row(kind="bản tin", title="Bản tin của xã", length="10 phút")


def programme(*rows: list[str]) -> ProgrammeFile:
    return read([list(HEADERS), *rows], FRAME).programme


def refused(*rows: list[str], header: tuple[str, ...] = HEADERS) -> tuple[CellFault, ...]:
    with pytest.raises(SheetInvalid) as caught:
        read([list(header), *rows], FRAME)
    return caught.value.faults


def told(*rows: list[str]) -> list[tuple[int, str, str]]:
    return [(fault.row, fault.column, fault.code) for fault in refused(*rows)]


@pytest.mark.parametrize(
    ("written", "time_of_day"),
    [
        ("5h", "05:00"), ("5h30", "05:30"), ("05:00", "05:00"), ("17g", "17:00"), ("17g30", "17:30"), ("5 giờ",
         "05:00"),
        ("5 giờ 30 phút", "05:30"), ("17 GIỜ 5", "17:05"), ("5:7", "05:07"), ("05:00:00", "05:00"), ("05:00:30",
         "05:00:30"),
        ("5h sáng", "05:00"), ("5 giờ chiều", "17:00"), ("5h30 chiều", "17:30"), ("1h trưa", "13:00"), ("7h tối",
         "19:00"),
        ("19h tối", "19:00"), ("0h", "00:00"), ("0.2083333333", "05:00"), ("0.5", "12:00"), (" 5H ", "05:00"),
    ],
)  # fmt: skip
def test_times_of_day_are_read_as_people_write_them(written: str, time_of_day: str):
    assert wall_time(written) == time_of_day
    assert wall_time(unicodedata.normalize("NFD", written)) == time_of_day


@pytest.mark.parametrize(
    "written",
    ["", "5", "24h", "5h60", "năm giờ", "5.30", "12h tối", "8h chiều", "5h tối sáng", "13h sáng", "-5h", "5h-6h", "1.5",
     "5hh", "٥h", "05:00:99"],
)  # fmt: skip
def test_times_that_may_mean_several_things_are_refused(written: str):
    with pytest.raises(Unclear, match="no time of day"):
        wall_time(written)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("15", 900), ("15 phút", 900), ("15p", 900), ("15'", 900), ("90 giây", 90), ("90s", 90), ("1 giờ", 3600),
        ("1,5", 90),
        ("1 giờ 5 phút", 3900), ("14 phút 30 giây", 870), ("0:15:00", 900), ("00:01:30", 90), ("0.5 phút", 30),
        ("1h30p", 5400),
    ],
)  # fmt: skip
def test_lengths_are_read_as_people_write_them(written: str, seconds: float):
    assert length_s(written) == seconds


@pytest.mark.parametrize("written", ["", "15:00", "mười phút", "-5", "5 ngày", "phút", "1e9"])
def test_lengths_that_may_mean_several_things_are_refused(written: str):
    with pytest.raises(Unclear, match="no length"):
        length_s(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("hằng ngày", Days()),
        ("Hàng ngày", Days()),
        ("T2, T3, T4, T5, T6, T7, CN", Days()),
        ("T2-T6", Days(("mon", "tue", "wed", "thu", "fri"))),
        ("T2 – T6, CN", Days(("mon", "tue", "wed", "thu", "fri", "sun"))),
        ("thứ hai đến thứ sáu", Days(("mon", "tue", "wed", "thu", "fri"))),
        ("từ thứ 2 đến thứ 4", Days(("mon", "tue", "wed"))),
        ("Thứ Tư; Chủ nhật", Days(("wed", "sun"))),
        ("thứ ba và thứ năm", Days(("tue", "thu"))),
        ("t7-cn", Days(("sat", "sun"))),
        ("cuối tuần", Days(("sat", "sun"))),
        ("hằng ngày trừ CN", Days(("mon", "tue", "wed", "thu", "fri", "sat"))),
        ("hằng ngày trừ 02/09/2026", Days(without=(date(2026, 9, 2),))),
        ("mùng 1", Days(lunar={"days": [1]})),
        ("mồng một, rằm", Days(lunar={"days": [1, 15]})),
        ("15 âm", Days(lunar={"days": [15]})),
        ("ngày 14 âm lịch và rằm hằng tháng", Days(lunar={"days": [14, 15]})),
        ("rằm tháng giêng", Days(lunar={"days": [15], "months": [1]})),
        ("rằm tháng bảy", Days(lunar={"days": [15], "months": [7]})),
        ("mùng 10 tháng 3", Days(lunar={"days": [10], "months": [3]})),
        ("23 tháng chạp âm lịch", Days(lunar={"days": [23], "months": [12]})),
        ("mùng 1 tháng giêng, mùng 2 tháng giêng", Days(lunar={"days": [1, 2], "months": [1]})),
        ("giao thừa", Days(lunar={"months": [12], "last_day": True})),
        ("cuối tháng âm", Days(lunar={"last_day": True})),
        ("21/11/2026", Days(dates=(DAY,))),
        ("21/11/2026; 2026-11-23", Days(dates=(DAY, date(2026, 11, 23)))),
        ("30/11/2026 - 02/12/2026", Days(dates=(date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 2)))),
    ],
)
def test_days_are_read_as_people_write_them(written: str, meant: Days):
    assert days(written) == meant
    assert days(bare(written)) == meant
    assert days(unicodedata.normalize("NFD", written.upper())) == meant


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "days_unclear"), ("thứ tám", "days_unclear"), ("T8", "days_unclear"), ("15", "days_unclear"),
        ("mùng 15", "days_unclear"), ("31 âm", "days_unclear"), ("mùng 0", "days_unclear"), ("CN-T2", "days_unclear"),
        ("rằm tháng 13", "days_unclear"), ("21/11", "date_unclear"), ("31/02/2026", "date_unclear"),
        ("hằng ngày trừ hằng ngày", "days_unclear"), ("rằm trừ CN", "days_unclear"), ("02/12/2026-30/11/2026",
         "days_reversed"),
        ("T2, rằm", "days_mixed"), ("CN, 21/11/2026", "days_mixed"), ("mùng 1 tháng 1, rằm tháng 7", "days_mixed"),
        ("mùng 1, rằm tháng giêng", "days_mixed"), ("ngày đẹp trời", "days_unclear"), ("T2-", "days_unclear"),
    ],
)  # fmt: skip
def test_days_that_may_mean_several_things_are_refused(written: str, code: str):
    with pytest.raises(Unclear) as caught:
        days(written)

    assert caught.value.code == code


def test_no_range_of_dates_is_too_long_to_refuse():
    with pytest.raises(Unclear, match="more than 1000"):
        dates("01/01/0001-31/12/9999")


@pytest.mark.parametrize("written", ["21/11", "21/13/2026", "11/21/2026", "hôm nay", "21/11/26", "", "46347"])
def test_dates_are_whole(written: str):
    with pytest.raises(Unclear, match="day/month/year"):
        calendar_date(written)


def test_an_id_is_made_of_a_title():
    assert slug("Buổi Đặc biệt: tối!") == "buoi-dac-biet-toi"
    assert slug("😀") == ""


def test_rows_below_each_other_are_one_session():
    made = programme(MORNING, RELAY, NEWS, row(session="Tối", at="19h", days="hằng ngày", kind="bản tin", length="5"))

    assert [(one.id, one.at, one.weekdays and len(one.weekdays), len(one.segments)) for one in made.sessions] == [
        ("buoi-sang", "05:00", 5, 3),
        ("toi", "19:00", None, 1),
    ]
    assert made.sessions[0].segments[2].of == "xa-thu"
    assert read_programme(write_programme(made)) == made


def test_rows_that_repeat_their_session_are_the_same_session():
    assert programme(MORNING, row(session="Buổi sáng", at="5H", kind="bản tin", length="5")) == programme(
        MORNING, row(kind="bản tin", length="5")
    )


def test_every_column_is_read():
    cells = {column.key: column.examples[0] for column in COLUMNS}
    cells |= {"from": "01/12/2026", "until": "31/12/2026", "to": "thon-1; g-cho; d-loa-1", "languages": "Mông, tyz"}
    first = row(**{**cells, "note": "", "holiday": "nghỉ", "level": "ưu tiên", "volume": "60%"})
    made = programme(first, row(kind="âm thanh", length="1", source="a-1"), row(kind="nghỉ", length="0,5 phút"))

    (session,) = made.sessions
    assert (session.valid_from, session.valid_until) == (date(2026, 12, 1), date(2026, 12, 31))
    assert session.to == ("u-thon-1", "g-cho", "d-loa-1")
    assert session.languages == ("hmn", "tyz")
    assert (session.on_holiday, session.level, session.volume, session.except_) == (
        "skip", "priority", 60, (date(2026, 9, 2),)
    )  # fmt: skip
    assert [one.__struct_config__.tag for one in session.segments] == ["chime", "content", "pause"]
    assert (session.segments[1].asset, session.segments[2].duration_ms) == ("a-1", 30_000)


def test_days_that_are_left_out_in_two_columns_are_all_left_out():
    both = row(session="A", at="5h", days="hằng ngày trừ 02/09/2026", without="03/09/2026", kind="nghỉ", length="1")

    assert programme(both).sessions[0].except_ == (date(2026, 9, 2), date(2026, 9, 3))


def test_columns_may_stand_in_any_order_below_a_title_and_empty_rows():
    mixed = [["LỊCH PHÁT XÃ THỬ"], [], list(reversed(HEADERS)), list(reversed(MORNING)), [], list(reversed(NEWS))]

    assert read(mixed, FRAME).programme == programme(MORNING, NEWS)


def test_headers_are_known_in_any_spelling():
    header = [bare(one).upper() for one in HEADERS]

    assert read([header, MORNING, NEWS], FRAME).programme == programme(MORNING, NEWS)


def test_every_mistake_is_told_with_its_row_its_column_and_what_to_write():
    found = refused(
        row(session="Sáng", at="5", days="T9", kind="nhạc hiệu"),
        row(kind="tiếp sóng", title="VOV", length="mười", source="vov.vn"),
        row(session="Tối", at="19h", days="CN", volume="101", kind="loa"),
    )

    assert [(one.row, one.column, one.letter, one.code) for one in found] == [
        (2, "Giờ", "C", "time_unclear"), (2, "Ngày phát", "D", "days_unclear"), (3, "Thời lượng (phút)", "O",
         "length_unclear"),
        (3, "Nguồn", "P", "form_wrong"), (4, "Âm lượng", "K", "number_out_of_range"), (4, "Loại mục", "M",
         "word_unknown"),
    ]  # fmt: skip
    assert found[0].told("vi").startswith("dòng 2, cột “Giờ” (C): “5” không phải là giờ; viết 5h, 5h30")
    assert found[0].told("en").startswith("row 2, column “Giờ” (C): “5” is no time of day")


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([row(at="5h", days="CN", kind="nghỉ", length="1")], (2, "Buổi phát", "cell_empty")),
        ([row(session="A", days="CN", kind="nghỉ", length="1")], (2, "Giờ", "cell_empty")),
        ([row(session="A", at="5h", kind="nghỉ", length="1")], (2, "Ngày phát", "cell_empty")),
        ([row(session="A", at="5h", days="CN")], (2, "Loại mục", "too_few")),
        ([row(session="A", at="5h", days="CN", length="1")], (2, "Loại mục", "cell_empty")),
        ([row(session="A", at="5h", days="CN", kind="nghỉ")], (2, "Thời lượng (phút)", "cell_empty")),
        ([MORNING, row(kind="tiếp sóng", title="VOV", length="5")], (3, "Nguồn", "cell_empty")),
        ([MORNING, row(kind="nhạc hiệu", length="5")], (3, "Thời lượng (phút)", "not_used")),
        ([MORNING, row(kind="nhạc hiệu", source="kèn")], (3, "Nguồn", "form_wrong")),
        ([MORNING, row(kind="nhạc hiệu", source="gong")], (3, "Nguồn", "chime_unknown")),
        ([MORNING, row(at="6h", kind="nghỉ", length="1")], (3, "Giờ", "differs")),
        ([MORNING, row(kind="bản tin", length="300")], (3, "Thời lượng (phút)", "number_out_of_range")),
        ([MORNING, row(session="B", at="6h", days="CN", kind="nghỉ", length="1"), MORNING], (4, "Buổi phát",
         "session_twice")),
        ([MORNING, NEWS, row(session="B", at="5h5", days="T2", kind="nghỉ", length="1")], (4, "Giờ",
         "sessions_clash")),
        ([row(session="A", at="5h", days="CN", level="khẩn cấp", kind="nghỉ", length="1")], (2, "Loại tin",
         "emergency_scheduled")),
        ([row(session="A", at="5h", days="CN", id="Mã", kind="nghỉ", length="1")], (2, "Mã buổi", "form_wrong")),
        ([row(session="A", at="5h", days="CN", to="xã bên", kind="nghỉ", length="1")], (2, "Nơi phát", "form_wrong")),
        ([row(session="A", at="5h", days="CN", languages="Mường Tè", kind="nghỉ", length="1")], (2, "Ngôn ngữ",
         "form_wrong")),
        ([row(session="A", at="5h", days="CN", volume="to", kind="nghỉ", length="1")], (2, "Âm lượng",
         "number_unclear")),
        ([row(session="A", at="5h", days="CN", **{"from": "02/02/2026"}, until="01/02/2026", kind="nghỉ", length="1")],
         (2, "Đến ngày", "days_reversed")),
        ([row(session="A" * 301, at="5h", days="CN", kind="nghỉ", length="1")], (2, "Buổi phát", "too_many")),
        ([], (1, "", "sheet_empty")),
    ],
)  # fmt: skip
def test_a_wrong_row_refuses_the_whole_table(rows: list[list[str]], fault: tuple[int, str, str]):
    assert fault in told(*rows)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (("a", "b"), "header_missing"),
        (HEADERS[1:], "header_missing"),
        ((*HEADERS, "Buổi phát"), "header_twice"),
        ((*HEADERS, "Phí"), "header_unknown"),
    ],
)
def test_a_table_with_other_headers_is_refused(header: tuple[str, ...], code: str):
    assert code in [fault.code for fault in refused(MORNING, header=header)]


def test_example_rows_are_passed_over_and_are_good_rows():
    examples = [[column.examples[at] for column in COLUMNS] for at in range(5)]
    sheet = read([list(HEADERS), *examples, MORNING, NEWS], FRAME)

    assert sheet.examples == (2, 3, 4, 5, 6)
    assert sheet.programme == programme(MORNING, NEWS)
    kept = programme(*(one[:-1] for one in examples))
    assert [one.id for one in kept.sessions] == ["buoi-sang", "ram-va-mung-mot"]


def test_a_table_of_any_size_is_bounded():
    assert refused(*[NEWS] * MAX_ROWS)[0].code == "sheet_too_large"
    assert refused(["x"] * 60)[0].code == "sheet_too_large"
    assert refused(["x" * 5000])[0].code == "sheet_too_large"
    assert len(refused(MORNING, *[row(kind="loa")] * (MAX_ROWS - 10))) <= 200


def test_a_table_keeps_what_it_does_not_say_of_a_programme_that_there_is():
    now = read_programme(
        write_programme(programme(MORNING, NEWS)) + "authority: 50\nholidays: [2026-03-26]\nchanges:\n"
        "  - {session: buoi-sang, occurrence: '2026-03-02T05:00', cancel: true}\n"
    )
    frame = frame_of(now, programme_id="thu", unit="xa-thu", title=None, valid_from=DAY)

    same = read([list(HEADERS), MORNING, NEWS], frame).programme
    other = read([list(HEADERS), row(session="Khác", at="6h", days="CN", kind="nghỉ", length="1")], frame).programme

    assert same == now
    assert (other.authority, other.holidays, other.valid_from, other.changes) == (50, now.holidays, now.valid_from, ())


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (5.0, "5"), (0.25, "0.25"), (True, "True"), ("x", "x"), (datetime(2026, 11, 21), "21/11/2026"),  # noqa: DTZ001
        (DAY, "21/11/2026"),
        (time(5, 30), "05:30:00"), (1e300, "1e+300"),
    ],
)  # fmt: skip
def test_cells_become_what_a_person_would_write(cell: object, text: str):
    assert text_of(cell) == text


def test_words_say_what_they_stand_for():
    assert sheet_words.choice({"nghỉ": "skip"})(" NGHI ") == "skip"
