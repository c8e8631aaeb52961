"""Text that one of the databases cannot hold is refused at the door, the same on both."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from controller.api.app import create_app
from controller.devices.tables import DeviceReport
from controller.receipts import reports, store
from controller.receipts import tables as receipts
from controller.receipts.reports import Said
from controller.runtime.server import Controller
from controller.runtime.settings import Settings
from loa_protocol.documents.device import DeviceState
from loa_protocol.receipts import Note
from tests.fakes.commune import commune
from tests.fakes.wire_device import TRUSTED

NUL = "\x00"


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(data_dir=tmp_path / "api", database_url=database, roles="api", brokers="mqtt://127.0.0.1:1")
    controller = await asyncio.to_thread(Controller, settings)
    await controller.start()
    transport = httpx.ASGITransport(app=create_app(controller, "bi-mat"))
    headers = {"Authorization": "Bearer bi-mat"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as client:
        yield client
    await controller.stop()


async def test_no_door_of_the_api_lets_nul_in(api: httpx.AsyncClient) -> None:
    unit = {"id": "xa-1", "name": "Xã Một", "kind": "commune"}
    nested = {"title": "Thử", "to": ["u-xa-1"], "board_text": f"Họp{NUL}thôn"}
    answers = {
        "name": await api.post("/units", json={**unit, "name": f"Xã{NUL}"}),
        "key": await api.post("/units", json={**unit, NUL: 1}),
        "nested": await api.post("/broadcasts", json=nested),
        "half a character": await api.post(
            "/units",
            content=b'{"id":"xa-1","kind":"commune","name":"\\ud800"}',
            headers={"Content-Type": "application/json"},
        ),
        "path": await api.get("/broadcasts/a%00b"),
        "query": await api.get("/broadcasts?after=%00"),
        "title": await api.post("/media?title=a%00b", content=b"RIFF"),
    }

    assert {what: answer.status_code for what, answer in answers.items()} == dict.fromkeys(answers, 422)
    assert {answer.json()["code"] for answer in answers.values()} <= {"request_invalid", "text_refused"}
    assert (await api.get("/units")).json() == []


async def test_whole_letters_of_every_plane_are_kept(api: httpx.AsyncClient) -> None:
    name = "Xã Ẫ ỵ 𠮷 😀 \u0301 \u200d \uffff"

    made = await api.post("/units", json={"id": "xa-1", "name": name, "kind": "commune"})

    assert made.status_code == 201
    assert (await api.get("/units")).json()[0]["name"] == name


async def test_a_state_with_nul_in_it_spoils_no_query_over_all_devices(database: str) -> None:
    async with commune(database) as xa:
        now = xa.clock.now()
        state = DeviceState(device="loa-1", boot="b-1", issued=now, clock=TRUSTED, playing=f"a{NUL}b", link="narrow")
        async with xa.db.transaction() as session:
            await reports.hear(session, [Said("loa-1", state, retained=False)], now)
        async with xa.db.reading() as session:
            links = list(await session.scalars(select(DeviceReport.state["link"].as_string())))
            playing = list(await session.scalars(select(DeviceReport.state["playing"].as_string())))

    assert links == ["narrow"]
    assert playing == ["a\ufffdb"]


async def test_what_a_device_says_with_nul_in_it_is_kept_and_shown(database: str) -> None:
    from controller.receipts import journals
    from tests.fakes.wire_device import WireJournal

    async with commune(database) as xa:
        journal = WireJournal("j-1")
        journal.write(Note(code="n", text=f"a{NUL}b"))
        async with xa.db.transaction() as session:
            taken = await journals.take(session, journal.batch("loa-1"), xa.clock.now())
            noted = await store.note(session, "loa-1", "equivocation", f"a{NUL}b", xa.clock.now())
        async with xa.db.reading() as session:
            row = await session.get(receipts.JournalEntry, ("loa-1", "j-1", 1))

    assert (taken.sequence, noted) == (1, True)
    assert row is not None
    assert row.raw == journal.raws[0]
