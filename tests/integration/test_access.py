"""What the table cannot say: ids mixed in bodies, receipts and lists narrowed, factors, streams, agencies, jobs."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter

from controller.access.guard import require_rows
from controller.access.may import May
from controller.access.rules import RoleHeld
from controller.accounts import sessions
from controller.api import events
from controller.api.app import guarded_routers
from controller.api.events import Seeing, watched
from controller.people.acting import Actor, PersonUnknown
from controller.people.rules import Held, Role
from controller.runtime.changes import Change, Changes
from tests.fakes.commune import T0
from tests.fakes.databases import sqlite_url
from tests.fakes.land import ALL_ROLES, UNITS, Asked, Land, asked, programme
from tests.fakes.requests_of_routes import SOON
from tests.fakes.roles import FIRST_DAY

HOME, FOREIGN = UNITS["home"], UNITS["foreign"]
NEWS = {
    "title": "Tin",
    "variants": [{"language": "vi", "text": "Mời bà con.", "audio": "am-foreign", "audio_kind": "upload"}],
}
DEVICE = {"id": "m1", "unit_id": HOME, "name": "m", "kind": "speaker", "public_key": "A" * 43 + "="}
AIRED = {"title": "T", "at": SOON, "board_text": "Chào"}
SPOKEN = {**AIRED, "to": ["u-xa-a"], "asset_id": "am-home"}
GROUP = {"id": "n", "name": "N"}
PLACE = {"latitude": 21.0, "longitude": 105.0, "radius_m": 20, "title": "T", "document": {}}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("land")
    with asked(folder, sqlite_url(folder)) as made:
        yield made


def _programme(sessions_to: list[str] | None = None, **changes: Any) -> dict[str, Any]:
    document = {**programme("moi", HOME, "home"), **changes}
    if sessions_to is not None:
        document["sessions"][0]["to"] = sessions_to
    return {"document": document}


MIXED: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "/groups", {**GROUP, "unit_id": HOME, "devices": ["loa-home", "loa-foreign"]}, "device_unknown"),
    ("POST", "/groups", {**GROUP, "unit_id": "thon-a", "devices": ["loa-home"]}, "device_elsewhere"),
    ("PATCH", "/people/{person home}", {"unit_id": FOREIGN}, "unit_unknown"),
    ("PATCH", "/people/{person home}", {"unit_id": "tinh"}, "not_allowed"),
    ("POST", "/people/{person home}/grants", {"role": "monitor", "unit_id": FOREIGN}, "unit_unknown"),
    ("POST", "/people/{person home}/grants", {"role": "administrator", "unit_id": "tinh"}, "not_allowed"),
    ("DELETE", "/people/{person home}/grants/{grant foreign}", {}, "grant_not_found"),
    ("DELETE", "/people/{person home}/leaves/{leave foreign}", {}, "leave_not_found"),
    ("DELETE", "/people/{person home}/push-subscriptions/{subscription foreign}", {}, "subscription_unknown"),
    ("POST", "/devices/batch", {"devices": [DEVICE, {**DEVICE, "id": "m2", "unit_id": FOREIGN}]}, "unit_unknown"),
    ("POST", "/media/joined", {"title": "N", "unit": HOME, "parts": [{"asset_id": "am-foreign"}]}, "asset_unknown"),
    ("POST", "/media/joined", {"title": "N", "parts": [{"asset_id": "am-home"}]}, "unit_needed"),
    ("POST", "/speech", {"title": "N", "text": "8h"}, "unit_needed"),
    ("POST", "/broadcasts", {**AIRED, "to": ["u-xa-a", "u-xa-b"]}, "target_unknown"),
    ("POST", "/broadcasts", {**AIRED, "to": ["u-xa-a", "u-tinh"]}, "not_allowed"),
    ("POST", "/broadcasts", {**AIRED, "to": ["u-xa-a", "d-loa-foreign"]}, "target_unknown"),
    ("POST", "/broadcasts", {**AIRED, "to": ["g-vung-foreign"]}, "target_unknown"),
    ("POST", "/broadcasts", {**AIRED, "to": ["u-xa-a"], "asset_id": "am-foreign"}, "asset_unknown"),
    ("POST", "/broadcasts", {**SPOKEN, "variants": {"hmn": "am-foreign"}}, "asset_unknown"),
    ("POST", "/broadcasts", {**AIRED, "to": ["u-xa-a"], "board_image": "anh-foreign"}, "asset_unknown"),
    ("POST", "/stops", {"to": ["u-xa-a", "u-xa-b"]}, "target_unknown"),
    ("POST", "/stops", {"broadcast": "{broadcast foreign}"}, "broadcast_unknown"),
    ("POST", "/stops", {"broadcast": "{broadcast above}"}, "not_allowed"),
    ("PUT", "/programmes/moi", _programme(unit=FOREIGN), "programme_invalid"),
    ("PUT", "/programmes/moi", _programme(unit="tinh"), "not_allowed"),
    ("PUT", "/programmes/moi", _programme(["u-xa-b"]), "programme_invalid"),
    ("PUT", "/programmes/moi", _programme(["u-tinh"]), "not_allowed"),
    ("POST", "/programmes/moi/preview", _programme(["u-tinh"]), "not_allowed"),
    ("PUT", "/programmes/moi", {"document": programme("moi", HOME, "foreign")}, "programme_invalid"),
    ("PUT", "/programmes/ct-foreign", {"document": programme("ct-foreign", HOME, "home")}, "id_taken"),
    ("POST", "/slot-items", {"unit": HOME, "title": "M", "asset": "am-foreign"}, "asset_unknown"),
    ("POST", "/slot-items", {"unit": HOME, "title": "M", "asset": "am-home", "owner": FOREIGN}, "unit_unknown"),
    ("POST", "/slot-items", {"unit": HOME, "title": "M", "asset": "am-home", "owner": "tinh"}, "not_allowed"),
    ("PUT", "/slot-items/order", {"unit": HOME, "ids": ["{slot item foreign}"]}, "slot_item_unknown"),
    ("PUT", "/quiet-zones/vung-home", {**PLACE, "unit_id": FOREIGN, "expected_revision": 1}, "unit_unknown"),
    ("PUT", "/quiet-zones/vung-foreign", {**PLACE, "unit_id": HOME}, "id_taken"),
    ("POST", "/bulletins", {"unit": HOME, "document": NEWS}, "asset_unknown"),
    ("PUT", "/bulletins/{bulletin home}", {"document": NEWS, "expected_revision": 1}, "asset_unknown"),
    ("POST", "/bulletins/{bulletin home}/placements", {"to": ["u-xa-b"]}, "target_unknown"),
    ("POST", "/bulletins/{bulletin home}/placements", {"slot": "tinh"}, "not_allowed"),
    ("POST", "/bulletins/{bulletin home}/placements", {"slot": HOME, "fallback_asset": "am-foreign"}, "asset_unknown"),
    ("DELETE", "/bulletins/{bulletin home}/placements/{placement foreign}", {}, "placement_unknown"),
    ("PUT", "/units/xa-a/bulletin-rules", {"fallback_asset": "am-foreign", "why": "-"}, "asset_unknown"),
]  # fmt: skip


def filled(made: Land, value: Any) -> Any:
    """With ids in the place of `{kind place}`."""
    if isinstance(value, dict):
        return {key: filled(made, one) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(made, one) for one in value]
    if isinstance(value, str):
        for (kind, place), found in made.ids.items():
            value = value.replace(f"{{{kind} {place}}}", found)
    return value


def nowhere(value: Any) -> Any:
    """With ids that nothing has in the place of foreign ones."""
    if isinstance(value, dict):
        return {key: nowhere(one) for key, one in value.items()}
    if isinstance(value, list):
        return [nowhere(one) for one in value]
    if isinstance(value, str):
        return re.sub(r"\{[a-z ]+ foreign\}", "khong-co", value).replace("foreign", "khong-co").replace("xa-b", "xa-x")
    return value


@pytest.mark.parametrize(("method", "path", "body", "code"), MIXED)
def test_what_a_body_names_is_somebodys_too(here: Asked, method: str, path: str, body: Any, code: str) -> None:
    told = {} if method == "DELETE" else {"json": filled(here.land, body)}

    answer = here.ask(ALL_ROLES, method, filled(here.land, path), **told)

    assert answer.json()["code"] == code, answer.text


@pytest.mark.parametrize(("method", "path", "body", "code"), MIXED)
def test_what_is_not_for_them_to_know_is_answered_as_what_is_not_there(
    here: Asked, method: str, path: str, body: Any, code: str
) -> None:
    """The words are the same but for the id, so that nobody finds out which ids there are."""
    if code in {"not_allowed", "unit_needed", "id_taken", "device_elsewhere"}:
        return
    told = {} if method == "DELETE" else {"json": filled(here.land, nowhere(body))}

    answer = here.ask(ALL_ROLES, method, filled(here.land, nowhere(path)), **told)

    assert answer.json()["code"] == code, answer.text


def test_a_role_that_releases_counts_only_with_two_factors(here: Asked) -> None:
    made, db = here.land, here.land.controller.db

    async def sign_in(session: Any, *, strong: bool) -> str:
        _, secret = await sessions.begin(session, made.actors["administrator"], strong=strong, how="password", now=T0)
        return str(secret)

    async def both() -> list[tuple[int, str]]:
        found = []
        for strong in (False, True):
            async with _kept(db) as session:
                secret = await sign_in(session, strong=strong)
            headers = {"Authorization": f"Bearer {secret}"}
            answer = await made.api.patch("/units/xa-a", json={"name": "Khác"}, headers=headers)
            found.append((answer.status_code, answer.json().get("code") or ""))
        return found

    weak, strong = here.runner.run(both())

    assert weak == (403, "second_factor_needed")
    assert strong == (200, "")


def _kept(db: Any) -> Any:
    return type(db).transaction(db)


def test_a_monitor_sees_exactly_the_receipts_of_its_units(here: Asked) -> None:
    broadcast = here.land.id("broadcast", "above")

    told = here.ask("monitor", "GET", f"/broadcasts/{broadcast}/ledger").json()
    everything = here.ask(None, "GET", f"/broadcasts/{broadcast}/ledger").json()

    assert [row["device_id"] for row in told["rows"]] == ["loa-home", "loa-inside"]
    assert (told["expected"], told["waiting"]) == (2, 2)
    assert everything["expected"] == 4


def test_jobs_are_their_makers(here: Asked) -> None:
    mine = here.land.id("job", "own operator")

    told = here.ask("operator", "GET", "/jobs").json()

    assert [one["id"] for one in told] == [mine]
    assert len(here.ask(None, "GET", "/jobs").json()) > len(told)


def test_notices_are_ones_own_or_of_the_people_one_looks_after(here: Asked) -> None:
    own = here.ask("monitor", "GET", "/notices").json()
    theirs = {one["id"] for one in here.ask("administrator", "GET", "/notices").json()}

    assert [one["id"] for one in own] == [here.land.id("notice", "own monitor")]
    assert here.land.id("notice", "inside") in theirs
    assert here.land.id("notice", "foreign") not in theirs


def test_an_answer_of_before_is_given_to_nobody_else(here: Asked) -> None:
    """Nothing is kept here, so the key is remembered by hand."""
    made = here.land
    key = {"Idempotency-Key": "k-1"}

    async def twice() -> list[tuple[int, str]]:
        made.controller.db.transaction, undone = lambda: _kept(made.controller.db), made.controller.db.transaction  # type: ignore[method-assign]
        try:
            answers = [
                await made.ask(who, "POST", "/people/" + made.actors["none"] + "/leaves", headers=key, json=days)
                for who in ("administrator", "administrator", "everything", "monitor")
            ]
        finally:
            made.controller.db.transaction = undone  # type: ignore[method-assign]
        return [(one.status_code, one.json().get("code", "")) for one in answers]

    days = {"first_day": "2032-01-01", "last_day": "2032-01-02"}

    assert here.runner.run(twice()) == [
        (201, ""),
        (201, ""),
        (409, "idempotency_conflict"),
        (403, "not_allowed"),
    ]


def _may(made: Land, *roles: Role, person: str = "monitor") -> May:
    held = tuple(RoleHeld(role, Held(made.actors[person], HOME, FIRST_DAY)) for role in roles)
    return May(made.controller.db.reading, Actor(made.actors[person], person), held, T0.date())


def test_a_stream_tells_what_is_theirs(here: Asked) -> None:
    made = here.land
    may = _may(made, Role.MONITOR)
    above = {"broadcast_id": made.id("broadcast", "above")}
    changes = [
        Change("ledger", {**above, "device_id": "loa-foreign", "outcome": "played"}),
        Change("ledger", {"broadcast_id": made.id("broadcast", "foreign"), "closed": True}),
        Change("device", {"device_id": "loa-foreign"}),
        Change("job", {"job_id": made.id("job", "own operator")}),
        Change("source", {"source": "nguon-foreign"}),
        Change("document", {"topic": "loa/v1/plan/u-xa-b", "version": 2}),
        Change("document", {"topic": "loa/v1/trust", "version": 2}),
        Change("document", {"topic": "something else"}),
        Change("ledger", {**above, "device_id": "loa-inside", "outcome": "played"}),
        Change("ledger", {**above, "closed": True}),
        Change("device", {"device_id": "loa-home"}),
        Change("document", {"topic": "loa/v1/stop/u-xa-a", "version": 2}),
        Change("document", {"topic": "loa/v1/plan/u-tinh", "version": 2}),
        Change("document", {"topic": "loa/v1/plan/d-loa-home", "version": 2}),
        Change("job", {"job_id": made.id("job", "own monitor")}),
        Change("source", {"source": "nguon-home"}),
        Change("reread"),
    ]

    async def told() -> list[Change]:
        seeing = Seeing(made.controller, lambda _: _ready(may), may)
        return [one for one in changes if await seeing.sees(one)]

    assert here.runner.run(told()) == changes[8:]


async def _ready(may: May) -> May:
    return may


def test_the_stream_of_who_leaves_ends(here: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    made = here.land
    monkeypatch.setattr(events, "RENEWED_EVERY_S", 0.05)

    async def left(_: May) -> May:
        raise PersonUnknown("left")

    async def told() -> list[Change]:
        hub = Changes()
        seeing = Seeing(made.controller, left, _may(made, Role.MONITOR))
        async with hub.subscribe() as changes, asyncio.timeout(20):
            return [one async for one in watched(changes, seeing)]

    assert here.runner.run(told()) == []


def test_every_route_stands_behind_the_guard_or_is_public() -> None:
    strange = APIRouter()
    strange.add_api_route("/strange", lambda: None)
    features = guarded_routers()

    with pytest.raises(AssertionError, match="/strange"):
        require_rows([*features, strange])
