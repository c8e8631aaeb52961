"""Tables as files: CSV that Excel reads with its accents, and Excel. No cell is ever a formula. Pure."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response
from xlsxwriter import Workbook

from controller.web import moments

CSV, XLSX = "csv", "xlsx"
TYPES = {CSV: "text/csv; charset=utf-8", XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
Cell = str | int | float | datetime | None
_BOM = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_WIDEST = 60
_NARROWEST = 8


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with its heads; instants are written as the clock of Vietnam shows them."""

    name: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def file_answer(sheet: Sheet, kind: str, file_name: str) -> Response:
    """As a file to keep; `file_name` without its ending, of letters, digits and “-”."""
    content = as_xlsx(sheet) if kind == XLSX else as_csv(sheet)
    headers = {"Content-Disposition": f'attachment; filename="{file_name}.{kind}"'}
    return Response(content, media_type=TYPES[kind], headers=headers)


def as_csv(sheet: Sheet) -> bytes:
    """UTF-8 behind a mark by which Excel knows it; everything quoted that needs it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([_plain(head) for head in sheet.heads])
    writer.writerows([_plain(cell) for cell in row] for row in sheet.rows)
    return (_BOM + out.getvalue()).encode("utf-8")


def as_xlsx(sheet: Sheet) -> bytes:
    """Texts as texts; numbers and instants as such, so that Excel sorts and adds them."""
    out = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with Workbook(out, options) as book:
        page = book.add_worksheet(sheet.name[:31])
        bold = book.add_format({"bold": True, "text_wrap": True})
        at = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
        for column, head in enumerate(sheet.heads):
            page.write_string(0, column, head, bold)
        for number, row in enumerate(sheet.rows, 1):
            for column, cell in enumerate(row):
                if isinstance(cell, datetime):
                    page.write_datetime(number, column, _local(cell), at)
                elif isinstance(cell, int | float):
                    page.write_number(number, column, cell)
                elif cell:
                    page.write_string(number, column, cell)
        for column, width in enumerate(_widths(sheet)):
            page.set_column(column, column, width)
        page.freeze_panes(1, 0)
        if sheet.rows:
            page.autofilter(0, 0, len(sheet.rows), len(sheet.heads) - 1)
    return out.getvalue()


def _widths(sheet: Sheet) -> Iterable[int]:
    for column, head in enumerate(sheet.heads):
        longest = max((len(_plain(row[column])) for row in sheet.rows[:200]), default=0)
        yield min(max(longest, len(head), _NARROWEST), _WIDEST) + 2


def _plain(cell: Cell) -> str:
    """As a spreadsheet takes it for a text: what would be a formula there has an apostrophe before it."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return _local(cell).strftime("%d/%m/%Y %H:%M:%S")
    if isinstance(cell, int | float):
        return str(cell)
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) or cell.startswith(_FORMULA) else cell


def _local(at: datetime) -> datetime:
    return at.astimezone(moments.ZONE).replace(tzinfo=None, microsecond=0)
