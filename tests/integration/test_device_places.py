"""Where devices hang: told at registration or later, both degrees or none, listed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.api.app import create_app
from controller.runtime.server import Controller
from controller.runtime.settings import Settings
from loa_cli.provisioning import Bundle, make_key

pytestmark = pytest.mark.broker
HERE = {"latitude": 21.0285, "longitude": 105.8542}
NOWHERE = {"latitude": None, "longitude": None}


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    running = Controller(Settings(data_dir=tmp_path / "controller", database_url=database))
    await running.start()
    transport = httpx.ASGITransport(app=create_app(running, "bi-mat"))
    headers = {"Authorization": "Bearer bi-mat"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as client:
        await client.post("/units", json={"id": "xa-1", "name": "Xã Một", "kind": "commune"})
        yield client
    await running.stop()


def _device(tmp_path: Path, device_id: str, **more: Any) -> dict[str, Any]:
    key = make_key(Bundle(tmp_path / device_id))
    return {"id": device_id, "name": device_id, "kind": "speaker", "unit_id": "xa-1", "public_key": key, **more}


async def _listed(api: httpx.AsyncClient) -> dict[str, tuple[Any, Any, Any]]:
    rows = (await api.get("/devices")).json()
    return {row["id"]: (row["latitude"], row["longitude"], row["reach_m"]) for row in rows}


async def test_a_place_is_told_at_registration_or_later_and_listed(api: httpx.AsyncClient, tmp_path: Path) -> None:
    answer = await api.post("/devices", json=_device(tmp_path, "a", **HERE, reach_m=400))
    batch = [_device(tmp_path, "b", latitude=-21.5, longitude=-180), _device(tmp_path, "c")]
    assert (await api.post("/devices/batch", json={"devices": batch})).status_code == 201
    changed = await api.patch("/devices/c", json={"latitude": 10.5, "longitude": 106.7})
    reach = await api.patch("/devices/b", json={"reach_m": 250})

    assert answer.status_code == 201
    assert (changed.status_code, changed.json()["longitude"]) == (200, 106.7)
    assert (reach.status_code, reach.json()["latitude"], reach.json()["reach_m"]) == (200, -21.5, 250)
    expected = {"a": (21.0285, 105.8542, 400), "b": (-21.5, -180, 250), "c": (10.5, 106.7, None)}
    assert await _listed(api) == expected

    await api.patch("/devices/a", json=NOWHERE)
    assert (await _listed(api))["a"] == (None, None, 400)

    await api.patch("/devices/a", json={"reach_m": None})
    assert (await _listed(api))["a"] == (None, None, None)


@pytest.mark.parametrize(
    "place",
    [
        {"latitude": 21.0},
        {"longitude": 105.0},
        {"latitude": 90.01, "longitude": 0},
        {"latitude": 0, "longitude": -180.01},
        {"latitude": "NaN", "longitude": 0},
        {"latitude": True, "longitude": None},
        {"reach_m": 0},
        {"reach_m": 20_001},
        {"reach_m": 10.5},
        {"altitude": 3},
    ],
)
async def test_what_is_no_place_is_refused_and_changes_nothing(place: dict[str, Any], tmp_path: Path) -> None:
    from pydantic import ValidationError

    from controller.devices.routes import DeviceBody, PlaceBody

    with pytest.raises(ValidationError):
        PlaceBody.model_validate(place)
    with pytest.raises(ValidationError):
        DeviceBody.model_validate(_device(tmp_path, "a", **place))


async def test_a_refused_place_names_the_field_and_changes_nothing(api: httpx.AsyncClient, tmp_path: Path) -> None:
    await api.post("/devices", json=_device(tmp_path, "a", **HERE))

    answers = [
        await api.patch("/devices/a", json={"latitude": 91, "longitude": 5}),
        await api.patch("/devices/a", json={"latitude": 9}),
        await api.patch("/devices/none", json=HERE),
    ]

    assert [answer.json()["code"] for answer in answers] == ["request_invalid", "request_invalid", "device_unknown"]
    assert "latitude" in answers[0].json()["detail"]
    assert (await _listed(api))["a"] == (21.0285, 105.8542, None)
