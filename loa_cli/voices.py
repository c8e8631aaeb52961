"""`loa speech`: what a unit decides on machine voices: how single words are said, whose voice it is, how fast."""

from typing import Annotated, Any
from urllib.parse import urlencode

import typer
from rich import box
from rich.table import Table

from loa_cli.line import Line, on_line
from loa_cli.reporting import console, print_json, styled

speech = typer.Typer(help="Machine voices of a unit: its voice, and how words are said.", no_args_is_help=True)

Unit = Annotated[str, typer.Argument(help="Id of a unit.")]
Person = Annotated[str | None, typer.Option("--as", envvar="LOA_PERSON", help="Id of the person who does it.")]


@speech.command("words")
@on_line
def words(
    line: Line,
    unit: Unit,
    written: Annotated[str | None, typer.Argument(help="A word as texts have it: ATK.")] = None,
    spoken: Annotated[str | None, typer.Argument(help="How it is said, in letters: “a tê ca”.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the word out of the unit's own list.")] = False,
    person: Person = None,
) -> None:
    """How words are said in a unit and all below it; with a word and how it is said, put it on the list."""
    if (written is None and remove) or (written is not None and (spoken is None) != remove):
        raise typer.BadParameter("give a word with how it is said, or a word with --remove, or none of them")
    path = f"/units/{unit}/pronunciations"
    if person is not None:
        line.client.act_for(person)
    if remove:
        line.client.delete(f"{path}?{urlencode({'written': written})}")
    elif written is not None:
        line.client.put(path, {"written": written, "spoken": spoken})
    rows = line.client.get(path)
    if line.as_json:
        print_json(rows)
        return
    table = Table("Viết", "Đọc là", "Đơn vị", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for row in rows:
        table.add_row(row["written"], row["spoken"], row["unit_id"])
    console.print(table if rows else "Chưa có từ nào có cách đọc riêng.")


@speech.command("voice")
@on_line
def voice(
    line: Line,
    unit: Unit,
    choose: Annotated[
        list[str] | None, typer.Option("--choose", help="A voice, as listed; several by preference, best first.")
    ] = None,
    speed: Annotated[float | None, typer.Option(min=0.5, max=2.0, help="1 is an announcer's.")] = None,
    pause_ms: Annotated[int | None, typer.Option(min=0, max=5000, help="Silence between sentences.")] = None,
    usual: Annotated[bool, typer.Option("--usual", help="Choose no more: what is above the unit holds.")] = False,
    language: Annotated[str, typer.Option(help="Whose voices to list: vi, en, …")] = "vi",
    person: Person = None,
) -> None:
    """Whose voice reads for a unit and all below it; choose another, or how fast it speaks."""
    chosen = {"voices": choose, "speed": speed, "pause_ms": pause_ms}
    given = {name: value for name, value in chosen.items() if value is not None}
    if usual and given:
        raise typer.BadParameter("--usual takes the unit's own choice away; choose, or do that")
    path = f"/units/{unit}/speech"
    if person is not None:
        line.client.act_for(person)
    if usual:
        line.client.delete(path)
    elif given:
        held = line.client.get(path)
        own = {name: held[name] for name in chosen} if held["unit_id"] == unit else {}
        line.client.put(path, {"voices": [], "speed": None, "pause_ms": None, **own, **given})
    holds = line.client.get(path)
    voices = line.client.get("/speech/voices", {"unit": unit, "language": language})
    if line.as_json:
        print_json({**holds, "order": voices})
        return
    _tell(holds, voices)


def _tell(holds: dict[str, Any], voices: list[dict[str, Any]]) -> None:
    whose = f"do {holds['unit_id']} chọn" if holds["unit_id"] else "mặc định"
    console.print(f"Tốc độ {holds['speed']:g}, nghỉ {holds['pause_ms']} ms giữa hai câu ({whose})", highlight=False)
    unknown = [name for name in holds["voices"] if name not in {one["name"] for one in voices}]
    table = Table("Thứ tự", "Giọng", "Là", "Dùng được", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for number, one in enumerate(voices, 1):
        able = styled("có", "green") if one["missing"] is None else styled(f"không: {one['missing']}", "yellow")
        table.add_row(str(number), one["name"], one["about"], able)
    console.print(table)
    if unknown:
        console.print(f"Đã chọn nhưng hiện không có: {', '.join(unknown)}", highlight=False)
