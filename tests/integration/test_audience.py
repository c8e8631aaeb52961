"""Who can be spoken to: the tree with its counts, what a choice reaches, and the sessions with room for bulletins."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from controller.audience import map_store, store
from controller.devices import service as devices
from controller.devices.geo import Point
from controller.devices.tables import Device
from controller.people.acting import HEADER
from controller.people.rules import Role
from controller.policies import zones
from controller.policies.document import Rules
from controller.units import service as units
from controller.units.tables import Unit
from loa_protocol.keys import Ed25519Signer
from tests.fakes.commune import COMMUNE, T0, Commune, commune
from tests.fakes.roles import take_in
from tests.integration.test_today import answering


@pytest.fixture
async def here(database: str) -> AsyncIterator[Commune]:
    """Two loudspeakers at the commune, two in a village, one and a board in another; a group, a quiet zone."""
    async with commune(database) as made:
        async with made.db.transaction() as session:
            for key, name in (("thon-dong", "Thôn Đông"), ("thon-doai", "Thôn Đoài")):
                await units.create(session, unit_id=key, name=name, kind="village", parent_id=COMMUNE)
            await units.create(session, unit_id="tram", name="Trạm Y tế", kind="agency", parent_id=COMMUNE)
            await made.register(session, "dong-1", "thon-dong")
            await made.register(session, "dong-2", "thon-dong")
            await made.register(session, "doai-1", "thon-doai")
            key = base64.b64encode(Ed25519Signer.generate("bang").public_raw).decode()
            said = {"name": "bang", "kind": "board", "unit_id": "thon-doai", "public_key": key, "profile": "default"}
            await devices.register(session, device_id="bang", languages=[], stagger_ms=0, now=T0, **said)
            await units.create_group(session, group_id="cho", name="Chợ", unit_id=COMMUNE, devices=["dong-1", "bang"])
            circle = zones.Circle(title="Trường", unit_id=COMMUNE, centre=Point(21.0, 105.0), radius_m=500)
            await zones.put(session, "truong", circle, Rules(), expected=None, now=T0)
        yield made


async def test_the_tree_counts_devices_with_all_below_and_leaves_agencies_and_quiet_zones_out(here: Commune) -> None:
    async with here.db.reading() as session:
        of_commune = await store.tree(session, COMMUNE, "", ())
        of_agency = await store.tree(session, "tram", "", ())
        sought = await store.tree(session, COMMUNE, "thon dong", ())

    told = [(one.scope, one.depth, one.speakers, one.boards) for one in of_commune.units]
    assert told == [(f"u-{COMMUNE}", 0, 5, 1), ("u-thon-doai", 1, 1, 1), ("u-thon-dong", 1, 2, 0)]
    assert [(one.scope, one.speakers, one.boards) for one in of_commune.groups] == [("g-cho", 1, 1)]
    assert of_agency == of_commune
    assert [one.name for one in sought.units] == ["Thôn Đông"]
    assert sought.groups == ()


async def test_every_device_is_counted_once(here: Commune) -> None:
    async with here.db.reading() as session:
        both = await store.counted(session, ["g-cho", "u-thon-dong"])
        everything = await store.counted(session, [f"u-{COMMUNE}", "u-thon-dong", "g-cho"])

    assert (both.speakers, both.boards, both.units) == (2, 1, {"village": 2})
    assert (everything.speakers, everything.boards) == (5, 1)
    assert everything.units == {"village": 2, "commune": 1}


async def test_a_tree_too_large_for_a_page_keeps_what_is_nearest(
    here: Commune, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_UNITS", 3)
    async with here.db.reading() as session:
        cut = await store.tree(session, "tinh", "", ())
        sought = await store.tree(session, "tinh", "dong", ())

    assert [one.depth for one in cut.units] == [0, 1, 2]
    assert cut.left_out == 1
    assert cut.units[0].speakers == 5
    assert [one.scope for one in sought.units] == ["u-thon-dong"]


async def _located(here: Commune, **places: tuple[float, float]) -> None:
    async with here.db.transaction() as session:
        for name, (latitude, longitude) in places.items():
            row = await session.get_one(Device, name.replace("_", "-"))
            row.latitude, row.longitude = latitude, longitude


async def test_a_map_says_where_devices_are_and_by_what_each_is_reached(here: Commune) -> None:
    async with here.db.reading() as session:
        before = (await store.tree(session, COMMUNE, "", ())).placed
    await _located(here, dong_1=(21.01, 105.01), doai_1=(21.02, 105.02), loa_1=(21.03, 105.03))
    async with here.db.reading() as session:
        after = (await store.tree(session, COMMUNE, "", ())).placed
        elsewhere = (await store.tree(session, COMMUNE, "", [Unit.id == "tram"])).placed
        found = await map_store.points(session, COMMUNE, ())
        of_agency = await map_store.points(session, "tram", ())
        reached = await store.counted(session, ["g-cho"])

    told = {one.id: (one.latitude, one.longitude, one.unit, one.groups) for one in found.points}
    assert told == {
        "dong-1": (21.01, 105.01, "u-thon-dong", ("g-cho",)),
        "doai-1": (21.02, 105.02, "u-thon-doai", ()),
        "loa-1": (21.03, 105.03, f"u-{COMMUNE}", ()),
    }
    assert found.above == {f"u-{COMMUNE}": None, "u-thon-dong": f"u-{COMMUNE}", "u-thon-doai": f"u-{COMMUNE}"}
    assert (found.left_out, found.nowhere) == (0, 3)
    assert of_agency == found
    assert (before, after, elsewhere) == (False, True, False)
    assert reached.speakers == sum("g-cho" in one.groups for one in found.points)


async def test_a_map_with_too_many_devices_says_how_many_it_leaves_out(
    here: Commune, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_store, "MOST_POINTS", 2)
    await _located(here, dong_1=(21.01, 105.01), doai_1=(21.02, 105.02), loa_1=(21.03, 105.03))
    async with here.db.transaction() as session:
        (await session.get_one(Device, "loa-1")).retired_at = T0
    async with here.db.reading() as session:
        without_what_is_retired = await map_store.points(session, COMMUNE, ())
    await _located(here, dong_2=(21.04, 105.04))
    async with here.db.reading() as session:
        cut = await map_store.points(session, COMMUNE, ())

    assert (len(without_what_is_retired.points), without_what_is_retired.left_out) == (2, 0)
    assert ([one.id for one in cut.points], cut.left_out, cut.nowhere) == (["doai-1", "dong-1"], 1, 2)


async def test_one_is_offered_where_one_may_place(here: Commune, tmp_path: Path) -> None:
    async with here.db.transaction() as session:
        lan = await take_in(session, "Lan", "thon-dong", Role.OPERATOR, now=T0)
        watcher = await take_in(session, "Xem", COMMUNE, Role.MONITOR, now=T0)
    await _located(here, dong_1=(21.01, 105.01), doai_1=(21.02, 105.02))
    async with answering(here.db.url, tmp_path / "controller", here.clock) as client:
        hers = await _of(client, lan, "/units/thon-dong/audience")
        watched = await _of(client, watcher, f"/units/{COMMUNE}/audience")
        her_map = await _of(client, lan, "/units/thon-dong/audience-map")
        watched_map = await _of(client, watcher, f"/units/{COMMUNE}/audience-map")
        counted = await _of(client, lan, "/audience?to=u-thon-dong")
        beyond = await _of(client, lan, f"/audience?to=u-{COMMUNE}")
        times = await _of(client, lan, "/units/thon-dong/slot-times")

    assert [one["scope"] for one in hers.json()["units"]] == ["u-thon-dong"]
    assert hers.json()["groups"] == []
    assert hers.json()["placed"]
    assert [(one["id"], one["groups"]) for one in her_map.json()["points"]] == [("dong-1", [])]
    assert her_map.json()["above"] == {"u-thon-dong": None}
    assert (watched.status_code, watched_map.status_code) == (403, 403)
    assert counted.json() == {"speakers": 2, "boards": 0, "units": {"village": 1}}
    assert beyond.status_code == 403
    assert times.json() == []


async def _of(client: httpx.AsyncClient, person: str, path: str) -> httpx.Response:
    return await client.get(path, headers={HEADER: person})
