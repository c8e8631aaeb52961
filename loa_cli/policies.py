"""`loa policy`: the rules of the air of units, groups and devices, and what binds one device."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from loa_cli.line import Line, on_line
from loa_cli.reporting import console, local, local_time, print_json, styled

policies = typer.Typer(help="Rules of the air: hours, minutes, volume, silent dates.", no_args_is_help=True)
Scope = Annotated[str, typer.Argument(help="u-<unit>, g-<group> or d-<device>.")]


@policies.command("list")
@on_line
def list_policies(line: Line) -> None:
    """All policies in force."""
    rows = line.client.get("/policies")
    if line.as_json:
        print_json(rows)
        return
    table = Table("Phạm vi", "Tên", "Bản", "Sửa lúc", "Người sửa", "Quy định")
    for row in rows:
        what = ", ".join(_WORDS.get(name, name) for name in row["document"])
        table.add_row(row["scope"], row["name"], str(row["revision"]), local(row["made_at"]), row["made_by"], what)
    console.print(table)


_WORDS = {
    "windows": "khung giờ",
    "slots_a_day": "số buổi",
    "minutes_a_day": "số phút",
    "volume_caps": "âm lượng",
    "blackouts": "ngày không phát",
    "slot_gap_min": "giãn cách buổi",
    "zone": "múi giờ",
    "note": "ghi chú",
}


@policies.command("show")
@on_line
def show(line: Line, scope: Scope) -> None:
    """One policy, as `set` takes it (JSON is YAML)."""
    row = line.client.get(f"/policies/{scope}")
    print_json({"format": "loa.policy.v1", "scope": scope, **row["document"]})


@policies.command("set")
@on_line
def set_policy(
    line: Line,
    file: Annotated[Path, typer.Argument(help="A policy as YAML.", exists=True, dir_okay=False)],
    revision: Annotated[
        int | None, typer.Option(help="Only if this revision still stands; default: the newest.")
    ] = None,
    by: Annotated[str, typer.Option(help="Who changes it.")] = "",
) -> None:
    """Make a file the policy of its scope; tells what of the planned it silences."""
    from controller.handwritten.files import load
    from controller.policies import document

    written = load(file, document.PolicyFile)
    wanted, standing = document.plain(document.sound(written)), _standing(line.client, written.scope)
    if standing is not None and standing["document"] == wanted and revision is None:
        saved = {**standing, "silenced": []}
    else:
        expected = revision if revision is not None else standing and standing["revision"]
        body = {"document": wanted, "expected_revision": expected, "by": by}
        saved = line.client.put(f"/policies/{written.scope}", body)
    _tell(saved, line.as_json)


@policies.command("clear")
@on_line
def clear(
    line: Line,
    scope: Scope,
    revision: Annotated[
        int | None, typer.Option(help="Only if this revision still stands; default: the newest.")
    ] = None,
) -> None:
    """Lift the policy of a scope."""
    expected = revision if revision is not None else line.client.get(f"/policies/{scope}")["revision"]
    saved = line.client.delete(f"/policies/{scope}?expected_revision={expected}")
    _tell(saved, line.as_json)


@policies.command("device")
@on_line
def device_policy(
    line: Line,
    device: Annotated[str, typer.Argument(help="Id of a device.")],
    days: Annotated[int, typer.Option(min=1, max=31, help="How many days to show.")] = 2,
) -> None:
    """What all its policies together allow a device, and whose rules those are."""
    merged = line.client.get(f"/devices/{device}/policy", {"days": str(days)})
    if line.as_json:
        print_json(merged)
        return
    names = {**merged["names"], "ceilings": "quy định chung"}
    table = Table("Ngày", "Từ", "Đến", "Được phát", "Âm lượng", "Theo quy định của")
    for day in merged["days"]:
        for band in day["bands"]:
            whose = ", ".join(names.get(scope, scope) for scope in band["closed_by"] or band["capped_by"])
            allowed = styled("có", "green") if band["allowed"] else styled("không", "red")
            begin, end = (local_time(band[name])[:5] for name in ("begin", "end"))
            volume = str(band["volume"]) if band["allowed"] else ""
            table.add_row(
                f"{date.fromisoformat(day['day']):%d/%m/%Y}",
                begin,
                end if end != "00:00" else "24:00",
                allowed,
                volume,
                whose,
            )
    console.print(table)
    for name, word in (("minutes_a_day", "phút"), ("slots_a_day", "buổi")):
        for one in merged[name]:
            told_by = names.get(one["scope"], one["scope"])
            console.print(f"Tối đa {one['most']} {word} một ngày: {told_by}", highlight=False)


@policies.command("zones")
@on_line
def zones(line: Line) -> None:
    """Quiet zones and the devices inside."""
    rows = line.client.get("/quiet-zones")
    if line.as_json:
        print_json(rows)
        return
    table = Table("Vùng", "Tên", "Đơn vị", "Tâm", "Bán kính m", "Thiết bị")
    for row in rows:
        centre = f"{row['latitude']:.5f}, {row['longitude']:.5f}"
        inside = ", ".join(row["devices"])
        table.add_row(row["id"], row["title"], row["unit_id"], centre, str(row["radius_m"]), inside)
    console.print(table)


def _standing(client: Any, scope: str) -> dict[str, Any] | None:
    from loa_cli.client import ApiRefused

    try:
        return dict(client.get(f"/policies/{scope}"))
    except ApiRefused as error:
        if error.problem_code != "policy_unknown":
            raise
        return None


def _tell(saved: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(saved)
        return
    state = "hiệu lực" if saved["in_force"] else "đã bỏ"
    console.print(f"{saved['scope']}: bản {saved['revision']}, {state}", highlight=False)
    for one in saved["silenced"]:
        console.print(f"sẽ không phát: {one['vi']}", style="yellow", highlight=False)
