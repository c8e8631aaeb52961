"""Tables with anything in them: a programme comes out, or mistakes with their rows; nothing else ever happens."""

from datetime import date, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.handwritten.days import EVERY_DAY
from controller.schedules.sheets.columns import COLUMNS
from controller.schedules.sheets.days import Days, days
from controller.schedules.sheets.reading import read
from controller.schedules.sheets.results import Frame, Sheet, SheetInvalid
from controller.schedules.sheets.words import Unclear, bare, length_s, wall_time

FRAME = Frame("thu", "xa-thu", "Thử", date(2026, 1, 1))
HEADERS = [column.header for column in COLUMNS]
NOTE = len(COLUMNS) - 1
GOOD = [[column.examples[at] if place != NOTE else "" for place, column in enumerate(COLUMNS)] for at in range(5)]
WORDS = st.sampled_from(
    ["", "5h", "T2-T6", "CN", "rằm", "mùng 1", "hằng ngày", "trừ", "21/11/2026", "-", ";", "tiếp sóng", "15 phút", "âm",
     "buổi sáng", "g-x", "http://x.example/", "101", "=1+1", "\x00", "\u200f", "١٥", "1e400", "ngày", "tháng 13", "NaN"]
)  # fmt: skip
CELLS = st.lists(WORDS | st.text(max_size=8), max_size=4).map(" ".join)


def outcome(rows: list[list[str]]) -> Sheet | SheetInvalid:
    try:
        return read(rows, FRAME)
    except SheetInvalid as refused:
        return refused


@settings(max_examples=60)
@given(st.lists(st.lists(CELLS, max_size=len(COLUMNS) + 2), max_size=6), st.booleans())
def test_a_table_of_anything_is_a_programme_or_mistakes(rows: list[list[str]], headed: bool):
    result = outcome([HEADERS, *rows] if headed else rows)

    if isinstance(result, SheetInvalid):
        assert all(1 <= fault.row <= len(rows) + 2 and fault.vi and fault.en for fault in result.faults)
    else:
        assert result.programme.sessions


@settings(max_examples=60)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, NOTE - 1), CELLS)
def test_one_wrong_cell_is_told_where_it_stands_or_what_it_breaks(row: int, place: int, text: str):
    table = [list(cells) for cells in GOOD]
    table[row][place] = text

    result = outcome([HEADERS, *table])

    if isinstance(result, SheetInvalid):
        assert result.faults
        assert {fault.row for fault in result.faults} <= set(range(2, len(GOOD) + 2))


@given(st.times())
def test_every_time_of_day_is_read_in_every_spelling(at: time):
    written = f"{at:%H:%M}"

    spellings = [written, f"{at.hour}h{at.minute:02d}", f"{at.hour}g{at.minute}", f"{at.hour} giờ {at.minute} phút"]

    assert {wall_time(one) for one in spellings} == {written}
    assert wall_time(repr((at.hour * 60 + at.minute) / 1440)) == written or (at.hour, at.minute) == (0, 0)


@given(st.sets(st.sampled_from(EVERY_DAY), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_weekdays_mean_the_same_in_any_order_and_spelling(chosen: set, random):
    names = {
        day: (f"T{number}", f"thứ {number}", f"Thứ {word}")
        for day, number, word in zip(EVERY_DAY, range(2, 8), ("hai", "ba", "tư", "năm", "sáu", "bảy"), strict=False)
    } | {EVERY_DAY[6]: ("CN", "chủ nhật", "Chúa nhật")}
    written = [random.choice(names[day]) for day in chosen]
    random.shuffle(written)

    assert days("; ".join(written)) == Days(tuple(str(day) for day in EVERY_DAY if day in chosen))
    left_out = [random.choice(names[day]) for day in EVERY_DAY if day not in chosen]
    assert days("hằng ngày trừ " + ", ".join(left_out)) == days(", ".join(written))


@given(st.sets(st.dates(date(1970, 1, 1), date(2199, 12, 31)), min_size=1, max_size=8))
def test_dates_are_read_as_they_are_written(chosen: set[date]):
    assert days("; ".join(f"{day.day}/{day.month}/{day.year}" for day in chosen)) == Days(dates=tuple(sorted(chosen)))


@given(st.sets(st.integers(1, 30), min_size=1, max_size=5))
def test_lunar_days_are_read_as_they_are_written(chosen: set[int]):
    written = ", ".join(f"mùng {day}" if day <= 10 else "rằm" if day == 15 else f"{day} âm" for day in chosen)

    assert days(written) == Days(lunar={"days": sorted(chosen)})


@given(st.integers(1, 4 * 3600 - 1))
def test_a_length_is_read_in_every_spelling(seconds: int):
    minutes, rest = divmod(seconds, 60)
    whole = timedelta(seconds=seconds)

    assert length_s(f"{seconds} giây") == length_s(f"{minutes} phút {rest} giây") == length_s(str(whole)) == seconds


@given(st.text(max_size=30))
def test_no_text_breaks_the_readers(text: str):
    for reader in (wall_time, days, length_s):
        try:
            reader(text)
        except Unclear as unclear:
            assert unclear.vi  # noqa: PT017
    assert bare(bare(text)) == bare(text)
