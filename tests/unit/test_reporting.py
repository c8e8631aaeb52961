"""What the command line shows: names as they are, codes whole, instants as people write them."""

import io
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from rich.table import Table

from loa_cli import explaining, programme_plans, reporting
from loa_cli.client import ApiRefused
from loa_cli.instants import InstantUnreadable, parse_instant
from loa_cli.provisioning import MQTT_PORT, port_of
from loa_protocol.outcomes import Reason

NOW = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)  # 18:00 in Vietnam


def terminal() -> Console:
    return Console(file=io.StringIO(), width=80, markup=False)


def told(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("17h30", "2026-11-22T10:30"),
        ("19g", "2026-11-21T12:00"),
        ("19:05:30", "2026-11-21T12:05:30"),
        ("21/11/2026 07:15", "2026-11-21T00:15"),
        ("1/2/2027 5h", "2027-01-31T22:00"),
        ("2026-11-21 17:00", "2026-11-21T10:00"),
        ("+2m", "2026-11-21T11:02"),
    ],
)
def test_an_instant_is_read_as_tables_and_people_write_it(text: str, utc: str) -> None:
    assert parse_instant(text, NOW) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["25:00", "17h61", "31/11/2026 17:00", "32/01/2026 5h", "5", "17h3", "", "21/11/2026"])
def test_what_names_no_instant_is_refused_in_vietnamese(text: str) -> None:
    with pytest.raises(InstantUnreadable, match="không hiểu thời điểm"):
        parse_instant(text, NOW)


@pytest.mark.parametrize(
    ("text", "day"), [("17h30", "ngày mai"), ("19h", "hôm nay"), ("20/11/2026 23:59", "hôm qua"), ("+3h", "hôm nay")]
)
def test_whoever_asks_why_is_told_of_which_day_is_spoken(text: str, day: str) -> None:
    assert explaining.day_words(parse_instant(text, NOW), NOW) == day


def test_square_brackets_of_a_title_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    console = terminal()
    monkeypatch.setattr(reporting, "errors", console)
    console.print(reporting.ledger_table("[KHẨN] tin [/b] mưa", [{"device_id": "loa-1", "outcome": "played"}]))
    with pytest.raises(typer.Exit), reporting.told():
        raise ApiRefused({"code": "request_invalid", "detail": "String should match '^[ugd]-[a-z0-9-]{1,40}$' [/x]"})

    assert "[KHẨN] tin [/b] mưa" in told(console)
    assert "^[ugd]-[a-z0-9-]{1,40}$" in told(console)


HOSTILE = "Loa \x1b]0;tôi\x07\x1b[2J\x9b31m\x7f\u202e\u2066\r\x00 xã"
ORDERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def test_no_name_commands_the_terminal_on_which_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    console = reporting.PlainConsole(file=io.StringIO(), width=80, markup=False)
    monkeypatch.setattr(reporting, "errors", console)
    table = Table("Tên", title=HOSTILE)
    table.add_row(HOSTILE)
    table.add_row(reporting.styled(HOSTILE, "red"))
    console.print(table)
    console.print(HOSTILE, highlight=False, soft_wrap=True)
    console.print(reporting.ledger_table(HOSTILE, [{"device_id": HOSTILE, "outcome": "failed", "reason": HOSTILE}]))
    with pytest.raises(typer.Exit), reporting.told():
        raise ApiRefused({"code": "request_invalid", "detail": HOSTILE})

    assert not ORDERS.search(told(console))
    assert "Loa \ufffd]0;tôi" in told(console)
    assert {len(line) for line in told(console).splitlines() if line.startswith(("┃ L", "│ L"))} == {32}


def test_our_own_colours_and_lines_stay_whole() -> None:
    console = reporting.PlainConsole(
        file=io.StringIO(), width=80, markup=False, force_terminal=True, color_system="256"
    )
    console.print(reporting.styled("đã phát\nhai", "green"))

    assert told(console) == "\x1b[32mđã phát\x1b[0m\n\x1b[32mhai\x1b[0m\n"


