"""Bulletins over HTTP, what is known before they go on air, and who has let go of what was withdrawn."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from controller.api.app import create_app
from controller.broadcasts.tables import LedgerRow
from controller.bulletins import confirming, readiness, service
from controller.bulletins.confirming import Told
from controller.bulletins.tables import Bulletin
from controller.delivery import store as delivery
from controller.delivery.planner import Planner
from controller.devices import service as devices
from controller.devices.tables import DeviceReport
from controller.media import service as media
from controller.policies import document as policy_document
from controller.policies import service as policies
from controller.runtime.keys import Keyring
from controller.runtime.server import Controller
from controller.runtime.settings import Settings
from loa_protocol import topics
from loa_protocol.topics import Family
from tests.fakes.commune import COMMUNE, SCOPE
from tests.fakes.databases import sqlite_url
from tests.fakes.newsroom import Newsroom, furnished_file, newsroom_at, written
from tests.fakes.station import EVENING, programme, slot

PLAN = topics.scoped(Family.PLAN, SCOPE)
VARIANTS = [{"language": "vi", "text": "Mời bà con.", "audio": "tin", "audio_kind": "recording"}]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A newsroom in a file, made once."""
    return furnished_file(tmp_path_factory.mktemp("furnished"))


@pytest.fixture
async def here(furnished: Path, tmp_path: Path) -> AsyncIterator[Newsroom]:
    shutil.copy(furnished, tmp_path / "loa.db")
    async with newsroom_at(sqlite_url(tmp_path)) as made:
        yield made


