"""A unit's week as an Excel table to print or hand on: one row for everything that is to sound. Pure: bytes out.

What others wrote is written as text, never as a formula.
"""

import io
from collections.abc import Sequence

import xlsxwriter

from controller.week import rules
from controller.week.rules import Day, Week
from controller.week.service import Entry, Part

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
COLUMNS = (
    ("Ngày", 16),
    ("Âm lịch", 10),
    ("Giờ", 7),
    ("Buổi phát", 36),
    ("Nội dung", 60),
    ("Đã có (phút)", 12),
    ("Thời lượng (phút)", 16),
    ("Do đơn vị", 24),
    ("Ghi chú", 50),
)
_WEEKDAYS = ("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ nhật")
_KINDS = {"relay": "Tiếp sóng", "bulletins": "Bản tin", "own": "Tự sản xuất"}
_STATES = {"skipped": "bỏ một lần", "waiting": "chưa duyệt"}
_MINUTE_MS = 60_000


def as_xlsx(unit: str, week: Week, days: Sequence[Day], entries: Sequence[Entry]) -> bytes:
    """The table, by day and time."""
    kept = io.BytesIO()
    book = xlsxwriter.Workbook(kept, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet(week.name)
    title = book.add_format({"bold": True, "font_size": 14})
    head = book.add_format({"bold": True, "bg_color": "#DDEBF7", "border": 1, "text_wrap": True, "valign": "top"})
    cell = book.add_format({"text_wrap": True, "valign": "top", "border": 1})
    sheet.write_string(0, 0, f"Lịch phát tuần {week.first:%d/%m}–{week.last:%d/%m/%Y}: {unit}", title)
    for place, (name, width) in enumerate(COLUMNS):
        sheet.set_column(place, place, width)
        sheet.write_string(1, place, name, head)
    by_date = {one.date: one for one in days}
    for row, one in enumerate(entries, 2):
        for place, value in enumerate(_cells(one, by_date[one.start.astimezone(rules.ZONE).date()])):
            if isinstance(value, str):
                sheet.write_string(row, place, value, cell)
            else:
                sheet.write_number(row, place, value, cell)
    sheet.freeze_panes(2, 0)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    book.close()
    return kept.getvalue()


def _cells(one: Entry, day: Day) -> tuple[str | float, ...]:
    local = one.start.astimezone(rules.ZONE)
    return (
        f"{_WEEKDAYS[local.weekday()]} {local:%d/%m}",
        f"{day.lunar.day}/{day.lunar.month}" + (" nhuận" if day.lunar.leap else ""),
        f"{local:%H:%M}",
        one.title,
        "\n".join(map(_part, one.parts)),
        round(one.sound_ms / _MINUTE_MS, 1),
        round(one.length_ms / _MINUTE_MS, 1) if one.length_ms else "",
        one.owner,
        "; ".join(_notes(one)),
    )


def _part(part: Part) -> str:
    items = f": {'; '.join(part.items)}" if part.items else ""
    return f"{_KINDS.get(part.kind, part.kind)} {part.title}{items}".strip()


def _notes(one: Entry) -> list[str]:
    said = [_STATES[one.kind]] if one.kind in _STATES else []
    said += ["đã hủy"] if one.taken_back else []
    if one.moved and one.original is not None:
        said.append(f"dời từ {one.original[8:10]}/{one.original[5:7]} {one.original[11:16]}")
    said += ["chưa có nội dung, không phát"] if one.silent else []
    said += [one.note] if one.note else []
    return [*said, *(trouble.vi.rstrip(".") for trouble in one.troubles)]
