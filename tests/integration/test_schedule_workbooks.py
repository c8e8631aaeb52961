"""Workbooks and CSV from anywhere: what table programs write is read, and no file takes the reader with it."""

import codecs
import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta

import pytest
import xlsxwriter
from blockbuster import blockbuster_ctx

from controller.schedules.sheets import template as sheet_template
from controller.schedules.sheets import workbooks
from controller.schedules.sheets.columns import COLUMNS, SHEET
from controller.schedules.sheets.reading import read
from controller.schedules.sheets.results import Frame
from controller.schedules.sheets.workbooks import MAX_BYTES, WorkbookRefused, rows_of, rows_of_csv

FRAME = Frame("thu", "xa-thu", "Thử", date(2026, 1, 1))
EXAMPLES = [[column.examples[at] for column in COLUMNS] for at in range(5)]
TABLE = [[column.header for column in COLUMNS], *EXAMPLES]


def book(fill: Callable, name: str = "Sheet1", **options: object) -> bytes:
    kept = io.BytesIO()
    made = xlsxwriter.Workbook(kept, {"in_memory": True, **options})
    sheet = made.add_worksheet(name)
    fill(sheet, made)
    made.close()
    return kept.getvalue()


def again(raw: bytes, change: Callable[[str, bytes], tuple[str, bytes]]) -> bytes:
    """The same archive with its members changed."""
    kept = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            new.writestr(*change(member.filename, old.read(member)))
    return kept.getvalue()


def test_both_templates_are_the_same_table():
    assert rows_of_csv(sheet_template.as_csv()) == TABLE


async def test_the_workbook_of_the_template_is_read_and_its_guide_is_not():
    with blockbuster_ctx("controller"):  # the event loop goes on meanwhile
        rows = await rows_of(sheet_template.as_xlsx())

    assert rows == TABLE


async def test_a_filled_template_is_a_programme():
    def fill(sheet, made) -> None:
        day = made.add_format({"num_format": "dd/mm/yyyy"})
        clock = made.add_format({"num_format": "hh:mm"})
        for place, column in enumerate(COLUMNS):
            sheet.write(0, place, column.header)
        sheet.merge_range(1, 0, 2, 0, "Buổi sáng")
        sheet.write_datetime(1, 2, time(5, 30), clock)
        sheet.write_datetime(1, 3, datetime(2026, 11, 21), day)  # noqa: DTZ001
        sheet.write_datetime(1, 4, datetime(2026, 11, 1), day)  # noqa: DTZ001
        sheet.write_number(1, 10, 70)
        sheet.write(1, 12, "tiếp sóng")
        sheet.write(1, 13, "VOV1")
        sheet.write_datetime(1, 14, timedelta(minutes=15), made.add_format({"num_format": "[h]:mm:ss"}))
        sheet.write(1, 15, "https://relay.example/vov1")
        sheet.write_row(2, 12, ["bản tin", "Của xã", 7.5])

    (session,) = read(await rows_of(book(fill)), FRAME).programme.sessions

    assert (session.at, session.dates, session.valid_from, session.volume) == (
        "05:30", (date(2026, 11, 21),), date(2026, 11, 1), 70,
    )  # fmt: skip
    assert [getattr(part, "duration_s", None) or part.max_duration_s for part in session.segments] == [900, 450]


async def test_the_sheet_of_the_schedule_is_taken_wherever_it_stands():
    def fill(sheet, made) -> None:
        sheet.write(0, 0, "trang bìa")
        made.add_worksheet(SHEET).write_row(2, 1, ["a", "b"])

    assert await rows_of(book(fill)) == [[], [], ["", "a", "b"]]


def formula(sheet, _made) -> None:
    sheet.write_row(0, 0, ["a", "b"])
    sheet.write_formula(1, 1, "=1+1", None, 2)


def test_merged_cells_leave_the_rest_empty():
    assert rows_of_csv(b"a;b\n;c") == [["a", "b"], ["", "c"]]


def _far(sheet, _made) -> None:
    sheet.write(1_048_575, 16_383, "x")


def _many(sheet, _made) -> None:
    for number in range(20_000):
        sheet.write(number, 0, "x")


def _plain(sheet, _made) -> None:
    sheet.write(0, 0, "x")


