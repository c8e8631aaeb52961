"""Files of table programs as rows of text, before anybody asks what they mean: Excel's .xlsx, and CSV.

Rules: nothing of a file is trusted; its size, rows, columns and cells are bounded, formulas and macros are refused in
words and never run. CSV is read here: UTF-8 or UTF-16, parted by `;`, `,` or tabs. A workbook is opened by a child
process with hard limits (`workbook_child`), because a small one may claim a table of any size.
"""

import asyncio
import contextlib
import csv
import io
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec

from controller.media.intake import ChildLimits
from controller.media.limited_child import run
from controller.media.limited_process import Ended, Order
from controller.media.python_child import ENVIRONMENT, command
from controller.schedules.sheets.results import MAX_CELL_CHARACTERS, MAX_COLUMNS, MAX_ROWS
from loa_protocol.errors import LoaError

MAX_BYTES = 2 * 1024 * 1024
_MIB = 1024 * 1024
_LIMITS = ChildLimits(address_space_bytes=384 * _MIB, cpu_s=10, file_bytes=4 * _MIB, open_files=32, wall_s=20.0)
_CHILD = "controller.schedules.sheets.workbook_child"
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS = ";,\t"


class WorkbookRefused(LoaError):
    """A file is not opened as a table; the message says what to save instead. `details` has it in Vietnamese."""

    code = "workbook_refused"

    def __init__(self, vi: str, en: str, **details: object) -> None:
        super().__init__(en, vi=vi, en=en, **details)
        self.vi, self.en = vi, en


class Said(msgspec.Struct, frozen=True):
    """One line of the child: a row, or at the end why there is none (`vi`, `en`), or that it is all (`rows`)."""

    row: list[str] | None = None
    rows: int | None = None
    vi: str = ""
    en: str = ""


async def rows_of(raw: bytes) -> list[list[str]]:
    """The rows of a file, whatever its name.

    Raises:
        WorkbookRefused: too large, or nothing that is read here.
    """
    if len(raw) > MAX_BYTES:
        raise WorkbookRefused(
            f"tệp lớn hơn {MAX_BYTES // _MIB} MB; xóa các trang và dòng thừa",
            f"the file has more than {MAX_BYTES // _MIB} MB; delete what is not the schedule",
        )
    if raw.startswith(_ZIP):
        return await _of_workbook(raw)
    if raw.startswith(_OLE):
        raise WorkbookRefused(
            "đây là tệp .xls cũ hoặc tệp có mật khẩu; hãy lưu lại dạng .xlsx không mật khẩu",
            "an old .xls or a file with a password; save it as .xlsx without one",
        )
    return await asyncio.to_thread(rows_of_csv, raw)


def rows_of_csv(raw: bytes) -> list[list[str]]:
    """The rows of a CSV text.

    Raises:
        WorkbookRefused: no text we read, or too large a table.
    """
    text = _decoded(raw)
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep="):  # Excel's own hint
        delimiter, text = first.strip()[4:5], rest
        if delimiter not in _DELIMITERS:
            delimiter = ";"
    else:
        delimiter = _delimiter(text)
    found: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter or ";", strict=True):
            while row and not row[-1].strip():
                row.pop()
            found.append(row)
            require_small(len(found), row)
    except csv.Error as error:
        raise WorkbookRefused(
            f"không đọc được CSV ở dòng {len(found) + 1}: dấu ngoặc kép không đóng hoặc ô quá dài",
            f"no CSV at row {len(found) + 1} ({error}); is a quotation mark left open?",
        ) from error
    return found


def require_small(rows: int, row: list[str]) -> None:
    """Refuse a table at the first row that is too much.

    Raises:
        WorkbookRefused: too many rows or columns, or a cell is too long.
    """
    if rows > MAX_ROWS:
        raise WorkbookRefused(f"bảng có hơn {MAX_ROWS} dòng", f"the table has more than {MAX_ROWS} rows")
    if len(row) > MAX_COLUMNS:
        raise WorkbookRefused(
            f"dòng {rows} có hơn {MAX_COLUMNS} cột", f"row {rows} has more than {MAX_COLUMNS} columns"
        )
    if any(len(cell) > MAX_CELL_CHARACTERS for cell in row):
        raise WorkbookRefused(
            f"dòng {rows} có ô dài hơn {MAX_CELL_CHARACTERS} ký tự",
            f"row {rows} has a cell of more than {MAX_CELL_CHARACTERS} characters",
        )


def _decoded(raw: bytes) -> str:
    try:
        text = raw.decode("utf-16") if raw.startswith(_UTF16) else raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WorkbookRefused(
            "không phải Excel .xlsx, cũng không phải CSV dạng UTF-8; trong Excel chọn Lưu thành “CSV UTF-8”",
            "neither an Excel workbook nor CSV in UTF-8; in Excel save it as “CSV UTF-8”",
        ) from error
    if "\x00" in text:
        raise WorkbookRefused("tệp này không phải là bảng", "the file is no table")
    return text


def _delimiter(text: str) -> str:
    """The sign that stands most often outside quotation marks in the first line that has any."""
    for line in text.splitlines()[:10]:
        outside = Counter("".join(line.split('"')[::2]))
        best = max(_DELIMITERS, key=lambda sign: outside[sign])
        if outside[best]:
            return best
    return ";"


@dataclass(slots=True)
class _Heard:
    """What the child has said so far."""

    rows: list[list[str]] = field(default_factory=list)
    last: Said | None = None

    def hear(self, line: bytes) -> None:
        """Take one line; nonsense is found out in the end."""
        with contextlib.suppress(msgspec.MsgspecError):
            said = msgspec.json.decode(line, type=Said)
            if said.row is not None and len(self.rows) <= MAX_ROWS:
                self.rows.append(said.row)
            self.last = said


async def _of_workbook(raw: bytes) -> list[list[str]]:
    heard = _Heard()
    opened = await asyncio.to_thread(_laid_down, raw)
    try:
        order = Order(
            command=(*command(_CHILD), str(opened.fileno())),
            folder=Path(tempfile.gettempdir()),
            limits=_LIMITS,
            descriptors=(opened.fileno(),),
            environment=ENVIRONMENT,
        )
        ended = await run(order, heard.hear)
    except TimeoutError as error:
        raise _too_much("time") from error
    finally:
        opened.close()
    return _understood(heard, ended)


def _laid_down(raw: bytes) -> IO[bytes]:
    """A file without a name, ready to be read."""
    opened = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the caller
    opened.write(raw)
    opened.seek(0)
    return opened


def _understood(heard: _Heard, ended: Ended) -> list[list[str]]:
    last = heard.last
    if last is not None and last.vi:
        raise WorkbookRefused(last.vi, last.en)
    if ended.status or last is None or last.rows != len(heard.rows):
        raise _too_much(ended.complaint[-300:])
    for number, row in enumerate(heard.rows, 1):
        require_small(number, row)
    return heard.rows


def _too_much(reason: str) -> WorkbookRefused:
    return WorkbookRefused(
        "không mở được tệp: hỏng, hoặc khai bảng quá lớn; chép riêng bảng lịch sang một tệp mới",
        "the file cannot be opened: damaged, or it claims too large a table; copy the schedule into a new file",
        reason=reason,
    )
