"""`loa sound`: take a sound in with what is wished and said of it, hear it, and look at what was found."""

from pathlib import Path
from typing import Annotated, Any

import typer

from loa_cli.intake import take_in
from loa_cli.line import Line, on_line
from loa_cli.reporting import console, print_json

sounds = typer.Typer(help="Sounds of the library.", no_args_is_help=True)

CODECS = {".opus": "opus", ".ogg": "opus", ".mp3": "mp3"}
_KIB = 1024
_BLOCKS = " ▁▂▃▄▅▆▇█"
_COLUMNS = 60
_CHIME_HELP = "chime:opening, chime:closing, chime:attention, or asset:<id> of a short sound."


@sounds.command("add")
@on_line
def add_sound(
    line: Line,
    file: Annotated[Path, typer.Argument(help="A sound file or a recording of any common format.", exists=True)],
    title: Annotated[str | None, typer.Option(help="Default: the file's name.")] = None,
    trim: Annotated[bool, typer.Option(help="Cut silence off both ends.")] = False,
    horn: Annotated[bool, typer.Option(help="Filter speech for horn loudspeakers.")] = False,
    music: Annotated[bool, typer.Option(help="It is music: a higher quality.")] = False,
    before: Annotated[str | None, typer.Option(help=_CHIME_HELP)] = None,
    after: Annotated[str | None, typer.Option(help=_CHIME_HELP)] = None,
    repeats: Annotated[int, typer.Option(min=1, max=20, help="How often it sounds.")] = 1,
    gap_ms: Annotated[int, typer.Option(min=0, max=60_000, help="Silence between repeats.")] = 0,
    unit: Annotated[str | None, typer.Option(help="Id of the unit whose it is.")] = None,
    language: Annotated[str | None, typer.Option(help="vi, hmn, …")] = None,
    text: Annotated[str | None, typer.Option(help="What is said in it, to be found by.")] = None,
    recording: Annotated[bool, typer.Option("--recording", help="It was recorded here, not found elsewhere.")] = False,
) -> None:
    """Take a sound in; `loa play --asset` puts it on air."""
    said = {
        "trim": "true" if trim else None,
        "horn": "true" if horn else None,
        "profile": "music" if music else None,
        "before": before,
        "after": after,
        "repeats": str(repeats) if repeats > 1 else None,
        "gap_ms": str(gap_ms) if gap_ms else None,
        "unit": unit,
        "language": language,
        "text": text or None,
        "origin": "recording" if recording else None,
    }
    given = {name: value for name, value in said.items() if value is not None}
    _show(line, take_in(line.client, file, title, quiet=line.as_json, said=given))


@sounds.command("show")
@on_line
def show_sound(
    line: Line,
    asset: Annotated[str, typer.Argument(help="The sound's id.")],
) -> None:
    """What a sound is: its length, its loudness, its picture and what was found when it was taken in."""
    _show(line, asset)


@sounds.command("save")
@on_line
def save_sound(
    line: Line,
    asset: Annotated[str, typer.Argument(help="The sound's id.")],
    file: Annotated[Path, typer.Argument(help="Where to: .opus or .ogg as loudspeakers get it, or .mp3.")],
) -> None:
    """Write a sound to a file to listen to it, as devices play it."""
    codec = CODECS.get(file.suffix.lower())
    if codec is None:
        raise typer.BadParameter(f"{file.name} ends with none of {', '.join(CODECS)}")
    if not file.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {file.parent}")
    size = line.client.save(f"/media/{asset}/sound", {"codec": codec}, file)
    if line.as_json:
        print_json({"file": str(file), "codec": codec, "bytes": size})
        return
    console.print(f"Đã lưu {file} ({size / _KIB:.0f} KiB)", highlight=False)


def _show(line: Line, asset_id: str) -> None:
    asset = line.client.get(f"/media/{asset_id}")
    if line.as_json:
        print_json(asset)
        return
    seconds = asset["duration_ms"] / 1000
    console.print(f"“{asset['title']}” ({seconds:.1f} s): {asset['id']}", highlight=False)
    console.print(f"Độ to {asset['loudness_lufs']} LUFS, đỉnh {asset['true_peak_dbtp']} dBTP", highlight=False)
    console.print(_drawn(line.client, asset_id), highlight=False)
    for finding in asset["findings"]:
        console.print(f"- {finding['vi']} [{finding['code']}]", highlight=False)


def _drawn(client: Any, asset_id: str) -> str:
    """The wave as one line; sounds taken in before pictures were drawn have none."""
    from loa_cli.client import ApiRefused

    try:
        high = client.get(f"/media/{asset_id}/waveform")["high"]
    except ApiRefused as error:
        if error.problem_code != "waveform_unknown":
            raise
        return "(chưa có hình dạng sóng)"
    most = max(1, *high)
    columns = min(_COLUMNS, len(high))
    parts = [max(high[n * len(high) // columns : (n + 1) * len(high) // columns]) for n in range(columns)]
    return "".join(_BLOCKS[round(max(0, part) * (len(_BLOCKS) - 1) / most)] for part in parts)
