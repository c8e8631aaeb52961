"""`loa unit`, `loa device`, `loa inspect`."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Column, Table
from rich.text import Text

from loa_cli.instants import ZONE
from loa_cli.line import Line, on_line
from loa_cli.options import BrokerHost, BrokerPort
from loa_cli.reporting import console, print_json, told

units = typer.Typer(help="Units of the tree.", no_args_is_help=True)
devices = typer.Typer(help="Loudspeakers and boards.", no_args_is_help=True)

_DEGREES_WIDTH = 9
KINDS = {
    "country": "toàn quốc",
    "province": "tỉnh",
    "region": "vùng",
    "commune": "xã",
    "village": "thôn",
    "agency": "cơ quan",
    "speaker": "loa",
    "board": "bảng tin",
}
LEVELS = {"info": "thông tin", "warning": "cảnh báo", "error": "báo lỗi"}
LEVEL_STYLE = {"warning": "yellow", "error": "red"}
CLOCKS = {"trusted": "tin cậy", "untrusted": "chưa tin cậy"}
At = Annotated[
    str | None, typer.Option("--at", metavar="LAT,LON", help="Where it hangs, in degrees: 21.0285,105.8542.")
]
Languages = Annotated[
    str | None,
    typer.Option(
        "--languages", metavar="A,B", help="What is spoken, the first first: codes or names, hmn,vi or Mông,Việt."
    ),
]
Reach = Annotated[int | None, typer.Option("--reach", min=1, max=20_000, help="How far it is heard, in metres.")]


def _place(text: str | None) -> dict[str, Any]:
    """The fields of a place.

    Raises:
        typer.BadParameter: it is none.
    """
    if text is None:
        return {}
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"“{text}” is not LAT,LON: two numbers with a comma between them") from None
    return {"latitude": latitude, "longitude": longitude}


def _codes(line: Line, text: str) -> list[str]:
    """Codes of languages that are written as codes or as their Vietnamese names; none of an empty text."""
    known = {one["vi"].casefold(): one["code"] for one in line.client.get("/languages")}
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return [known.get(part.casefold().removeprefix("tiếng "), part) for part in parts]


@units.command("add")
@on_line
def add_unit(
    line: Line,
    unit: Annotated[str, typer.Argument(help="Id: a-z, 0-9 and -, at most 40.")],
    name: Annotated[str, typer.Option(help="The name people use.")],
    kind: Annotated[str, typer.Option(help="country, province, region, commune, village or agency.")],
    parent: Annotated[str | None, typer.Option(help="Id of the unit above.")] = None,
    code: Annotated[str | None, typer.Option(help="The official code.")] = None,
    languages: Languages = None,
) -> None:
    """Add a unit; its devices speak the languages of the unit above unless some are named."""
    body: dict[str, Any] = {"id": unit, "name": name, "kind": kind, "parent_id": parent, "code": code}
    if languages is not None:
        body["languages"] = _codes(line, languages)
    print_json(line.client.post("/units", body))


@units.command("set")
@on_line
def set_unit(
    line: Line,
    unit: Annotated[str, typer.Argument(help="The unit's id.")],
    name: Annotated[str | None, typer.Option(help="The name people use.")] = None,
    languages: Languages = None,
) -> None:
    """Say what a unit is called or what its devices speak ("": as the unit above); what is not named stays."""
    changes: dict[str, Any] = {} if name is None else {"name": name}
    if languages is not None:
        changes["languages"] = _codes(line, languages)
    if not changes:
        raise typer.BadParameter("say what to set: --name or --languages")
    print_json(line.client.patch(f"/units/{unit}", changes))


@units.command("languages")
@on_line
def list_languages(line: Line) -> None:
    """The languages that are known by name; any other code of ISO 639 may be used, too."""
    rows = line.client.get("/languages")
    if line.as_json:
        print_json(rows)
        return
    table = Table("Mã", "Tiếng", "Tên tiếng Anh", "Tên gọi của người nói")
    for row in rows:
        table.add_row(row["code"], row["vi"], row["en"], row["own"])
    console.print(table)


@units.command("list")
@on_line
def list_units(line: Line) -> None:
    """All units."""
    rows = line.client.get("/units")
    if line.as_json:
        print_json(rows)
        return
    table = Table("Đơn vị", "Tên", "Loại", "Thuộc", "Ngôn ngữ")
    for row in rows:
        spoken = " ".join(row["languages"] or ())
        table.add_row(row["id"], row["name"], KINDS.get(row["kind"], row["kind"]), row["parent_id"] or "", spoken)
    console.print(table)


@devices.command("add")
@on_line
def add_device(
    line: Line,
    device: Annotated[str, typer.Argument(help="Id: a-z, 0-9 and -, at most 40.")],
    name: Annotated[str, typer.Option(help="The name people use.")],
    unit: Annotated[str, typer.Option(help="Id of its unit.")],
    bundle: Annotated[Path, typer.Option(help="Folder to write the device's provisioning bundle into.")],
    broker_host: BrokerHost = "127.0.0.1",
    broker_port: BrokerPort = None,
    kind: Annotated[str, typer.Option(help="speaker or board.")] = "speaker",
    profile: Annotated[
        str, typer.Option(help="A profile of firmware_configs/, by name or path.")
    ] = "generic-raspberry-pi",
    at: At = None,
    reach_m: Reach = None,
) -> None:
    """Register a device and write its provisioning bundle: key, pinned trust, configuration."""
    from loa_cli.provisioning import Bundle, make_key, port_of, write_bundle

    place = _place(at)
    made = Bundle(bundle)
    public = make_key(made)
    row = line.client.post(
        "/devices",
        {
            "id": device,
            "name": name,
            "kind": kind,
            "unit_id": unit,
            "public_key": public,
            "profile": Path(profile).stem,
            "reach_m": reach_m,
            **place,
        },
    )
    write_bundle(
        made,
        device_id=device,
        broker={"host": broker_host, "port": port_of(line.data_dir, broker_port)},
        trust=json.dumps(line.client.get("/provisioning")["trust"]),
        profile=profile,
        output=None,
    )
    print_json({**row, "bundle": str(made.folder)})


@devices.command("set")
@on_line
def set_device(
    line: Line,
    device: Annotated[str, typer.Argument(help="The device's id.")],
    at: At = None,
    reach_m: Reach = None,
    forget_place: Annotated[bool, typer.Option("--forget-place", help="Nobody knows where it hangs.")] = False,
    forget_reach: Annotated[bool, typer.Option("--forget-reach", help="Nobody knows how far it is heard.")] = False,
    languages: Languages = None,
) -> None:
    """Say where a device hangs, how far it is heard and what it speaks ("": as its unit); what is not named stays."""
    changes = _place(at)
    if forget_place:
        changes |= {"latitude": None, "longitude": None}
    if reach_m is not None or forget_reach:
        changes["reach_m"] = None if forget_reach else reach_m
    if languages is not None:
        changes["languages"] = _codes(line, languages)
    if not changes:
        raise typer.BadParameter("say what to set: --at, --reach, --forget-place, --forget-reach or --languages")
    print_json(line.client.patch(f"/devices/{device}", changes))


@devices.command("list")
@on_line
def list_devices(line: Line) -> None:
    """All devices and whether they are there."""
    rows = line.client.get("/devices")
    if line.as_json:
        print_json(rows)
        return
    name, unit = Column("Tên", overflow="fold"), Column("Đơn vị", overflow="fold")
    table = Table(Column("Thiết bị", no_wrap=True), name, "Loại", unit, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Vị trí", min_width=_DEGREES_WIDTH)
    for heading in ("Kết nối", "Sẵn sàng", "Đồng hồ"):
        table.add_column(heading)
    for row in rows:
        clock = row["state"].get("clock", {})
        state = CLOCKS.get(clock.get("state"), clock.get("state", "?"))
        shown = f"{state} ±{clock.get('error_ms', '?')} ms" if clock else ""
        online, ready = ("có" if row["online"] else "không"), ("có" if row["ready"] else "chưa")
        place = "" if row["latitude"] is None else f"{row['latitude']:.5f} {row['longitude']:.5f}"
        kind = KINDS.get(row["kind"], row["kind"])
        table.add_row(row["id"], row["name"], kind, row["unit_id"], place, online, ready, shown)
    console.print(table)


@devices.command("log")
@on_line
def show_log(line: Line, device: Annotated[str, typer.Argument(help="The device's id.")]) -> None:
    """What the device's program wrote into its own log, as far as it told; the newest line last."""
    rows = line.client.get(f"/devices/{device}/log")
    if line.as_json:
        print_json(rows)
        return
    for row in reversed(rows):
        at = datetime.fromisoformat(row["at"]).astimezone(ZONE)
        word = Text(LEVELS.get(row["level"], row["level"]), LEVEL_STYLE.get(row["level"], ""))
        console.print(Text.assemble(f"{at:%d/%m %H:%M:%S} ", word, f" {row['text']}"), highlight=False)


def inspect(
    document: Annotated[
        Path,
        typer.Argument(
            help="A file with an envelope, an array of them, or a content frame; - is standard input.",
        ),
    ],
    trust: Annotated[
        Path | None,
        typer.Option(help="A trust list to verify against (pinned_trust of a bundle)."),
    ] = None,
) -> None:
    """Take a signed document apart and, with --trust, verify it. Prints JSON."""
    from loa_cli.inspection import inspect_bytes

    try:
        raw = sys.stdin.buffer.read() if str(document) == "-" else document.read_bytes()
        trusted = trust.read_bytes() if trust else None
    except OSError as error:
        raise typer.BadParameter(f"{error.filename} cannot be read: {error.strerror}") from error
    with told():
        for shown in inspect_bytes(raw, trusted):
            print_json(shown)
