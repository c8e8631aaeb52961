"""`loa timeline` and `loa explain`: what a device plays, and why it does not play the rest."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from loa_cli.instants import ZONE, parse_instant
from loa_cli.line import Line, on_line
from loa_cli.reporting import OUTCOME_STYLE, OUTCOME_WORDS, console, local, local_time, print_json, styled

Device = Annotated[str, typer.Argument(help="The device's id.")]


@on_line
def timeline(
    line: Line,
    device: Device,
    begin: Annotated[str | None, typer.Option("--from", help="As for `loa play --at`; default: now.")] = None,
    hours: Annotated[int, typer.Option(min=1, max=31 * 24, help="How many hours from then on.")] = 24,
) -> None:
    """What a device played and will play, with the reason where it does not."""
    now = datetime.now(UTC)  # noqa: TID251 - the person's own clock
    first = parse_instant(begin, now) if begin else now
    last = first + timedelta(hours=hours)
    found = line.client.get("/timeline", {"device": device, "from": first.isoformat(), "to": last.isoformat()})
    if line.as_json:
        print_json(found)
        return
    table = Table(
        title=f"{device}: {local(found['begin'])} – {local(found['end'])}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in ("Dự kiến", "Lượt phát", "Phát lúc", "Kết quả", "Vì sao"):
        table.add_column(column, no_wrap=column == "Phát lúc", overflow="fold")
    for entry in found["entries"]:
        table.add_row(local(entry["planned"]), entry["title"], local_time(entry["begin"]), _word(entry), _why(entry))
    console.print(table)


@on_line
def explain(
    line: Line,
    device: Device,
    at: Annotated[
        str,
        typer.Argument(help="An instant, as for `loa play --at`; a bare time is the next; a past one with its date."),
    ],
) -> None:
    """What a device plays or played at an instant, what lost to it, and by which rule."""
    now = datetime.now(UTC)  # noqa: TID251 - the person's own clock
    instant = parse_instant(at, now)
    found = line.client.get("/explain", {"device": device, "at": instant.isoformat()})
    if line.as_json:
        print_json(found)
        return
    day = day_words(instant, now)
    console.print(f"{device} lúc {local(found['at'])}{f' ({day})' if day else ''}: {_heading(found)}", highlight=False)
    for voice in found["machine_speech"]:
        console.print(f"  {voice['vi']}", highlight=False, markup=False)
    for entry in found["others"]:
        console.print(f"  “{entry['title']}” ({local(entry['planned'])}): {_why(entry)}", highlight=False)
    if found["following"]:
        following = found["following"]
        console.print(f"  Tiếp theo: “{following['title']}” lúc {local(following['begin'])}.", highlight=False)


def day_words(instant: datetime, now: datetime) -> str:
    """“hôm nay” and its neighbours in Vietnam: a bare time of day that has passed means tomorrow's."""
    days = (instant.astimezone(ZONE).date() - now.astimezone(ZONE).date()).days
    return {-1: "hôm qua", 0: "hôm nay", 1: "ngày mai"}.get(days, "")


def _heading(found: dict[str, Any]) -> str:
    playing = found["playing"]
    if playing:
        return f"“{playing['title']}”: {_why(playing)}"
    unknown = any(entry["source"] == "awaited" for entry in found["others"])
    return "Chưa rõ có lượt phát nào không." if unknown else "Không có lượt phát nào."


def _why(entry: dict[str, Any]) -> str:
    return str(entry["why"]["vi"])


def _word(entry: dict[str, Any]) -> Text:
    outcome = entry["outcome"]
    if entry["source"] == "forecast" and outcome == "played":
        return Text("sẽ phát")
    return styled(OUTCOME_WORDS[outcome], OUTCOME_STYLE.get(outcome or "", "red" if outcome else "dim"))
