"""`loa stagger`: which horns of a unit are heard together, and what keeps them apart."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.table import Table

from loa_cli.line import Line, on_line
from loa_cli.reporting import console, print_file, print_json

staggers = typer.Typer(help="Horns that are heard together: take turns, or delay some.", no_args_is_help=True)

Unit = Annotated[str, typer.Argument(help="Id of a unit; all below it belongs to it.")]
Temperature = Annotated[
    float, typer.Option(min=-20, max=50, help="Of the air, in °C: sound is faster when it is warm.")
]
Reach = Annotated[
    float | None, typer.Option(min=1, max=20_000, help="How far horns are heard whose own reach nobody knows, in m.")
]
Turns = Annotated[int, typer.Option(min=2, max=16, help="A cluster that needs more turns is left as it is.")]
Delay = Annotated[int, typer.Option(min=0, max=60_000, help="The longest delay of a horn, in ms.")]

REMEDIES = {
    "in_step": "phát cùng lúc",
    "delays": "lệch giờ từng loa",
    "turns": "phát lần lượt",
    "too_dense": "quá dày, để nguyên",
}
REASONS = {
    "no_echo": "không nơi nào nghe vọng",
    "delays_suffice": "lệch giờ là đủ, mọi nơi đều dưới ngưỡng nghe vọng",
    "too_wide": "quanh một cặp loa, độ lệch âm trải quá rộng nên lệch giờ không giúp được",
    "not_all_at_once": "từng cặp thì lệch giờ được, nhưng không cùng lúc cho cả nhóm",
}


class Form(StrEnum):
    """How the map is shown."""

    TABLE = "table"
    JSON = "json"
    GEOJSON = "geojson"
    SVG = "svg"


@staggers.command("show")
@on_line
def show(
    line: Line,
    unit: Unit,
    form: Annotated[
        Form, typer.Option("--as", help="table, json, geojson or svg (a drawing without any map).")
    ] = Form.TABLE,
    temperature_c: Temperature = 20.0,
    reach_m: Reach = None,
    most_turns: Turns = 6,
    most_delay_ms: Delay = 5000,
) -> None:
    """The map of horns that are heard together, and what should be done; changes nothing."""
    asked = _asked(unit, temperature_c, reach_m, most_turns, most_delay_ms)
    found = line.client.get("/stagger", asked)
    _print(found, form)


@staggers.command("apply")
@on_line
def apply(
    line: Line,
    unit: Unit,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    temperature_c: Temperature = 20.0,
    reach_m: Reach = None,
    most_turns: Turns = 6,
    most_delay_ms: Delay = 5000,
) -> None:
    """Tell the horns of a unit their delays and turns; alerts stay simultaneous."""
    asked = _asked(unit, temperature_c, reach_m, most_turns, most_delay_ms)
    found = line.client.post("/stagger", {**asked, "dry_run": dry_run})
    if line.as_json:
        print_json(found)
        return
    _print(found, Form.TABLE)
    told_words = "đã đổi" if found["applied"] else "sẽ đổi"
    console.print(f"{told_words} {len(found['changed'])} thiết bị", highlight=False)


@staggers.command("clear")
@on_line
def clear(line: Line, unit: Unit) -> None:
    """Let all horns of a unit begin together again. Prints JSON."""
    print_json(line.client.delete(f"/stagger?unit={unit}"))


def _asked(
    unit: str, temperature_c: float, reach_m: float | None, most_turns: int, most_delay_ms: int
) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "unit": unit,
        "temperature_c": temperature_c,
        "most_turns": most_turns,
        "most_delay_ms": most_delay_ms,
    }
    return asked if reach_m is None else {**asked, "reach_m": reach_m}


def _print(found: dict[str, Any], form: Form) -> None:
    from loa_cli.stagger_drawing import geojson, svg

    if form is Form.JSON:
        print_json(found)
    elif form is Form.GEOJSON:
        print_json(geojson(found))
    elif form is Form.SVG:
        print_file(svg(found))
    else:
        _tables(found)


def _tables(found: dict[str, Any]) -> None:
    by_id = {horn["id"]: horn for horn in found["devices"]}
    table = Table(title=f"Loa nghe chồng nhau: {found['unit']}", title_justify="left")
    for column in ("Nhóm", "Cách làm", "Vì sao", "Lệch nghe được", "Thiết bị"):
        table.add_column(column)
    for cluster in found["clusters"]:
        horns = [by_id[key] for key in cluster["devices"]]
        apart = f"{cluster['apart_ms']:.0f} → {cluster['left_ms']:.0f} ms"
        table.add_row(
            str(cluster["number"]), _remedy(cluster), REASONS[cluster["reason"]], apart, _told(cluster, horns)
        )
    console.print(table)
    if found["unplaced"]:
        names = ", ".join(horn["id"] for horn in found["unplaced"])
        console.print(f"Chưa biết vị trí (loa device set … --at): {names}", highlight=False)
    for one in found["collisions"]:
        console.print(
            f"Lượt cuối của {one['earlier']} còn phát {one['over_s']:.0f} giây khi {one['later']} bắt đầu"
            f" ({one['devices']} thiết bị)",
            style="yellow",
            highlight=False,
        )


def _remedy(cluster: dict[str, Any]) -> str:
    words = REMEDIES[cluster["remedy"]]
    if cluster["remedy"] not in {"turns", "too_dense"}:
        return words
    return f"{words}: {cluster['turns']} lượt (ít nhất {cluster['at_least']}, nhiều nhất {cluster['at_most']})"


def _told(cluster: dict[str, Any], horns: list[dict[str, Any]]) -> str:
    """Each turn with its horns, or each horn with its delay."""
    if cluster["remedy"] == "turns":
        turns = range(cluster["turns"])
        named = [", ".join(horn["id"] for horn in horns if horn["wanted_turn"] == turn) for turn in turns]
        return "\n".join(f"lượt {turn + 1}: {names}" for turn, names in enumerate(named))
    if cluster["remedy"] == "delays":
        return ", ".join(f"{horn['id']} +{horn['wanted_stagger_ms']} ms" for horn in horns)
    return ", ".join(horn["id"] for horn in horns)
