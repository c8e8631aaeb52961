"""`loa play`, `loa stop`, `loa cancel`, `loa ledger`."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live

from loa_cli.instants import parse_instant
from loa_cli.intake import take_in
from loa_cli.line import Line, on_line
from loa_cli.reporting import EXIT_NOT_PLAYED, console, ledger_table, local, print_json

_POLL_S = 0.5
_DATE_WIDTH = 10


def _variants(written: Iterable[str]) -> dict[str, str]:
    """Language → asset.

    Raises:
        typer.BadParameter: one is not LANGUAGE=ASSET, or a language is named twice.
    """
    found: dict[str, str] = {}
    for text in written:
        language, equals, asset = text.partition("=")
        if not (language and equals and asset) or language in found:
            raise typer.BadParameter(f"“{text}”: write LANGUAGE=ASSET, each language once")
        found[language] = asset
    return found


@on_line
def play(
    line: Line,
    to: Annotated[list[str], typer.Option("--to", help="Scope: u-<unit>, g-<group> or d-<device>; may be repeated.")],
    file: Annotated[Path | None, typer.Argument(help="A sound file of any common format.", exists=True)] = None,
    asset: Annotated[str | None, typer.Option(help="A sound of the library instead of a file: its id.")] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(help="hmn=ASSET: this sound of the library for devices that speak hmn; may be repeated."),
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="+30s, 17:00, 17h30, “21/11/2026 17:00” (Vietnam) or RFC 3339; default: now.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Default: the file's name.")] = None,
    text: Annotated[str | None, typer.Option(help="What boards show.")] = None,
    text_s: Annotated[int, typer.Option(help="How long boards show it, in seconds.")] = 60,
    level: Annotated[str, typer.Option(help="normal or priority.")] = "normal",
    volume: Annotated[int, typer.Option(min=0, max=100)] = 70,
    repeats: Annotated[int, typer.Option(min=1, max=20)] = 1,
    late_s: Annotated[int, typer.Option(help="How late a device may still begin, in seconds.")] = 300,
    chime: Annotated[bool, typer.Option(help="A chime before it.")] = False,
    together: Annotated[
        bool, typer.Option("--together", help="All begin at once: no turns and no delays of neighbouring horns.")
    ] = False,
    wait: Annotated[
        bool, typer.Option(help="Show the answers until every device has given one; exit 3 if one did not play.")
    ] = False,
) -> None:
    """Put a sound file and, or, a board text on air at an instant, or now."""
    if file and asset:
        raise typer.BadParameter("give a file or --asset, not both")
    client = line.client
    start = parse_instant(at, datetime.now(UTC)) if at else None  # noqa: TID251 - the person's own clock
    whose = {"unit": to[0].removeprefix("u-")} if to[0].startswith("u-") else {}  # a file is its listeners' unit's
    asset_id = take_in(client, file, title, quiet=line.as_json, said=whose) if file else asset
    if asset and not title:
        title = str(client.get(f"/media/{asset}")["title"])
    broadcast = client.post(
        "/broadcasts",
        {
            "title": title or (file.stem if file else (text or "")[:60]),
            "to": to,
            "asset_id": asset_id,
            "variants": _variants(variant or ()),
            "at": start.isoformat() if start else None,
            "level": level,
            "volume": volume,
            "repeats": repeats,
            "late_s": late_s,
            "chime": chime,
            "stagger": not together,
            "board_text": text,
            "board_s": text_s,
        },
    )
    if not line.as_json:
        console.print(f"Lượt phát {broadcast['id']} lúc {local(broadcast['start'])}", highlight=False)
    if not wait:
        if line.as_json:
            print_json(broadcast)
        return
    final = follow(client, broadcast["id"], quiet=line.as_json)
    if line.as_json:
        print_json(final)
    if set(final["outcomes"]) != {"played"}:
        raise typer.Exit(EXIT_NOT_PLAYED)


def follow(client: Any, broadcast_id: str, *, quiet: bool = False) -> dict[str, Any]:
    """Show a broadcast's answers as they come, until it is closed; gives the last."""
    path = f"/broadcasts/{broadcast_id}/ledger"
    view: dict[str, Any] = client.get(path)
    with Live(console=console, refresh_per_second=4, transient=quiet) as live:
        while True:
            if not quiet:
                live.update(ledger_table(view["title"], view["rows"]))
            if view["closed"]:
                return view
            time.sleep(_POLL_S)
            view = client.get(path)


@on_line
def stop(
    line: Line,
    to: Annotated[list[str] | None, typer.Option("--to", help="Scopes to silence; may be repeated.")] = None,
    broadcast: Annotated[str | None, typer.Option(help="Only this broadcast, wherever it sounds.")] = None,
    for_s: Annotated[int, typer.Option(help="Also keep back what starts within this time, in seconds (≤ 3600).")] = 0,
    reason: Annotated[str, typer.Option(help="Kept with the stop.")] = "",
) -> None:
    """Silence what sounds, now."""
    answer = line.client.post("/stops", {"to": to or [], "broadcast": broadcast, "for_s": for_s, "reason": reason})
    if line.as_json:
        print_json(answer)
    else:
        console.print(f"Dừng phát: {', '.join(answer['scopes'])}", highlight=False)


@on_line
def cancel(
    line: Line,
    broadcast: Annotated[str, typer.Argument(help="The broadcast's id.")],
) -> None:
    """Take a broadcast back: it does not start, and where it sounds it stops."""
    answer = line.client.post(f"/broadcasts/{broadcast}/cancel")
    if line.as_json:
        print_json(answer)
    else:
        console.print(f"Đã hủy “{answer['title']}”", highlight=False)


@on_line
def ledger(
    line: Line,
    broadcast: Annotated[str | None, typer.Argument(help="A broadcast's id; without it the newest are listed.")] = None,
    programme: Annotated[
        str | None, typer.Option(help="List what has begun of this programme (its id) instead.")
    ] = None,
    watch: Annotated[bool, typer.Option("--follow", help="Until every device has answered.")] = False,
) -> None:
    """What became of a broadcast, or of each of a programme's, on every device it was meant for."""
    from rich import box
    from rich.table import Column, Table

    client = line.client
    if broadcast is None:
        now = datetime.now(UTC).isoformat()  # noqa: TID251 - the person's own clock
        rows = client.get("/broadcasts", {"programme": programme, "until": now} if programme else None)
        if line.as_json:
            print_json(rows)
            return
        begins = Column("Bắt đầu", min_width=_DATE_WIDTH)
        table = Table(Column("Lượt phát", no_wrap=True), "Tiêu đề", begins, "Trạng thái", box=box.SIMPLE_HEAD)
        if not programme:
            table.add_column("Nơi phát")
        for row in rows:
            state = "đã hủy" if row["cancelled_at"] else "xong" if row["closed_at"] else "đang chờ"
            where = [] if programme else [", ".join(row["to"])]
            table.add_row(row["id"], row["title"], local(row["start"]), state, *where)
        console.print(table)
        return
    view = follow(client, broadcast, quiet=line.as_json) if watch else client.get(f"/broadcasts/{broadcast}/ledger")
    if line.as_json:
        print_json(view)
        return
    if not watch:
        console.print(ledger_table(view["title"], view["rows"]))
    for voice in view["machine_speech"]:
        console.print(voice["vi"], highlight=False, markup=False)
