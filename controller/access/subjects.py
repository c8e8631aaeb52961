"""Whose the things are that an address names: the units at which a permission for them is needed.

`find` gives the units of one thing, or None where nothing has the id; a thing of no unit has the unit None, at which
only who may act everywhere has a permission. Of an `either` thing, which several units share, one is enough to read it.
`read` is the permission without which nobody learns that a thing is there.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.rules import Permission
from controller.broadcasts import service as broadcasts
from controller.broadcasts import store as broadcast_store
from controller.bulletins import service as bulletins
from controller.bulletins.tables import Bulletin
from controller.devices import service as devices
from controller.devices.tables import Device
from controller.library.tables import AssetUnit
from controller.media import service as media
from controller.media.tables import Asset
from controller.people import service as people
from controller.people.tables import Person
from controller.policies import service as policies
from controller.policies import zones
from controller.policies.tables import QuietZone
from controller.runtime.database import kept
from controller.schedules import service as programmes
from controller.schedules.slots import service as slots
from controller.schedules.tables import ProgrammeRow, SlotItem
from controller.units import groups
from controller.units import service as units
from controller.units import store as unit_store
from controller.units.tables import Group, Unit
from loa_protocol.errors import LoaError

Owners = tuple[str | None, ...]
Find = Callable[[AsyncSession, str], Awaitable[Owners | None]]


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of thing that addresses name; `seen`: the units at which it is read, where that are others."""

    name: str
    find: Find
    unknown: Callable[[str], LoaError]
    read: Permission
    either: bool = False
    seen: Find | None = None


def _column(key: Any, unit: Any) -> Find:
    """Of a thing in whose row its unit stands."""

    async def find(session: AsyncSession, named: str) -> Owners | None:
        known, place = kept(session), ("owners", str(key), str(unit), named)
        if place not in known:
            row = (await session.execute(select(unit).where(key == named))).first()
            known[place] = None if row is None else (row[0],)
        found: Owners | None = known[place]
        return found

    return find


async def _zone(session: AsyncSession, key: str) -> Owners | None:
    found = select(Group.unit_id).join(QuietZone, QuietZone.id == Group.id).where(Group.id == key)
    row = (await session.execute(found)).first()
    return None if row is None else (row[0],)


async def _scope(session: AsyncSession, key: str) -> Owners | None:
    return tuple((await unit_store.owners(session, [key])).values()) or None


async def _broadcast(session: AsyncSession, key: str) -> Owners | None:
    if await broadcast_store.find(session, key) is None:
        return None
    owners = await unit_store.owners(session, await broadcast_store.scopes(session, key))
    return tuple(sorted(set(owners.values()))) or (None,)


async def _asset(session: AsyncSession, key: str) -> Owners | None:
    if await session.get(Asset, key) is None:
        return None
    query = select(AssetUnit.unit_id).where(AssetUnit.asset_id == key).order_by(AssetUnit.unit_id)
    return tuple(await session.scalars(query)) or (None,)


UNIT = Subject("unit_id", _column(Unit.id, Unit.id), units.unknown, Permission.KNOW)
PARENT = Subject(
    "unit_id", _column(Unit.id, Unit.parent_id), units.unknown, Permission.KNOW, seen=_column(Unit.id, Unit.id)
)
PERSON = Subject("person_id", _column(Person.id, Person.unit_id), people.unknown, Permission.SEE)
DEVICE = Subject("device_id", _column(Device.id, Device.unit_id), devices.unknown, Permission.SEE)
BULLETIN = Subject("bulletin_id", _column(Bulletin.id, Bulletin.unit_id), bulletins.unknown, Permission.SEE)
PROGRAMME = Subject("programme_id", _column(ProgrammeRow.id, ProgrammeRow.unit_id), programmes.unknown, Permission.KNOW)
SLOT_ITEM = Subject("item_id", _column(SlotItem.id, SlotItem.owner_id), slots.unknown, Permission.KNOW)
GROUP = Subject("group_id", _column(Group.id, Group.unit_id), groups.unknown, Permission.KNOW)
ZONE = Subject("zone_id", _zone, zones.unknown, Permission.KNOW)
SCOPE = Subject("scope", _scope, policies.unknown, Permission.KNOW)
RULED = Subject("scope", _scope, policies.scope_unknown, Permission.KNOW)
BROADCAST = Subject("broadcast_id", _broadcast, broadcasts.unknown, Permission.KNOW, either=True)
ASSET = Subject("asset_id", _asset, media.unknown, Permission.KNOW, either=True)
