"""`loa policy` and the routes behind it, against a served controller: set, show, list, clear, a device, zones."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import uvicorn
from typer.testing import CliRunner

from controller.api.app import create_app
from controller.runtime.server import Controller
from controller.runtime.settings import Role, Settings
from loa_cli.client import ApiRefused, Client
from loa_cli.commands import app
from loa_protocol.keys import Ed25519Signer
from tests.acceptance.rig import free_port
from tests.fakes.databases import with_schema

TOKEN = "bi-mat"  # noqa: S105 - of this test alone
EXAMPLE = Path(__file__).parents[2] / "schedules" / "policies" / "urban-ward.yaml"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A controller that only answers: nothing here needs a broker."""
    folder, port, ready, end = tmp_path_factory.mktemp("served"), free_port(), Event(), []

    class Told(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            ready.set()

    def serve() -> None:
        settings = Settings(data_dir=with_schema(folder), roles=frozenset({Role.API}), brokers=("mqtt://127.0.0.1:1",))
        config = uvicorn.Config(
            create_app(Controller(settings), TOKEN), host="127.0.0.1", port=port, log_level="warning", ws="none"
        )
        end.append(Told(config))
        end[0].run()

    thread = Thread(target=serve)
    thread.start()
    assert ready.wait(20)
    client = Client(f"http://127.0.0.1:{port}", TOKEN)
    client.post("/units", {"id": "phuong", "name": "Phường Một", "kind": "commune"})
    key = base64.b64encode(Ed25519Signer.generate("loa-1").public_raw).decode()
    body = {"id": "loa-1", "name": "Loa 1", "kind": "speaker", "unit_id": "phuong", "public_key": key}
    client.post("/devices", {**body, "latitude": 21.0285, "longitude": 105.8542})
    yield client
    client.close()
    end[0].should_exit = True
    thread.join(20)


def loa(client: Client, *arguments: str) -> Any:
    result = CliRunner().invoke(app, ["policy", *arguments, "--url", client.url, "--token", TOKEN])
    assert result.exit_code == 0, result.output
    return result.output


def as_json(client: Client, *arguments: str) -> Any:
    return json.loads(loa(client, *arguments, "--json"))


def test_a_policy_is_set_from_a_file_shown_listed_and_cleared(served: Client, tmp_path: Path) -> None:
    first = as_json(served, "set", str(EXAMPLE), "--by", "Lan")
    again = as_json(served, "set", str(EXAMPLE))
    shown = json.loads(loa(served, "show", "u-phuong"))
    copied = tmp_path / "copy.yaml"
    copied.write_text(json.dumps({**shown, "minutes_a_day": 20}))
    changed = as_json(served, "set", str(copied))
    (listed,) = as_json(served, "list")
    history = served.get("/policies/u-phuong/history")
    cleared = as_json(served, "clear", "u-phuong")

    assert (first["revision"], again["revision"], changed["revision"], cleared["revision"]) == (1, 1, 2, 3)
    assert (listed["name"], listed["document"]["minutes_a_day"]) == ("Phường Một", 20)
    assert [(one["revision"], one["made_by"]) for one in history] == [(2, ""), (1, "Lan")]
    assert as_json(served, "list") == []


def test_a_policy_that_was_changed_meanwhile_is_not_overwritten(served: Client) -> None:
    as_json(served, "set", str(EXAMPLE))
    read = served.get("/policies/u-phuong")["revision"]
    stands = served.put("/policies/u-phuong", {"document": {"slots_a_day": 2}, "expected_revision": read})["revision"]
    with pytest.raises(ApiRefused) as refused:
        served.put("/policies/u-phuong", {"document": {}, "expected_revision": read})

    assert (refused.value.problem_code, refused.value.details["status"]) == ("policy_moved_on", 409)
    assert served.get("/policies/u-phuong")["revision"] == stands
    as_json(served, "clear", "u-phuong", "--revision", str(stands))


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"windows": [{"from": "25:00", "to": "06:00"}]}, "windows[0].from"),
        ({"windows": [{"from": "06:00", "to": "06:00"}]}, "windows[0].to"),
        ({"minutes": 5}, "minutes"),
        ({"zone": "Mars/Base"}, "zone"),
        ({"volume_caps": [{"from": "06:00", "to": "07:00", "volume": 101}]}, "volume_caps[0].volume"),
    ],
)
def test_what_is_wrong_with_a_policy_is_told_by_field_and_in_two_languages(
    served: Client, document: dict[str, Any], field: str
) -> None:
    with pytest.raises(ApiRefused) as refused:
        served.put("/policies/u-phuong", {"document": document})

    details: Any = refused.value.details["details"]
    assert refused.value.problem_code == "policy_unsound"
    assert [one["field"] for one in details["faults"]] == [field]
    assert all(one["vi"] and one["en"] for one in details["faults"])


def test_every_mistake_of_a_policy_file_is_told_with_its_line_in_vietnamese(served: Client, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text('format: loa.policy.v1\nscope: u-phuong\nminuets_a_day: 3\nwindows:\n  - {from: 5h, to: "21:00"}\n')
    arguments = ["policy", "set", str(file), "--url", served.url, "--token", TOKEN]

    result = CliRunner().invoke(app, arguments)
    file.write_bytes(b"note: \xe9")
    unreadable = CliRunner().invoke(app, arguments)

    told = " ".join(result.output.split())
    assert result.exit_code == 1
    assert "dòng 3, minuets_a_day: không có trường" in told
    assert "“5h” không đúng dạng; viết giờ từ 00:00 đến 24:00" in told
    assert (unreadable.exit_code, "không phải UTF-8" in " ".join(unreadable.output.split())) == (1, True)
    assert as_json(served, "list") == []


def test_what_binds_a_device_is_shown_with_whose_rule_it_is(served: Client) -> None:
    as_json(served, "set", str(EXAMPLE))

    merged = as_json(served, "device", "loa-1", "--days", "7")
    table = loa(served, "device", "loa-1")

    assert merged["minutes_a_day"] == [{"scope": "u-phuong", "most": 30}]
    bands = [band for day in merged["days"] for band in day["bands"]]
    assert sum(band["allowed"] for band in bands) == 10
    assert {scope for band in bands for scope in band["closed_by"]} == {"u-phuong"}
    assert "Phường Một" in table
    assert "Tối đa 30 phút một ngày: Phường Một" in table
    as_json(served, "clear", "u-phuong")


def test_a_quiet_zone_is_made_listed_and_lifted_over_the_api(served: Client) -> None:
    zone = {"title": "Trường học", "unit_id": "phuong", "latitude": 21.0285, "longitude": 105.8542, "radius_m": 200}
    made = served.put("/quiet-zones/truong", {**zone, "document": {"slots_a_day": 1}})
    (listed,) = as_json(served, "zones")
    bound = served.get("/devices/loa-1/policy")
    moved = served.put(
        "/quiet-zones/truong", {**zone, "latitude": 22.0, "document": {"slots_a_day": 1}, "expected_revision": 1}
    )
    served.delete("/quiet-zones/truong?expected_revision=2")

    assert (made["devices"], moved["devices"], listed["id"]) == (["loa-1"], [], "truong")
    assert [one["scope"] for one in bound["policies"]] == ["g-truong"]
    assert as_json(served, "zones") == []
    with pytest.raises(ApiRefused) as refused:
        served.get("/quiet-zones/truong")
    assert refused.value.problem_code == "zone_unknown"
