"""Opens a foreign workbook: `python -m controller.schedules.sheets.workbook_child FD`, one file, then gone.

It is started as a limited child, reads the file on a descriptor and says its rows as JSON lines, then their number; or
why the file is refused. Cells become the text a person sees: dates day/month/year, times with seconds, whole numbers
without a point. Macros are never looked at; formulas are refused, because what they would give is not in the file.
"""

import datetime as dt
import re
import sys
import zipfile
from collections.abc import Iterator
from typing import IO, BinaryIO
from xml.parsers import expat

import msgspec

from controller.schedules.sheets.columns import SHEET
from controller.schedules.sheets.results import MAX_COLUMNS, MAX_ROWS
from controller.schedules.sheets.workbooks import Said, WorkbookRefused, require_small

_MOST_MEMBERS = 500
_MOST_UNPACKED = 64 * 1024 * 1024
_BLOCK = 65_536
_EXACT = 10**15
_CELL = re.compile(r"([A-Z]{1,4})([0-9]{1,8})\Z")


def main() -> None:
    """Answer on standard output."""
    with open(int(sys.argv[1]), "rb", closefd=False) as opened:
        try:
            number = 0
            for number, row in enumerate(rows(opened), 1):
                require_small(number, row)
                _say(Said(row=row))
            _say(Said(rows=number))
        except WorkbookRefused as error:
            _say(Said(vi=error.vi, en=error.en))
        except zipfile.BadZipFile as error:
            _say(Said(vi="tệp .xlsx bị hỏng; hãy lưu lại", en=f"a damaged workbook ({error}); save it again"))


def rows(opened: BinaryIO) -> Iterator[list[str]]:
    """The rows of the schedule's sheet, or of the first one.

    Raises:
        WorkbookRefused, BadZipFile: it is not opened.
    """
    _look_inside(opened)
    opened.seek(0)
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - a refusal needs none

    try:
        with CalamineWorkbook.from_filelike(opened) as book:
            name = SHEET if SHEET in book.sheet_names else book.sheet_names[0]
            sheet = book.get_sheet_by_name(name)
            for row in sheet.to_python(skip_empty_area=False, nrows=MAX_ROWS + 1):
                cells = [text_of(cell) for cell in row]
                while cells and not cells[-1]:
                    cells.pop()
                yield cells
    except (CalamineError, IndexError, OSError) as error:
        raise WorkbookRefused(
            "không đọc được tệp Excel này; hãy lưu lại dạng .xlsx",
            f"no workbook that can be read ({error}); save it again",
        ) from error


def text_of(cell: object) -> str:
    """A cell as the text a person would write."""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < _EXACT else repr(cell)
    if isinstance(cell, dt.datetime):
        return f"{cell:%d/%m/%Y}" if cell.time() == dt.time() else f"{cell:%d/%m/%Y %H:%M:%S}"
    if isinstance(cell, dt.timedelta):
        seconds = round(cell.total_seconds())
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    form = {dt.date: "%d/%m/%Y", dt.time: "%H:%M:%S"}.get(type(cell), "")
    return format(cell, form) if form else str(cell)


def _look_inside(opened: BinaryIO) -> None:
    """Refuse in words what an honest person may send: macros, formulas, far too large tables."""
    with zipfile.ZipFile(opened) as archive:
        members = archive.infolist()
        names = {member.filename.lower() for member in members}
        if "[content_types].xml" not in names or not any(name.startswith("xl/") for name in names):
            raise WorkbookRefused("đây không phải là tệp Excel .xlsx", "this is no Excel workbook (.xlsx)")
        if any("vbaproject" in name or name.startswith("xl/macrosheets/") for name in names):
            raise WorkbookRefused(
                "tệp có macro; hãy lưu lại dạng “Excel Workbook (.xlsx)”",
                "the file has macros; save it as “Excel Workbook (.xlsx)”",
            )
        if len(members) > _MOST_MEMBERS or sum(member.file_size for member in members) > _MOST_UNPACKED:
            raise _too_large()
        for member in members:
            if member.filename.startswith("xl/worksheets/") and member.filename.endswith(".xml"):
                with archive.open(member) as sheet:
                    _Cells(member.filename).read(sheet)


class _Cells:
    """Looks at where cells are and at formulas, block by block, and keeps nothing."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._at = ""
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._begins
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self, sheet: IO[bytes]) -> None:
        left = _MOST_UNPACKED
        try:
            while block := sheet.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    raise _too_large()
                self._parser.Parse(block)
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise WorkbookRefused(
                "tệp Excel bị hỏng; hãy lưu lại", f"a damaged workbook ({self._name}: {error}); save it again"
            ) from error

    def _begins(self, element: str, attributes: dict[str, str]) -> None:
        tag = element.rpartition(":")[2]
        if tag == "c":
            self._at = attributes.get("r", "")
            match = _CELL.match(self._at)
            if match and (int(match[2]) > MAX_ROWS or _index(match[1]) > MAX_COLUMNS):
                raise WorkbookRefused(
                    f"ô {self._at} nằm ngoài {MAX_ROWS} dòng và {MAX_COLUMNS} cột đầu; xóa các ô thừa",
                    f"the cell {self._at} is beyond the first {MAX_ROWS} rows and {MAX_COLUMNS} columns; delete it",
                )
        elif tag == "f":
            raise WorkbookRefused(
                f"ô {self._at} là công thức; chép cột đó rồi dán giá trị (Paste Special, Values)",
                f"the cell {self._at} is a formula; paste its value instead",
            )

    def _doctype(self, *_declared: object) -> None:
        raise WorkbookRefused("tệp Excel không bình thường", "the workbook declares a document type; save it again")


def _index(letters: str) -> int:
    """The place of a column: A is 1."""
    number = 0
    for one in letters:
        number = number * 26 + ord(one) - ord("A") + 1
    return number


def _too_large() -> WorkbookRefused:
    return WorkbookRefused(
        "tệp giải nén ra quá lớn; chép riêng bảng lịch sang một tệp mới",
        "the file unpacks to too much; copy the schedule into a new file",
    )


def _say(said: Said) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
