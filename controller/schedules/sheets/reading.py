"""A schedule as a table that a commune fills in: rows of text in, a programme or every mistake out, by row and column.

A session (buổi phát) is some rows below each other: the first says when, where to and how loud, and every row is one
part of it. Rules: what a later row leaves empty is that of the first; a mistake names the row as the program shows it,
the column and what to write instead; nothing is taken of a table with one mistake. The programme that comes out keeps
the same rules as any other: its faults are told at the cells they came from. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from controller.handwritten import structure
from controller.handwritten.faults import Fault
from controller.schedules import rules
from controller.schedules.programme import ProgrammeFile
from controller.schedules.sheets.cells import BY_KEY, FIELD_READERS, KINDS, SEGMENT_FIELDS, SESSION_READERS, default
from controller.schedules.sheets.columns import COLUMNS, EXAMPLE, Column, letter
from controller.schedules.sheets.results import (
    MAX_CELL_CHARACTERS,
    MAX_COLUMNS,
    MAX_ROWS,
    CellFault,
    Frame,
    Sheet,
    SheetInvalid,
)
from controller.schedules.sheets.words import Unclear, bare, clean, slug

_HEADER_WITHIN = 10
_MOST_FAULTS = 200
_SESSION_COLUMNS = tuple(column for column in COLUMNS if column.of_session)
_PART_KEYS = tuple(column.key for column in COLUMNS if not column.of_session and column.key != "note")
_ALIASES = {alias: column for column in COLUMNS for alias in column.aliases}

Row = Sequence[str]


def read(rows: Sequence[Row], frame: Frame) -> Sheet:
    """Make a programme of a table.

    Raises:
        SheetInvalid: with every mistake.
    """
    reading = _Reading(frame)
    reading.read([[clean(cell) for cell in row[:MAX_COLUMNS]] for row in _bounded(rows)])
    return reading.sheet()


def _bounded(rows: Sequence[Row]) -> Sequence[Row]:
    if len(rows) > MAX_ROWS:
        vi, en = f"bảng có hơn {MAX_ROWS} dòng; chia nhỏ", f"the table has more than {MAX_ROWS} rows; divide it"
        raise SheetInvalid([CellFault(MAX_ROWS + 1, "", "", "sheet_too_large", vi, en)])
    for number, row in enumerate(rows, 1):
        if any(cell.strip() for cell in row[MAX_COLUMNS:]):
            vi, en = f"có hơn {MAX_COLUMNS} cột", f"there are more than {MAX_COLUMNS} columns"
            raise SheetInvalid([CellFault(number, "", "", "sheet_too_large", vi, en)])
        if any(len(cell) > MAX_CELL_CHARACTERS for cell in row):
            vi, en = (
                f"một ô có hơn {MAX_CELL_CHARACTERS} ký tự",
                f"a cell has more than {MAX_CELL_CHARACTERS} characters",
            )
            raise SheetInvalid([CellFault(number, "", "", "sheet_too_large", vi, en)])
    return rows


@dataclass(slots=True)
class _Open:
    """The session that rows are being added to."""

    first_row: int
    title: str
    texts: dict[str, str]
    data: dict[str, Any]
    path: str


class _Reading:
    """One table on its way; `_origins` has the cell that each field of the programme came from."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._faults: list[CellFault] = []
        self._origins: dict[str, tuple[int, str]] = {}
        self._places: dict[str, int] = {}
        self._sessions: list[dict[str, Any]] = []
        self._examples: list[int] = []
        self._begun: dict[str, int] = {}
        self._open: _Open | None = None

    def read(self, rows: Sequence[Row]) -> None:
        """Take all rows in."""
        begins = self._find_header(rows)
        for number, row in enumerate(rows[begins:], begins + 1):
            cells = {key: row[place] if place < len(row) else "" for key, place in self._places.items()}
            if bare(cells.get("note", "")).startswith(bare(EXAMPLE)):
                self._examples.append(number)
            elif any(cells.values()):
                self._row(number, cells)
        if not self._sessions:
            vi = "bảng chưa có buổi phát nào (các dòng ví dụ không được tính)"
            self._fault(begins or 1, "", "sheet_empty", vi, "there is no session yet (example rows do not count)")

    def sheet(self) -> Sheet:
        """What came of it."""
        data = {**self._frame.told(), "sessions": self._sessions}
        kept = {session.get("id") for session in self._sessions}
        data["changes"] = [change for change in data.get("changes", ()) if change["session"] in kept]
        broken = {(fault.row, fault.column) for fault in self._faults}
        known = bool(self._faults)
        for fault in structure.faults(data, ProgrammeFile):
            self._at_its_cell(fault, broken, told_before=known)
        if not self._faults:
            programme = msgspec.convert(data, ProgrammeFile)
            for fault in rules.faults(programme):
                self._at_its_cell(fault, broken, told_before=False)
            if not self._faults:
                return Sheet(programme, tuple(self._examples))
        raise SheetInvalid(sorted(self._faults, key=lambda fault: (fault.row, fault.letter))[:_MOST_FAULTS])

    def _find_header(self, rows: Sequence[Row]) -> int:
        """Take the row with the headers; gives how many rows are above what is to be read."""
        for index, row in enumerate(rows[:_HEADER_WITHIN]):
            known = [_column(cell) for cell in row]
            if sum(column is not None for column in known) >= 3:  # noqa: PLR2004 - no title row has three of them
                self._take_header(index + 1, row, known)
                return index + 1
        headers = ", ".join(column.header for column in COLUMNS if column.required)
        vi, en = f"không thấy dòng tiêu đề ({headers})", f"there is no row of headers ({headers})"
        self._fault(1, "", "header_missing", f"{vi}; hãy tải tệp mẫu", f"{en}; begin with the template")
        raise SheetInvalid(self._faults)

    def _take_header(self, number: int, row: Row, known: Sequence[Column | None]) -> None:
        for place, (cell, column) in enumerate(zip(row, known, strict=True)):
            if column is not None and column.key in self._places:
                self._faults.append(_header_fault(number, place, cell, "header_twice"))
            elif column is not None:
                self._places[column.key] = place
            elif cell:
                self._faults.append(_header_fault(number, place, cell, "header_unknown"))
        for column in COLUMNS:
            if column.required and column.key not in self._places:
                self._fault(number, "", "header_missing", f"thiếu cột “{column.header}”", f"lacks “{column.header}”")
        if self._faults:
            raise SheetInvalid(self._faults)

    def _row(self, number: int, cells: dict[str, str]) -> None:
        title = cells["session"]
        if title and (self._open is None or bare(title) != bare(self._open.title)):
            self._begin(number, title, cells)
        elif self._open is None:
            vi, en = "ghi tên buổi phát ở dòng đầu của buổi", "name the session in its first row"
            self._fault(number, "session", "cell_empty", vi, en)
            return
        else:
            self._require_same(number, self._open, cells)
        if self._open is not None and any(cells.get(key) for key in _PART_KEYS):
            self._add_segment(number, self._open, cells)

    def _begin(self, number: int, title: str, cells: dict[str, str]) -> None:
        path = f"sessions[{len(self._sessions)}]"
        data: dict[str, Any] = {"title": title, "segments": []}
        self._open = opened = _Open(number, title, cells, data, path)
        self._sessions.append(data)
        self._origins[path] = (number, "session")
        self._origins[f"{path}.segments"] = (number, "kind")
        before = self._begun.setdefault(bare(title), number)
        if before != number:
            vi = f"buổi này đã có ở dòng {before}; để các dòng của một buổi liền nhau, hoặc đặt tên khác"
            en = f"this session began at row {before}; keep its rows together, or give another name"
            self._fault(number, "session", "session_twice", vi, en)
        for column in _SESSION_COLUMNS:
            self._session_cell(opened, column, cells.get(column.key, ""))
        if "id" not in data:
            data["id"] = self._free_id(title)
            self._origins[f"{path}.id"] = (number, "session")

    def _session_cell(self, opened: _Open, column: Column, text: str) -> None:
        if not text:
            if column.needed:
                self._empty(opened.first_row, column)
            return
        for name in column.fields:
            self._origins[f"{opened.path}.{name}"] = (opened.first_row, column.key)
        with _Cell(self, opened.first_row, column):
            found = SESSION_READERS[column.key](text, self._frame)
            if "except" in found:  # said by two columns: `trừ` in the days, and the days without it
                found["except"] = sorted({*opened.data.get("except", ()), *found["except"]})
            opened.data.update(found)

    def _require_same(self, number: int, opened: _Open, cells: dict[str, str]) -> None:
        """A later row of a session may repeat what the first says (merged cells do), and nothing else."""
        for column in _SESSION_COLUMNS:
            text = cells.get(column.key, "")
            if text and bare(text) != bare(opened.texts.get(column.key, "")):
                vi = f"khác với dòng {opened.first_row} của cùng buổi; để trống hoặc ghi buổi khác"
                en = f"differs from row {opened.first_row} of the same session; leave it empty, or name another"
                self._fault(number, column.key, "differs", vi, en)

    def _add_segment(self, number: int, opened: _Open, cells: dict[str, str]) -> None:
        segments = opened.data["segments"]
        path = f"{opened.path}.segments[{len(segments)}]"
        data: dict[str, Any] = {}
        segments.append(data)
        self._origins[path] = (number, "kind")
        kind = BY_KEY["kind"]
        if not cells.get("kind"):
            self._empty(number, kind)
            return
        with _Cell(self, number, kind):
            data["kind"] = KINDS(cells["kind"])
        for key, name in SEGMENT_FIELDS.get(data.get("kind", ""), {}).items():
            self._segment_cell(number, path, data, _Part(key, name, cells.get(key, "")))
        self._require_unused(number, data.get("kind"), cells)

    def _segment_cell(self, number: int, path: str, data: dict[str, Any], part: "_Part") -> None:
        column = BY_KEY[part.key]
        self._origins[f"{path}.{part.name}"] = (number, part.key)
        text = part.text or default(data["kind"], part.name, self._frame)
        if not text:
            if part.name != "fallback":
                self._empty(number, column)
            return
        with _Cell(self, number, column):
            data[part.name] = FIELD_READERS.get(part.name, str)(text)

    def _require_unused(self, number: int, kind: str | None, cells: dict[str, str]) -> None:
        """What this kind of part does not have must not be filled in: it would be lost. A name for people may."""
        if kind is None:
            return
        for key in ("title", "length", "source", "fallback"):
            if (
                cells.get(key)
                and key not in SEGMENT_FIELDS[kind]
                and not (kind in {"chime", "pause"} and key == "title")
            ):
                vi, en = (
                    "loại mục này không dùng cột này; để trống",
                    "this kind of part does not have it; leave it empty",
                )
                self._fault(number, key, "not_used", vi, en)

    def _free_id(self, title: str) -> str:
        wanted = slug(title) or "buoi"
        taken = {one.get("id") for one in self._sessions}
        number = 1
        made = wanted
        while made in taken:
            number += 1
            made = f"{wanted[:36]}-{number}"
        return made

    def _empty(self, number: int, column: Column) -> None:
        self._fault(number, column.key, "cell_empty", f"chưa điền; {column.hint_vi}", f"is empty; {column.hint_en}")

    def unclear(self, number: int, column: Column, error: Unclear) -> None:
        """A cell that could not be read."""
        self._fault(number, column.key, error.code, error.vi, error.en)

    def _fault(self, row: int, key: str, code: str, vi: str, en: str) -> None:
        place = self._places.get(key)
        header = BY_KEY[key].header if key else ""
        self._faults.append(CellFault(row, header, "" if place is None else letter(place), code, vi, en))

    def _at_its_cell(self, fault: Fault, broken: set[tuple[int, str]], *, told_before: bool) -> None:
        """Add a fault of the programme; of a table with unclear cells only what those did not cause."""
        path = fault.field
        while path and path not in self._origins:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        row, key = self._origins.get(path, (1, ""))
        if told_before and (fault.code in {"field_missing", "too_few"} or (row, BY_KEY[key].header) in broken):
            return
        if not path:
            vi, en = f"{fault.field}: {fault.vi}", f"{fault.field}: {fault.en}"
            self._fault(row, "", fault.code, vi, en)
            return
        self._fault(row, key, fault.code, fault.vi, fault.en)


@dataclass(frozen=True, slots=True)
class _Part:
    """A cell of a segment: the column's key, the field it becomes, and its text."""

    key: str
    name: str
    text: str


class _Cell:
    """What is unclear inside the block becomes a fault of this cell."""

    def __init__(self, reading: _Reading, number: int, column: Column) -> None:
        self._reading, self._number, self._column = reading, number, column

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, Unclear):
            return False
        self._reading.unclear(self._number, self._column, error)
        return True


def _column(header: str) -> Column | None:
    """The column a header names; what stands in brackets is only a hint."""
    return _ALIASES.get(bare(header.partition("(")[0]).replace("\n", " ").strip(" *:"))


def _header_fault(row: int, place: int, cell: str, code: str) -> CellFault:
    shown = ", ".join(column.header for column in COLUMNS)
    vi, en = f"không có cột này; các cột: {shown}", f"there is no such column; columns: {shown}"
    if code == "header_twice":
        vi, en = "có hai cột này; bỏ một", "is there twice; remove one"
    return CellFault(row, cell[:60], letter(place), code, vi, en)
