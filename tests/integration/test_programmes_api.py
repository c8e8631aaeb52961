"""Programmes over HTTP: what is answered, how errors look, and two people who edit at once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.api.app import create_app
from controller.runtime.server import Controller
from controller.runtime.settings import Settings
from tests.fakes.commune import Commune
from tests.fakes.station import PROGRAMME, Station, programme

PATH = f"/programmes/{PROGRAMME}"


@pytest.fixture
async def controller(tmp_path: Path) -> AsyncIterator[Controller]:
    running = Controller(Settings(data_dir=tmp_path, roles="api"))
    await running.db.migrate()
    yield running
    await running.db.close()


@pytest.fixture
async def dai(controller: Controller) -> Station:
    xa = Commune(controller.db, controller.clock)  # type: ignore[arg-type]
    await xa.furnish()
    made = Station(xa)
    await made.sound("tin")
    return made


@pytest.fixture
async def api(controller: Controller, dai: Station) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(controller, "bi-mat"))
    headers = {"Authorization": "Bearer bi-mat"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as client:
        yield client


async def _save(api: httpx.AsyncClient, document: dict[str, Any], expected: int | None = None) -> httpx.Response:
    return await api.put(PATH, json={"document": document, "expected_revision": expected})


async def test_what_was_saved_is_read_again_as_it_was(api: httpx.AsyncClient) -> None:
    answer = await _save(api, programme())

    assert (answer.status_code, answer.json()["revision"]) == (200, 1)
    whole = (await api.get(PATH)).json()
    assert whole["document"] == programme()
    assert (whole["revision"], [one["revision"] for one in whole["effective"]]) == (1, [1])
    assert [one["id"] for one in (await api.get("/programmes")).json()] == [PROGRAMME]
