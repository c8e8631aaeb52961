"""`loa schedule template` and `loa schedule import`: a schedule as a table of Excel or CSV."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loa_cli.instants import ZONE
from loa_cli.line import Line, on_line
from loa_cli.reporting import EXIT_ERROR, console, errors, print_json

if TYPE_CHECKING:
    from controller.schedules.programme import ProgrammeFile
    from controller.schedules.sheets.results import Frame, Sheet
    from loa_cli.client import Client


def template(
    file: Annotated[Path, typer.Argument(help="Where to write it: a name ending in .xlsx or .csv.")],
    force: Annotated[bool, typer.Option(help="Even if the file is there.")] = False,
) -> None:
    """Write a table to fill in: headers, example rows, and in Excel a sheet of explanations."""
    from controller.schedules.sheets import template as sheet_template

    writers = {".xlsx": sheet_template.as_xlsx, ".csv": sheet_template.as_csv}
    write = writers.get(file.suffix.lower())
    if write is None:
        raise typer.BadParameter("the file's name ends in .xlsx or .csv")
    if file.exists() and not force:
        raise typer.BadParameter(f"{file} is there already; give another name, or --force")
    file.write_bytes(write())
    errors.print(f"Đã ghi {file}", highlight=False, markup=False)


@on_line
def import_sheet(
    line: Line,
    file: Annotated[Path, typer.Argument(help="A filled table (.xlsx or .csv).", exists=True, dir_okay=False)],
    unit: Annotated[str, typer.Option(help="Id of the unit whose programme it is.")],
    programme: Annotated[str, typer.Option("--id", help="The programme's id: a-z, 0-9 and -, at most 40.")],
    title: Annotated[str | None, typer.Option(help="The programme's title; default: as it is now.")] = None,
    begin: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d", "%d/%m/%Y"], help="The first day on which it counts."),
    ] = None,
    note: Annotated[str, typer.Option(help="Kept with the revision: why.")] = "",
    dry_run: Annotated[bool, typer.Option(help="Only show what would change.")] = False,
    output: Annotated[
        Path | None, typer.Option("--yaml", help="Write it as a programme file instead; needs no controller.")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="vi or en: the language of messages.")] = "vi",
) -> None:
    """Make a programme of a table and put it in place. One wrong row: all mistakes are told and nothing changes."""
    from controller.schedules.files import write_programme
    from loa_cli.programme_plans import Wanted, put_in_place, standing, tell_plan

    rows = _rows(file)
    if output is not None:
        sheet = _read(rows, _frame(None, programme, unit, title, begin), lang, as_json=line.as_json)
        output.write_text(write_programme(sheet.programme), encoding="utf-8")
        errors.print(f"Đã ghi {output}", highlight=False, markup=False)
        return
    sheet = _read(
        rows, _frame(_current(line.client, programme), programme, unit, title, begin), lang, as_json=line.as_json
    )
    for number in () if line.as_json else sheet.examples:
        console.print(f"Dòng {number}: dòng ví dụ, bỏ qua", highlight=False)
    wanted = Wanted(sheet.programme, begin.date() if begin else None, note or f"nhập từ {file.name}"[:500])
    if not dry_run:
        put_in_place(line.client, wanted, as_json=line.as_json)
        return
    plan = standing(line.client, wanted).preview(line.client)
    if line.as_json:
        print_json(plan)
    else:
        tell_plan(plan)
        console.print("Nhập thử: chưa thay đổi gì.", highlight=False)


def _rows(file: Path) -> list[list[str]]:
    from controller.schedules.sheets.workbooks import MAX_BYTES, rows_of

    with file.open("rb") as opened:
        raw = opened.read(MAX_BYTES + 1)
    return asyncio.run(rows_of(raw))


def _read(rows: list[list[str]], frame: "Frame", lang: str, *, as_json: bool) -> "Sheet":
    """The table as a programme; mistakes are told row by row and end the command with 1."""
    from controller.schedules.sheets import reading as sheets
    from controller.schedules.sheets.results import SheetInvalid

    try:
        return sheets.read(rows, frame)
    except SheetInvalid as error:
        if as_json:
            print_json({"code": error.code, **error.details})
        else:
            for fault in error.faults:
                errors.print(fault.told(lang), highlight=False, markup=False, soft_wrap=True)
            errors.print("Chưa thay đổi gì.", highlight=False)
        raise typer.Exit(EXIT_ERROR) from error


def _current(client: "Client", programme: str) -> "ProgrammeFile | None":
    """The programme as it is, if there is one."""
    from loa_cli.client import ApiRefused
    from loa_cli.programme_plans import current

    try:
        return current(client, programme, None)
    except ApiRefused as error:
        if error.problem_code != "programme_unknown":
            raise
        return None


def _frame(
    current: "ProgrammeFile | None", programme: str, unit: str, title: str | None, begin: datetime | None
) -> "Frame":
    from controller.schedules.sheets.results import frame_of

    first = begin.date() if begin else datetime.now(ZONE).date()  # noqa: TID251 - the person's own clock
    return frame_of(current, programme_id=programme, unit=unit, title=title, valid_from=first)
