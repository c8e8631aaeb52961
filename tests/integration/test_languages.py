"""What villages speak: inherited down the tree, signed to their devices, and reckoned with in all that is planned."""

import base64
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from controller.api.app import create_app
from controller.delivery import drafts
from controller.delivery.content_store import reach, sounds_somewhere
from controller.delivery.tables import PendingTopic
from controller.media.tables import Asset, Rendition
from controller.receipts import service as ledger
from controller.runtime.server import Controller
from controller.runtime.settings import Settings
from loa_protocol.documents.device import Assignment
from loa_protocol.documents.plan import ContentSegment
from loa_protocol.keys import Ed25519Signer
from loa_protocol.outcomes import Outcome
from loa_protocol.spoken import every_ref
from tests.fakes.commune import COMMUNE, SCOPE, Commune, SetClock
from tests.fakes.station import EVENING, Station, programme, slot
from tests.fakes.wire_device import skipped
from tests.fakes.words import say

ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what no query decides."""
SECOND = 1000
VILLAGES = {"loa-viet": "thon-viet", "loa-mong": "thon-mong", "loa-khmer": "thon-khmer"}
SOUNDS = {"tin-viet": 30, "tin-mong": 40, "tin-khmer": 50}


@pytest.fixture
async def controller(database: str, tmp_path: Path) -> AsyncIterator[Controller]:
    made = Controller(Settings(data_dir=tmp_path, database_url=database, roles="api"), SetClock())  # type: ignore[arg-type]
    await made.db.migrate()
    yield made
    await made.db.close()


@pytest.fixture
async def api(controller: Controller) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(controller, "bi-mat"))
    headers = {"Authorization": "Bearer bi-mat"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as client:
        yield client


@pytest.fixture
async def dai(controller: Controller, api: httpx.AsyncClient) -> Station:
    """A commune that speaks Vietnamese, and three villages with a horn each; two of them speak something else, too."""
    made = Station(Commune(controller.db, controller.clock))  # type: ignore[arg-type]
    await _post(api, "/units", {"id": "tinh", "name": "Tỉnh", "kind": "province"})
    await _post(api, "/units", {"id": COMMUNE, "name": "Xã", "kind": "commune", "parent_id": "tinh"})
    for village, languages in (("thon-viet", None), ("thon-mong", ["hmn", "vi"]), ("thon-khmer", ["km"])):
        body = {"id": village, "name": village, "kind": "village", "parent_id": COMMUNE, "languages": languages}
        await _post(api, "/units", body)
    for device, village in VILLAGES.items():
        await _post(api, "/devices", _device(device, village))
    for name, seconds in SOUNDS.items():
        await made.sound(name, seconds * SECOND)
    await made.sound("tin", 10 * SECOND)
    return made


def _device(name: str, village: str, **more: Any) -> dict[str, Any]:
    key = base64.b64encode(Ed25519Signer.generate(name).public_raw).decode()
    return {"id": name, "name": name, "kind": "speaker", "unit_id": village, "public_key": key, **more}


async def _post(api: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await api.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def _patch(api: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await api.patch(path, json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def _speaks(api: httpx.AsyncClient) -> dict[str, list[str]]:
    return {one["id"]: one["speaks"] for one in (await api.get("/devices")).json()}


async def _assigned(dai: Station) -> set[str]:
    """Devices whose assignment waits to be signed; they count as signed afterwards."""
    async with dai.xa.db.transaction() as session:
        rows = (await session.scalars(select(PendingTopic).where(PendingTopic.wanted > PendingTopic.done))).all()
        for row in rows:
            row.done = row.wanted
    return {row.topic.split("/")[-2] for row in rows if row.topic.endswith("/assignment")}


async def _broadcast(api: httpx.AsyncClient, dai: Station, **more: Any) -> httpx.Response:
    body = {
        "title": "Bản tin",
        "to": [SCOPE],
        "asset_id": "tin",
        "variants": {"vi": "tin-viet", "hmn": "tin-mong", "km": "tin-khmer"},
        "at": (dai.xa.clock.now() + timedelta(hours=1)).isoformat(),
        **more,
    }
    return await api.post("/broadcasts", json=body)


async def _coming(api: httpx.AsyncClient, dai: Station) -> dict[str, tuple[float, str]]:
    """Device → how many seconds its next broadcast sounds there, and why."""
    now, found = dai.xa.clock.now(), {}
    for device in VILLAGES:
        span = {"device": device, "from": now.isoformat(), "to": (now + timedelta(days=1)).isoformat()}
        entry = (await api.get("/timeline", params=span)).json()["entries"][0]
        length = datetime.fromisoformat(entry["end"]) - datetime.fromisoformat(entry["begin"])
        found[device] = (length.total_seconds(), entry["why"]["vi"])
    return found


async def test_a_device_speaks_what_its_unit_does_unless_it_lists_its_own(api: httpx.AsyncClient, dai: Station) -> None:
    assert await _speaks(api) == {"loa-viet": ["vi"], "loa-mong": ["hmn", "vi"], "loa-khmer": ["km"]}
    await _assigned(dai)

    await _patch(api, f"/units/{COMMUNE}", {"languages": ["vi", "tyz"]})

    assert await _speaks(api) == {"loa-viet": ["vi", "tyz"], "loa-mong": ["hmn", "vi"], "loa-khmer": ["km"]}
    assert await _assigned(dai) == {"loa-viet"}

    own = await _patch(api, "/devices/loa-mong", {"languages": ["hmn"]})
    unit = await _patch(api, "/units/thon-mong", {"languages": [], "name": "Bản Mông"})

    assert (own["languages"], unit["name"], unit["languages"]) == (["hmn"], "Bản Mông", None)
    assert (await _speaks(api))["loa-mong"] == ["hmn"]
    assert await _assigned(dai) == {"loa-mong"}

    await _patch(api, "/devices/loa-mong", {"languages": None, "reach_m": 300})

    assert (await _speaks(api))["loa-mong"] == ["vi", "tyz"]
    async with dai.xa.db.reading() as session:
        placed = await drafts.places(session, ["loa-mong", "loa-khmer"])
    signed = {name: drafts.assignment(one, version=1, now=dai.xa.clock.now()) for name, one in placed.items()}
    assert {name: one.languages for name, one in signed.items() if isinstance(one, Assignment)} == {
        "loa-mong": ("vi", "tyz"),
        "loa-khmer": ("km",),
    }


@ONE_DATABASE
async def test_a_broadcast_lasts_on_each_device_as_its_languages_do(api: httpx.AsyncClient, dai: Station) -> None:
    made = (await _broadcast(api, dai, chime=True, repeats=2)).json()

    chime_ms = 2225
    assert made["duration_ms"] == 2 * (chime_ms + (40 + 30) * SECOND)
    assert await _coming(api, dai) == {
        "loa-viet": (2 * (chime_ms / SECOND + 30), "Sẽ phát bằng tiếng Việt."),
        "loa-mong": (2 * (chime_ms / SECOND + 70), "Sẽ phát bằng tiếng Mông, Việt."),
        "loa-khmer": (2 * (chime_ms / SECOND + 50), "Sẽ phát bằng tiếng Khmer."),
    }
    plan = await dai.plan()
    assert plan.broadcasts[0].segments[1] == ContentSegment(
        ref="r-tin", variants={"hmn": "r-tin-mong", "km": "r-tin-khmer", "vi": "r-tin-viet"}
    )
    assert plan.manifest.keys() == every_ref(plan.broadcasts[0].segments)


async def test_only_what_some_device_sounds_has_a_first_pass(api: httpx.AsyncClient, dai: Station) -> None:
    await _broadcast(api, dai, variants={"vi": "tin-viet", "hmn": "tin-mong", "km": "tin-khmer"})
    await _patch(api, "/units/thon-khmer", {"languages": ["vi"]})
    now = dai.xa.clock.now()

    async with dai.xa.db.reading() as session:
        roots = {name: one.root for name, one in (await dai.plan()).manifest.items()}
        reached = {name: await reach(session, root, now) for name, root in roots.items()}
        sent = {name for name, one in reached.items() if one and await sounds_somewhere(session, roots[name], one, now)}

    assert reached.keys() == {"r-tin", "r-tin-viet", "r-tin-mong", "r-tin-khmer"}
    assert sent == {"r-tin-viet", "r-tin-mong"}


async def test_what_is_planned_follows_what_villages_speak(api: httpx.AsyncClient, dai: Station) -> None:
    held = slot(80)
    await dai.save(programme({**EVENING, "segments": [held]}))
    body = {"unit": COMMUNE, "title": "Bản tin", "asset": "tin", "variants": {"vi": "tin-viet", "hmn": "tin-mong"}}
    item = await _post(api, "/slot-items", body)
    single = (await _broadcast(api, dai)).json()
    before = (await dai.rows())[0]
    row = await dai.xa.row(single["id"])
    await dai.wanted()

    await _patch(api, "/units/thon-mong", {"languages": ["hmn", "vi", "km"]})

    after, followed = (await dai.rows())[0], await dai.xa.row(single["id"])
    assert item["item"]["variants"] == body["variants"]
    assert (before.duration_ms, after.duration_ms, after.rev) == (70 * SECOND, 70 * SECOND, before.rev)
    assert (row.duration_ms, followed.duration_ms, followed.rev) == (70 * SECOND, 120 * SECOND, 1)
    assert followed.deadline - row.deadline == timedelta(seconds=50)
    assert await dai.wanted() == {SCOPE: 1}

    await _patch(api, "/units/thon-mong", {"languages": ["vi"]})

    assert [(one.duration_ms, one.rev) for one in await dai.rows()][:2] == [(30 * SECOND, before.rev + 1)] * 2
    assert (await dai.xa.row(single["id"])).duration_ms == 50 * SECOND
    await _patch(api, "/devices/loa-khmer", {"languages": ["vi"]})
    await _post(api, "/devices", _device("loa-moi", "thon-viet", languages=["km", "hmn", "vi"]))
    assert (await dai.xa.row(single["id"])).duration_ms == 120 * SECOND
    assert (await dai.rows())[0].duration_ms == 70 * SECOND


@ONE_DATABASE
async def test_what_does_not_fit_where_two_languages_are_spoken_is_left_out_and_told(
    api: httpx.AsyncClient, dai: Station
) -> None:
    await dai.save(programme({**EVENING, "segments": [slot(60)]}))
    long = {"unit": COMMUNE, "title": "Dài", "asset": "tin", "variants": {"vi": "tin-viet", "hmn": "tin-mong"}}
    await _post(api, "/slot-items", long)

    assert await dai.rows() == []
    now = dai.xa.clock.now()
    span = {"from": now.isoformat(), "to": (now + timedelta(days=1)).isoformat()}
    occurrence = (await api.get("/programmes/chuong-trinh/occurrences", params=span)).json()[0]
    (left_out,) = occurrence["slots"][0]["left_out"]
    assert (left_out["reason"], left_out["duration_ms"]) == ("longer_than_slot", 70 * SECOND)

    await _patch(api, "/units/thon-mong", {"languages": None})

    assert {row.duration_ms for row in await dai.rows()} == {30 * SECOND}


@ONE_DATABASE
async def test_what_makes_no_sense_is_refused_and_changes_nothing(api: httpx.AsyncClient, dai: Station) -> None:
    wrong = [
        (await _broadcast(api, dai, asset_id=None, board_text="x"), 422, "broadcast_invalid"),
        (await _broadcast(api, dai, variants={"vi": "khong-co"}), 404, "asset_unknown"),
        (await _broadcast(api, dai, variants={"tiếng": "tin"}), 422, "request_invalid"),
        (await api.patch("/units/thon-mong", json={"languages": ["vi", "vi"]}), 422, "request_invalid"),
        (await api.patch("/units/khong-co", json={"languages": ["vi"]}), 404, "unit_unknown"),
        (await api.patch("/devices/loa-viet", json={"languages": ["Kinh"]}), 422, "request_invalid"),
    ]

    said = {"kind": "content", "asset": "tin", "duration_s": 60, "variants": {"hmn": "tin-mong", "km": "khong-co"}}
    document = {"document": programme({**EVENING, "segments": [said]})}
    programme_refused = await api.put("/programmes/chuong-trinh", json=document)

    assert [(one.status_code, one.json()["code"]) for one, _, _ in wrong] == [told[1:] for told in wrong]
    (fault,) = programme_refused.json()["details"]["faults"]
    assert (fault["field"], fault["code"]) == ("sessions[0].segments[0].variants.km", "asset_unknown")
    assert (await dai.plan()).broadcasts == ()
    assert await _speaks(api) == {"loa-viet": ["vi"], "loa-mong": ["hmn", "vi"], "loa-khmer": ["km"]}


@ONE_DATABASE
async def test_languages_are_known_by_their_names(api: httpx.AsyncClient) -> None:
    known = {one["code"]: one for one in (await api.get("/languages")).json()}

    assert known["km"] == {"code": "km", "vi": "Khmer", "en": "Khmer", "own": "ភាសាខ្មែរ"}
    assert {"vi", "en", "hmn", "tyz", "nut", "blt", "ium", "rad", "jra", "bdq", "cjm", "mtq", "zh"} <= known.keys()
    assert len({one["vi"] for one in known.values()}) == len(known)


SAID = {"voice": "espeak/vi", "wanted": "espeak/vi", "fell_back": None, "fell_back_code": None}


async def _voices(api: httpx.AsyncClient, at: datetime) -> dict[str, list[str]]:
    """Device → the machine's sounds it is said to play then."""
    asked = {name: {"device": name, "at": at.isoformat()} for name in VILLAGES}
    found = {name: (await api.get("/explain", params=one)).json() for name, one in asked.items()}
    assert all(one["playing"] for one in found.values())
    return {name: [voice["asset_id"] for voice in one["machine_speech"]] for name, one in found.items()}


