"""Figures that a device makes up: what no honest device counts is no document, and none of them breaks its page."""

import base64
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from controller.delivery.tables import DocumentRow
from controller.devices import service as devices
from controller.devices.tables import DeviceReport
from controller.people.rules import Role
from controller.receipts import journals, reports
from controller.receipts.opening_wire import HEAD_BYTES, Question, Refusal, answer, answers, ask, asked, understood
from controller.receipts.reading import read
from controller.receipts.reports import Said
from loa_protocol import strict_json, topics
from loa_protocol.documents.device import ClockReport, ClockState, DeviceState, Health, JournalHead, Want
from loa_protocol.errors import DocumentInvalid
from loa_protocol.keys import Ed25519Signer
from loa_protocol.topics import Family
from loa_protocol.uplink import seal_uplink
from tests.fakes.account_house import PAGES, UNIT, AccountHouse, account_house
from tests.fakes.commune import commune
from tests.fakes.running_controller import ShiftedClock
from tests.fakes.wire_device import TRUSTED, WireJournal, skipped

MOST = 2**53 - 1
SIGNER = Ed25519Signer.generate("loa-1")
KEY = SIGNER.trust_key("loa-1")
ASSIGNMENT = topics.to_device(Family.ASSIGNMENT, "loa-1")
DEVICE: dict[str, Any] = {
    "device_id": "loa-1",
    "name": "Cụm 1",
    "kind": "speaker",
    "unit_id": UNIT,
    "public_key": base64.b64encode(SIGNER.public_raw).decode(),
    "profile": "generic",
    "languages": [],
    "stagger_ms": 0,
}
NOW = ShiftedClock().now()


def state(**figures: Any) -> bytes:
    made = DeviceState(**{"device": "loa-1", "boot": "b-1", "issued": NOW, "clock": TRUSTED, **figures})
    return seal_uplink("state", made, SIGNER)


def health(**figures: int) -> bytes:
    return msgspec.json.encode(Health(**{"device": "loa-1", "uptime_s": 1, **figures}))


@pytest.mark.parametrize("figure", [-1, MOST + 1, 10**18])
@pytest.mark.parametrize("name", ["have", "free_bytes", "sequence", "acknowledged", "error_ms"])
def test_a_state_with_a_figure_that_nobody_counts_is_refused_as_none(name: str, figure: int) -> None:
    given: dict[str, dict[str, Any]] = {
        "have": {"have": {ASSIGNMENT: figure}},
        "free_bytes": {"free_bytes": figure},
        "sequence": {"journal": JournalHead(journal="j", sequence=figure, acknowledged=0)},
        "acknowledged": {"journal": JournalHead(journal="j", sequence=0, acknowledged=figure)},
        "error_ms": {"clock": ClockReport(state=ClockState.TRUSTED, error_ms=figure)},
    }
    raw = state(**given[name])

    with pytest.raises(DocumentInvalid, match="DeviceState"):
        read(raw, Family.STATE, "loa-1", KEY)


@pytest.mark.parametrize("zeros", [16, 400, 5000])
@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("name", ["uptime_s", "free_bytes", "memory_bytes"])
def test_telemetry_with_a_figure_that_nobody_counts_is_refused_here_and_in_a_process(
    name: str, sign: str, zeros: int
) -> None:
    raw = f'{{"device":"loa-1","uptime_s":1,"{name}":{sign}1{"0" * zeros}}}'.encode()
    raw = raw.replace(b'"uptime_s":1,"uptime_s"', b'"uptime_s"')
    frame = ask([Question(raw, Family.HEALTH, "loa-1", KEY)])

    [elsewhere] = understood(answers(map(answer, asked(frame[HEAD_BYTES:])))[HEAD_BYTES:], [Family.HEALTH])

    assert isinstance(elsewhere, Refusal)
    assert elsewhere.code == "document_invalid"
    with pytest.raises(DocumentInvalid):
        read(raw, Family.HEALTH, "loa-1", KEY)


@pytest.mark.parametrize("chunk", [-1, 512, 10**12])
def test_a_want_of_a_chunk_that_no_asset_has_is_refused_before_room_is_made_for_it(chunk: int) -> None:
    raw = b'{"device":"loa-1","root":"%b","chunks":[%d]}' % (b"a" * 64, chunk)

    with pytest.raises(DocumentInvalid):
        strict_json.decode(raw, Want)


def test_the_largest_figures_there_are_stay_welcome() -> None:
    head = JournalHead(journal="j", sequence=MOST, acknowledged=0)
    told = read(state(have={ASSIGNMENT: MOST}, free_bytes=0, journal=head), Family.STATE, "loa-1", KEY)
    figures = read(health(free_bytes=MOST, memory_bytes=0), Family.HEALTH, "loa-1", KEY)

    assert (told.have, told.journal) == ({ASSIGNMENT: MOST}, head)  # type: ignore[union-attr]
    assert figures.free_bytes == MOST  # type: ignore[union-attr]


async def test_a_receipt_with_such_a_figure_is_kept_and_told_as_unreadable(database: str) -> None:
    async with commune(database) as xa:
        journal = WireJournal("j-1")
        journal.write(skipped("b-1", clock=ClockReport(state=ClockState.TRUSTED, error_ms=-1)))
        async with xa.db.transaction() as session:
            taken = await journals.take(session, journal.batch("loa-1"), xa.clock.now())

    assert (taken.sequence, [one.code for one in taken.odd]) == (1, ["entry_unreadable"])


async def test_no_figure_of_a_device_breaks_its_page(tmp_path: Path) -> None:
    async with account_house(tmp_path) as house, await _browser(house) as browser:
        answers_of = {"nothing said": (await browser.get("/devices/loa-1")).status_code}
        for name, raw, family in (
            ("versions", state(have={ASSIGNMENT: MOST}), Family.STATE),
            ("version nought", state(have={ASSIGNMENT: 0}), Family.STATE),
            ("space", state(free_bytes=MOST), Family.STATE),
            ("telemetry", health(uptime_s=MOST, free_bytes=MOST, memory_bytes=MOST), Family.HEALTH),
        ):
            document = read(raw, family, "loa-1", KEY)
            async with house.db.transaction() as session:
                await reports.hear(session, [Said("loa-1", document)], house.clock.now())  # type: ignore[arg-type]
            answers_of[name] = (await browser.get("/devices/loa-1/state")).status_code

    assert answers_of == dict.fromkeys(answers_of, 200)


async def test_nor_does_one_that_was_taken_in_before_figures_had_bounds(tmp_path: Path) -> None:
    async with account_house(tmp_path) as house, await _browser(house) as browser:
        async with house.db.transaction() as session:
            told = {"have": {ASSIGNMENT: -(10**18)}, "free_bytes": 10**400}
            session.add(DeviceReport(device_id="loa-1", online=True, seen_at=house.clock.now(), state=told))

        shown = await browser.get("/devices/loa-1")

    assert shown.status_code == 200
    assert "1970" in shown.text


async def _browser(house: AccountHouse) -> httpx.AsyncClient:
    """Of an operator, signed in; a device stands in their commune and has an assignment."""
    now = house.clock.now()
    async with house.db.transaction() as session:
        await devices.register(session, **DEVICE, now=now)
        row = DocumentRow(topic=ASSIGNMENT, kind="assignment", version=1, envelope=b"{}", issued=now, expires=now)
        row.published_version = 1
        session.add(row)
    secret = await house.session(await house.person("Lan", Role.OPERATOR))
    transport = httpx.ASGITransport(app=house.app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=PAGES, cookies={"loa": secret})
