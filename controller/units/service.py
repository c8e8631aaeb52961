"""Use cases of the unit tree and of groups."""

from collections.abc import Iterable, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from controller.delivery import store as delivery
from controller.devices import names
from controller.devices.tables import Device, GroupMember
from controller.runtime.database import alone
from controller.units import store
from controller.units.tables import Group, Unit
from loa_protocol import topics
from loa_protocol.errors import LoaError
from loa_protocol.ids import device_scope

LANGUAGES = "languages"
"""The name under which whoever changes what devices speak is alone, so that what is planned sees all of it."""


class UnitUnknown(LoaError):
    """No unit has this id."""

    code = "unit_unknown"


class IdTaken(LoaError):
    """Something else has this id already."""

    code = "id_taken"


class DeviceUnknown(LoaError):
    """No device has this id."""

    code = "device_unknown"


class DeviceElsewhere(LoaError):
    """A device of a group stands neither at the group's unit nor below it."""

    code = "device_elsewhere"


async def create(
    session: AsyncSession,
    *,
    unit_id: str,
    name: str,
    kind: str,
    parent_id: str | None = None,
    code: str | None = None,
    languages: Sequence[str] | None = None,
) -> Unit:
    """Add a unit to the tree; no `languages`: as above it.

    Raises:
        IdTaken: the id is in use.
        UnitUnknown: the parent does not exist, or is closed.
    """
    if await store.find(session, unit_id) is not None:
        raise IdTaken(f"unit {unit_id} exists already; choose another id")
    if parent_id is not None:
        await require_open(session, parent_id)
    unit = Unit(id=unit_id, name=name, kind=kind, parent_id=parent_id, code=code, languages=_listed(languages))
    session.add(unit)
    await session.flush()
    return unit


def unknown(unit_id: str) -> UnitUnknown:
    """Why nothing is answered about an id: nothing has it, or whoever asks may not know of it."""
    return UnitUnknown(f"there is no unit {unit_id}; list the units to find the right id", unit=unit_id)


async def require(session: AsyncSession, unit_id: str) -> Unit:
    """The unit.

    Raises:
        UnitUnknown: there is none.
    """
    unit = await store.find(session, unit_id)
    if unit is None:
        raise unknown(unit_id)
    return unit


async def require_open(session: AsyncSession, unit_id: str) -> Unit:
    """The unit, if it is not closed: what is put into a unit needs one that stands.

    Raises:
        UnitUnknown: there is none, or no more.
    """
    unit = await require(session, unit_id)
    if unit.closed_at is not None:
        raise unknown(unit_id)
    return unit


async def rename(session: AsyncSession, unit_id: str, name: str) -> Unit:
    """Give a unit another name.

    Raises:
        UnitUnknown: there is none.
    """
    unit = await require(session, unit_id)
    unit.name, unit.folded, unit.sort_key = name, names.searched(name), names.sort_key(name)
    return unit


async def set_languages(session: AsyncSession, unit_id: str, languages: Sequence[str] | None) -> Sequence[Device]:
    """Say what a unit's devices speak, the first spoken first; None or none: as above it.

    Assignments are signed anew for the devices that thereby speak something else, which are given back: what is
    planned has to follow them (`schedules.languages`).

    Raises:
        UnitUnknown: there is none.
    """
    await alone(session, LANGUAGES)
    unit = await require(session, unit_id)
    heirs = await store.heirs(session, unit_id)
    before = await store.languages_of_devices(session, heirs)
    unit.languages = _listed(languages)
    await session.flush()
    after = await store.languages_of_devices(session, heirs)
    changed = [device for device in heirs if before[device.id] != after[device.id]]
    await assign_anew(session, [device.id for device in changed])
    return changed


async def assign_anew(session: AsyncSession, device_ids: Iterable[str]) -> None:
    """Have the assignments of these devices signed again."""
    await delivery.want(session, [topics.to_device(topics.Family.ASSIGNMENT, one) for one in sorted(device_ids)])


def _listed(languages: Sequence[str] | None) -> list[str] | None:
    return list(languages) if languages else None


def devices_unknown(scopes: Sequence[str]) -> DeviceUnknown:
    """As for one device, of several scopes."""
    named = ", ".join(scope[2:] for scope in scopes)
    return DeviceUnknown(f"there is no device {named}; list the devices to find the right ids")


async def create_group(
    session: AsyncSession, *, group_id: str, name: str, unit_id: str, devices: Sequence[str]
) -> Group:
    """Make a group of devices.

    Raises:
        IdTaken, UnitUnknown, DeviceUnknown, DeviceElsewhere: what is wrong with the request.
    """
    if devices:
        await alone(session, LANGUAGES)
    if await session.get(Group, group_id) is not None:
        raise IdTaken(f"group {group_id} exists already; choose another id")
    await require_open(session, unit_id)
    for device_id in devices:
        if await session.get(Device, device_id) is None:
            raise DeviceUnknown(f"there is no device {device_id} to put into group {group_id}", device=device_id)
    await require_at(session, unit_id, devices)
    group = Group(id=group_id, name=name, unit_id=unit_id)
    session.add(group)
    await session.flush()
    session.add_all(GroupMember(group_id=group_id, device_id=device_id) for device_id in dict.fromkeys(devices))
    await session.flush()
    await assign_anew(session, devices)
    return group


async def require_at(session: AsyncSession, unit_id: str, device_ids: Iterable[str]) -> None:
    """These devices may be in a group of the unit: they stand there or below.

    Raises:
        DeviceElsewhere: one does not.
    """
    elsewhere = await store.outside_of(session, unit_id, map(device_scope, device_ids))
    if elsewhere:
        raise DeviceElsewhere(
            f"{', '.join(elsewhere)} stands neither at {unit_id} nor below it; make the group at a unit above all of"
            " its devices",
            vi="có thiết bị không thuộc đơn vị của nhóm; hãy lập nhóm ở đơn vị cấp trên của mọi thiết bị",
            outside=list(elsewhere),
        )
