"""`loa bulletin` against a served controller: what an approver sees on 80 columns, and what a unit says."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from loa_cli.client import Client
from loa_cli.instants import ZONE
from tests.fakes.served import loa
from tests.fakes.served import served as a_controller

WRITTEN = """
title: Tiêm chủng
field: health
level: priority
agency: Trạm Y tế xã
valid_until: 2099-01-01T00:00:00+07:00
variants:
  - language: vi
    text: Tiêm lúc 8h ngày 3/12.
    reading: Tiêm lúc tám giờ ngày ba tháng mười hai.
    board: {long: Tiêm chủng 8 giờ, short: Tiêm 8h, layout: scroll}
  - language: hmn
    text: Txhaj tshuaj.
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with a_controller(tmp_path_factory.mktemp("served")) as client:
        client.post("/units", {"id": "xa", "name": "Xã An Bình", "kind": "commune"})
        yield client


@pytest.fixture(scope="module")
def people(served: Client) -> dict[str, str]:
    """Name → id: Lan writes and places, Hùng approves and decides on rules."""
    ids = {name: served.post("/people", {"name": name, "unit_id": "xa"})["id"] for name in ("Lan", "Hùng", "Mai")}
    for name, role in (("Lan", "operator"), ("Hùng", "approver"), ("Hùng", "administrator")):
        served.post(f"/people/{ids[name]}/grants", {"role": role, "unit_id": "xa"})
    return ids


def as_json(client: Client, *arguments: str) -> Any:
    return json.loads(loa(client, *arguments, "--json"))


def test_an_approver_sees_what_is_said_spoken_and_shown_where_and_since_when(
    served: Client, people: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "tin.yaml"
    file.write_text(WRITTEN)
    made = as_json(served, "bulletin", "new", "--unit", "xa", "--file", str(file), "--as", people["Lan"])["id"]
    served.act_for(people["Lan"])
    start = (datetime.now(ZONE) + timedelta(days=1)).replace(microsecond=0)
    placed = served.post(f"/bulletins/{made}/placements", {"to": ["u-xa"], "start": start.isoformat()})
    loa(served, "bulletin", "submit", made, "--as", people["Lan"])
    shown = loa(served, "bulletin", "show", made)
    listed = loa(served, "bulletin", "list", "--state", "cho duyet", "--field", "Y tế")
    none = as_json(served, "bulletin", "list", "--state", "đã duyệt")
    loa(served, "bulletin", "unplace", made, placed["id"], "--as", people["Lan"])

    for told in (
        "lời đọc: Tiêm lúc tám giờ ngày ba tháng mười hai.",
        "bảng tin (chạy chữ): Tiêm chủng 8 giờ",
        "bảng tin, lời ngắn: Tiêm 8h",
        "Tiếng Mông: Txhaj tshuaj.",
        "Cơ quan: Trạm Y tế xã",
        "đến 01/01/2099 00:00:00",
        f"u-xa {start:%d/%m/%Y %H:%M:%S}",
    ):
        assert told in shown
    assert "+00:00" not in shown
    assert made in listed
    assert none == []
    assert "đã bỏ" in loa(served, "bulletin", "show", made)


def test_a_word_that_is_no_state_is_refused_with_those_there_are(served: Client) -> None:
    assert "(in_review)" in loa(served, "bulletin", "list", "--state", "xong", code=2)


def test_a_unit_changes_one_rule_and_keeps_the_others(served: Client, people: dict[str, str]) -> None:
    change = ("bulletin", "rules", "xa", "--as", people["Hùng"], "--why", "Quy chế")
    loa(served, *change, "--self-approval", "yes", "--remind", "90, 30")
    told = loa(served, *change, "--self-approval", "no")
    above = as_json(served, *change, "--remind", "above")

    assert "không ai tự duyệt" in told
    assert "90, 30" in told
    assert above["history"][0]["self_approval"] is False
    assert above["history"][0]["remind_before_min"] is None
    assert "--why" in loa(served, "bulletin", "rules", "xa", "--remind", "5", code=2)
