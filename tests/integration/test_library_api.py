"""The library over HTTP, with a whole controller: a picture comes in, is found, counted, put on a board's plan."""

import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import select

from controller.api.app import create_app
from controller.broadcasts.tables import BroadcastRow
from controller.delivery import drafts
from controller.runtime.server import Controller
from controller.runtime.settings import Settings
from loa_cli.provisioning import Bundle, make_key
from tests.fakes import picture_corpus as corpus
from tests.fakes.databases import with_schema

pytestmark = pytest.mark.broker


@pytest.fixture
async def controller(tmp_path: Path) -> AsyncIterator[Controller]:
    running = Controller(Settings(data_dir=with_schema(tmp_path / "controller"), library_keep_days=30))
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def api(controller: Controller, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(controller, "bi-mat"))
    headers = {"Authorization": "Bearer bi-mat"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as client:
        await client.post("/units", json={"id": "xa-1", "name": "Xã Một", "kind": "commune"})
        key = make_key(Bundle(tmp_path / "bang-1"))
        body = {"id": "bang-1", "name": "Bảng 1", "kind": "board", "unit_id": "xa-1", "public_key": key}
        assert (await client.post("/devices", json=body)).status_code == 201
        yield client


async def hand_in(api: httpx.AsyncClient, data: bytes, name: str = "anh.png", **query: Any) -> httpx.Response:
    return await api.post("/pictures", files={"file": (name, data)}, params={"unit": "xa-1", **query})


async def test_a_picture_comes_in_is_found_and_goes_to_boards(api: httpx.AsyncClient, controller: Controller) -> None:
    data = corpus.saved(corpus.photo(), "PNG")

    made = await hand_in(api, data, title="Lịch tiêm phòng", text="Trạm y tế xã", language="vi")
    again = await hand_in(api, data, title="Tên khác")
    other = await hand_in(api, corpus.saved(corpus.photo(), "BMP"), "khac.bmp")

    assert (made.status_code, made.json()["kind"], made.json()["unit_id"]) == (201, "image", "xa-1"), made.text
    image = made.json()["id"]
    assert again.json()["id"] == image
    assert other.json()["facts"]["same_content_as"] == {"asset_id": image, "title": "Lịch tiêm phòng"}
    found = (await api.get("/library", params={"q": "tram y te", "kind": "image", "within": "xa-1"})).json()
    assert [one["id"] for one in found["items"]] == [image]
    detail = (await api.get(f"/library/{image}")).json()
    assert [one["title"] for one in detail["same"]] == ["khac"]
    shown = await api.get(f"/library/{image}/picture")
    assert (shown.headers["content-type"], shown.headers["x-content-type-options"]) == ("image/webp", "nosniff")
    used = (await api.get("/units/xa-1/library-quota")).json()
    assert (used["assets"], used["used_bytes"]) == (2, len(shown.content))

    body = {"title": "Lịch", "to": ["u-xa-1"], "board_image": image, "board_s": 600}
    sent = await api.post("/broadcasts", json=body)
    assert sent.status_code == 201, sent.text
    async with controller.db.reading() as session:
        row = (await session.scalars(select(BroadcastRow))).one()
        wire = drafts.wire_broadcast(row)
        draft = await drafts.described(session, wire.board.refs if wire.board is not None else ())
    assert wire.board is not None
    assert wire.board.text == ""
    content = draft[wire.board.image or ""]
    assert (content.media_type, content.bytes) == ("image/webp", len(shown.content))

    refused = await api.post("/broadcasts", json={"title": "x", "to": ["u-xa-1"], "asset_id": image})
    assert (refused.status_code, refused.json()["code"]) == (422, "asset_of_other_kind")


async def test_what_is_refused_is_said_at_the_door(api: httpx.AsyncClient) -> None:
    drawing = await hand_in(api, corpus.SVG, "anh.png")
    await api.put("/units/xa-1/library-quota", json={"most_bytes": 0})
    full = await hand_in(api, corpus.saved(corpus.photo(), "PNG"))
    nobody = await api.post("/pictures", content=b"x", params={"unit": "khong-co"})

    assert (drawing.status_code, drawing.json()["code"]) == (422, "picture_format_refused")
    assert (full.status_code, full.json()["code"]) == (507, "library_quota_full")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "unit_unknown")
    assert (await api.get("/jobs")).json()[0]["state"] == "failed"
    assert len((await api.get("/jobs")).json()) == 1, "a full library made a job of a file"


async def test_a_recording_is_found_by_what_was_said_of_it(api: httpx.AsyncClient) -> None:
    said = {"unit": "xa-1", "origin": "recording", "language": "tyz", "text": "Lời chúc năm mới", "title": "Chúc Tết"}

    made = await api.post("/media", content=_tone(), params=said)
    found = (await api.get("/library", params={"q": "loi chuc", "origin": "recording", "unit": "xa-1"})).json()

    assert made.status_code == 201, made.text
    assert [(one["id"], one["language"]) for one in found["items"]] == [(made.json()["id"], "tyz")]
    assert (await api.get("/units/xa-1/library-quota")).json()["used_bytes"] > 0


def _tone() -> bytes:
    """A second of 440 Hz as WAV."""
    written = io.BytesIO()
    samples = (8000 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)).astype("<i2")
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())
    return written.getvalue()


async def test_retention_tells_what_it_would_do(api: httpx.AsyncClient) -> None:
    await hand_in(api, corpus.saved(corpus.photo(), "PNG"))

    seen = (await api.get("/library/retention")).json()
    done = (await api.post("/library/retention")).json()

    assert (seen["assets"], seen["oldest"]) == (0, [])
    assert done == {"marked": 0, "kept": 0, "gone": 0, "bytes": 0}
