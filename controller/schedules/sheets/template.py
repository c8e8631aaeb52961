"""The table to fill in, as Excel or CSV: headers, example rows that importing passes over, and what is allowed where.

Both are made of `columns`, by which a filled table is read. Pure: bytes out.
"""

import csv
import io

import xlsxwriter

from controller.schedules.sheets.columns import COLUMNS, GUIDE, SHEET, letter

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"
_ROWS_WITH_CHOICES = 500
_NOTES = (
    "Mỗi dòng là một mục của buổi phát: nhạc hiệu, tiếp sóng, bản tin, âm thanh hoặc nghỉ, theo thứ tự phát.",
    "Dòng đầu của mỗi buổi ghi tên buổi, giờ, ngày phát…; các dòng sau của cùng buổi để trống các cột đó.",
    "Các dòng ví dụ (ghi chú bắt đầu bằng VÍ DỤ) không được nhập; xóa đi hoặc sửa lại và xóa ghi chú.",
    "Không dùng công thức. Nhập thử trước: loa schedule import TỆP --unit … --id … --dry-run",
)


def as_xlsx() -> bytes:
    """The template as a workbook of two sheets."""
    kept = io.BytesIO()
    book = xlsxwriter.Workbook(kept, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    _fill_table(book)
    _fill_guide(book)
    book.close()
    return kept.getvalue()


def as_csv() -> bytes:
    """The template as CSV with `;` and a byte order mark, as Excel in Vietnam opens it."""
    kept = io.StringIO(newline="")
    writer = csv.writer(kept, delimiter=";")
    writer.writerow([column.header for column in COLUMNS])
    writer.writerows(zip(*(column.examples for column in COLUMNS), strict=True))
    return kept.getvalue().encode("utf-8-sig")


def _fill_table(book: xlsxwriter.Workbook) -> None:
    sheet = book.add_worksheet(SHEET)
    bold = book.add_format({"bold": True, "bg_color": "#DDEBF7", "border": 1, "text_wrap": True, "valign": "top"})
    needed = book.add_format({"bold": True, "bg_color": "#F8CBAD", "border": 1, "text_wrap": True, "valign": "top"})
    text = book.add_format({"num_format": "@"})  # so that Excel keeps 5:30 and 1-2 as they were typed
    example = book.add_format({"num_format": "@", "italic": True, "font_color": "#808080"})
    for place, column in enumerate(COLUMNS):
        sheet.set_column(place, place, column.width, text)
        sheet.write_string(0, place, column.header, needed if column.required else bold)
        sheet.write_comment(0, place, f"{column.hint_vi}.\n{column.hint_en}.")
        for index, shown in enumerate(column.examples, 1):
            sheet.write_string(index, place, shown, example)
        if column.words:
            rule = {"validate": "list", "source": list(column.words), "ignore_blank": True, "error_type": "warning"}
            sheet.data_validation(1, place, _ROWS_WITH_CHOICES, place, rule)
    sheet.freeze_panes(1, 1)


def _fill_guide(book: xlsxwriter.Workbook) -> None:
    sheet = book.add_worksheet(GUIDE)
    bold = book.add_format({"bold": True})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 1, 16, wrapped)
    sheet.set_column(2, 4, 60, wrapped)
    for row, note in enumerate(_NOTES):
        sheet.write_string(row, 0, note)
    first = len(_NOTES) + 1
    for place, header in enumerate(("Cột", "Bắt buộc", "Cách ghi", "Các từ được dùng", "In English")):
        sheet.write_string(first, place, header, bold)
    for row, column in enumerate(COLUMNS, first + 1):
        needed = "có" if column.needed or column.key == "kind" else ""
        cells = (
            f"{letter(row - first - 1)}: {column.header}",
            needed,
            column.hint_vi,
            ", ".join(column.words),
            column.hint_en,
        )
        for index, written in enumerate(cells):
            sheet.write_string(row, index, written, wrapped)
