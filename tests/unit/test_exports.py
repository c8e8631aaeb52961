"""Files of tables: read by Excel with their accents, sorted as numbers and instants, and never a formula."""

import csv
import io
from datetime import UTC, datetime

import pytest
from python_calamine import CalamineWorkbook

from controller.web.exports import Sheet, as_csv, as_xlsx

AT = datetime(2026, 11, 21, 22, 0, 5, tzinfo=UTC)
SHEET = Sheet(
    "Kết quả", ("Cụm", "Mức (dB)", "Lúc"), [("Cụm “Đông, Tây”\nmới", -18.5, AT), ("=HYPERLINK(1)", None, None)]
)


def test_a_csv_is_read_with_its_accents_commas_and_lines() -> None:
    raw = as_csv(SHEET)
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))

    assert raw.startswith(b"\xef\xbb\xbf")
    assert rows[0] == ["Cụm", "Mức (dB)", "Lúc"]
    assert rows[1] == ["Cụm “Đông, Tây”\nmới", "-18.5", "22/11/2026 05:00:05"]


@pytest.mark.parametrize("text", ["=1+1", "+84", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "  =1", "|cmd", "%0A=1"])
def test_no_text_of_a_csv_is_a_formula(text: str) -> None:
    rows = list(csv.reader(io.StringIO(as_csv(Sheet("x", ("a",), [(text,)])).decode("utf-8-sig"), newline="")))

    assert rows[1][0].startswith("'")
    assert rows[1][0][1:] == text


def test_a_workbook_has_numbers_instants_and_texts_that_are_no_formulas() -> None:
    found = CalamineWorkbook.from_filelike(io.BytesIO(as_xlsx(SHEET))).get_sheet_by_name("Kết quả").to_python()

    assert found[1][1] == -18.5
    assert found[1][2] == datetime(2026, 11, 22, 5, 0, 5)  # noqa: DTZ001 - as the clock of Vietnam shows it
    assert found[2][0] == "=HYPERLINK(1)"
