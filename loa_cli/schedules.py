"""`loa schedule`: programmes as files. Check them offline, see what they would change, apply them, write them out."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Column, Table

from loa_cli import calendars, sheets
from loa_cli.line import Line, on_line
from loa_cli.options import AsJson
from loa_cli.reporting import EXIT_ERROR, console, errors, local, print_file, print_json

schedules = typer.Typer(help="Programmes as files: what a station sends, on which days and when.", no_args_is_help=True)
schedules.command("template")(sheets.template)
schedules.command("import")(sheets.import_sheet)
schedules.add_typer(calendars.calendars, name="ical")

File = Annotated[Path, typer.Argument(help="A programme file (YAML).")]
Language = Annotated[str, typer.Option("--lang", help="vi or en: the language of messages.")]
Begin = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d", "%d/%m/%Y"], help="The first day on which it counts; default: today."),
]
Note = Annotated[str, typer.Option(help="Kept with the revision: why.")]
Programme = Annotated[str, typer.Argument(help="The programme's id.")]
HEADING = (
    "Xuất từ bộ điều khiển; chú thích của tệp gốc không được lưu.\n"
    "Exported from the controller; comments of the original file are not kept there."
)


@schedules.command("check")
def check(
    files: Annotated[list[Path], typer.Argument(help="Programme files (YAML).")],
    lang: Language = "vi",
    as_json: AsJson = False,
) -> None:
    """Look for every mistake of these files, without a controller. Exit code 1 if there is one."""
    from dataclasses import asdict

    from controller.handwritten.faults import FileFault, FileInvalid
    from controller.schedules.files import load_programme, same_id_twice
    from controller.schedules.programme import ProgrammeFile

    if lang not in {"vi", "en"}:
        raise typer.BadParameter("--lang is vi or en")
    loaded: list[tuple[str, ProgrammeFile]] = []
    found: list[FileFault] = []
    for file in files:
        try:
            loaded.append((str(file), load_programme(file)))
        except FileInvalid as error:
            found += error.faults
    found += same_id_twice(loaded)
    if as_json:
        good = [{"file": name, "id": one.id, "sessions": len(one.sessions)} for name, one in loaded]
        print_json({"faults": [asdict(fault) for fault in found], "good": good})
    else:
        for fault in found:
            errors.print(fault.told(lang), highlight=False, markup=False, soft_wrap=True)
        words = "đúng, {} buổi phát" if lang == "vi" else "good, {} sessions"
        for name, one in loaded:
            console.print(f"{name}: {words.format(len(one.sessions))}", highlight=False, markup=False, soft_wrap=True)
    if found:
        raise typer.Exit(EXIT_ERROR)


@schedules.command("diff")
@on_line
def diff(
    line: Line,
    file: File,
    begin: Begin = None,
) -> None:
    """Show what putting the file in place would change on the controller. Nothing is changed."""
    from loa_cli.programme_plans import standing, tell_plan, wanted_of

    wanted = wanted_of(file, begin.date() if begin else None)
    plan = standing(line.client, wanted).preview(line.client)
    if line.as_json:
        print_json(plan)
    else:
        tell_plan(plan)


@schedules.command("apply")
@on_line
def apply(
    line: Line,
    file: File,
    begin: Begin = None,
    note: Note = "",
    expect: Annotated[
        int | None,
        typer.Option(help="Only if the programme still stands at this revision (“loa schedule diff” tells it)."),
    ] = None,
) -> None:
    """Put the file in place: the same file again changes nothing."""
    from loa_cli.programme_plans import put_in_place, wanted_of

    wanted = wanted_of(file, begin.date() if begin else None, note)
    put_in_place(line.client, wanted, expect=expect, as_json=line.as_json)


@schedules.command("export")
@on_line
def export(
    line: Line,
    programme: Programme,
    file: Annotated[Path | None, typer.Argument(help="Where to write; default: standard output.")] = None,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d", "%d/%m/%Y"], help="As of this day; default: today.")
    ] = None,
) -> None:
    """Write a programme as a file; putting that file in place changes nothing. Comments are not kept."""
    from controller.schedules.files import write_programme
    from loa_cli.programme_plans import current

    text = write_programme(current(line.client, programme, on.date() if on else None), HEADING)
    if file is None:
        print_file(text)
    else:
        file.write_text(text, encoding="utf-8")
        errors.print(f"Đã ghi {file}; chú thích của tệp gốc không được lưu.", highlight=False, markup=False)


@schedules.command("list")
@on_line
def list_programmes(
    line: Line,
    unit: Annotated[str | None, typer.Option(help="Only those of this unit.")] = None,
) -> None:
    """The programmes of the controller."""
    rows = line.client.get("/programmes", {"unit": unit} if unit else None)
    if line.as_json:
        print_json(rows)
        return
    table = Table(Column("Chương trình", no_wrap=True), "Đơn vị", "Tên", "Bản")
    for row in rows:
        table.add_row(row["id"], row["unit"], row["title"], str(row["revision"]))
    console.print(table)


@schedules.command("history")
@on_line
def history(
    line: Line,
    programme: Programme,
) -> None:
    """What was saved of a programme, the newest first."""
    rows = line.client.get(f"/programmes/{quote(programme, safe='')}/history")
    if line.as_json:
        print_json(rows)
        return
    table = Table("Bản", "Lúc", "Thay đổi", "Ghi chú")
    for row in rows:
        table.add_row(str(row["revision"]), local(row["made_at"]), _what(row), row["note"])
    console.print(table)


def _what(row: dict[str, Any]) -> str:
    """One line of the history in words."""
    if row["kind"] == "revision":
        return f"cả chương trình, từ {date.fromisoformat(row['effective_from']):%d/%m/%Y}"
    change = row["change"] or {}
    which = f"{change.get('session')} lúc {change.get('occurrence')}"
    if change.get("cancel"):
        return f"bỏ {which}"
    if change.get("start"):
        return f"dời {which} sang {change['start']}"
    return f"sửa riêng {which}"
