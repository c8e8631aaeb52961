"""`loa schedule ical`: programmes as iCalendar files, for any calendar program and back again."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loa_cli.instants import ZONE
from loa_cli.line import Line, on_line
from loa_cli.reporting import EXIT_ERROR, console, errors, print_file, print_json

if TYPE_CHECKING:
    from controller.schedules.calendars.reading import Read
    from controller.schedules.programme import ProgrammeFile

calendars = typer.Typer(help="Programmes as iCalendar files (.ics).", no_args_is_help=True)
_DAY = ["%Y-%m-%d", "%d/%m/%Y"]


@calendars.command("export")
@on_line
def export(
    line: Line,
    programme: Annotated[str, typer.Argument(help="The programme's id.")],
    file: Annotated[Path | None, typer.Argument(help="Where to write; default: standard output.")] = None,
    on: Annotated[datetime | None, typer.Option(formats=_DAY, help="As of this day; default: today.")] = None,
) -> None:
    """Write a programme as an iCalendar file; lunar days and holidays are listed for two years from that day."""
    from controller.schedules.calendars.writing import document_as_ical
    from loa_cli.programme_plans import current

    day = on.date() if on else datetime.now(ZONE).date()  # noqa: TID251 - the person's own clock
    content = document_as_ical(current(line.client, programme, day if on else None), day)
    if file is None:
        print_file(content)
    else:
        file.write_bytes(content)
        errors.print(f"Đã ghi {file}", highlight=False, markup=False)


@calendars.command("import")
@on_line
def import_calendar(
    line: Line,
    file: Annotated[Path, typer.Argument(help="An iCalendar file (.ics).", exists=True, dir_okay=False)],
    programme: Annotated[
        str | None, typer.Option("--id", help="The programme's id; a file of ours says it itself.")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="Id of its unit; a file of ours says it itself.")] = None,
    title: Annotated[str | None, typer.Option(help="The programme's title, if the file does not say it.")] = None,
    begin: Annotated[
        datetime | None, typer.Option("--from", formats=_DAY, help="The first day on which it counts; default: today.")
    ] = None,
    note: Annotated[str, typer.Option(help="Kept with the revision: why.")] = "",
    dry_run: Annotated[bool, typer.Option(help="Only show what would change.")] = False,
    output: Annotated[
        Path | None, typer.Option("--yaml", help="Write it as a programme file instead; needs no controller.")
    ] = None,
) -> None:
    """Make a programme of a calendar and put it in place; what is left out or understood otherwise is told."""
    from controller.schedules.calendars.reading import MOST_BYTES, read_ical
    from controller.schedules.files import write_programme
    from loa_cli.programme_plans import Wanted, put_in_place, standing, tell_plan

    with file.open("rb") as opened:
        found = read_ical(opened.read(MOST_BYTES + 1), unit=unit or "unit")
    for fault in found.notes:
        errors.print(f"{fault.field}: {fault.vi} [{fault.code}]", highlight=False, markup=False, soft_wrap=True)
    day = begin.date() if begin else datetime.now(ZONE).date()  # noqa: TID251 - the person's own clock
    document = _sound(_document(found, programme, unit, title or file.stem, day.isoformat()))
    if output is not None:
        output.write_text(write_programme(document), encoding="utf-8")
        errors.print(f"Đã ghi {output}", highlight=False, markup=False)
        return
    wanted = Wanted(document, begin.date() if begin else None, note, keep_changes=False)
    if not dry_run:
        put_in_place(line.client, wanted, as_json=line.as_json)
        return
    plan = standing(line.client, wanted).preview(line.client)
    if line.as_json:
        print_json(plan)
    else:
        tell_plan(plan)
        console.print("Nhập thử: chưa thay đổi gì.", highlight=False)


def _document(found: "Read", programme: str | None, unit: str | None, title: str, first_day: str) -> "ProgrammeFile":
    """The programme that a calendar is: one of ours as it was, any other with what is given."""
    import msgspec

    from controller.schedules.programme import FORMAT, ProgrammeFile

    if found.document is not None:
        given = {"id": programme, "unit": unit}
        return msgspec.structs.replace(found.document, **{name: value for name, value in given.items() if value})
    if programme is None or unit is None:
        raise typer.BadParameter("this calendar is not one of ours: name the programme with --id and --unit")
    if not found.sessions:
        errors.print("Không có buổi phát nào trong tệp này; chưa thay đổi gì.", highlight=False)
        raise typer.Exit(EXIT_ERROR)
    data = {"format": FORMAT, "id": programme, "unit": unit, "title": title, "zone": found.zone}
    first = min([one.valid_from.isoformat() for one in found.sessions if one.valid_from] or [first_day])
    parts = {"valid_from": first, "sessions": found.sessions, "changes": found.changes}
    return msgspec.convert(msgspec.to_builtins({**data, **parts}), ProgrammeFile)


def _sound(document: "ProgrammeFile") -> "ProgrammeFile":
    """The document, if nothing is wrong with it; else its faults are told and the command ends with 1."""
    from controller.schedules import rules

    found = rules.faults(document)
    for fault in found:
        errors.print(f"{fault.field}: {fault.vi} [{fault.code}]", highlight=False, markup=False, soft_wrap=True)
    if found:
        raise typer.Exit(EXIT_ERROR)
    return document
