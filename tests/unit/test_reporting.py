"""What the command line shows: names as they are, codes whole, instants as people write them."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console

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
