"""Text that one of the databases cannot hold is refused at the door, the same on both."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select

from controller.api.app import create_app
from controller.api.models import Title
from controller.broadcasts.tables import LedgerRow
from controller.delivery.tables import SentCommand
from controller.devices import condition_routes, journal
from controller.devices.tables import DeviceReport
from controller.receipts import journals, reports, store
from controller.receipts import routes as ledger_routes
from controller.receipts import tables as receipts
from controller.receipts.reports import Said
from controller.runtime.server import Controller
from controller.runtime.settings import Settings
from loa_protocol.documents.device import DeviceState, Health, Signal
from loa_protocol.receipts import GENESIS, Note, Refused
from tests.fakes.commune import commune
from tests.fakes.wire_device import TRUSTED, WireJournal, skipped

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


@pytest.mark.parametrize("sign", ["\x1b", "\x07", "\n", "\t", "\r", "\x7f", "\x9b", "\u2028", "\u202e", "\u2066"])
def test_a_name_or_title_is_one_line_that_commands_no_terminal(sign: str) -> None:
    titles = TypeAdapter(Title)

    with pytest.raises(ValidationError, match="one line without control characters"):
        titles.validate_python(f"Họp{sign}thôn")
    assert titles.validate_python("  Họp thôn 😀 \u200d “Tết” \n") == "Họp thôn 😀 \u200d “Tết”"


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
    assert playing == ["a b"]


async def test_what_a_device_says_with_nul_in_it_is_kept_and_shown(database: str) -> None:
    async with commune(database) as xa:
        written = WireJournal("j-1")
        written.write(Note(code="n", text=f"a{NUL}b"))
        async with xa.db.transaction() as session:
            taken = await journals.take(session, written.batch("loa-1"), xa.clock.now())
            noted = await store.note(session, "loa-1", "equivocation", f"a{NUL}b", xa.clock.now())
        async with xa.db.reading() as session:
            row = await session.get(receipts.JournalEntry, ("loa-1", "j-1", 1))

    assert (taken.sequence, noted) == (1, True)
    assert row is not None
    assert row.raw == written.raws[0]


async def test_what_a_device_tells_in_words_is_shown_in_one_line_wherever_it_is_shown(database: str) -> None:
    said = "a\x1b[2J\u202e\nb"
    async with commune(database) as xa:
        now = xa.clock.now()
        signal = Signal(percent=1, operator=said)
        health = Health(device="loa-1", uptime_s=1, faults={"hot": said, said: "x"}, signal=signal)
        state = DeviceState(device="loa-1", boot="b-1", issued=now, clock=TRUSTED, relay_down=said, have={"loa/v1": 3})
        written = WireJournal("j-1")
        written.write(Note(code=said, text=said), Refused(topic=said, reason=said, digest=GENESIS))
        async with xa.db.transaction() as session:
            await reports.hear(session, [Said("loa-1", state), Said("loa-1", health)], now)
            await journals.take(session, written.batch("loa-1"), now)
        async with xa.db.reading() as session:
            report = await session.get_one(DeviceReport, "loa-1")
            lines = await journal.tail(session, "loa-1")
        receipt = skipped("b-1", detail=said)
        row = LedgerRow(device_id="loa-1", broadcast_id="b-1", outcome="skipped")
        order = SentCommand(id="c-1", name="report-state", issued=now, code=said, message=said)

        answered = condition_routes._command(order, now, {})
        listed = ledger_routes._view(row, receipt)

    one = "a [2J  b"
    assert (report.health["signal"]["operator"], report.health["faults"]) == (one, {"hot": one, one: "x"})
    assert (report.state["relay_down"], report.state["have"]) == (one, {"loa/v1": 3})
    assert [(line.code, line.text) for line in lines] == [(one, one)] * 2
    assert (answered.code, answered.message) == (one, one)
    assert listed.receipt is not None
    assert listed.receipt["detail"] == one
