"""Use cases of devices: registering one, listing what they last said of themselves."""

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.delivery import store as delivery
from controller.devices import names
from controller.devices.geo import Point
from controller.devices.tables import Device, DeviceReport, Finding
from controller.policies import membership
from controller.runtime.database import alone
from controller.units import service as units
from loa_protocol import topics
from loa_protocol.errors import LoaError

_ED25519_BYTES = 32


class BadKey(LoaError):
    """A device's public key is not 32 raw Ed25519 bytes in base64."""

    code = "bad_public_key"


def _require_key(text: str, device_id: str) -> None:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != _ED25519_BYTES:
        raise BadKey(f"the public key of {device_id} must be {_ED25519_BYTES} raw Ed25519 bytes in base64")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice:
    """A device to register; `public_key`: 32 raw Ed25519 bytes in base64; `at`: where it hangs, if that is known."""

    device_id: str
    name: str
    kind: str
    unit_id: str
    public_key: str
    profile: str
    languages: Sequence[str]
    stagger_ms: int
    at: Point | None = None
    reach_m: int | None = None


async def register(
    session: AsyncSession,
    *,
    device_id: str,
    name: str,
    kind: str,
    unit_id: str,
    public_key: str,
    profile: str,
    languages: Sequence[str],
    stagger_ms: int,
    now: datetime,
) -> Device:
    """Add a device to a unit and ask for its assignment to be signed.

    Raises:
        IdTaken, UnitUnknown, BadKey: what is wrong with the request.
    """
    wanted = NewDevice(
        device_id=device_id,
        name=name,
        kind=kind,
        unit_id=unit_id,
        public_key=public_key,
        profile=profile,
        languages=languages,
        stagger_ms=stagger_ms,
    )
    return (await register_all(session, [wanted], now=now))[0]


async def register_all(session: AsyncSession, wanted: Sequence[NewDevice], *, now: datetime) -> Sequence[Device]:
    """Add all of these devices, or none.

    Raises:
        IdTaken, UnitUnknown, BadKey: what is wrong with the first that cannot be added.
    """
    await _require_free(session, [one.device_id for one in wanted])
    for unit_id in {one.unit_id for one in wanted}:
        await units.require_open(session, unit_id)
    for one in wanted:
        _require_key(one.public_key, one.device_id)
    devices = [_device(one, now) for one in wanted]
    session.add_all(devices)
    await session.flush()
    await delivery.want(session, [topics.to_device(topics.Family.ASSIGNMENT, one.id) for one in devices])
    if placed := [one.id for one in devices if position(one) is not None]:
        await membership.follow(session, placed)
    return devices


async def _require_free(session: AsyncSession, device_ids: Sequence[str]) -> None:
    twice = [name for name, count in Counter(device_ids).items() if count > 1]
    known = (await session.scalars(select(Device.id).where(Device.id.in_(device_ids)))).all()
    taken = sorted({*known, *twice})
    if taken:
        raise units.IdTaken(f"device {', '.join(taken[:5])} exists already; choose another id")


def _device(one: NewDevice, now: datetime) -> Device:
    return Device(
        id=one.device_id,
        name=one.name,
        kind=one.kind,
        unit_id=one.unit_id,
        public_key=one.public_key,
        profile=one.profile,
        languages=list(one.languages),
        stagger_ms=one.stagger_ms,
        latitude=one.at and one.at.latitude,
        longitude=one.at and one.at.longitude,
        reach_m=one.reach_m,
        created_at=now,
    )


async def place(session: AsyncSession, device_id: str, at: Point | None) -> Device:
    """Say where a device hangs; None: nobody knows.

    Raises:
        DeviceUnknown: there is none.
    """
    device = await require(session, device_id)
    device.latitude, device.longitude = (None, None) if at is None else (at.latitude, at.longitude)
    await session.flush()
    await membership.follow(session, [device_id])
    return device


async def rename(session: AsyncSession, device_id: str, name: str) -> Device:
    """Give a device another name.

    Raises:
        DeviceUnknown: there is none.
    """
    device = await require(session, device_id)
    device.name, device.folded, device.sort_key = name, names.searched(name), names.sort_key(name)
    return device


async def set_reach(session: AsyncSession, device_id: str, reach_m: int | None) -> Device:
    """Say how far a device is heard; None: nobody knows.

    Raises:
        DeviceUnknown: there is none.
    """
    device = await require(session, device_id)
    device.reach_m = reach_m
    return device


async def set_languages(session: AsyncSession, device_id: str, languages: Sequence[str]) -> Device:
    """Say what a device speaks, the first spoken first; none: what its unit's devices speak.

    Raises:
        DeviceUnknown: there is none.
    """
    await alone(session, units.LANGUAGES)
    device = await require(session, device_id)
    if list(languages) != device.languages:
        device.languages = list(languages)
        await session.flush()
        await units.assign_anew(session, [device_id])
    return device


def position(device: Device) -> Point | None:
    """Where a device hangs, if that is known."""
    if device.latitude is None or device.longitude is None:
        return None
    return Point(device.latitude, device.longitude)


async def everything(
    session: AsyncSession, *where: ColumnElement[bool]
) -> Sequence[tuple[Device, DeviceReport | None]]:
    """All devices in service with their newest report, by id."""
    query = (
        select(Device, DeviceReport)
        .outerjoin(DeviceReport, DeviceReport.device_id == Device.id)
        .where(Device.retired_at.is_(None), *where)
        .order_by(Device.id)
    )
    return [(row[0], row[1]) for row in await session.execute(query)]


def unknown(device_id: str) -> units.DeviceUnknown:
    """Why nothing is answered about an id: nothing has it, or whoever asks may not know of it."""
    return units.DeviceUnknown(f"there is no device {device_id}; list the devices to find the right id")


async def require(session: AsyncSession, device_id: str) -> Device:
    """The device.

    Raises:
        DeviceUnknown: there is none.
    """
    device = await session.get(Device, device_id)
    if device is None:
        raise unknown(device_id)
    return device


async def newest_report(session: AsyncSession, device_id: str) -> DeviceReport | None:
    """What a device last said of itself."""
    return await session.get(DeviceReport, device_id)


async def findings(session: AsyncSession, *where: ColumnElement[bool], limit: int = 200) -> Sequence[Finding]:
    """What was odd lately, newest first."""
    return (await session.scalars(select(Finding).where(*where).order_by(Finding.id.desc()).limit(limit))).all()


async def newest_findings(
    session: AsyncSession, *where: ColumnElement[bool], each: int = 10, limit: int = 200
) -> Sequence[Finding]:
    """What was odd about many devices, newest first: at most `each` of one, and the newest of every one before more.

    So no device hides what was odd about another, however much it tells.
    """
    place = func.row_number().over(partition_by=Finding.device_id, order_by=Finding.id.desc()).label("place")
    placed = select(Finding.id, place).where(*where).subquery()
    shown = select(placed.c.id).where(placed.c.place <= each).order_by(placed.c.place, placed.c.id.desc()).limit(limit)
    return (await session.scalars(select(Finding).where(Finding.id.in_(shown)).order_by(Finding.id.desc()))).all()
