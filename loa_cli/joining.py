"""`loa join`: a chime, pauses and short sounds become one sound of the library."""

from pathlib import Path
from typing import Annotated, Any

import typer

from loa_cli.intake import join_parts, take_in
from loa_cli.line import Line, on_line
from loa_cli.reporting import console, print_json


@on_line
def join(
    line: Line,
    parts: Annotated[
        list[str],
        typer.Argument(
            help="In their order: chime:opening (closing, attention), pause:<ms>, asset:<id>, or a sound file."
        ),
    ],
    title: Annotated[str, typer.Option(help="What people call the new sound.")],
    unit: Annotated[str | None, typer.Option(help="Id of the unit whose it is.")] = None,
) -> None:
    """Join chimes, pauses and short sounds into one, of 2 minutes at most; `loa play --asset` puts it on air."""
    wanted = [_part(part) for part in parts]
    client = line.client
    quiet = line.as_json
    ready = [_taken_in(client, part, unit, quiet=quiet) if isinstance(part, Path) else part for part in wanted]
    asset = client.get(f"/media/{join_parts(client, title, ready, unit, quiet=quiet)}")
    if line.as_json:
        print_json(asset)
    else:
        seconds = asset["duration_ms"] / 1000
        console.print(f"Đã ghép “{asset['title']}” ({seconds:.1f} s): {asset['id']}", highlight=False)


def _part(text: str) -> dict[str, str | int] | Path:
    """What an argument means; a file is taken in before it is a part."""
    kind, _, value = text.partition(":")
    if kind == "chime" and value:
        return {"chime": value}
    if kind == "pause" and value.isdecimal():
        return {"pause_ms": int(value)}
    if kind == "asset" and value:
        return {"asset_id": value}
    if (file := Path(text)).is_file():
        return file
    raise typer.BadParameter(f"“{text}” is no chime:<name>, pause:<ms>, asset:<id>, nor a file")


def _taken_in(client: Any, file: Path, unit: str | None, *, quiet: bool) -> dict[str, str | int]:
    return {"asset_id": take_in(client, file, quiet=quiet, said={"unit": unit} if unit else {})}
