"""`loa demo --check`: the whole line on one machine: controller, broker, three loudspeakers, a board and one bulletin.

It ends by itself, and says whether everybody played.
"""

import json
import time
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from rich.live import Live
from rich.table import Table

from loa_cli.client import ApiUnreachable, connected
from loa_cli.instants import ZONE
from loa_cli.processes import Children, DemoFailed, until
from loa_cli.provisioning import Bundle, make_key, write_bundle
from loa_cli.reporting import console, ledger_table, print_json

COMMUNE = "xa-an-binh"
SPEAKERS = {
    "loa-thon-1": ("Cụm loa thôn Một", "thon-1"),
    "loa-thon-2": ("Cụm loa thôn Hai", "thon-2"),
    "loa-ubnd": ("Cụm loa trụ sở UBND xã", COMMUNE),
}
BOARD = ("bang-tin-cho", "Bảng tin điện tử chợ trung tâm", "thon-1")
TEXT = (
    "TRẠM Y TẾ XÃ: 7 giờ 30 thứ Bảy, tiêm vắc-xin cho trẻ dưới 5 tuổi tại nhà văn hóa thôn."
    " Mời bà con đưa trẻ đến đúng giờ."
)
BOARD_S = 8
_POLL_S = 0.25
_START_LIMIT_S = 60.0
_READY_LIMIT_S = 60.0


def check(family: Children, run: Path, seconds_ahead: float, *, as_json: bool) -> bool:
    """Start everything, put one real bulletin on air, show every answer and what was captured; whether all played.

    Raises:
        DemoFailed: a part of it did not start, or ended.
    """
    result = _run(family, run, seconds_ahead, quiet=as_json)
    if as_json:
        print_json(result)
    else:
        _show_files(result)
    return bool(result["outcomes"] == {"played": len(SPEAKERS) + 1})


def serves(data_dir: Path) -> bool:
    """Whether the controller of a data folder answers."""
    try:
        with connected(data_dir, None, None) as client:
            client.get("/health")
    except ApiUnreachable:
        return False
    return True


def _run(family: Children, run: Path, seconds_ahead: float, *, quiet: bool) -> dict[str, Any]:
    data_dir = run / "controller"
    serving = ["serve", "--data-dir", str(data_dir), "--port", "0", "--broker-port", "0", "--answer-deadline-s", "20"]
    family.start("controller", serving, LOA_HOST_ACTS_FOR_PEOPLE="true")
    until(family, _START_LIMIT_S, "the controller", lambda: serves(data_dir))
    with connected(data_dir, None, None) as client:
        _furnish(client, family, run)
        _say(quiet, "Bốn thiết bị đang kết nối …")
        until(family, _READY_LIMIT_S, "the devices", lambda: _all_ready(client))
        speech = Path(str(resources.files("loa_cli") / "demo_media" / "ban_tin_mau.ogg"))
        asset = client.upload(speech, "Lịch tiêm chủng", COMMUNE)
        start = datetime.now(UTC) + timedelta(seconds=seconds_ahead)  # noqa: TID251 - the operator's own clock
        broadcast = client.post(
            "/broadcasts",
            {
                "title": "Lịch tiêm chủng",
                "to": [f"u-{COMMUNE}"],
                "asset_id": asset["id"],
                "at": start.isoformat(),
                "board_text": TEXT,
                "board_s": BOARD_S,
                "late_s": 10,
            },
        )
        when = f"{start.astimezone(ZONE):%H:%M:%S} (giờ Việt Nam)"
        _say(quiet, f"Bản tin dài {asset['duration_ms'] / 1000:.1f} s, phát lúc {when}")
        view = _follow(client, family, broadcast["id"], quiet=quiet)
        view["files"] = _files(run)
        view["url"] = client.url
    return view


def _furnish(client: Any, family: Children, run: Path) -> None:
    """Units, devices, bundles, and an agent process for each."""
    client.post("/units", {"id": "tinh-mau", "name": "Tỉnh mẫu", "kind": "province"})
    client.post("/units", {"id": COMMUNE, "name": "Xã An Bình", "kind": "commune", "parent_id": "tinh-mau"})
    for village, name in (("thon-1", "Thôn Một"), ("thon-2", "Thôn Hai")):
        client.post("/units", {"id": village, "name": name, "kind": "village", "parent_id": COMMUNE})
    trust = json.dumps(client.get("/provisioning")["trust"])
    broker = json.loads((run / "controller" / "broker.json").read_text())
    devices = [(device, name, unit, "speaker", "demo-speaker") for device, (name, unit) in SPEAKERS.items()]
    devices.append((*BOARD, "board", "generic-png-board"))
    for device, name, unit, kind, profile in devices:
        bundle = Bundle(run / "devices" / device)
        key = make_key(bundle)
        client.post(
            "/devices",
            {"id": device, "name": name, "kind": kind, "unit_id": unit, "public_key": key, "profile": profile},
        )
        capture = str((run / "captured" / device).resolve())
        write_bundle(
            bundle,
            device_id=device,
            broker={"host": broker["host"], "port": broker["port"]},
            trust=trust,
            profile=profile,
            output={"kind": "file", "path": capture},
        )
        family.start(device, ["agent", "--config", str(bundle.config)])


def _all_ready(client: Any) -> bool:
    rows = client.get("/devices")
    return len(rows) == len(SPEAKERS) + 1 and all(row["online"] and row["ready"] for row in rows)


def _follow(client: Any, family: Children, broadcast_id: str, *, quiet: bool) -> dict[str, Any]:
    with Live(console=console, refresh_per_second=4, transient=quiet) as live:
        while True:
            view: dict[str, Any] = client.get(f"/broadcasts/{broadcast_id}/ledger")
            if not quiet:
                live.update(_progress(view, client.get("/devices")))
            if view["closed"]:
                return view
            fallen = family.fallen()
            if fallen:
                raise DemoFailed(f"{fallen[0]} ended on air; its log says:\n{family.tail(fallen[0])}")
            time.sleep(_POLL_S)


def _progress(view: dict[str, Any], devices: list[dict[str, Any]]) -> Table:
    """The ledger; before a device's answer, what its last report says of it."""
    waiting = {
        row["id"]: "đang phát"
        if row["state"].get("playing")
        else "đang tải"
        if row["state"].get("missing")
        else "sẵn sàng"
        for row in devices
    }
    rows = view["rows"] or [{"device_id": row["id"]} for row in devices]
    return ledger_table(view["title"], rows, playing=waiting)


def _files(run: Path) -> dict[str, list[str]]:
    captured = run / "captured"
    return {
        device.name: sorted(str(file) for file in device.rglob("*") if file.suffix in {".wav", ".png"})
        for device in sorted(captured.iterdir())
    }


def _show_files(result: dict[str, Any]) -> None:
    console.print("\nÂm thanh và hình ảnh đã ghi lại:")
    for files in result["files"].values():
        for file in files:
            console.print(f"  {file}", highlight=False, soft_wrap=True)


def _say(quiet: bool, line: str) -> None:
    if not quiet:
        console.print(line, highlight=False)