async def test_only_devices_that_sound_the_machine_are_said_to(api: httpx.AsyncClient, dai: Station) -> None:
    async with dai.xa.db.transaction() as session:
        for asset in ("tin-viet", "tin-khmer"):
            (await session.get_one(Asset, asset)).facts = {"speech": SAID}
    languages = {"hmn": "tin-mong", "vi": "tin-viet", "km": "tin-khmer"}
    made = (await _broadcast(api, dai, variants=languages, repeats=2)).json()
    at = dai.xa.clock.now() + timedelta(hours=1, seconds=5)

    before = await _voices(api, at)
    dai.xa.clock.move(seconds=3700)
    async with dai.xa.db.transaction() as session:
        await ledger.tick(session, dai.xa.clock.now())
        root = (await session.get_one(Rendition, "r-tin-mong")).root
        heard = {"outcome": Outcome.PLAYED, "started": at - timedelta(seconds=5), "played_ms": 80_000, "roots": (root,)}
        await say(session, "loa-mong", skipped(made["id"], **heard), dai.xa.clock.now())
    after = await api.get("/explain", params={"device": "loa-mong", "at": at.isoformat()})

    assert before == {"loa-viet": ["tin-viet"], "loa-mong": ["tin-viet"], "loa-khmer": ["tin-khmer"]}
    assert after.json()["playing"]["source"] == "receipt"
    assert after.json()["machine_speech"] == [], "it says itself that it sounded the recording alone"
    told = (await api.get(f"/broadcasts/{made['id']}")).json()["machine_speech"]
    assert [one["asset_id"] for one in told] == ["tin-khmer", "tin-viet"]
