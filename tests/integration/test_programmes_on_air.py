"""A running controller and connected devices: a late change is there before the start, and who lacks it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.api.app import create_app
from controller.runtime.jobs import Jobs
from loa_protocol.documents.plan import Plan
from loa_protocol.topics import Family
from tests.fakes.running_controller import Running, eventually, running, surroundings
from tests.fakes.station import NEWS, PROGRAMME, Station, programme
from tests.fakes.wire_device import WireDevice

pytestmark = pytest.mark.broker
VIETNAM = timedelta(hours=7)


@pytest.fixture(params=["embedded", "mosquitto"], autouse=True)
def around(request: pytest.FixtureRequest) -> Any:
    with surroundings(request.param, request):
        yield


@asynccontextmanager
async def _api(system: Running) -> AsyncIterator[httpx.AsyncClient]:
    app = await asyncio.to_thread(create_app, system.controller, "bi-mat")  # programs make it before their loop runs
    headers = {"Authorization": "Bearer bi-mat"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as client:
        yield client


def _session(start: datetime, **changes: Any) -> dict[str, Any]:
    return {"id": "thu", "title": "Thử", "at": f"{start + VIETNAM:%H:%M:%S}", "segments": [NEWS], **changes}


async def test_a_change_within_the_minute_is_with_the_connected_device_before_its_start(
    tmp_path: Path, tell: Any
) -> None:
    async with running(tmp_path) as system, _api(system) as api:
        await Station(system.commune).sound("tin")
        start = (datetime.now(UTC) + timedelta(seconds=20)).replace(microsecond=0)
        await _put(api, programme(_session(start)), None)
        async with system.device("loa-1") as device:
            await device.next_document(Family.PLAN)
            await device.send_presence(online=True)
            await eventually(lambda: _online(api, "loa-1"), "the controller knows that the device is there")
            before = len(device.documents(Family.PLAN))
            saved_at = datetime.now(UTC)

            answer = await _put(api, programme(_session(start, volume=33)), 1)

            plan = await device.next_document(Family.PLAN, before)
            taken_s = (datetime.now(UTC) - saved_at).total_seconds()
            await device.send_state()
            await eventually(lambda: _held(api), "the controller knows that the device has it")
            (reach,) = (await api.get(f"/programmes/{PROGRAMME}/reach")).json()

    first = min(plan.broadcasts, key=lambda one: one.start)
    assert (first.start, first.volume, first.rev) == (start, 33, 1)
    assert saved_at + timedelta(seconds=taken_s) < start
    urgent = answer["urgent"]
    assert (urgent["devices"], urgent["connected"], urgent["away"]) == (2, 1, 1)
    assert [one["what"] for one in urgent["occurrences"]] == ["changed"]
    assert {name: reach[name] for name in ("version", "devices", "hold", "lacking", "away")} == {
        "version": plan.version,
        "devices": 2,
        "hold": 1,
        "lacking": 0,
        "away": 1,
    }
    tell(f"a change of a programme was with a connected device after {taken_s:.2f} s")


async def test_what_the_job_plans_further_ahead_reaches_the_devices(tmp_path: Path) -> None:
    async with running(tmp_path, horizon_days=3) as system, _api(system) as api:
        dai = Station(system.commune)
        await dai.sound("tin")
        await _put(api, programme(_session(datetime.now(UTC) + timedelta(minutes=30))), None)
        async with system.device("loa-1") as device:
            first = await device.next_document(Family.PLAN)
            controller = system.controller
            further = controller.settings.model_copy(update={"horizon_days": 5})
            jobs = Jobs(controller.db, system.clock, controller.changes, further, controller.wake)

            await jobs.plan_ahead()

            await device.until(lambda: len(_coming(device, first)) == 2, "two more days")


def _coming(device: WireDevice, first: Plan) -> set[str]:
    newest: Plan = device.documents(Family.PLAN)[-1]
    return {one.id for one in newest.broadcasts} - {one.id for one in first.broadcasts}


async def _put(api: httpx.AsyncClient, document: dict[str, Any], expected: int | None) -> dict[str, Any]:
    answer = await api.put(f"/programmes/{PROGRAMME}", json={"document": document, "expected_revision": expected})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _online(api: httpx.AsyncClient, device_id: str) -> bool:
    return any(one["id"] == device_id and one["online"] for one in (await api.get("/devices")).json())


async def _held(api: httpx.AsyncClient) -> bool:
    (one,) = (await api.get(f"/programmes/{PROGRAMME}/reach")).json()
    return bool(one["hold"] == 1)
