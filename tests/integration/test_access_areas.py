"""What stands in the tree where: agencies, groups, quiet zones, filters of lists, on both databases."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from controller.access import store
from controller.access.may import May
from controller.access.rules import Permission
from controller.broadcasts.tables import BroadcastScope
from controller.bulletins import placing
from controller.bulletins.places import PlacementInvalid
from controller.bulletins.tables import Bulletin
from controller.devices import service as devices
from controller.devices.geo import Point
from controller.library.labels import Labels
from controller.library.shelving import shelve
from controller.library.tables import AssetUnit
from controller.people.acting import Actor, Via
from controller.people.rules import Role
from controller.policies import membership, zones
from controller.policies.document import Rules
from controller.units import service as units
from controller.units import store as unit_store
from controller.units.service import DeviceElsewhere
from controller.units.tables import Unit
from tests.fakes.commune import COMMUNE, T0, Commune, commune
from tests.fakes.roles import take_in
from tests.fakes.station import Station

AGENCY, OTHER = "tram-y-te", "xa-ben-canh"
SCHOOL = Point(21.0, 105.0)


@pytest.fixture
async def here(database: str) -> AsyncIterator[Commune]:
    async with commune(database) as made:
        async with made.db.transaction() as session:
            await units.create(session, unit_id=AGENCY, name="Trạm Y tế", kind="agency", parent_id=COMMUNE)
            await units.create(session, unit_id="phong-kham", name="Phòng khám", kind="agency", parent_id=AGENCY)
            await units.create(session, unit_id=OTHER, name="Xã bên cạnh", kind="commune", parent_id="tinh")
            await made.register(session, "loa-khac", OTHER)
        yield made


async def test_an_agency_is_heard_within_the_unit_it_belongs_to(here: Commune) -> None:
    async with here.db.reading() as session:
        areas = [await unit_store.area(session, one) for one in ("phong-kham", AGENCY, COMMUNE)]
        row = Bulletin(id="b", unit_id="phong-kham")

        await placing._require_within(session, row, [f"u-{COMMUNE}", "d-loa-1"])
        with pytest.raises(PlacementInvalid):
            await placing._require_within(session, row, ["u-tinh"])
        with pytest.raises(PlacementInvalid):
            await placing._require_within(session, row, ["d-loa-khac"])

    assert areas == [COMMUNE, COMMUNE, COMMUNE]


async def test_a_group_has_devices_of_its_unit_and_below(here: Commune) -> None:
    async with here.db.transaction() as session:
        await units.create_group(session, group_id="gan", name="Gần", unit_id=COMMUNE, devices=["loa-1"])
        await units.create_group(
            session, group_id="tat-ca", name="Tất cả", unit_id="tinh", devices=["loa-1", "loa-khac"]
        )
        with pytest.raises(DeviceElsewhere):
            await units.create_group(session, group_id="xa", name="Xa", unit_id=COMMUNE, devices=["loa-1", "loa-khac"])


async def test_a_quiet_zone_silences_no_other_units_horns(here: Commune) -> None:
    circle = zones.Circle(title="Trường", unit_id=COMMUNE, centre=SCHOOL, radius_m=500)
    async with here.db.transaction() as session:
        for device in ("loa-1", "loa-khac"):
            await devices.place(session, device, SCHOOL)
        await zones.put(session, "truong", circle, Rules(), expected=None, now=T0)
        gathered = list(await membership.members(session, "truong"))
        for device in ("loa-2", "loa-khac"):
            await devices.place(session, device, SCHOOL)
        followed = list(await membership.members(session, "truong"))

    assert gathered == ["loa-1"]
    assert followed == ["loa-1", "loa-2"]


async def test_what_a_source_hands_down_is_its_units_though_its_library_is_full(here: Commune) -> None:
    sound = await Station(here).sound("tin-tinh")
    labels = Labels(unit_id="tinh", bounded=False)
    async with here.db.transaction() as session:
        await shelve(session, sound, Labels.of({"labels": labels.told()}), usual_bytes=0, now=T0)
        owners = set(await session.scalars(select(AssetUnit.unit_id).where(AssetUnit.asset_id == sound)))

    assert owners == {"tinh", COMMUNE}


@pytest.mark.parametrize(
    ("permission", "listed", "scopes"),
    [
        (Permission.SEE, {COMMUNE, AGENCY, "phong-kham"}, {f"u-{COMMUNE}", "d-loa-1"}),
        (Permission.KNOW, {COMMUNE, AGENCY, "phong-kham", "tinh"}, {f"u-{COMMUNE}", "d-loa-1", "u-tinh"}),
        (Permission.PLACE, set(), set()),
    ],
)
async def test_a_filter_says_what_the_one_function_says(
    here: Commune, permission: Permission, listed: set[str], scopes: set[str]
) -> None:
    for scope in ("u-tinh", f"u-{COMMUNE}", f"u-{OTHER}", "d-loa-1", "d-loa-khac"):
        await here.broadcast(to=[scope])
    async with here.db.transaction() as session:
        person = await take_in(session, "Lan", COMMUNE, Role.MONITOR, now=T0)
    async with here.db.reading() as session:
        roles = await store.roles_of(session, person, T0.date())
        may = May(here.db.reading, Actor(person, "Lan", Via.SESSION), roles, T0.date())

        found = set(await session.scalars(select(Unit.id).where(await may.where(permission, Unit.id))))
        told = select(BroadcastScope.scope).where(await may.where_scope(permission, BroadcastScope.scope))
        heard = set(await session.scalars(told))

    assert found == listed
    assert heard == scopes
    assert found == {
        one for one in (COMMUNE, AGENCY, "phong-kham", OTHER, "tinh") if await may.holds(permission, [one])
    }
