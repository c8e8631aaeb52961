"""Programmes over HTTP: what is answered, how errors look, and two people who edit at once."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.api.app import create_app
from controller.devices.tables import DeviceReport
from controller.people.acting import HEADER
from controller.people.rules import Role
from controller.runtime.server import Controller
from controller.runtime.settings import Settings
from controller.units import service as units
from loa_protocol import topics
from tests.fakes.commune import COMMUNE, SCOPE, Commune, SetClock
from tests.fakes.databases import fresh_database
from tests.fakes.roles import take_in
from tests.fakes.station import EVENING, MORNING, PROGRAMME, Station, programme, slot

PATH = f"/programmes/{PROGRAMME}"
SUNDAY = "2026-11-22T17:00"


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh_database("sqlite", tmp_path, request) as made:
        yield made


@pytest.fixture
async def controller(url: str, tmp_path: Path) -> AsyncIterator[Controller]:
    """One that stands still: only its API and its database are used."""
    made = Controller(Settings(data_dir=tmp_path, database_url=url, roles="api"), SetClock())  # type: ignore[arg-type]
    yield made
    await made.db.close()


@pytest.fixture
async def dai(controller: Controller) -> Station:
    xa = Commune(controller.db, controller.clock)  # type: ignore[arg-type]
    await xa.furnish()
    made = Station(xa)
    await made.sound("tin")
    return made


@pytest.fixture
async def api(controller: Controller, dai: Station) -> AsyncIterator[httpx.AsyncClient]:
    assert dai.xa.db is controller.db
    transport = httpx.ASGITransport(app=create_app(controller, "bi-mat"))
    headers = {"Authorization": "Bearer bi-mat"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as client:
        yield client


async def _save(
    api: httpx.AsyncClient, document: dict[str, Any] | None = None, expected: int | None = None, **more: Any
) -> httpx.Response:
    return await api.put(PATH, json={"document": document or programme(), "expected_revision": expected, **more})


async def test_a_rule_until_the_end_of_the_calendar_is_saved_as_one_without_end(api: httpx.AsyncClient) -> None:
    answer = await _save(api, programme({**MORNING, "rrule": "FREQ=DAILY;UNTIL=99991231T235959Z"}))

    assert (answer.status_code, answer.json()["effect"]["added"]) == (200, 15)


async def test_what_was_saved_is_read_again_as_it_was(api: httpx.AsyncClient) -> None:
    change = {"session": "chieu", "occurrence": SUNDAY, "cancel": True, "note": "Nghỉ"}
    answer = await _save(api, programme(changes=[change]), note="Lần đầu")

    assert (answer.status_code, answer.json()["revision"]) == (200, 2)
    assert answer.json()["effect"] == {"added": 29, "changed": 0, "withdrawn": 0, "devices": 2}
    whole = (await api.get(PATH)).json()
    assert whole["document"] == programme(changes=[change])
    assert (whole["revision"], whole["effective"]) == (2, [{"revision": 1, "effective_from": "2026-11-01"}])
    assert [one["id"] for one in (await api.get("/programmes")).json()] == [PROGRAMME]
    assert (await api.get("/programmes", params={"unit": "tinh"})).json() == []
    history = (await api.get(f"{PATH}/history")).json()
    assert [(one["revision"], one["kind"], one["note"]) for one in history] == [
        (2, "change", "Nghỉ"),
        (1, "revision", "Lần đầu"),
    ]


async def test_what_was_read_can_be_saved_again_and_nothing_changes(api: httpx.AsyncClient) -> None:
    await _save(api, programme(changes=[{"session": "chieu", "occurrence": SUNDAY, "volume": 0}]))
    read = (await api.get(PATH)).json()

    again = await _save(api, read["document"], read["revision"])

    assert again.json()["revision"] == read["revision"]
    assert again.json()["effect"] == {"added": 0, "changed": 0, "withdrawn": 0, "devices": 0}


async def test_a_programme_is_read_as_it_will_be_on_a_day(api: httpx.AsyncClient) -> None:
    await _save(api)
    await _save(api, programme(MORNING), 1, **{"from": "2026-12-01"})

    today, later = (await api.get(PATH)).json(), (await api.get(PATH, params={"on": "2026-12-01"})).json()

    assert [one["effective_from"] for one in today["effective"]] == ["2026-11-01", "2026-12-01"]
    assert [len(one["document"]["sessions"]) for one in (today, later)] == [2, 1]


async def test_of_two_people_who_edit_one_gets_409_and_nothing_of_hers_is_kept(api: httpx.AsyncClient) -> None:
    await _save(api)
    first = await _save(api, programme(MORNING), 1)

    second = await _save(api, programme(EVENING), 1)
    changed = await api.post(
        f"{PATH}/changes", json={"change": {"session": "sang", "occurrence": SUNDAY}, "expected_revision": 1}
    )
    retired = await api.delete(PATH, params={"expected_revision": 1})
    new = await _save(api, programme(EVENING))

    assert first.status_code == 200
    assert [(one.status_code, one.json()["code"]) for one in (second, changed, retired, new)] == [
        (409, "programme_moved_on")
    ] * 4
    assert second.json()["details"] == {"programme": PROGRAMME, "revision": 2, "expected": 1}
    assert [one["id"] for one in (await api.get(PATH)).json()["document"]["sessions"]] == ["sang"]


async def test_all_faults_are_told_at_once(api: httpx.AsyncClient) -> None:
    wrong = programme({**MORNING, "to": ["u-khong-co"]}, {**EVENING, "segments": [slot(fallback="mat")]})

    answer = await _save(api, wrong)
    malformed = await _save(api, programme({**MORNING, "at": "5 giờ"}, la=1))

    assert (answer.status_code, answer.json()["code"]) == (422, "programme_invalid")
    assert {(one["field"], one["code"]) for one in answer.json()["details"]["faults"]} == {
        ("sessions[0].to[0]", "target_unknown"),
        ("sessions[1].segments[0].fallback", "asset_unknown"),
    }
    assert {one["field"] for one in malformed.json()["details"]["faults"]} == {"sessions[0].at", "la"}
    assert (await api.get(PATH)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", PATH, None),
        ("GET", f"{PATH}/history", None),
        ("GET", f"{PATH}/reach", None),
        ("GET", f"{PATH}/occurrences?from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z", None),
        ("PUT", PATH, {"document": programme(), "expected_revision": 3}),
        ("POST", f"{PATH}/changes", {"change": {"session": "sang", "occurrence": SUNDAY}, "expected_revision": 1}),
        ("DELETE", f"{PATH}?expected_revision=1", None),
    ],
)
async def test_a_programme_that_is_not_there_is_404(
    api: httpx.AsyncClient, method: str, path: str, body: dict[str, Any] | None
) -> None:
    answer = await api.request(method, path, json=body)

    assert (answer.status_code, answer.json()["code"]) == (404, "programme_unknown")


async def test_a_preview_tells_what_would_happen_and_keeps_nothing(api: httpx.AsyncClient, dai: Station) -> None:
    await _save(api)
    before = [(row.id, row.rev) for row in await dai.rows()]
    body = {"document": programme({**MORNING, "segments": [slot(60)]}), "expected_revision": 1}

    seen = await api.post(f"{PATH}/preview", json=body)

    answer = seen.json()
    assert seen.status_code == 200
    assert (answer["revision"], answer["effect"]["withdrawn"]) == (2, 30)
    assert [one["what"] for one in answer["touches"]] == ["withdrawn"] * 30
    assert [note["code"] for note in answer["notes"]] == ["not_broadcast"]
    assert [(row.id, row.rev) for row in await dai.rows()] == before
    assert (await api.get(PATH)).json()["revision"] == 1
    assert len((await api.get(f"{PATH}/history")).json()) == 1


async def test_a_preview_of_a_new_programme_fills_its_slots_and_makes_none(
    api: httpx.AsyncClient, dai: Station
) -> None:
    await dai.hand_in("Bài", "tin")

    seen = await api.post(
        f"{PATH}/preview", json={"document": programme({**EVENING, "segments": [slot(300)]}), "expected_revision": None}
    )

    (chosen,) = seen.json()["occurrences"][0]["slots"][0]["chosen"]
    assert (chosen["title"], seen.json()["occurrences"][0]["spare_ms"]) == ("Bài", 240_000)
    assert (await api.get(PATH)).status_code == 404


async def test_occurrences_tell_what_is_left_and_what_is_too_much(api: httpx.AsyncClient, dai: Station) -> None:
    for name, minutes in (("dai", 9), ("ngan", 4)):
        await dai.sound(name, minutes * 60_000)
    await _save(api, programme({**EVENING, "segments": [slot(600)], "length_s": 600}))
    for name in ("dai", "ngan"):
        item = {"unit": COMMUNE, "title": name, "asset": name, "valid_from": "2026-01-01T00:00:00Z"}
        assert (await api.post("/slot-items", json=item)).status_code == 201

    answer = await api.get(f"{PATH}/occurrences?from=2026-11-22T00:00:00Z&to=2026-11-23T00:00:00Z")

    (one,) = answer.json()
    assert (one["occurrence"], one["start"]) == (SUNDAY, "2026-11-22T10:00:00Z")
    assert (one["length_ms"], one["sound_ms"], one["spare_ms"], one["over_ms"]) == (600_000, 540_000, 60_000, 0)
    (filled,) = one["slots"]
    assert [item["title"] for item in filled["chosen"]] == ["dai"]
    assert [(item["title"], item["reason"]) for item in filled["left_out"]] == [("ngan", "no_room")]
    assert (filled["spare_ms"], filled["over_ms"]) == (60_000, 180_000)


@pytest.mark.parametrize("begin", ["1970-01-01T00:00:00Z", "2199-12-30T00:00:00Z", "2026-11-21T00:00:00Z"])
async def test_occurrences_of_any_time_that_can_be_named_are_answered(api: httpx.AsyncClient, begin: str) -> None:
    await _save(api)

    answer = await api.get(f"{PATH}/occurrences", params={"from": begin, "to": "2199-12-31T00:00:00Z"})

    assert answer.status_code == 200
    assert len(answer.json()) == {"2026": 124}.get(begin[:4], len(answer.json()))


async def test_more_occurrences_than_one_answer_holds_are_refused(api: httpx.AsyncClient) -> None:
    hourly = {**EVENING, "at": "00:00", "rrule": "FREQ=HOURLY"}
    await _save(api, programme(hourly, {**hourly, "id": "hai", "at": "00:30"}))

    answer = await api.get(f"{PATH}/occurrences?from=2026-11-21T00:00:00Z&to=2027-11-21T00:00:00Z")

    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_occurrences")


async def test_one_occurrence_is_changed_over_the_api(api: httpx.AsyncClient, dai: Station) -> None:
    await _save(api)
    change = {"session": "chieu", "occurrence": SUNDAY, "start": "2026-11-22T18:00"}

    answer = await api.post(f"{PATH}/changes", json={"change": change, "expected_revision": 1})
    wrong = await api.post(
        f"{PATH}/changes", json={"change": {**change, "occurrence": "2026-11-22T09:00"}, "expected_revision": 2}
    )

    assert (answer.status_code, answer.json()["revision"]) == (200, 2)
    assert answer.json()["effect"]["changed"] == 1
    assert (await dai.starts()).count("11-22T18:00") == 1
    assert (wrong.status_code, wrong.json()["details"]["faults"][0]["code"]) == (422, "occurrence_unknown")
    listed = (await api.get("/broadcasts", params={"programme": PROGRAMME})).json()
    assert {one["programme_id"] for one in listed} == {PROGRAMME}
    assert (await api.get("/broadcasts")).json() == []


async def test_a_retired_programme_is_no_longer_listed_and_keeps_its_history(api: httpx.AsyncClient) -> None:
    await _save(api)

    retired = await api.delete(PATH, params={"expected_revision": 1})

    assert retired.json()["effect"]["withdrawn"] == 30
    assert (await api.get("/programmes")).json() == []
    assert (await api.get(PATH)).json()["retired_at"] is not None
    assert (await api.get(f"{PATH}/occurrences?from=2026-11-22T00:00:00Z&to=2026-11-23T00:00:00Z")).json() == []
    assert len((await api.get(f"{PATH}/history")).json()) == 1


async def test_what_waits_is_listed_ordered_changed_and_withdrawn(api: httpx.AsyncClient) -> None:
    item = {"unit": COMMUNE, "title": "Một", "asset": "tin"}
    ids = [(await api.post("/slot-items", json={**item, "title": title})).json()["item"]["id"] for title in "ab"]

    ordered = await api.put("/slot-items/order", json={"unit": COMMUNE, "ids": ids[::-1]})
    changed = await api.patch(f"/slot-items/{ids[0]}", json={"title": "Hai", "level": "priority"})
    gone = await api.delete(f"/slot-items/{ids[1]}")
    wrong = [
        await api.post("/slot-items", json={**item, "asset": "mat"}),
        await api.post("/slot-items", json={**item, "unit": "mat"}),
        await api.post("/slot-items", json={**item, "level": "emergency"}),
        await api.delete("/slot-items/mat"),
    ]

    assert [one["id"] for one in ordered.json()["items"]] == ids[::-1]
    assert (changed.json()["item"]["title"], changed.json()["item"]["level"]) == ("Hai", "priority")
    assert gone.json()["item"]["withdrawn_at"] is not None
    assert [one["id"] for one in (await api.get("/slot-items", params={"unit": COMMUNE})).json()] == ids[:1]
    assert [(one.status_code, one.json()["code"]) for one in wrong] == [
        (404, "asset_unknown"),
        (404, "unit_unknown"),
        (422, "slot_item_invalid"),
        (404, "slot_item_unknown"),
    ]


async def test_a_change_within_the_minute_tells_who_can_hear_of_it(
    api: httpx.AsyncClient, controller: Controller, dai: Station
) -> None:
    await _save(api)
    dai.xa.clock.at = datetime(2026, 11, 21, 9, 59, 30, tzinfo=UTC)
    async with controller.db.transaction() as session:
        session.add(DeviceReport(device_id="loa-1", online=True, seen_at=dai.xa.clock.at, state={}, health={}))

    urgent = (await _save(api, programme(MORNING, {**EVENING, "volume": 30}), 1)).json()["urgent"]
    dai.xa.clock.move(seconds=28.5)
    late = await _save(api, programme(MORNING), 2)

    assert {name: urgent[name] for name in ("devices", "connected", "away")} == {
        "devices": 2,
        "connected": 1,
        "away": 1,
    }
    assert [(one["occurrence"], one["what"]) for one in urgent["occurrences"]] == [("2026-11-21T17:00", "changed")]
    assert (late.status_code, late.json()["code"]) == (409, "too_soon_to_change")


async def test_reach_tells_who_holds_the_newest_plan(
    api: httpx.AsyncClient, controller: Controller, dai: Station
) -> None:
    from controller.delivery import store
    from controller.delivery.store import Stored

    await _save(api)
    topic = topics.scoped(topics.Family.PLAN, SCOPE)
    now = dai.xa.clock.now()
    async with controller.db.transaction() as session:
        await store.replace(session, Stored(topic, "plan", 7, b"x"), after=0, issued=now, expires=now)
        held = {"state": {"have": {topic: 7}}, "health": {}, "seen_at": now}
        session.add(DeviceReport(device_id="loa-1", online=True, **held))
        session.add(DeviceReport(device_id="loa-2", online=True, **{**held, "state": {"have": {topic: 6}}}))
        await dai.xa.register(session, "loa-3")

    answer = (await api.get(f"{PATH}/reach")).json()

    (scope,) = answer
    assert scope == {
        "scope": SCOPE,
        "version": 7,
        "waiting": True,
        "devices": 3,
        "hold": 1,
        "lacking": 1,
        "away": 1,
    }


async def test_what_the_rules_of_the_air_forbid_is_refused_and_a_preview_tells_it(api: httpx.AsyncClient) -> None:
    rules = {"windows": [{"from": "06:00", "to": "21:00"}]}
    put = await api.put(f"/policies/{SCOPE}", json={"document": rules, "expected_revision": None})
    assert put.status_code == 200, put.text

    seen = await api.post(f"{PATH}/preview", json={"document": programme(), "expected_revision": None})
    refused = await _save(api)
    allowed = await _save(api, programme(EVENING))

    assert {one["effect"] for one in seen.json()["violations"]} == {"refused"}
    assert (refused.status_code, refused.json()["code"]) == (422, "policy_violated")
    assert allowed.status_code == 200
    assert (await api.get(PATH)).json()["revision"] == 1


async def test_a_slot_that_is_empty_today_is_judged_as_if_it_were_full(api: httpx.AsyncClient) -> None:
    rules = {"minutes_a_day": 10}
    put = await api.put(f"/policies/{SCOPE}", json={"document": rules, "expected_revision": None})
    assert put.status_code == 200, put.text

    refused = await _save(api, programme({**EVENING, "segments": [slot(900)]}))

    assert (refused.status_code, refused.json()["code"]) == (422, "policy_violated")


async def test_a_preview_tells_which_other_broadcasts_would_lose_and_on_how_many_devices(
    api: httpx.AsyncClient, dai: Station
) -> None:
    await dai.sound("dai", 600_000)
    await _save(api, programme({**EVENING, "late_s": 30}))
    other = {"id": "bao", "title": "Thông báo bão", "at": "16:59", "level": "priority"}
    urgent = {**other, "segments": [{"kind": "content", "asset": "dai", "duration_s": 600}]}
    body = {"document": programme(urgent, id="ct-bao"), "expected_revision": None}

    seen = await api.post("/programmes/ct-bao/preview", json=body)

    lost = seen.json()["displaced"]
    assert {(one["title"], one["then"], one["devices"]) for one in lost} == {("Buổi chiều", None, 2)}
    assert len(lost) == 7
    assert lost[0]["begin"] == "2026-11-21T10:00:00Z"
    assert lost[0]["vi"] == "“Buổi chiều” sẽ không phát trên 2 thiết bị vì “Thông báo bão”."


async def test_two_programmes_at_one_time_are_told_before_and_after_saving(
    api: httpx.AsyncClient, dai: Station
) -> None:
    await dai.sound("dai", 600_000)
    long = {**EVENING, "segments": [{"kind": "content", "asset": "dai", "duration_s": 600}]}
    await _save(api, programme(long))
    dai.xa.clock.move(seconds=60)  # of equals, who was planned first goes first
    body = {"document": programme({**long, "late_s": 30}, id="ct-hai"), "expected_revision": None}

    seen = await api.post("/programmes/ct-hai/preview", json=body)
    await api.put("/programmes/ct-hai", json=body)
    standing = await api.get("/programmes/ct-hai/conflicts")

    told = seen.json()["displaced"]
    assert {(one["own"], one["because"], one["then"]) for one in told} == {(True, "lost_its_place", None)}
    assert told[0]["vi"] == "“Buổi chiều” sẽ không phát trên 2 thiết bị vì “Buổi chiều”."
    assert [one["begin"] for one in standing.json()] == [one["begin"] for one in told]
    assert (await api.get(f"{PATH}/conflicts")).json() == []


async def test_conflicts_are_told_on_devices_that_one_may_see(url: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=url, roles="api", host_acts_for_people=True)  # type: ignore[arg-type]
    controller = Controller(settings, SetClock())
    xa = Commune(controller.db, controller.clock)  # type: ignore[arg-type]
    await xa.furnish()
    dai = Station(xa)
    await dai.sound("tin", 600_000)
    async with controller.db.transaction() as session:
        await units.create(session, unit_id="xa-khac", name="Xã khác", kind="commune", parent_id="tinh")
        await xa.register(session, "loa-khac", "xa-khac")
        lan = await take_in(session, "Lan", COMMUNE, Role.OPERATOR, now=xa.clock.now())
    long = {**EVENING, "late_s": 30, "segments": [{"kind": "content", "asset": "tin", "duration_s": 600}]}
    await dai.save(programme(long, id="ct-khac", unit="xa-khac"))
    xa.clock.move(seconds=60)  # of equals, who was planned first goes first
    await dai.save(programme(long, id="ct-tinh", unit="tinh"))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=create_app(controller, "bi-mat")),
        base_url="http://127.0.0.1/api/v1",
        headers={"Authorization": "Bearer bi-mat"},
    ) as api:
        path = "/programmes/ct-tinh/conflicts"
        whole = await api.get(path)
        hers = await api.get(path, headers={HEADER: lan})
    await controller.db.close()

    assert {one["devices"] for one in whole.json()} == {1}
    assert (hers.status_code, hers.json()) == (200, [])


HOSTILE = {
    "half a character": b'{"document": {"title": "\\ud800"}}',
    "NUL": b'{"document": {"title": "a\\u0000"}}',
    "deep": b'{"document": {"a": ' + b"[" * 5000 + b"]" * 5000 + b"}}",
    "no number": b'{"document": {"authority": NaN}}',
    "vast": b'{"document": {"authority": 1' + b"0" * 400 + b"}}",
    "not an object": b'{"document": []}',
    "no document": b"{}",
}


async def test_hostile_bodies_are_refused_and_nothing_is_kept(api: httpx.AsyncClient) -> None:
    whole = programme()
    texts = {
        name: {**whole, **changes}
        for name, changes in {
            "title": {"title": "Ấ\ud800"},
            "note": {"changes": [{"session": "sang", "occurrence": SUNDAY, "note": "\udfff"}]},
        }.items()
    }

    answers = {
        name: await api.put(PATH, content=body, headers={"Content-Type": "application/json"})
        for name, body in HOSTILE.items()
    }
    for name, document in texts.items():
        body = json.dumps({"document": document}).encode()
        answers[name] = await api.put(PATH, content=body, headers={"Content-Type": "application/json"})

    told = {name: answer.status_code for name, answer in answers.items()}
    assert told == {**dict.fromkeys(answers, 422), "deep": 400}
    assert (await api.get("/programmes")).json() == []