def test_json_for_programs_says_the_same_without_orders(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": HOSTILE, HOSTILE: ["Xã Ẫ 😀 \u200d"]}]

    reporting.print_json(rows)

    written = capsys.readouterr().out
    assert json.loads(written) == rows
    assert not ORDERS.search(written)
    assert "Xã Ẫ 😀 \u200d" in written


@pytest.mark.parametrize("content", [f"a: {HOSTILE}\n", f"A:{HOSTILE}\r\nB:b\r\n".encode()])
def test_a_file_is_exact_for_programs_and_harmless_on_a_terminal(
    content: str | bytes, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    reporting.print_file(content)
    exact = capfdbinary.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    reporting.print_file(content)
    on_terminal = capfdbinary.readouterr().out.decode()

    assert exact == (content if isinstance(content, bytes) else content.encode())
    assert not ORDERS.search(on_terminal)
    assert len(on_terminal.splitlines()) == exact.count(b"\n")


def test_a_reason_code_is_never_cut_off_in_eighty_columns() -> None:
    console = terminal()
    receipt = {"started": "2026-11-21T11:40:59.99997Z", "skew_ms": -0.02, "rms_dbfs": -57.2, "evidence": "signal"}
    rows = [
        {
            "device_id": "loa-thon-ngoai-1",
            "outcome": "partial",
            "reason": reason,
            "played_ms": 64_200,
            "receipt": receipt,
        }
        for reason in ("relay_failed", "no_answer", "content_missing")
    ]

    console.print(reporting.ledger_table("Buổi chiều", rows))

    lines = told(console).splitlines()
    assert "…" not in told(console)
    assert "18:41:00.0" in told(console)
    assert "-0.0" not in told(console)
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert all(str(row["reason"]) in told(console) for row in rows)


def test_every_reason_a_device_gives_is_said_in_vietnamese_besides() -> None:
    console = terminal()
    console.print(reporting.ledger_table("Tin", [{"device_id": "loa", "outcome": "skipped", "reason": "withdrawn"}]))

    assert set(reporting.REASON_WORDS) == set(Reason)
    assert "đã thu hồi" in told(console)


def test_a_refusal_is_told_in_vietnamese_where_the_controller_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    console = terminal()
    monkeypatch.setattr(reporting, "errors", console)
    faults = [{"field": "zone", "vi": "không có múi giờ này", "en": "no such zone"}]
    for details in ({"vi": "Xã chỉ cho phát 05:00-21:00"}, {"faults": faults}):
        with pytest.raises(typer.Exit), reporting.told():
            raise ApiRefused({"code": "policy_violated", "detail": "only 05:00", "details": details})

    assert "api_refused: policy_violated: Xã chỉ cho phát 05:00-21:00" in told(console)
    assert "zone: không có múi giờ này" in told(console)


def test_the_same_volume_limit_of_every_day_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    console = terminal()
    monkeypatch.setattr(programme_plans, "console", console)
    one: dict[str, Any] = {"title": "Sáng", "rule": "volume", "scope": "g-truong", "lowered": 50, "devices": 1}
    noted = [{**one, "effect": "noted", "vi": f"Sáng ngày {day}"} for day in range(1, 15)]
    refused = [{**one, "effect": "left_out", "vi": f"bỏ ngày {day}"} for day in (3, 4)]

    programme_plans._tell_objections({"violations": noted + refused})

    assert "Sáng ngày 1 (và 13 lượt khác của chương trình cũng vậy)" in told(console)
    assert told(console).count("Quy định phát") == 3


def test_devices_are_sent_to_the_broker_of_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "broker.json").write_text('{"host": "127.0.0.1", "port": 18391}')

    assert port_of(tmp_path, None) == 18391
    assert port_of(tmp_path, 8883) == 8883
    assert port_of(tmp_path / "none", None) == MQTT_PORT
