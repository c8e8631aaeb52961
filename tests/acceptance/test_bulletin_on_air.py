"""An approved bulletin sounds on real loudspeakers and a board; withdrawn it stops, and who is away is counted."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from loa_cli.commands import app
from tests.acceptance.rig import COMMUNE, System, bursts, captured, make_tone, running, wait_for

pytestmark = pytest.mark.broker
TONE_S = 40.0
"""Longer than the whole test after its start."""
SECOND = """
title: Cắt điện
field: notice
variants:
  - language: vi
    text: Mai cắt điện từ 7 giờ.
    audio: {asset}
    audio_kind: upload
    board: {{long: Mai cắt điện từ 7 giờ}}
"""


def test_a_withdrawn_bulletin_stops_and_the_devices_that_did_not_hear_of_it_are_counted(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    with running(tmp_path) as system:
        system.add_agent("loa-1")
        system.add_agent("loa-2")
        system.add_agent("bang-1", kind="board")
        lan, hung = _person(system, "Lan", "operator"), _person(system, "Hùng", "approver")
        asset = system.client.upload(make_tone(tmp_path / "tin.wav", seconds=TONE_S), "Tin", COMMUNE)["id"]
        made = _loa(
            system,
            *("new", "--unit", COMMUNE, "--title", "Cắt điện", "--text", "Mai cắt điện.", "--asset", asset),
            *("--board", "Mai cắt điện", "--field", "notice", "--as", lan),
        )
        bulletin = made["id"]
        _loa(system, "place", bulletin, "--to", f"u-{COMMUNE}", "--no-chime", "--board-s", "600", "--as", lan)
        _loa(system, "submit", bulletin, "--as", lan)
        _loa(system, "return", bulletin, "--why", "Thiếu giờ", "--as", hung)
        again = tmp_path / "cat-dien.yaml"
        again.write_text(SECOND.format(asset=asset))
        _loa(system, "edit", bulletin, str(again), "--revision", "1", "--as", lan)
        _loa(system, "submit", bulletin, "--as", lan)
        system.wait_ready()
        refused = CliRunner().invoke(app, _line(system, "approve", bulletin, "--revision", "2", "--as", lan))
        shown = CliRunner().invoke(app, _line(system, "show", bulletin))
        approved = _loa(system, "approve", bulletin, "--revision", "2", "--as", hung)
        broadcast = approved["placements"][0]["broadcast_id"]
        for device in ("loa-1", "loa-2"):
            wait_for(lambda device=device: _sounds(system, device), f"{device} sounds", 20)  # type: ignore[misc]
        system.agents["loa-2"].kill()
        begun = time.monotonic()
        _loa(system, "withdraw", bulletin, "--why", "Điện lực báo lại", "--as", hung)
        told = wait_for(lambda: _withdrawal(system, bulletin, 1), "all but the dead one let go")
        stopped_s = time.monotonic() - begun
        system.agents["loa-2"].start()
        clear = wait_for(lambda: _withdrawal(system, bulletin, 0), "the dead one came back and let go")
        ledger = system.wait_closed(broadcast)

        assert (refused.exit_code, "own_bulletin" in refused.output or "not_approver" in refused.output) == (1, True)
        for words in ("chờ duyệt", "trả lại", "Thiếu giờ", "Lan", "giữ chỗ"):
            assert words in shown.output, shown.output
        assert told["vi"] == "có thể vẫn phát ở 1 thiết bị"
        assert [one["device_id"] for one in told["doubtful"]] == ["loa-2"]
        assert clear["vi"] == "không còn phát ở thiết bị nào"
        assert stopped_s < TONE_S / 2
        for device in ("loa-1", "loa-2"):
            heard = bursts(captured(system.capture(device)))
            assert len(heard) == 1, f"{device} began again"
            assert 0 < heard[0][1] - heard[0][0] < TONE_S / 2
        answers = {row["device_id"]: (row["outcome"], row["reason"]) for row in ledger["rows"]}
        assert answers["loa-1"] == answers["bang-1"] == ("interrupted", "withdrawn"), json.dumps(ledger, indent=1)
        assert answers["loa-2"] == ("interrupted", "power_cut")
        tell(f"a withdrawn bulletin: every device that was there had let go after {stopped_s:.1f} s")
        steps = system.client.get(f"/bulletins/{bulletin}/history")["steps"]
        assert [(one["step"], one["person"], one["why"]) for one in steps][-2:] == [
            ("approved", "Hùng", ""),
            ("withdrawn", "Hùng", "Điện lực báo lại"),
        ]


def _person(system: System, name: str, role: str) -> str:
    person = system.client.post("/people", {"name": name, "unit_id": COMMUNE})["id"]
    system.client.post(f"/people/{person}/grants", {"role": role, "unit_id": COMMUNE})
    return str(person)


def _line(system: System, *arguments: str) -> list[str]:
    return ["bulletin", *arguments, "--data-dir", str(system.data_dir), "--url", system.client.url]


def _loa(system: System, *arguments: str) -> dict[str, Any]:
    """Run a command of the operator; its answer."""
    done = CliRunner().invoke(app, [*_line(system, *arguments), "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def _sounds(system: System, device: str) -> bool:
    return bool(bursts(captured(system.capture(device))))


def _withdrawal(system: System, bulletin: str, unconfirmed: int) -> dict[str, Any] | None:
    found = _loa(system, "withdrawal", bulletin)
    return found if found["unconfirmed"] == unconfirmed else None
