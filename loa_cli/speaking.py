"""`loa speak`: how a text is read, hear it, keep it as a sound of the library. The voice is a machine's."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from loa_cli.intake import speak_reading
from loa_cli.line import Line, on_line
from loa_cli.reporting import console, errors, print_json

_STDIN = "-"


@on_line
def speak(
    line: Line,
    text: Annotated[str, typer.Argument(help="What to say; “-” reads it from standard input.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Hear up to 500 characters: write them to this WAV file.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Keep it as a sound of the library, called so.")] = None,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="The text is an approved reading already; say it letter by letter as it is.")
    ] = False,
    unit: Annotated[str | None, typer.Option(help="Whose voice and pronunciations hold: a unit's id.")] = None,
    language: Annotated[str, typer.Option(help="vi, en, …")] = "vi",
    voice: Annotated[str | None, typer.Option(help="espeak/vi, espeak/vi-south, piper/…; default: the unit's.")] = None,
    speed: Annotated[float | None, typer.Option(min=0.5, max=2.0, help="1 is an announcer's.")] = None,
    pause_ms: Annotated[int | None, typer.Option(min=0, max=5000, help="Silence between sentences.")] = None,
) -> None:
    """Have a text spoken; without -o and --title, show how it would be read."""
    told = sys.stdin.read() if text == _STDIN else text
    reading, proposed = told, None
    if not as_is:
        proposed = line.client.post("/speech/readings", {"text": told, "unit": unit, "language": language})
        reading = proposed["reading"]
        _show(line, proposed, brief=output is not None or title is not None)
    said = {
        "reading": reading,
        "unit": unit,
        "language": language,
        "voice": voice,
        "speed": speed,
        "pause_ms": pause_ms,
    }
    if output is not None:
        _hear(line, said, output)
    if title is not None:
        _keep(line, {**said, "title": title, "written": None if as_is else told})


def _show(line: Line, proposed: dict[str, Any], *, brief: bool) -> None:
    """The reading, and what somebody should look at; where a sound follows, only that."""
    if not brief and line.as_json:
        print_json(proposed)
        return
    if not brief:
        console.print(proposed["reading"], highlight=False, markup=False)
    for change in proposed["changes"]:
        errors.print(change["vi"], highlight=False, markup=False)
    for note in proposed["notes"]:
        if note["doubtful"]:
            errors.print(note["vi"], highlight=False, markup=False)


def _hear(line: Line, said: dict[str, Any], output: Path) -> None:
    sound, headers = line.client.fetch("/speech/preview", said)
    output.write_bytes(sound)
    who = headers["X-Loa-Voice"]
    why = headers.get("X-Loa-Fell-Back")
    told = f"Giọng máy {who}" + (f" (thay giọng được chọn: {why})" if why else "")
    errors.print(f"{told}: {output}", highlight=False, markup=False)


def _keep(line: Line, said: dict[str, Any]) -> None:
    asset = line.client.get(f"/media/{speak_reading(line.client, said, quiet=line.as_json)}")
    if line.as_json:
        print_json(asset)
        return
    facts = asset["facts"]["speech"]
    console.print(
        f"Giọng máy {facts['voice']} đã đọc “{asset['title']}” ({asset['duration_ms'] / 1000:.1f} s): {asset['id']}",
        highlight=False,
        markup=False,
    )
    if facts["fell_back"] is not None:
        console.print(f"Thay cho {facts['wanted']}: {facts['fell_back']}", highlight=False, markup=False)
