"""Instants and days where calendars end: nobody who sends one gets more for it than a refusal, on any route.

Every place of a request that holds a day or an instant, by its description or in its sample, is asked with both ends.
"""

import base64
import re
from collections.abc import Iterator
from datetime import MAXYEAR, MINYEAR, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.api.models import FIRST_YEAR, LAST_YEAR
from controller.broadcasts.tables import LedgerRow
from controller.devices import service as devices
from controller.devices.tables import DeviceReport
from controller.people.rules import Role
from controller.receipts import reports, service
from controller.receipts.reports import Said
from controller.web import moments
from controller.web.translating import Language, tongues
from controller.week import rules as week
from loa_protocol.documents.device import DeviceState
from loa_protocol.outcomes import Outcome
from tests.fakes.account_house import PAGES as HOUSE
from tests.fakes.account_house import UNIT, AccountHouse, account_house
from tests.fakes.commune import commune
from tests.fakes.databases import sqlite_url
from tests.fakes.land import ALL_ROLES, Asked, Place, asked
from tests.fakes.requests_of_routes import SAMPLES
from tests.fakes.wire_device import TRUSTED, skipped
from tests.fakes.words import say
from tests.integration.test_access_matrix import OK, request

INSTANTS = (
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    f"{LAST_YEAR}-12-31T23:59:59-12:00",
    f"{FIRST_YEAR}-01-01T00:00:00+14:00",
)
ENDS = {
    "date-time": INSTANTS,
    "date": ("9999-12-31", "0001-01-01", f"{LAST_YEAR}-12-31", f"{FIRST_YEAR}-01-01"),
    "wall": ("9999-12-31T23:59", "0001-01-01T00:00"),
    "week": ("9999-W52", "0001-W01", f"{week.LAST_YEAR}-W52", f"{week.FIRST_YEAR}-W01"),
}
KINDS = {
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "wall": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d"),
}
Request = tuple[dict[str, Any], Any]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("land")
    with asked(folder, sqlite_url(folder)) as made:
        yield made


@pytest.fixture(scope="module")
def described(here: Asked) -> dict[str, Any]:
    found: dict[str, Any] = here.ask(None, "GET", "http://127.0.0.1/api/v1/openapi.json").json()
    return found


@pytest.mark.parametrize(("method", "path"), sorted(SAMPLES), ids=lambda part: part)
def test_no_end_of_the_calendar_breaks_a_route(here: Asked, described: dict[str, Any], method: str, path: str) -> None:
    sample = SAMPLES[method, path]
    usual = request(here.land, path, sample, ALL_ROLES, Place.HOME)
    operation = described["paths"][f"/api/v1{path}"][method.lower()]
    wrong = []
    for params, json in _requests(usual, operation, described):
        told = {**usual, "params": params} | ({} if json is None else {"json": json})
        answer = here.ask(ALL_ROLES, method, **told)
        if answer.status_code >= 500:
            wrong.append(f"{params} {json}: {answer.status_code} {answer.text[:200]}")

    assert not wrong, "\n".join(wrong)


def _requests(usual: dict[str, Any], operation: dict[str, Any], described: dict[str, Any]) -> Iterator[Request]:
    params, json = usual["params"], usual.get("json")
    for one in operation.get("parameters", ()):
        if one["in"] == "query" and (kind := _kind(one["schema"], one["name"])):
            yield from (({**params, one["name"]: end}, json) for end in ENDS[kind])
    if isinstance(json, dict):
        fields = _fields(operation, described)
        for name, schema in fields.items():
            if kind := _kind(schema, name):
                yield from ((params, {**json, name: end}) for end in ENDS[kind])
    for kind, form in KINDS.items():
        for end in ENDS[kind]:
            changed = (_replaced(params, form, end), _replaced(json, form, end))
            if changed != (params, json):
                yield changed


def _kind(schema: dict[str, Any], name: str) -> str | None:
    formats = {one.get("format") for one in (schema, *schema.get("anyOf", ()))}
    return "week" if name == "week" else next((kind for kind in ("date-time", "date") if kind in formats), None)


def _fields(operation: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = described["components"]["schemas"].get(name, {}).get("properties", {})
    return found


def _replaced(told: Any, form: re.Pattern[str], end: str) -> Any:
    """With every text of that form changed."""
    if isinstance(told, dict):
        return {name: _replaced(value, form, end) for name, value in told.items()}
    if isinstance(told, list):
        return [_replaced(value, form, end) for value in told]
    return end if isinstance(told, str) and form.fullmatch(told) else told


PAGES = (
    *(("/results", "day", day) for day in ENDS["date"]),
    *(("/week", "week", one) for one in ENDS["week"]),
    *(("/devices/loa-1", "at", at) for at in ENDS["wall"]),
)


_DEVICE: dict[str, Any] = {
    "device_id": "loa-1",
    "name": "Cụm 1",
    "kind": "speaker",
    "unit_id": UNIT,
    "public_key": base64.b64encode(bytes(32)).decode(),
    "profile": "generic",
    "languages": [],
    "stagger_ms": 0,
}


async def test_no_end_of_the_calendar_breaks_a_page(tmp_path: Path) -> None:
    answers = {}
    async with account_house(tmp_path) as house, await _browser(house) as browser:
        for path, name, end in PAGES:
            answers[path, end] = (await browser.get(path, params={name: end})).status_code

    assert {code for code in answers.values() if code >= 500} == set(), answers
    assert OK in answers.values()


async def _browser(house: AccountHouse) -> httpx.AsyncClient:
    """Of an operator who also monitors, signed in; a device stands in their commune."""
    async with house.db.transaction() as session:
        await devices.register(session, **_DEVICE, now=house.clock.now())
    secret = await house.session(await house.person("Lan", Role.OPERATOR, Role.MONITOR))
    transport = httpx.ASGITransport(app=house.app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=HOUSE, cookies={"loa": secret})


@pytest.mark.parametrize("year", [MAXYEAR, MINYEAR])
@pytest.mark.parametrize("hours", [-12, 0, 14])
async def test_a_device_that_tells_of_no_time_of_ours_is_answered_and_shown(
    database: str, year: int, hours: int
) -> None:
    zone = timezone(timedelta(hours=hours))
    at = datetime(year, 12, 31, 23, 59, tzinfo=zone) if year == MAXYEAR else datetime(year, 1, 1, tzinfo=zone)
    async with commune(database) as xa:
        made = await xa.broadcast(in_s=1)
        xa.clock.move(seconds=2)
        now = xa.clock.now()
        async with xa.db.transaction() as session:
            await service.tick(session, now)
            receipt = skipped(made, outcome=Outcome.PLAYED, started=at, ended=at, planned=at, played_ms=1000)
            heard = await say(session, "loa-1", receipt, now)
            state = DeviceState(device="loa-1", boot="b-1", issued=at, clock=TRUSTED)
            await reports.hear(session, [Said("loa-1", state, retained=False)], now)
        async with xa.db.reading() as session:
            row = await session.get_one(LedgerRow, (made, "loa-1"))
            report = await session.get_one(DeviceReport, "loa-1")

    assert (heard.odd, row.outcome) == ([], "played")
    assert row.started is not None
    shown = moments.moment(row.started, tongues()[Language.VI])
    assert shown.endswith("2199" if year == MAXYEAR else "1970")
    assert report.state_issued is not None
