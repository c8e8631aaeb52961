"""Groups after they were made, in a real database: who is in, what is signed, what is planned, and when one ends."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access import store as access_store
from controller.api.app import create_app
from controller.audience import store as audience
from controller.broadcasts import service as broadcasts
from controller.broadcasts.service import TargetUnknown
from controller.broadcasts.tables import LedgerRow
from controller.bulletins import document
from controller.bulletins import service as bulletins
from controller.bulletins.service import NewBulletin
from controller.bulletins.tables import Placement
from controller.delivery import drafts
from controller.delivery.tables import PendingTopic
from controller.devices import service as devices
from controller.devices.geo import Point
from controller.devices.tables import Device, GroupMember
from controller.people import service as people
from controller.people.acting import Actor
from controller.people.approving import local_day
from controller.people.rules import Role
from controller.policies import service as policies
from controller.policies import store as policy_store
from controller.policies import zones
from controller.policies.document import Rules
from controller.receipts import expected
from controller.runtime.server import Controller
from controller.runtime.settings import Settings
from controller.schedules import listening
from controller.sources import store as source_store
from controller.units import branches, groups, moving
from controller.units import service as units
from controller.units.groups import GroupInUse, GroupIsZone, GroupUnknown
from controller.units.moving import HeldByGroups
from controller.units.service import DeviceElsewhere, DeviceUnknown
from controller.units.tables import Group
from loa_protocol import topics
from loa_protocol.documents.device import Assignment
from loa_protocol.timeline import TURN_GAP_MS
from loa_protocol.topics import Family
from tests.fakes.commune import COMMUNE, Commune
from tests.fakes.station import NEWS, Station, programme, station

MARKET, SCOPE = "cho", "g-cho"
VILLAGES = ("thon-a", "thon-b", "thon-c")
HORNS = tuple(f"cum-{number}" for number in range(6))


@pytest.fixture
async def dai(database: str) -> AsyncIterator[Station]:
    """Six horns at three villages, one outside; a group of the first two."""
    async with station(database) as made:
        xa = made.xa
        async with xa.db.transaction() as session:
            for village in VILLAGES:
                await units.create(session, unit_id=village, name=village, kind="village", parent_id=COMMUNE)
            await units.create(session, unit_id="xa-khac", name="Xã khác", kind="commune", parent_id="tinh")
            for at, horn in enumerate(HORNS):
                await xa.register(session, horn, VILLAGES[at % 3])
            await xa.register(session, "cum-xa", "xa-khac")
            await units.create_group(session, group_id=MARKET, name="Quanh chợ", unit_id=COMMUNE, devices=HORNS[:2])
        await asked(xa)
        yield made


async def change(dai: Station, **wanted: Any) -> groups.Changed:
    """As the route does it."""
    async with dai.xa.db.transaction() as session:
        changed = await groups.change(session, MARKET, **wanted)
        await listening.follow(session, SCOPE, dai.terms)
    return changed


async def retire(dai: Station) -> groups.Changed:
    async with dai.xa.db.transaction() as session:
        return await groups.retire(session, MARKET, now=dai.xa.clock.now())


async def asked(xa: Commune) -> dict[str, int]:
    """How often the assignment of each device was asked to be signed since this was last asked."""
    async with xa.db.transaction() as session:
        rows = (await session.scalars(select(PendingTopic).where(PendingTopic.wanted > PendingTopic.done))).all()
        found = {row.topic: row.wanted - row.done for row in rows}
        for row in rows:
            row.done = row.wanted
        named = {topics.to_device(Family.ASSIGNMENT, one): one for one in await session.scalars(select(Device.id))}
    return {named[topic]: count for topic, count in found.items() if topic in named}


async def assigned(xa: Commune, group: str = SCOPE) -> set[str]:
    """The devices whose assignment, signed now, names the group."""
    async with xa.db.reading() as session:
        placed = await drafts.places(session, list(await session.scalars(select(Device.id))))
    made = {key: drafts.assignment(one, version=1, now=xa.clock.now()) for key, one in placed.items()}
    assert all(isinstance(one, Assignment) for one in made.values())
    return {key for key, one in made.items() if group in {member.group for member in one.groups}}


async def test_devices_come_and_go_and_only_theirs_are_signed_anew(dai: Station) -> None:
    changed = await change(dai, name="Quanh chợ mới", add=["cum-1", "cum-2", "cum-3"], remove=["cum-0", "cum-5"])

    assert (changed.coming, changed.going) == (["cum-2", "cum-3"], ["cum-0"])
    assert await assigned(dai.xa) == {"cum-1", "cum-2", "cum-3"}
    assert await asked(dai.xa) == {"cum-0": 1, "cum-2": 1, "cum-3": 1}

    again = await change(dai, name="Quanh chợ mới", add=["cum-1", "cum-2", "cum-3"], remove=["cum-0", "cum-5"])

    assert (again.coming, again.going) == ([], [])
    assert await asked(dai.xa) == {}
    async with dai.xa.db.reading() as session:
        found = await branches.group(session, MARKET)
        listed = await branches.groups(session, Group.unit_id == COMMUNE, Device.id != "cum-1")
    assert (found.name, found.devices, found.speakers, found.boards, found.units) == ("Quanh chợ mới", 3, 3, 0, 3)
    assert [(one.name, one.devices) for one in listed] == [("Quanh chợ mới", 2)]


async def test_what_stands_elsewhere_or_is_no_device_does_not_come_in_and_nothing_changes(dai: Station) -> None:
    with pytest.raises(DeviceElsewhere):
        await change(dai, name="Khác", add=["cum-2", "cum-xa"])
    with pytest.raises(DeviceUnknown, match="khong-co"):
        await change(dai, add=["cum-2", "khong-co"])
    async with dai.xa.db.transaction() as session:
        (await session.get_one(Device, "cum-4")).retired_at = dai.xa.clock.now()
    with pytest.raises(DeviceUnknown, match="cum-4"):
        await change(dai, add=["cum-4"])
    with pytest.raises(GroupUnknown):
        async with dai.xa.db.transaction() as session:
            await groups.change(session, "khong-co", add=["cum-2"])

    assert await assigned(dai.xa) == {"cum-0", "cum-1"}
    assert await asked(dai.xa) == {}
    async with dai.xa.db.reading() as session:
        assert (await groups.require(session, MARKET)).name == "Quanh chợ"


async def test_a_quiet_zone_keeps_whom_its_circle_holds(dai: Station) -> None:
    async with dai.xa.db.transaction() as session:
        await devices.place(session, "cum-3", Point(21.0, 105.0))
        circle = zones.Circle(title="Trường học", unit_id=COMMUNE, centre=Point(21.0, 105.0), radius_m=100)
        await zones.put(session, "truong", circle, Rules(), expected=None, now=dai.xa.clock.now())

    for wanted in ({"add": ["cum-2"]}, {"remove": ["cum-3"]}, {"name": "Trường"}):
        with pytest.raises(GroupIsZone):
            async with dai.xa.db.transaction() as session:
                await groups.change(session, "truong", **wanted)
    with pytest.raises(GroupIsZone):
        async with dai.xa.db.transaction() as session:
            await groups.retire(session, "truong", now=dai.xa.clock.now())

    assert await assigned(dai.xa, "g-truong") == {"cum-3"}


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_happens_to_a_group_assignments_say_who_is_in_it(dai: Station, seed: int) -> None:
    """Changes, moves within the commune and refused moves out of it, in a chance order."""
    xa, chance, inside = dai.xa, random.Random(seed), {"cum-0", "cum-1"}
    for _ in range(12):
        some = chance.sample(HORNS, 3)
        if chance.random() < 0.7:
            before = set(inside)
            await change(dai, add=some[:2], remove=some[2:])
            inside = (inside | set(some[:2])) - set(some[2:])

            assert set(await asked(xa)) == before ^ inside
        else:
            await _move(xa, some[0], chance.choice([*VILLAGES, "xa-khac"]), held=some[0] in inside)
            await asked(xa)

        assert await assigned(xa) == inside
        async with xa.db.reading() as session:
            members = select(GroupMember.device_id).where(GroupMember.group_id == MARKET)
            assert set(await session.scalars(members)) == inside
    await retire(dai)
    assert await assigned(xa) == set()
    assert set(await asked(xa)) == inside


async def _move(xa: Commune, device_id: str, unit_id: str, *, held: bool) -> None:
    """Out of the commune a device goes only while it is in no group of it; it comes back at once."""
    leaving = unit_id == "xa-khac"
    try:
        async with xa.db.transaction() as session:
            await moving.move_device(session, await devices.require(session, device_id), unit_id)
    except HeldByGroups:
        assert leaving
        assert held
        return
    assert not (leaving and held)
    if leaving:
        async with xa.db.transaction() as session:
            await moving.move_device(session, await devices.require(session, device_id), VILLAGES[0])


async def test_who_must_answer_for_what_is_to_come_are_those_in_the_group_at_its_start(dai: Station) -> None:
    broadcast = await dai.xa.broadcast(to=[SCOPE], in_s=600)

    await change(dai, add=["cum-2"], remove=["cum-0"])
    dai.xa.clock.move(seconds=601)
    async with dai.xa.db.transaction() as session:
        await expected.fix(session, await broadcasts.require(session, broadcast), dai.xa.clock.now())
    await change(dai, add=["cum-3"], remove=["cum-1"])

    async with dai.xa.db.reading() as session:
        rows = select(LedgerRow.device_id).where(LedgerRow.broadcast_id == broadcast)
        assert set(await session.scalars(rows)) == {"cum-1", "cum-2"}


async def test_what_is_planned_follows_the_languages_and_turns_of_who_comes(dai: Station) -> None:
    await dai.sound("tin-cho", 30_000)
    await dai.sound("tin-mong", 40_000)
    async with dai.xa.db.transaction() as session:
        for key, languages, turn in (("cum-2", ["hmn"], 0), ("cum-3", ["vi"], 2)):
            device = await session.get_one(Device, key)
            device.languages, device.turn = languages, turn
    asset: dict[str, Any] = {"asset_id": "tin-cho", "variants": {"hmn": "tin-mong"}, "board_text": None, "to": [SCOPE]}
    broadcast = await dai.xa.broadcast(in_s=600, **asset)
    before = await dai.xa.row(broadcast)

    await change(dai, add=["cum-2"])
    spoken = await dai.xa.row(broadcast)
    await change(dai, add=["cum-3"])
    waited = await dai.xa.row(broadcast)
    await change(dai, remove=["cum-2"])
    left = await dai.xa.row(broadcast)

    assert [one.duration_ms for one in (before, spoken, waited, left)] == [30_000, 40_000, 40_000, 30_000]
    assert spoken.deadline - before.deadline == timedelta(seconds=10)
    assert waited.deadline - spoken.deadline == 2 * timedelta(milliseconds=40_000 + TURN_GAP_MS)


async def test_a_group_that_something_speaks_to_is_not_retired_and_told_by_what(dai: Station) -> None:
    market = {"id": "sang", "title": "Buổi sáng", "at": "05:00", "segments": [NEWS], "to": [SCOPE]}
    await dai.save(programme(market, title="Tin chợ sáng"))
    broadcast = await dai.xa.broadcast(to=[SCOPE], title="Tin gấp")
    now = dai.xa.clock.now()
    async with dai.xa.db.transaction() as session:
        await policies.put(session, SCOPE, Rules(), expected=None, now=now)
        author = await people.create(session, name="Lan", unit_id=COMMUNE, now=now)
        text = document.read({"title": "Họp chợ", "variants": [{"language": "vi", "text": "Mời bà con."}]})
        wanted = NewBulletin(unit=COMMUNE, document=text)
        bulletin = await bulletins.create(session, wanted, by=Actor(author.id, "Lan"), now=now)
        session.add(_reserved(bulletin.id, dai))

    with pytest.raises(GroupInUse) as caught:
        await retire(dai)

    for said in ("Tin chợ sáng", "Tin gấp", "Họp chợ", "quy định giờ phát riêng"):
        assert said in str(caught.value.details["vi"])
    assert await assigned(dai.xa) == {"cum-0", "cum-1"}

    await dai.xa.cancel(broadcast)
    async with dai.xa.db.transaction() as session:
        await policies.clear(session, SCOPE, expected=1, now=now)
        (await session.get_one(Placement, "noi")).state = "withdrawn"
    with pytest.raises(GroupInUse, match="Tin chợ sáng"):
        await retire(dai)
    await dai.save(programme(title="Tin chợ sáng"))
    await retire(dai)
    assert await assigned(dai.xa) == set()


def _reserved(bulletin_id: str, dai: Station) -> Placement:
    now = dai.xa.clock.now()
    how = {"late_s": 0, "volume": 50, "repeats": 1, "chime": False, "board_s": 10}
    when = {"start": now + timedelta(days=1), "look_at": now, "waits_since": now, "made_at": now}
    return Placement(id="noi", bulletin_id=bulletin_id, kind="time", state="reserved", scopes=[SCOPE], **how, **when)


async def test_a_retired_group_is_offered_to_nobody_and_keeps_its_past(dai: Station) -> None:
    past = await dai.xa.broadcast(to=[SCOPE], in_s=1)
    dai.xa.clock.move(hours=1)

    changed = await retire(dai)

    assert changed.going == ["cum-0", "cum-1"]
    async with dai.xa.db.reading() as session:
        tree = await audience.tree(session, COMMUNE, "", ())
        assert [one for one in tree.groups if one.scope == SCOPE] == []
        assert await branches.groups(session, Group.unit_id == COMMUNE, Device.id != "") == []
        assert (await broadcasts.require(session, past)).title == "Thử"
    with pytest.raises(GroupUnknown):
        await change(dai, add=["cum-2"])
    with pytest.raises(TargetUnknown):
        await dai.xa.broadcast(to=[SCOPE])
    with pytest.raises(units.IdTaken):
        async with dai.xa.db.transaction() as session:
            await units.create_group(session, group_id=MARKET, name="Chợ", unit_id=COMMUNE, devices=[])


async def test_nothing_is_sent_to_a_closed_unit_or_put_under_its_rules(dai: Station) -> None:
    async with dai.xa.db.transaction() as session:
        await units.create(session, unit_id="xom", name="Xóm", kind="village", parent_id=COMMUNE, code="77-1")
        await units.create_group(session, group_id="nhom-xom", name="Nhóm xóm", unit_id="xom", devices=[])
        await policies.put(session, "u-xom", Rules(), expected=None, now=dai.xa.clock.now())
        author = await people.create(session, name="Lan", unit_id=COMMUNE, now=dai.xa.clock.now())
        await moving.close(session, "xom", now=dai.xa.clock.now())

    text = document.read({"title": "Tin", "variants": [{"language": "vi", "text": "Mời bà con."}]})
    putting: list[Callable[[AsyncSession], Awaitable[Any]]] = [
        lambda session: policies.put(session, "u-xom", Rules(), expected=1, now=dai.xa.clock.now()),
        lambda session: bulletins.create(
            session, NewBulletin(unit="xom", document=text), by=Actor(author.id, "Lan"), now=dai.xa.clock.now()
        ),
        lambda session: zones.put(session, "vung", circle, Rules(), expected=None, now=dai.xa.clock.now()),
    ]
    circle = zones.Circle(title="Vùng", unit_id="xom", centre=Point(21.0, 105.0), radius_m=10)
    for put in putting:
        with pytest.raises((units.UnitUnknown, policies.PolicyScopeUnknown)):
            async with dai.xa.db.transaction() as session:
                await put(session)
    with pytest.raises(TargetUnknown):
        await dai.xa.broadcast(to=["u-xom"])
    with pytest.raises(units.UnitUnknown):
        await dai.hand_in("Tin", "tin", unit="xom")
    async with dai.xa.db.reading() as session:
        found = await branches.groups(session, Group.unit_id != "", Device.id != "")
        ruled = await policy_store.everything(session)
        located = await source_store.units_of_codes(session, ["77-1"])
    assert [one.id for one in found] == [MARKET]
    assert (ruled, located) == ([], {})


async def test_a_role_at_a_closed_unit_counts_again_once_it_is_opened(dai: Station) -> None:
    now, day = dai.xa.clock.now(), local_day(dai.xa.clock.now())
    async with dai.xa.db.transaction() as session:
        await units.create(session, unit_id="xom", name="Xóm", kind="village", parent_id=COMMUNE)
        lan = await people.create(session, name="Lan", unit_id=COMMUNE, now=now)
        for unit in ("xom", COMMUNE):
            await people.grant(session, lan.id, role=Role.MONITOR, unit_id=unit, begins=day, by=None, now=now)

    async def held() -> set[str]:
        async with dai.xa.db.reading() as session:
            return {one.held.unit_id for one in await access_store.roles_of(session, lan.id, day)}

    before = await held()
    async with dai.xa.db.transaction() as session:
        await moving.close(session, "xom", now=now)
    closed = await held()
    async with dai.xa.db.transaction() as session:
        await moving.reopen(session, "xom")

    assert (before, closed, await held()) == ({"xom", COMMUNE}, {COMMUNE}, {"xom", COMMUNE})


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    running = Controller(
        Settings(data_dir=tmp_path / "controller", database_url=database, brokers=("mqtt://127.0.0.1:1",))
    )
    await running.start()
    transport = httpx.ASGITransport(app=create_app(running, "bi-mat"))
    headers = {"Authorization": "Bearer bi-mat"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1", headers=headers) as client:
        yield client
    await running.stop()


async def test_over_http_a_group_is_made_found_changed_and_retired(api: httpx.AsyncClient) -> None:
    await api.post("/units", json={"id": "xa", "name": "Xã", "kind": "commune"})
    for key, name in (("a", "Cụm loa Đình Đông"), ("b", "Cụm loa Chợ"), ("c", "Cụm loa Đồng Đình")):
        body = {"id": key, "name": name, "kind": "speaker", "unit_id": "xa", "public_key": "A" * 43 + "="}
        assert (await api.post("/devices", json=body)).status_code == 201

    made = (await api.post("/groups", json={"name": "Quanh chợ", "unit_id": "xa"})).json()
    at = f"/groups/{made['id']}"
    put = (await api.patch(at, json={"name": "Chợ", "add": ["a", "b"]})).json()
    page = (await api.get(f"{at}/devices", params={"limit": 1})).json()
    rest = (await api.get(f"{at}/devices", params={"limit": 1, "after": page["after"]})).json()
    others = (await api.get(f"{at}/devices", params={"of": "others", "q": "dinh dong"})).json()
    both = await api.patch(at, json={"add": ["a"], "remove": ["a"]})
    shown = (await api.get(at)).json()

    assert made["id"].startswith("quanh-cho-")
    assert (put["name"], put["came"], put["went"]) == ("Chợ", ["a", "b"], [])
    assert (page["total"], [one["id"] for one in (*page["items"], *rest["items"])], rest["after"]) == (
        2,
        ["b", "a"],
        None,
    )
    assert [(one["id"], one["unit_name"], one["state"]) for one in others["items"]] == [("c", "Xã", "never")]
    assert both.json()["code"] == "request_invalid"
    assert (shown["name"], shown["speakers"], shown["units"], shown["zone"]) == ("Chợ", 2, 1, False)

    retired = await api.delete(at)
    assert (retired.status_code, retired.json()["went"]) == (200, ["a", "b"])
    assert (await api.get(at)).json()["code"] == "group_unknown"
    assert (await api.get("/groups")).json() == []


async def test_over_http_a_closed_unit_is_listed_and_opened_again(api: httpx.AsyncClient) -> None:
    await api.post("/units", json={"id": "xa", "name": "Xã", "kind": "commune"})
    for key, parent in (("thon", "xa"), ("xom", "thon")):
        await api.post("/units", json={"id": key, "name": key, "kind": "village", "parent_id": parent})
    for key in ("xom", "thon"):
        assert (await api.post(f"/units/{key}/closing")).status_code == 200
    closed = (await api.get("/units/xa/closed")).json()

    refused = await api.post("/units/xom/opening")
    opened = [await api.post(f"/units/{key}/opening") for key in ("thon", "xom", "xom")]

    assert [(one["id"], one["kind"]) for one in closed] == [("thon", "village")]
    assert (refused.status_code, refused.json()["code"]) == (409, "parent_closed")
    assert "thon" in refused.json()["details"]["vi"]
    assert [one.status_code for one in opened] == [200, 200, 200]
    assert [one["id"] for one in (await api.get("/units")).json()] == ["thon", "xa", "xom"]
    assert (await api.get("/units/xa/closed")).json() == []
