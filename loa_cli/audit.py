"""`loa audit`: who did what; whether the chain is whole and holds what devices witnessed; a copy of it in a file."""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from loa_cli.instants import ZONE
from loa_cli.line import Line, on_line
from loa_cli.reporting import console, print_json, styled
from loa_protocol.audit_head import Head, parse

if TYPE_CHECKING:
    from controller.audit.verifying import Report
    from loa_protocol.documents.trust import TrustList

audit = typer.Typer(help="Who did what, and that nobody rewrote it.", no_args_is_help=True)

EXIT_NOT_WHOLE = 4
"""The chain is not what it was."""
_SHOWN = 20
_WORDS = {
    "altered": "đã bị sửa",
    "missing": "bị thiếu",
    "misplaced": "sai chỗ",
    "unlinked": "không nối với mục trước",
    "cut_short": "bị cắt cuối",
    "beside": "giá trị kèm theo bị sửa",
    "checkpoint": "điểm cắt không đáng tin",
    "witness": "khác điều thiết bị đã thấy",
}

SomeFile = Annotated[
    Path | None,
    typer.Argument(exists=True, dir_okay=False, help="An exported file; without one the controller is asked."),
]
Since = Annotated[str, typer.Option(help="A head (“loa audit head”) that is known to be right: check from there on.")]
Trust = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="Trust list to believe instead of the export's own.")
]
Lost = Annotated[
    list[str] | None,
    typer.Option(help="A witnessed head that is known to have gone when a database was restored; may be repeated."),
]


@audit.command("list")
@on_line
def list_entries(
    line: Line,
    person: Annotated[str | None, typer.Option(help="Only what this person did.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this action, as the list shows it.")] = None,
    before: Annotated[int | None, typer.Option(help="Only entries before this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 30,
) -> None:
    """The newest entries."""
    given = {"person": person, "action": action, "before": before, "limit": limit}
    rows = line.client.get("/audit", {name: str(value) for name, value in given.items() if value is not None})
    if line.as_json:
        print_json(rows)
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Số", no_wrap=True)
    table.add_column("Lúc", no_wrap=True)
    for column in ("Ai", "Việc", "Kết quả"):
        table.add_column(column, overflow="fold")
    for row in rows:
        at = datetime.fromisoformat(row["at"]).astimezone(ZONE)
        who = row["who"]["name"] or row["who"]["person"] or row["who"]["via"]
        done = "xong" if row["outcome"] == "done" else styled(row["outcome"], "yellow")
        times = f" ×{row['count']}" if row["count"] > 1 else ""
        what = Text.assemble(row["action"], times, *((f"\n{about}", "dim") for about in _about(row)))
        table.add_row(str(row["sequence"]), f"{at:%d/%m/%Y %H:%M:%S}", who, what, done)
    console.print(table)


@audit.command("head")
@on_line
def show_head(line: Line) -> None:
    """Where the chain ends; kept elsewhere, it says later whether something before it was rewritten."""
    row = line.client.get("/audit/head")
    if line.as_json:
        print_json(row)
        return
    console.print(row["head"], highlight=False, soft_wrap=True)


@audit.command("export")
@on_line
def export(
    line: Line,
    file: Annotated[Path, typer.Argument(help="File to write; “loa audit verify” checks it.")],
    after: Annotated[int, typer.Option(min=0, help="Only entries after this one.")] = 0,
    private: Annotated[
        bool, typer.Option("--private", help="With names and addresses, which erasing reaches no more.")
    ] = False,
) -> None:
    """Copy the chain into a file of JSON lines, which is there whole or not at all."""
    from loa_cli.client import private_file

    query = {"after": str(after), "private": str(private).lower()}
    entries = private_file(file, line.client.lines("/audit/export", query)) - 2
    if line.as_json:
        print_json({"file": str(file), "entries": entries})
        return
    console.print(f"Đã chép {entries} mục vào {file}", highlight=False, soft_wrap=True)


@audit.command("verify")
@on_line
def verify(line: Line, file: SomeFile = None, since: Since = "", trust: Trust = None, lost: Lost = None) -> None:
    """Check every entry, the order, the end and what devices witnessed; exit code 4 where something is not so."""
    from controller.audit import verifying

    head = _head(since) if since else None
    gone = frozenset(map(_head, lost or ()))
    believed = None if trust is None else _trust(trust)
    if file is None:
        query = {"private": "true", "after": str(head.sequence if head is not None else 0)}
        report = verifying.verified(line.client.lines("/audit/export", query), since=head, trust=believed, lost=gone)
    else:
        with file.open("rb") as lines:
            report = verifying.verified(lines, since=head, trust=believed, lost=gone)
    if line.as_json:
        print_json(_told(report))
    else:
        _print(report)
    if report.found:
        raise typer.Exit(EXIT_NOT_WHOLE)


def _head(text: str) -> Head:
    head = parse(text)
    if head is None:
        raise typer.BadParameter(f"“{text}” is no head; one looks as “loa audit head” says it")
    return head


def _trust(file: Path) -> "TrustList":
    from loa_protocol.documents.trust import TrustList
    from loa_protocol.envelope import open_payload
    from loa_protocol.envelope import parse as parse_envelope

    return open_payload(parse_envelope(file.read_bytes()), TrustList)


def _about(row: dict[str, Any]) -> Iterable[str]:
    """What an entry is about, in a line or two."""
    named = [f"{name} {value}" for name, value in row["about"].items()]
    changed = [f"{one['table']} {'/'.join(map(str, one['key'].values()))}" for one in row["changes"]]
    return islice((*named, *changed), 3)


def _told(report: "Report") -> dict[str, Any]:
    return {
        "whole": not report.found,
        "head": report.head.text,
        "from": report.start.text,
        "checked": report.checked,
        "hidden": report.hidden,
        "erased": report.erased,
        "cuts": [{"sequence": cut.sequence, "at": cut.at, "made": cut.made} for cut in report.cuts],
        "witnessed": {head.text: count for head, count in report.confirmed.items()},
        "faults": [{"fault": str(one.fault), "sequence": one.sequence, "told": one.told} for one in report.found],
    }


def _print(report: "Report") -> None:
    for one in report.found[:_SHOWN]:
        told = Text.assemble((f"✗ mục {one.sequence}: {_WORDS[str(one.fault)]}", "red"), f" ({one.told})")
        console.print(told, highlight=False, soft_wrap=True)
    if len(report.found) > _SHOWN:
        console.print(styled(f"… và {len(report.found) - _SHOWN} lỗi nữa", "red"))
    for cut in report.cuts:
        console.print(f"• đã cắt đến mục {cut.sequence} ngày {cut.made.astimezone(ZONE):%d/%m/%Y}", highlight=False)
    hidden = f", {report.hidden} mục chỉ thấy mối nối" if report.hidden else ""
    erased = f", {report.erased} giá trị riêng không có kèm" if report.erased else ""
    console.print(f"Đã kiểm tra {report.checked} mục{hidden}{erased}", highlight=False, soft_wrap=True)
    for head, count in sorted(report.confirmed.items(), reverse=True)[:3]:
        console.print(f"• {count} thiết bị đã chứng kiến mục {head.sequence}", highlight=False)
    whole = styled("Nhật ký toàn vẹn", "green") if not report.found else styled("Nhật ký KHÔNG toàn vẹn", "red")
    console.print(Text.assemble(whole, f": {_short(report.head)}"), highlight=False, soft_wrap=True)


def _short(head: Head) -> str:
    return f"{head.sequence}:{head.hash[:16]}…"
