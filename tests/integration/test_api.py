"""The API: who may call it, what a write promises, how errors look, and that nothing comes from elsewhere."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from controller.access.table import PUBLIC
from controller.accounts.host_token import obtain_token
from controller.api.app import create_app
from controller.broadcasts.tables import BroadcastRow
from controller.runtime.server import Controller
from controller.runtime.settings import Role, Settings
from loa_cli.provisioning import Bundle, make_key
from tests.fakes.databases import with_schema

pytestmark = pytest.mark.broker


WHOLE = pytest.mark.parametrize("controller", [{}], ids=["whole"], indirect=True)


@pytest.fixture
async def controller(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Controller]:
    """It only answers; a test that is `WHOLE` has everything else run, too."""
    answering = {"roles": frozenset({Role.API}), "brokers": ("mqtt://127.0.0.1:1",)}
    given: dict[str, Any] = getattr(request, "param", answering)
    running = Controller(Settings(data_dir=with_schema(tmp_path / "controller"), answer_deadline_s=1, **given))
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def api(controller: Controller) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(controller, "bi-mat"))
    headers = {"Authorization": "Bearer bi-mat"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as client:
        yield client


@pytest.fixture
async def commune(api: httpx.AsyncClient, tmp_path: Path) -> None:
    await api.post("/units", json={"id": "xa-1", "name": "Xã Một", "kind": "commune"})
    key = make_key(Bundle(tmp_path / "loa-1"))
    body = {"id": "loa-1", "name": "Loa 1", "kind": "speaker", "unit_id": "xa-1", "public_key": key}
    assert (await api.post("/devices", json=body)).status_code == 201


def _notice(**changes: Any) -> dict[str, Any]:
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    return {"title": "Họp thôn", "to": ["u-xa-1"], "board_text": "Họp thôn lúc 19 giờ 30", "at": at, **changes}


async def _count(controller: Controller) -> int:
    async with controller.db.reading() as session:
        return int(await session.scalar(select(func.count()).select_from(BroadcastRow)) or 0)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sai"}, {"Authorization": "Basic abc"}])
async def test_without_the_token_nothing_is_told(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    api.headers.pop("Authorization")

    answer = await api.get("/units", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_signed_in"


async def test_a_page_that_rebinds_its_own_name_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.get("/health", headers={"Host": "evil.example"})

    assert answer.status_code == 400


def test_the_token_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    token, again = obtain_token(tmp_path), obtain_token(tmp_path)

    assert token == again
    assert len(token) > 40
    assert (tmp_path / "api-token").stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("commune")
async def test_a_repeated_write_with_the_same_key_happens_once(api: httpx.AsyncClient, controller: Controller) -> None:
    body = _notice()

    answers = [await api.post("/broadcasts", json=body, headers={"Idempotency-Key": "k-1"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await _count(controller) == 1


@pytest.mark.usefixtures("commune")
async def test_writes_at_the_same_moment_with_the_same_key_happen_once(
    api: httpx.AsyncClient, controller: Controller
) -> None:
    body = _notice()

    posts = [api.post("/broadcasts", json=body, headers={"Idempotency-Key": "k-1"}) for _ in range(5)]
    answers = await asyncio.gather(*posts)

    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await _count(controller) == 1


@pytest.mark.usefixtures("commune")
async def test_a_key_of_another_request_is_a_conflict(api: httpx.AsyncClient, controller: Controller) -> None:
    await api.post("/broadcasts", json=_notice(), headers={"Idempotency-Key": "k-1"})

    answer = await api.post("/broadcasts", json=_notice(title="Khác"), headers={"Idempotency-Key": "k-1"})

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
    assert await _count(controller) == 1


@pytest.mark.usefixtures("commune")
async def test_a_refused_write_leaves_its_key_free(api: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k-1"}
    refused = await api.post("/broadcasts", json=_notice(to=["u-khong-co"]), headers=headers)

    accepted = await api.post("/broadcasts", json=_notice(), headers=headers)

    assert (refused.status_code, accepted.status_code) == (404, 201)


@pytest.mark.usefixtures("commune")
async def test_a_write_is_committed_before_it_is_answered(
    api: httpx.AsyncClient, controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.ext.asyncio import AsyncSessionTransaction

    async def fails(_self: object) -> None:
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(AsyncSessionTransaction, "commit", fails)
    monkeypatch.setattr(AsyncSessionTransaction, "__aexit__", lambda *_: fails(None))
    with pytest.raises(RuntimeError, match="the disk is gone"):
        await api.post("/broadcasts", json=_notice())
    monkeypatch.undo()

    assert await _count(controller) == 0


@pytest.mark.usefixtures("commune")
@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"to": ["u-khong-co"]}, 404, "target_unknown"),
        ({"to": []}, 422, "request_invalid"),
        ({"to": ["xa-1"]}, 422, "request_invalid"),
        ({"at": "2020-01-01T00:00:00Z"}, 422, "start_in_past"),
        ({"at": "2126-01-01T00:00:00Z"}, 422, "broadcast_invalid"),
        ({"at": "2026-12-01T00:00:00"}, 422, "request_invalid"),
        ({"level": "emergency"}, 422, "emergency_needs_alert"),
        ({"asset_id": "khong-co"}, 404, "asset_unknown"),
        ({"board_text": None}, 422, "broadcast_invalid"),
        ({"volume": 101}, 422, "request_invalid"),
        ({"la": 1}, 422, "request_invalid"),
    ],
)
async def test_a_request_that_cannot_be_broadcast_is_refused_with_its_code(
    api: httpx.AsyncClient, controller: Controller, change: dict[str, Any], status: int, code: str
) -> None:
    answer = await api.post("/broadcasts", json=_notice(**change))

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert await _count(controller) == 0


@pytest.mark.usefixtures("commune")
async def test_a_broadcast_that_no_plan_can_carry_is_refused_and_nothing_is_kept(
    api: httpx.AsyncClient, controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loa_protocol.envelope.MAX_PAYLOAD_BYTES", 1200)

    answers = [await api.post("/broadcasts", json=_notice(board_text="x" * 300)) for _ in range(4)]

    refused = [answer for answer in answers if answer.status_code != 201]
    assert refused
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(409, "plan_too_large")}
    assert await _count(controller) == 4 - len(refused)


async def test_a_target_without_devices_is_refused(api: httpx.AsyncClient) -> None:
    await api.post("/units", json={"id": "xa-1", "name": "Xã Một", "kind": "commune"})

    answer = await api.post("/broadcasts", json=_notice())

    assert (answer.status_code, answer.json()["code"]) == (422, "target_empty")


@WHOLE
@pytest.mark.usefixtures("commune")
async def test_the_expected_set_is_fixed_at_the_start_and_silence_becomes_unknown(
    api: httpx.AsyncClient, controller: Controller
) -> None:
    now = datetime.now(UTC).isoformat()
    made = (await api.post("/broadcasts", json=_notice(at=now, late_s=0, board_s=1))).json()

    async def closed() -> dict[str, Any]:
        async with controller.changes.subscribe() as changes:
            async for _ in changes:
                view = (await api.get(f"/broadcasts/{made['id']}/ledger")).json()
                if view["closed"]:
                    return dict(view)
        raise AssertionError("the stream ended")

    view = await asyncio.wait_for(closed(), 15)

    assert (view["expected"], view["waiting"], view["outcomes"]) == (1, 0, {"unknown": 1})
    assert view["rows"][0]["reason"] == "no_answer"


@WHOLE
@pytest.mark.usefixtures("commune")
async def test_changes_of_the_ledger_are_told_as_they_are_committed(
    api: httpx.AsyncClient, controller: Controller
) -> None:
    async with controller.changes.subscribe() as changes:
        now = datetime.now(UTC).isoformat()
        made = (await api.post("/broadcasts", json=_notice(at=now, late_s=0, board_s=1))).json()

        async def first_answer() -> dict[str, Any]:
            async for change in changes:
                if change.kind == "ledger" and change.data.get("outcome"):
                    return dict(change.data)
            raise AssertionError("the stream ended")

        told = await asyncio.wait_for(first_answer(), 15)

    assert (told["broadcast_id"], told["device_id"], told["outcome"]) == (made["id"], "loa-1", "unknown")


async def test_the_description_pages_load_nothing_from_elsewhere(api: httpx.AsyncClient) -> None:
    page = (await api.get("http://127.0.0.1/docs")).text
    addresses = re.findall(r"(?:src|href)=\"([^\"]+)\"", page)

    assert addresses
    assert all(address.startswith("/") for address in addresses)
    for address in addresses:
        assert (await api.get(f"http://127.0.0.1{address}")).status_code == 200


async def test_every_route_but_the_doors_wants_to_know_who_asks(api: httpx.AsyncClient) -> None:
    described = (await api.get("/openapi.json")).json()
    api.headers.pop("Authorization")

    open_routes = set()
    for path, methods in described["paths"].items():
        for method in methods:
            filled = re.sub(r"{[^}]+}", "x", path)
            answer = await api.request(method, f"http://127.0.0.1{filled}", content=json.dumps({}))
            if answer.status_code != 401:
                open_routes.add((method.upper(), path.removeprefix("/api/v1")))

    assert open_routes <= PUBLIC