def hidden(name: str, data: bytes) -> tuple[str, bytes]:
    """A sheet where nobody looks for one, claiming 17 thousand million cells."""
    if name.endswith("workbook.xml.rels"):
        return name, data.replace(b"worksheets/sheet1.xml", b"far.xml")
    return ("xl/far.xml" if name == "xl/worksheets/sheet1.xml" else name), data


def bomb(name: str, data: bytes) -> tuple[str, bytes]:
    if name == "xl/worksheets/sheet1.xml":
        return name, b"<worksheet><sheetData>" + b" " * 68_000_000 + b"</sheetData></worksheet>"
    return name, data


def laughing(name: str, data: bytes) -> tuple[str, bytes]:
    if name == "xl/worksheets/sheet1.xml":
        return name, b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "aaaa">]><worksheet>&a;</worksheet>'
    return name, data


def macro(name: str, data: bytes) -> tuple[str, bytes]:
    return ("xl/vbaProject.bin" if name == "docProps/app.xml" else name), data


def torn(name: str, data: bytes) -> tuple[str, bytes]:
    return name, data[: len(data) // 2] if name == "xl/worksheets/sheet1.xml" else data


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: book(formula), "the cell B2 is a formula"),
        (lambda: book(_far), "XFD1048576 is beyond"),
        (lambda: book(_many), "A2001 is beyond"),
        (lambda: again(book(_plain), macro), "macros"),
        (lambda: again(book(_far), hidden), "claims too large a table"),
        (lambda: again(book(_plain), bomb), "unpacks to too much"),
        (lambda: again(book(_plain), laughing), "document type"),
        (lambda: again(book(_plain), torn), "damaged"),
        (lambda: book(_plain)[:-30], "damaged"),
        (lambda: b"PK\x03\x04" + b"x" * 100, "damaged"),
        (lambda: again(book(_plain), lambda name, data: (name.replace("xl/", "word/"), data)), "no Excel workbook"),
        (lambda: b"\xd0\xcf\x11\xe0" + b"x" * 600, "old .xls"),
        (lambda: b"x" * (MAX_BYTES + 1), "more than 2 MB"),
        (lambda: b"%PDF-1.7\x80\x81", "neither an Excel workbook nor CSV"),
        (lambda: b"Bu\xe6i,Gi\xea", "neither an Excel workbook nor CSV"),
        (lambda: b"a\x00b", "no table"),
        (lambda: b'a;"b\nc;d', "quotation mark"),
        (lambda: b"a;b\n" * 2001, "more than 2000 rows"),
        (lambda: b";" * 50 + b"x", "more than 40 columns"),
        (lambda: b"x" * 3000, "more than 2000 characters"),
    ],
)
async def test_a_file_that_is_no_table_is_refused_in_words(make: Callable[[], bytes], reason: str):
    with pytest.raises(WorkbookRefused, match=reason) as caught:
        await rows_of(make())

    assert caught.value.vi
    assert caught.value.vi != caught.value.en


@pytest.mark.parametrize(
    "raw",
    [
        'Buổi;Giờ\r\n"Sáng; sớm";5h\r\n'.encode("utf-8-sig"),
        'Buổi,Giờ\n"Sáng; sớm",5h\n'.encode(),
        'Buổi\tGiờ\n"Sáng; sớm"\t5h\n'.encode("utf-16"),
        codecs.BOM_UTF16_BE + "Buổi\tGiờ\nSáng; sớm\t5h\n".encode("utf-16-be"),
        'sep=,\r\nBuổi,Giờ\r\n"Sáng; sớm",5h\r\n'.encode(),
        'Buổi;Giờ;;;\r\n"Sáng; sớm";5h;;\r\n'.encode(),
    ],
)  # fmt: skip
def test_csv_is_read_as_any_program_writes_it(raw: bytes):
    assert rows_of_csv(raw) == [["Buổi", "Giờ"], ["Sáng; sớm", "5h"]]


def test_what_is_refused_is_told_in_vietnamese_too():
    with pytest.raises(WorkbookRefused) as caught:
        workbooks.rows_of_csv(b"\x80")

    assert "CSV UTF-8" in caught.value.vi
    assert caught.value.details["vi"] == caught.value.vi
