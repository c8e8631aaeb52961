"""Use cases of devices: registering one, listing what they last said of themselves."""

import base64
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.delivery import store as delivery
from controller.devices.tables import Device, DeviceReport, Finding
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
    if await session.get(Device, device_id) is not None:
        raise units.IdTaken(f"device {device_id} exists already; choose another id")
    await units.require(session, unit_id)
    _require_key(public_key, device_id)
    device = Device(
        id=device_id,
        name=name,
        kind=kind,
        unit_id=unit_id,
        public_key=public_key,
        profile=profile,
        languages=list(languages),
        stagger_ms=stagger_ms,
        created_at=now,
    )
    session.add(device)
    await session.flush()
    await delivery.want(session, [topics.to_device(topics.Family.ASSIGNMENT, device_id)])
    return device


async def everything(session: AsyncSession) -> Sequence[tuple[Device, DeviceReport | None]]:
    """All devices in service with their newest report, by id."""
    query = (
        select(Device, DeviceReport)
        .outerjoin(DeviceReport, DeviceReport.device_id == Device.id)
        .where(Device.retired_at.is_(None))
        .order_by(Device.id)
    )
    return [(row[0], row[1]) for row in await session.execute(query)]


async def require(session: AsyncSession, device_id: str) -> Device:
    """The device.

    Raises:
        DeviceUnknown: there is none.
    """
    device = await session.get(Device, device_id)
    if device is None:
        raise units.DeviceUnknown(f"there is no device {device_id}; list the devices to find the right id")
    return device


async def findings(session: AsyncSession, limit: int = 200) -> Sequence[Finding]:
    """What was odd lately, newest first."""
    return (await session.scalars(select(Finding).order_by(Finding.id.desc()).limit(limit))).all()
