"""`loa people` and `loa notices` against a served controller."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from loa_cli.client import Client
from tests.fakes.served import loa
from tests.fakes.served import served as a_controller


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with a_controller(tmp_path_factory.mktemp("served"), webhook_hosts=("gateway.example",)) as client:
        client.post("/units", {"id": "xa", "name": "Xã", "kind": "commune"})
        yield client


def as_json(client: Client, *arguments: str) -> Any:
    return json.loads(loa(client, *arguments, "--json"))


def test_people_are_taken_in_given_roles_sent_on_leave_and_let_go(served: Client) -> None:
    chair = as_json(served, "people", "add", "Chủ tịch", "--unit", "xa", "--email", "ct@xa.example")["id"]
    deputy = as_json(served, "people", "add", "Phó", "--unit", "xa")["id"]
    as_json(served, "people", "grant", deputy, "administrator", "--unit", "xa")
    role = as_json(
        served, "people", "grant", chair, "approver", "--unit", "xa", "--begins", "1/12/2026", "--as", deputy
    )
    leave = as_json(served, "people", "leave", chair, "2026-12-02", "3/12/2026", "--deputy", deputy)
    told = {day: loa(served, "people", "approvers", "xa", "--on", f"{day}/12/2026") for day in range(1, 5)}
    shown = " ".join(loa(served, "people", "show", chair).split())
    loa(served, "people", "back", chair, leave["id"])
    alone = as_json(served, "people", "approvers", "xa", "--on", "2026-12-02")
    loa(served, "people", "revoke", chair, role["id"])
    nobody = loa(served, "people", "approvers", "xa", "--on", "2026-12-02")
    loa(served, "people", "retire", deputy)
    loa(served, "people", "erase", chair, "--yes")

    assert role["granted_by"] == deputy
    assert "duyệt thay Chủ tịch" in told[2] + told[3]
    assert "duyệt thay" not in told[1] + told[4]
    assert "02/12/2026–03/12/2026, Phó duyệt thay" in shown
    assert [one["person"]["name"] for one in alone] == ["Chủ tịch"]
    assert "Không ai duyệt được" in nobody
    assert as_json(served, "people", "list") == []
    assert {one["name"] for one in as_json(served, "people", "list", "--left", "--unit", "xa")} == {"", "Phó"}


def test_a_notice_and_a_webhook_are_shown(served: Client) -> None:
    lan = as_json(served, "people", "add", "Lan", "--unit", "xa", "--webhook")["id"]
    set_to = as_json(served, "notices", "webhook", "xa", "--set", "https://gateway.example/hook")
    shown = loa(served, "notices", "webhook", "xa")
    loa(served, "notices", "test", lan)
    waiting = as_json(served, "notices", "list", "--person", lan, "--state", "waiting")
    table = loa(served, "notices", "list", "--person", lan)
    loa(served, "notices", "webhook", "xa", "--clear")

    assert set_to["secret"] in shown
    assert [one["sendings"][0]["channel"] for one in waiting] == ["webhook"]
    assert "đang" in table
    assert "Lan" in table
    assert lan in loa(served, "people", "list")
    assert "webhook_unknown" in loa(served, "notices", "webhook", "xa", code=1)


def test_what_is_no_day_is_told(served: Client) -> None:
    assert "no day" in loa(served, "people", "approvers", "xa", "--on", "31/02/2026", code=2)