@pytest.fixture
async def api(here: Newsroom, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The API on the newsroom's database and clock; nothing else of the controller runs."""
    settings = Settings(data_dir=tmp_path / "controller", database_url=sqlite_url(tmp_path), host_acts_for_people=True)
    controller = await asyncio.to_thread(Controller, settings, here.station.xa.clock)
    transport = httpx.ASGITransport(app=create_app(controller, "bi-mat"))
    headers = {"Authorization": "Bearer bi-mat"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as client:
        yield client
    await controller.stop()


async def ask(
    api: httpx.AsyncClient, here: Newsroom, who: str | None, method: str, path: str, body: Any = None
) -> tuple[int, Any]:
    headers = {} if who is None else {"X-Loa-Person": here.id_of(who)}
    answer = await api.request(method, path, json=body, headers=headers)
    return answer.status_code, answer.json()


async def test_a_bulletin_goes_its_way_over_http(here: Newsroom, api: httpx.AsyncClient) -> None:
    document = {"title": "Tiêm chủng", "field": "health", "variants": VARIANTS}
    body = {"unit": COMMUNE, "document": document}
    nobody, _ = await ask(api, here, None, "POST", "/bulletins", body)
    made, row = await ask(api, here, "lan", "POST", "/bulletins", body)
    at = f"/bulletins/{row['id']}"
    start = (here.now + timedelta(hours=1)).isoformat()
    placed, place = await ask(api, here, "lan", "POST", f"{at}/placements", {"to": [SCOPE], "start": start})
    _, second = await ask(api, here, "lan", "POST", f"{at}/placements", {"slot": COMMUNE})
    submitted, _ = await ask(api, here, "lan", "POST", f"{at}/submit", {})
    own, refusal = await ask(api, here, "lan", "POST", f"{at}/approve", {"revision": 1})
    other, _ = await ask(api, here, "hung", "POST", f"{at}/approve", {"revision": 2})
    approved, stands = await ask(api, here, "hung", "POST", f"{at}/approve", {"revision": 1, "why": "Đúng"})
    edited, after = await ask(api, here, "lan", "PUT", at, {"document": document, "expected_revision": 1})
    dropped, gone = await ask(api, here, "lan", "DELETE", f"{at}/placements/{second['id']}")
    _, history = await ask(api, here, None, "GET", f"{at}/history")
    withdrawn, _ = await ask(api, here, "hung", "POST", f"{at}/withdraw", {"why": "Sai"})
    _, told = await ask(api, here, None, "GET", f"{at}/withdrawal")
    _, listed = await ask(api, here, None, "GET", "/bulletins?q=tiem&state=withdrawn&unit=tinh&language=vi")
    unknown, _ = await ask(api, here, None, "GET", "/bulletins/khong-co")

    assert (nobody, made, placed, submitted, own, other) == (403, 201, 201, 200, 403, 409)
    assert refusal["code"] in {"not_approver", "own_bulletin"}
    assert (place["state"], approved, stands["state"]) == ("reserved", 200, "approved")
    assert [one["state"] for one in stands["placements"]] == ["placed", "placed"]
    assert (edited, after["state"], after["revision"], after["approved_revision"]) == (200, "in_review", 2, 1)
    assert (dropped, gone["state"], withdrawn, unknown) == (200, "withdrawn", 200, 404)
    assert [(one["step"], one["person"]) for one in history["steps"]] == [
        ("created", "lan"),
        ("placed", "lan"),
        ("placed", "lan"),
        ("submitted", "lan"),
        ("approved", "hung"),
        ("edited", "lan"),
        ("unplaced", "lan"),
    ]
    assert [one["number"] for one in history["revisions"]] == [2, 1]
    assert (told["devices"], told["unconfirmed"], told["vi"]) == (2, 2, "có thể vẫn phát ở 2 thiết bị")
    assert [one["id"] for one in listed] == [row["id"]]


async def test_what_is_wrong_with_a_bulletin_is_told_by_field(here: Newsroom, api: httpx.AsyncClient) -> None:
    async def create(**document: Any) -> tuple[int, Any]:
        return await ask(api, here, "lan", "POST", "/bulletins", {"unit": COMMUNE, "document": document})

    bad, said = await create(title="x", variants=[{"language": "vi", "audio": "tin"}])
    shapeless, shape = await create(title="x", variants=[{"language": "tiếng Việt"}])
    unknown, missing = await create(title="x", variants=[{**VARIANTS[0], "audio": "khong-co"}])
    pictured, no_picture = await create(
        title="x", variants=[{"language": "vi", "board": {"short": "x", "image": "tin", "video": "tin"}}]
    )
    empty, nothing = await create(title="\u202e", variants=[])
    long, too_long = await create(title="x", variants=[{"language": "vi", "text": "a" * 100_000}])

    assert (bad, said["code"]) == (422, "bulletin_invalid")
    assert [one["field"] for one in said["details"]["faults"]] == ["variants[0].audio_kind"]
    assert (shapeless, shape["code"]) == (422, "bulletin_invalid")
    assert (unknown, missing["code"]) == (404, "asset_unknown")
    assert (pictured, no_picture["code"]) == (422, "bulletin_invalid")
    faults = no_picture["details"]["faults"]
    assert [one["field"] for one in faults] == ["variants[0].board.image", "variants[0].board.video"]
    assert (empty, nothing["code"]) == (422, "text_empty")
    assert (long, too_long["code"]) == (422, "text_too_long")


@pytest.mark.parametrize(
    ("validity", "fields"),
    [
        ({"valid_from": "2026-11-22T00:00:00"}, None),
        ({"valid_from": "2026-11-22T00:00:00", "valid_until": "2026-11-23T00:00:00Z"}, None),
        ({"valid_from": "0001-01-01T00:00:00+14:00"}, ["valid_from"]),
        ({"valid_until": "9999-12-31T23:59:59-12:00"}, ["valid_until"]),
    ],
)
async def test_a_validity_without_a_zone_or_in_no_known_year_is_refused(
    here: Newsroom, api: httpx.AsyncClient, validity: dict[str, str], fields: list[str] | None
) -> None:
    body = {"unit": COMMUNE, "document": {"title": "Tin", "variants": VARIANTS, **validity}}
    status, said = await ask(api, here, "lan", "POST", "/bulletins", body)

    assert (status, said["code"]) == (422, "bulletin_invalid")
    if fields is None:
        assert "valid_from" in said["detail"]
    else:
        assert [one["field"] for one in said["details"]["faults"]] == fields


async def test_a_unit_says_its_rules_and_who_changed_them_is_kept(here: Newsroom, api: httpx.AsyncClient) -> None:
    at = f"/units/{COMMUNE}/bulletin-rules"
    body = {"self_approval": True, "remind_before_min": [30, 30, 5], "why": "Quy chế 12"}
    first, _ = await ask(api, here, "tu", "PUT", at, body)
    late, refusal = await ask(api, here, "tu", "PUT", at, body)
    nobody, _ = await ask(api, here, None, "PUT", at, {**body, "expected_revision": 1})
    _, holds = await ask(api, here, None, "GET", at)

    assert (first, late, refusal["code"], nobody) == (200, 409, "bulletin_rules_moved_on", 403)
    assert (holds["self_approval"], holds["self_approval_of"], holds["remind_before_min"]) == (True, COMMUNE, [30, 5])
    assert [(one["number"], one["made_by"], one["why"]) for one in holds["history"]] == [
        (1, here.id_of("tu"), "Quy chế 12")
    ]


async def test_what_would_not_be_heard_is_known_before_the_approval(here: Newsroom) -> None:
    await here.write(lambda s: _speak(s, "loa-2", ["hmn", "vi"]))
    await here.station.save(programme({**EVENING, "segments": [slot(30)]}))
    row = await here.create()
    at = await here.place_at(row, 3600)
    in_slot = await here.place(row, slot=COMMUNE)
    before = await _points(here, row)
    rules = policy_document.read({"windows": [{"from": "17:00", "to": "19:00"}]})
    await here.write(lambda s: policies.put(s, SCOPE, rules, expected=None, now=here.now))
    after = await _points(here, row)

    assert before == {
        ("longer_than_slot", in_slot.id),
        ("language_missing", at.id),
        ("language_missing", in_slot.id),
    }
    assert after - before == {("outside_rules", at.id)}


async def _speak(session: Any, device_id: str, languages: list[str]) -> None:
    device = await devices.require(session, device_id)
    device.languages = languages


@pytest.mark.parametrize(("hour", "told"), [(3, True), (5, False), (21, False), (22, True)])
async def test_a_start_while_people_sleep_is_told_beforehand(here: Newsroom, hour: int, told: bool) -> None:
    start = (here.now + timedelta(days=1)).astimezone(ZoneInfo("Asia/Ho_Chi_Minh")).replace(hour=hour, minute=0)
    row = await here.create()
    await here.place(row, by="lan", to=[SCOPE], start=start)
    async with here.station.xa.db.reading() as session:
        points = await readiness.points(session, await here.row(row), here.now)

    assert ("at_night" in {one.code for one in points}) is told


async def test_the_findings_of_a_sound_and_the_reading_it_was_spoken_from_are_told(here: Newsroom) -> None:
    async def mark(session: Any) -> None:
        facts = {"findings": {"clipped": 12.0}, "speech": {"reading_sha256": "0" * 64, "fell_back": "không có giọng"}}
        (await media.require(session, "tin")).facts = facts

    await here.write(mark)
    machine = {**VARIANTS[0], "audio_kind": "machine", "reading": "mời bà con"}
    row = await here.create(written(variants=[machine]))

    assert {code for code, _ in await _points(here, row)} == {
        "sound_clipped",
        "voice_fell_back",
        "reading_differs",
        "no_place",
    }


async def _points(here: Newsroom, row: Bulletin) -> set[tuple[str, str]]:
    async with here.station.xa.db.reading() as session:
        stands = await service.require(session, row.id)
        return {(one.code, one.placement) for one in await readiness.points(session, stands, here.now)}


async def test_who_has_not_let_go_of_a_withdrawn_bulletin_is_counted(here: Newsroom, tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "keys", here.station.xa.db, here.station.xa.clock)
    await keyring.open()
    planner = Planner(here.station.xa.db, keyring, here.station.xa.clock, signed=lambda _: None)
    row = await here.approved()
    placed = await here.place_at(row, 3600)
    old = await _signed(here, planner)
    await _report(here, "loa-1", old)
    await here.withdraw(row)
    at_once = await _told(here, row)
    here.station.xa.clock.move(seconds=1)
    new = await _signed(here, planner)
    signed = await _told(here, row)
    await _report(here, "loa-1", new)
    one_left = await _told(here, row)
    await _answer(here, placed.broadcast_id or "", "loa-2")
    nobody = await _told(here, row)

    assert new > old
    assert [one.device_id for one in at_once.doubtful] == ["loa-1", "loa-2"]
    assert signed == at_once
    assert [(one.device_id, one.online) for one in one_left.doubtful] == [("loa-2", False)]
    assert (nobody.doubtful, nobody.confirmed, nobody.devices) == ((), 2, 2)


async def test_nobody_is_counted_any_more_when_it_would_be_over_anyway(here: Newsroom) -> None:
    row = await here.approved()
    await here.place_at(row, 600)
    await here.withdraw(row)
    before = await _told(here, row)
    here.station.xa.clock.move(hours=2)
    after = await _told(here, row)

    assert (len(before.doubtful), len(after.doubtful)) == (2, 0)
    assert confirming.sentence(after)[0] == "không còn phát ở thiết bị nào"


async def _signed(here: Newsroom, planner: Planner) -> int:
    """The version of the commune's plan once everything is signed."""
    while await planner.step():
        pass
    async with here.station.xa.db.reading() as session:
        return (await delivery.versions_of(session, [PLAN]))[PLAN]


async def _report(here: Newsroom, device: str, version: int) -> None:
    async with here.station.xa.db.transaction() as session:
        state = {"have": {PLAN: version}}
        await session.merge(DeviceReport(device_id=device, online=True, seen_at=here.now, state=state))


async def _answer(here: Newsroom, broadcast: str, device: str) -> None:
    async with here.station.xa.db.transaction() as session:
        session.add(LedgerRow(broadcast_id=broadcast, device_id=device, outcome="skipped", answered_at=here.now))


async def _told(here: Newsroom, row: Bulletin) -> Told:
    async with here.station.xa.db.reading() as session:
        return await confirming.told(session, row.id, here.now)


async def test_the_officer_is_told_which_session_a_withdrawal_stops_before_and_after(
    here: Newsroom, api: httpx.AsyncClient
) -> None:
    await here.station.save(programme({**EVENING, "segments": [slot(300)]}))
    row = await here.approved()
    await here.place(row, slot=COMMUNE)
    running = (await here.station.rows())[0]
    at = f"/bulletins/{row.id}"
    _, early = await ask(api, here, None, "GET", f"{at}/withdrawal")
    here.station.xa.clock.at = running.start + timedelta(seconds=10)
    _, before = await ask(api, here, None, "GET", f"{at}/withdrawal")
    _, answer = await ask(api, here, "hung", "POST", f"{at}/withdraw", {"why": "Sai"})
    _, after = await ask(api, here, None, "GET", f"{at}/withdrawal")

    assert (early["would_stop"], before["stopped"], after["would_stop"]) == ([], [], [])
    assert [one["broadcast_id"] for one in before["would_stop"]] == [running.id]
    assert answer["stopped"] == before["would_stop"] == after["stopped"]


async def test_an_approval_names_what_it_is_given_in_spite_of(here: Newsroom, api: httpx.AsyncClient) -> None:
    await here.station.save(programme({**EVENING, "segments": [slot(30)]}))
    row = await here.create()
    await here.place(row, slot=COMMUNE)
    await here.submit(row)
    at = f"/bulletins/{row.id}"
    refused, said = await ask(api, here, "hung", "POST", f"{at}/approve", {"revision": 1})
    body = {"revision": 1, "despite": ["longer_than_slot"]}
    approved, _ = await ask(api, here, "hung", "POST", f"{at}/approve", body)
    _, history = await ask(api, here, None, "GET", f"{at}/history")

    assert (refused, said["code"], approved) == (409, "bulletin_not_ready", 200)
    assert [one["code"] for one in said["details"]["points"]] == ["longer_than_slot"]
    assert history["steps"][-1]["despite"] == ["longer_than_slot"]
