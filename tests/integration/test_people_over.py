"""Who looks after a commune takes over, moves, shuts out or stands in for nobody who decides for more than it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.api.app import create_app
from controller.runtime.server import Controller
from controller.runtime.settings import Role as Process
from controller.runtime.settings import Settings
from tests.fakes.databases import fresh_database
from tests.fakes.post_office import Browser

LATER = {"first_day": "2032-01-01", "last_day": "2032-01-02"}
DAYS = {"first_day": "2031-01-01", "last_day": "2031-01-02"}


def browser_of(name: str) -> dict[str, Any]:
    """A subscription."""
    return Browser(f"https://fcm.googleapis.com/fcm/send/{name}").subscription()


@dataclass
class Office:
    """A province with one commune. Kim looks after the commune; Chi works there and approves for the province."""

    api: httpx.AsyncClient
    ids: dict[str, str] = field(default_factory=dict)
    things: dict[str, str] = field(default_factory=dict)

    async def ask(self, who: str | None, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {} if who is None else {"X-Loa-Person": self.ids[who]}
        return await self.api.request(method, path.format(**self.ids, **self.things), json=body, headers=headers)

    async def made(self, path: str, body: Any) -> dict[str, Any]:
        answer = await self.ask(None, "POST", path, body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def furnish(self) -> None:
        await self.made("/units", {"id": "tinh", "name": "Tỉnh", "kind": "province"})
        for unit in ("xa", "xa-b"):
            await self.made("/units", {"id": unit, "name": "Xã", "kind": "commune", "parent_id": "tinh"})
        for name, role, unit in (("kim", "administrator", "xa"), ("chi", "approver", "tinh"), ("an", "operator", "xa")):
            self.ids[name] = (await self.made("/people", {"name": name, "unit_id": "xa"}))["id"]
            given = await self.made(f"/people/{self.ids[name]}/grants", {"role": role, "unit_id": unit})
            self.things[f"role_of_{name}"] = given["id"]
            leave = await self.made(f"/people/{self.ids[name]}/leaves", LATER)
            self.things[f"leave_of_{name}"] = leave["id"]
            browser = await self.made(f"/people/{self.ids[name]}/push-subscriptions", browser_of(name))
            self.things[f"browser_of_{name}"] = browser["id"]


@pytest.fixture
def url(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    with fresh_database("sqlite", tmp_path, request) as made:
        yield made


@pytest.fixture
async def office(tmp_path: Path, url: str) -> AsyncIterator[Office]:
    settings = Settings(
        data_dir=tmp_path / "controller",
        database_url=url,
        roles=frozenset({Process.API}),
        brokers=("mqtt://127.0.0.1:1",),
        host_acts_for_people=True,
    )
    controller = await asyncio.to_thread(Controller, settings)
    headers = {"Authorization": "Bearer bi-mat"}
    transport = httpx.ASGITransport(app=create_app(controller, "bi-mat"))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as api:
        made = Office(api)
        await made.furnish()
        yield made
    await controller.db.close()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/people/{%s}/invitation", {"sign_in_name": "ai-do"}),
        ("POST", "/people/{%s}/leaves", DAYS),
        ("DELETE", "/people/{%s}/leaves/{leave_of_%s}", None),
        ("POST", "/people/{%s}/retirement", None),
        ("GET", "/people/{%s}/data", None),
        ("DELETE", "/people/{%s}", None),
        ("PATCH", "/people/{%s}", {"unit_id": "xa"}),
        ("PATCH", "/people/{%s}", {"email": "kim@xa.example"}),
        ("PATCH", "/people/{%s}", {"webhook": True}),
        ("DELETE", "/people/{%s}/lock", None),
        ("DELETE", "/people/{%s}/sessions", None),
        ("POST", "/people/{%s}/push-subscriptions", browser_of("kim-again")),
        ("DELETE", "/people/{%s}/push-subscriptions/{browser_of_%s}", None),
        ("DELETE", "/people/{%s}/grants/{role_of_%s}", None),
    ],
)
async def test_an_administrator_of_a_commune_has_no_power_over_who_decides_for_the_province(
    office: Office, method: str, path: str, body: Any
) -> None:
    over_chi = await office.ask("kim", method, path.replace("%s", "chi"), body)
    over_an = await office.ask("kim", method, path.replace("%s", "an"), body)

    assert (over_chi.status_code, over_chi.json()["code"]) == (403, "not_allowed")
    assert over_an.status_code < 400, over_an.text


async def test_people_tend_to_themselves_whatever_they_decide_for(office: Office) -> None:
    await office.made("/people/{chi}/grants", {"role": "administrator", "unit_id": "xa"})

    answers = [
        await office.ask("chi", method, path, body)
        for method, path, body in (
            ("PATCH", "/people/{chi}", {"email": "chi@xa.example"}),
            ("DELETE", "/people/{chi}/sessions", None),
            ("POST", "/people/{chi}/push-subscriptions", browser_of("chi-too")),
            ("DELETE", "/people/{chi}/push-subscriptions/{browser_of_chi}", None),
            ("GET", "/people/{chi}/data", None),
        )
    ]

    assert [one.status_code for one in answers] == [200, 200, 201, 200, 200]


async def told(office: Office, who: str | None) -> set[str]:
    """Of whose notices somebody reads."""
    return {one["person"] for one in (await office.ask(who, "GET", "/notices")).json()}


async def test_nobody_reads_what_people_were_told_at_units_they_do_not_look_after(office: Office) -> None:
    for name in office.ids:
        await office.ask(None, "POST", f"/people/{office.ids[name]}/test-notice")
    before = {who: await told(office, who) for who in (None, "kim", "chi", "an")}

    await office.ask("chi", "POST", "/people/{chi}/leaves", {**DAYS, "deputy_id": office.ids["an"]})

    assert before == {None: {"kim", "chi", "an"}, "kim": {"kim", "an"}, "chi": {"chi"}, "an": {"an"}}
    assert await told(office, "kim") == {"kim"}


async def test_a_deputy_is_somebody_whom_who_names_them_knows(office: Office) -> None:
    far = (await office.made("/people", {"name": "far", "unit_id": "xa-b"}))["id"]

    known, unknown, nobody = [
        await office.ask(who, "POST", f"/people/{office.ids[who]}/leaves", {**DAYS, "deputy_id": key})
        for who, key in (("kim", office.ids["an"]), ("an", far), ("an", "0198-khong-co"))
    ]

    assert known.status_code == 201, known.text
    assert [(one.status_code, one.json()["code"]) for one in (unknown, nobody)] == [(404, "person_not_found")] * 2


async def test_people_name_their_own_deputy_whatever_they_decide_for(office: Office) -> None:
    answer = await office.ask("chi", "POST", "/people/{chi}/leaves", {**DAYS, "deputy_id": office.ids["an"]})

    assert answer.status_code == 201, answer.text
