"""People in real databases and over the API: roles, leaves, deputies, who acts, and letting people go."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from controller.access.store import roles_of
from controller.api.app import create_app
from controller.notices import service as notices
from controller.notices.rules import Message
from controller.notices.tables import Notice, PushSubscription, Sending
from controller.people import approving as approving_of
from controller.people import leaves, service
from controller.people.acting import HEADER
from controller.people.leaves import DeputyRefused, LeaveOverlaps
from controller.people.rules import Role
from controller.people.service import DaysInvalid, PersonLeft
from controller.people.tables import Person
from controller.runtime.server import Controller
from controller.runtime.settings import Role as Process
from controller.runtime.settings import Settings
from controller.units import service as units
from tests.fakes.commune import COMMUNE, Commune, commune
from tests.fakes.databases import fresh_database
from tests.fakes.job_house import NOWHERE
from tests.fakes.post_office import Browser

TODAY = date(2026, 11, 21)  # T0 is noon of it in Vietnam
DAY = timedelta(days=1)
PUSH = "https://fcm.googleapis.com/fcm/send/1"


@pytest.fixture
async def xa(database: str) -> AsyncIterator[Commune]:
    """On both databases."""
    async with commune(database, device_ids=()) as made:
        async with made.db.transaction() as session:
            await units.create(session, unit_id="thon", name="Thôn Một", kind="village", parent_id=COMMUNE)
        yield made


@pytest.fixture
async def here(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Commune]:
    """On SQLite, for what asks nothing of the database that others do not."""
    with fresh_database("sqlite", tmp_path, request) as url:
        async with commune(url, device_ids=()) as made:
            yield made


async def person(xa: Commune, name: str, *, approves: str | None = None, **more: Any) -> Person:
    async with xa.db.transaction() as session:
        made = await service.create(session, name=name, unit_id=COMMUNE, now=xa.clock.now(), **more)
        if approves is not None:
            await service.grant(
                session, made.id, role=Role.APPROVER, unit_id=approves, begins=TODAY, by=None, now=xa.clock.now()
            )
    return made


async def away(xa: Commune, who: Person, deputy: Person | None, *, first: date = TODAY, last: date = TODAY) -> str:
    async with xa.db.transaction() as session:
        row = await leaves.take_leave(
            session,
            who.id,
            first_day=first,
            last_day=last,
            deputy_id=None if deputy is None else deputy.id,
            by=None,
            now=xa.clock.now(),
        )
    return row.id


async def approving(xa: Commune, unit: str = COMMUNE, on: date = TODAY, author: Person | None = None) -> list[Any]:
    async with xa.db.reading() as session:
        found = await service.approvers(session, unit, on, writers=[author.id] if author else ())
    return [(one.person.name, one.for_person and one.for_person.name) for one in found]


async def test_the_nearest_unit_with_approvers_decides(xa: Commune) -> None:
    await person(xa, "Chủ tịch", approves=COMMUNE)
    await person(xa, "Sở", approves="tinh")

    assert await approving(xa, "thon") == [("Chủ tịch", None)]
    assert await approving(xa, "tinh") == [("Sở", None)]
    assert await approving(xa, "thon", TODAY - DAY) == []


async def test_a_deputy_approves_for_who_is_away_and_on_those_days_only(xa: Commune) -> None:
    chair, deputy = await person(xa, "Chủ tịch", approves=COMMUNE), await person(xa, "Phó")
    await away(xa, chair, deputy, first=TODAY, last=TODAY + DAY)

    days = {day: await approving(xa, on=TODAY + day * DAY) for day in range(3)}

    assert days == {0: [("Phó", "Chủ tịch")], 1: [("Phó", "Chủ tịch")], 2: [("Chủ tịch", None)]}


async def test_a_deputy_who_is_away_too_leaves_nobody(here: Commune) -> None:
    chair, deputy, third = (
        await person(here, "Chủ tịch", approves=COMMUNE),
        await person(here, "Phó"),
        await person(here, "Ba"),
    )
    await person(here, "Sở", approves="tinh")
    await away(here, chair, deputy)
    leave_id = await away(here, deputy, third)

    assert await approving(here) == []
    async with here.db.transaction() as session:
        await leaves.cancel_leave(session, deputy.id, leave_id, now=here.clock.now())
    assert await approving(here) == [("Phó", "Chủ tịch")]


async def test_who_is_away_is_told_so_and_who_decides_instead(here: Commune) -> None:
    chair, vice, other = [await person(here, name, approves=COMMUNE) for name in ("Chủ tịch", "Phó", "Ủy viên")]
    clerk = await person(here, "Văn thư")
    await away(here, chair, vice)
    await away(here, other, None)

    async with here.db.reading() as session:
        found = [await approving_of.absent(session, one.id, COMMUNE, TODAY) for one in (chair, other, vice, clerk)]
        after = await approving_of.absent(session, chair.id, COMMUNE, TODAY + DAY)
    assert [one and one.vi.split("; ")[1] for one in found] == ["Phó duyệt thay", "chưa cử ai duyệt thay", None, None]
    assert after is None


async def test_an_author_does_not_decide_by_sending_their_deputy(here: Commune) -> None:
    chair, deputy = await person(here, "Chủ tịch", approves=COMMUNE), await person(here, "Phó")
    await away(here, chair, deputy)

    async with here.db.reading() as session:
        for_others = await service.may_approve(session, deputy.id, COMMUNE, TODAY)
        for_chair = await service.may_approve(session, deputy.id, COMMUNE, TODAY, writers=[chair.id])
        own = await service.may_approve(session, deputy.id, COMMUNE, TODAY, writers=[deputy.id])

    assert for_others is not None
    assert for_others.for_person is not None
    assert for_others.for_person.id == chair.id
    assert for_chair is None
    assert own is None
    assert await approving(here, author=chair) == []


async def test_who_retires_acts_no_more_from_then_on(here: Commune) -> None:
    chair = await person(here, "Chủ tịch", approves=COMMUNE, email="chu.tich@xa.example", webhook=True)
    async with here.db.transaction() as session:
        left = await service.retire(session, chair.id, now=here.clock.now())

    assert (left.email, left.webhook) == (None, False)
    assert await approving(here) == []


async def test_nobody_stands_in_for_who_has_left(xa: Commune) -> None:
    chair, vice, deputy = [await person(xa, name, approves=COMMUNE) for name in ("Chủ tịch", "Phó", "Ủy viên")]
    stays = await person(xa, "Sở", approves="tinh")
    await away(xa, chair, deputy, first=TODAY - DAY, last=TODAY + DAY)
    await away(xa, chair, deputy, first=TODAY - 9 * DAY, last=TODAY - 8 * DAY)
    for absent in (vice, stays):
        await away(xa, absent, deputy)
    before = await roles(xa, deputy)
    async with xa.db.transaction() as session:
        await service.retire(session, chair.id, now=xa.clock.now())
        gone = await service.require(session, vice.id)
        gone.retired_at = xa.clock.now()  # as before leaves ended with their person

    assert before == ["tinh", COMMUNE, COMMUNE, COMMUNE]
    assert await roles(xa, deputy) == ["tinh", COMMUNE]
    async with xa.db.reading() as session:
        assert [one.first_day for one in await leaves.leaves(session, chair.id)] == [TODAY - 9 * DAY]


async def roles(xa: Commune, who: Person) -> list[str]:
    """The units of what somebody may do today."""
    async with xa.db.reading() as session:
        return sorted(one.held.unit_id for one in await roles_of(session, who.id, TODAY))


async def test_a_revoked_role_counts_no_more(here: Commune) -> None:
    chair = await person(here, "Chủ tịch", approves=COMMUNE)
    async with here.db.transaction() as session:
        [role] = await service.grants(session, chair.id)
        await service.revoke(session, chair.id, role.id, by=chair.id, now=here.clock.now())

    assert await approving(here) == []


async def test_leaves_that_contradict_each_other_are_refused(here: Commune) -> None:
    chair, gone = await person(here, "Chủ tịch"), await person(here, "Cũ")
    async with here.db.transaction() as session:
        await service.retire(session, gone.id, now=here.clock.now())
    await away(here, chair, None, first=TODAY, last=TODAY + DAY)

    with pytest.raises(LeaveOverlaps):
        await away(here, chair, None, first=TODAY + DAY, last=TODAY + 2 * DAY)
    with pytest.raises(DaysInvalid):
        await away(here, chair, None, first=TODAY + 9 * DAY, last=TODAY + 8 * DAY)
    for deputy in (chair, gone):
        with pytest.raises(DeputyRefused):
            await away(here, chair, deputy, first=TODAY + 5 * DAY, last=TODAY + 5 * DAY)
    with pytest.raises(PersonLeft):
        await away(here, gone, None)


async def test_erasing_leaves_the_bare_id_and_nothing_that_tells_who_it_was(xa: Commune) -> None:
    lan = await person(xa, "Nguyễn Thị Lan", approves=COMMUNE, email="lan@xa.example")
    other = await person(xa, "Phó")
    await away(xa, lan, other)
    async with xa.db.transaction() as session:
        await notices.tell(session, [lan.id], Message("test", "b-1", "Chào Lan", "Thư riêng"), xa.clock.now())
        await service.erase(session, lan.id, now=xa.clock.now())

    async with xa.db.reading() as session:
        row = await service.require(session, lan.id)
        told = (await session.scalars(select(Notice))).all()
        sent = (await session.scalars(select(Sending))).all()
        days = await leaves.leaves(session, lan.id)
        roles = await service.grants(session, lan.id)
    assert (row.name, row.email, row.erased_at) == ("", None, xa.clock.now())
    assert (list(told), list(sent), list(days)) == ([], [], [])
    assert [role.role for role in roles] == ["approver"]


@pytest.fixture
async def api(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """A controller that only answers, on a database that is there already."""
    with fresh_database("sqlite", tmp_path / "controller", request):
        async with answering(tmp_path) as client:
            yield client


@asynccontextmanager
async def answering(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        data_dir=tmp_path / "controller",
        roles=frozenset({Process.API}),
        brokers=NOWHERE,
        host_acts_for_people=True,
    )
    controller = Controller(settings)
    transport = httpx.ASGITransport(app=create_app(controller, "bi-mat"))
    headers = {"Authorization": "Bearer bi-mat"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as client:
        await controller.start()
        try:
            await client.post("/units", json={"id": "xa", "name": "Xã", "kind": "commune"})
            yield client
        finally:
            await controller.stop()


async def added(api: httpx.AsyncClient, name: str, **more: Any) -> str:
    answer = await api.post("/people", json={"name": name, "unit_id": "xa", **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def administrator(api: httpx.AsyncClient, name: str = "Quản trị") -> str:
    """Somebody who looks after the people of the commune."""
    who = await added(api, name)
    given = await api.post(f"/people/{who}/grants", json={"role": "administrator", "unit_id": "xa"})
    assert given.status_code == 201, given.text
    return who


async def test_the_api_gives_roles_leaves_and_who_may_approve(api: httpx.AsyncClient) -> None:
    chair, deputy = await added(api, "Chủ tịch", email="ct@xa.example"), await added(api, "Phó")
    boss = await administrator(api)
    acts = {HEADER: boss}
    role = await api.post(f"/people/{chair}/grants", json={"role": "approver", "unit_id": "xa"}, headers=acts)
    day = role.json()["begins"]
    leave = await api.post(
        f"/people/{chair}/leaves", json={"first_day": day, "last_day": day, "deputy_id": deputy}, headers=acts
    )

    approvers = await api.get("/units/xa/approvers", params={"on": day})

    assert (role.status_code, role.json()["granted_by"]) == (201, boss)
    assert (leave.status_code, leave.json()["made_by"]) == (201, boss)
    named = {"person": {"id": deputy, "name": "Phó"}, "for_person": {"id": chair, "name": "Chủ tịch"}}
    assert approvers.json() == [named]
    await api.delete(f"/people/{chair}/leaves/{leave.json()['id']}")
    assert (await api.get("/units/xa/approvers", params={"on": day})).json()[0]["for_person"] is None
    await api.delete(f"/people/{chair}/grants/{role.json()['id']}")
    assert (await api.get("/units/xa/approvers", params={"on": day})).json() == []
    assert len((await api.get(f"/people/{chair}/grants")).json()) == 1


async def test_a_leave_lasts_a_year_at_most_and_is_noted_within_a_month(api: httpx.AsyncClient) -> None:
    boss = await administrator(api)
    today = date.fromisoformat((await api.get(f"/people/{boss}/grants")).json()[0]["begins"])

    answers = [
        await api.post(
            f"/people/{boss}/leaves", json={"first_day": str(today + first * DAY), "last_day": str(today + last * DAY)}
        )
        for first, last in ((9, 375), (-32, -9), (9, 374), (-30, -9))
    ]

    assert [one.status_code for one in answers] == [422, 422, 201, 201]
    assert {one.json()["code"] for one in answers[:2]} == {"days_invalid"}


async def test_who_acts_is_somebody_who_works_here(api: httpx.AsyncClient) -> None:
    chair = await added(api, "Chủ tịch")
    body = {"role": "operator", "unit_id": "xa"}

    strange = await api.post(f"/people/{chair}/grants", json=body, headers={HEADER: "0198-khong-co"})
    nobody = await api.post(f"/people/{chair}/grants", json=body)
    await api.post(f"/people/{chair}/retirement")
    left = await api.post(f"/people/{chair}/grants", json=body, headers={HEADER: chair})

    assert (strange.status_code, strange.json()["code"]) == (403, "person_unknown")
    assert (nobody.status_code, nobody.json()["granted_by"]) == (201, None)
    assert (left.status_code, left.json()["code"]) == (403, "person_unknown")


async def test_the_same_key_of_another_person_is_another_request(api: httpx.AsyncClient) -> None:
    first, second = await administrator(api, "Một"), await administrator(api, "Hai")
    path, body = f"/people/{await added(api, 'Ba')}/grants", {"role": "operator", "unit_id": "xa"}
    key = {"Idempotency-Key": "k-1"}

    answers = [
        (await api.post(path, json=body, headers={**key, HEADER: who})).status_code for who in (first, first, second)
    ]

    assert answers == [201, 201, 409]
    assert len((await api.get(path)).json()) == 1


async def test_what_is_no_person_is_not_taken_in(api: httpx.AsyncClient) -> None:
    wrong = [
        {"name": ""},
        {"name": " "},
        {"name": "Lan\r\nBcc: x@y.example"},
        {"email": "khong-phai-thu"},
        {"email": "a@b.example\nBcc: x@y.example"},
        {"email": "a@b@c.example"},
        {"email": "Lan <a@b.example>"},
        {"language": "fr"},
        {"unit_id": "khong-co"},
        {"phone": "0912345678"},
    ]

    answers = [await api.post("/people", json={"name": "Lan", "unit_id": "xa", **one}) for one in wrong]

    codes = ["unit_unknown" if "unit_id" in one else "request_invalid" for one in wrong]
    assert [answer.json()["code"] for answer in answers] == codes
    assert (await api.get("/people")).json() == []


async def test_people_are_changed_retired_and_erased(api: httpx.AsyncClient) -> None:
    lan = await added(api, "Lan", email="lan@xa.example", webhook=True)
    browser = Browser(PUSH)
    await api.post(f"/people/{lan}/push-subscriptions", json=browser.subscription())

    changed = (await api.patch(f"/people/{lan}", json={"name": "Nguyễn Thị Lan", "email": None})).json()
    retired = (await api.post(f"/people/{lan}/retirement")).json()
    again = await api.patch(f"/people/{lan}", json={"email": "lan@xa.example"})
    erased = (await api.delete(f"/people/{lan}")).json()

    assert (changed["name"], changed["email"], changed["webhook"]) == ("Nguyễn Thị Lan", None, True)
    assert (retired["webhook"], retired["retired_at"] is None) == (False, False)
    assert (again.status_code, again.json()["code"]) == (409, "person_left")
    assert (erased["name"], erased["erased_at"] is None) == ("", False)
    assert (await api.get(f"/people/{lan}/push-subscriptions")).json() == []
    assert (await api.get("/people")).json() == []
    assert [one["id"] for one in (await api.get("/people?left=true&unit=xa")).json()] == [lan]


async def test_a_browser_is_whose_it_was_last(api: httpx.AsyncClient) -> None:
    lan, minh = await added(api, "Lan"), await added(api, "Minh")
    body = Browser(PUSH).subscription()

    first = await api.post(f"/people/{lan}/push-subscriptions", json=body)
    same = await api.post(f"/people/{lan}/push-subscriptions", json=body)
    other = await api.post(f"/people/{minh}/push-subscriptions", json=body)

    assert [first.status_code, same.status_code, other.status_code] == [201, 201, 201]
    assert first.json()["id"] == same.json()["id"] != other.json()["id"]
    assert (await api.get(f"/people/{lan}/push-subscriptions")).json() == []
    assert "endpoint" not in first.json()
    gone = await api.delete(f"/people/{lan}/push-subscriptions/{other.json()['id']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "subscription_unknown")


async def test_browsers_and_webhooks_are_only_at_listed_hosts(api: httpx.AsyncClient) -> None:
    lan = await added(api, "Lan")
    hostile = Browser("https://169.254.169.254/latest/meta-data").subscription()

    browser = await api.post(f"/people/{lan}/push-subscriptions", json=hostile)
    webhook = await api.put("/units/xa/webhook", json={"url": "http://127.0.0.1:5432/"})

    assert [one.json()["code"] for one in (browser, webhook)] == ["notice_address_refused"] * 2
    assert (await api.get("/units/xa/webhook")).status_code == 404


async def test_no_person_has_browsers_without_end(api: httpx.AsyncClient) -> None:
    lan = await added(api, "Lan")
    path = f"/people/{lan}/push-subscriptions"

    answers = [await api.post(path, json=Browser(f"{PUSH}{number}").subscription()) for number in range(11)]

    assert [answer.status_code for answer in answers] == [201] * 10 + [409]
    assert answers[-1].json()["code"] == "browsers_full"


async def test_addresses_go_with_who_retires(xa: Commune) -> None:
    lan = await person(xa, "Lan", email="lan@xa.example")
    async with xa.db.transaction() as session:
        session.add(
            PushSubscription(
                id="s-1",
                person_id=lan.id,
                endpoint_sha256="0" * 64,
                endpoint=PUSH,
                p256dh="k",
                auth="a",
                created_at=xa.clock.now(),
            )
        )
        await session.flush()
        await notices.tell(session, [lan.id], Message("test", "b-1", "Chào", "Thư"), xa.clock.now())
        await service.retire(session, lan.id, now=xa.clock.now())

    async with xa.db.reading() as session:
        left = [(row.state, row.error_code) for row in await session.scalars(select(Sending))]
        browsers = list(await session.scalars(select(PushSubscription)))
    assert left == [("failed", "person_left")] * 2
    assert browsers == []
