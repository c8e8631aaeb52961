"""Who may speak upwards: the devices' keys, scopes and topics, read from the database and kept for a little while.

Cached entries go at every commit of this process and after half a minute, so that what another process changed is
followed too. Unknown devices are never cached.
"""

from dataclasses import dataclass

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices.tables import Device, DeviceReport
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.units import store as units
from loa_protocol import topics
from loa_protocol.documents.device import LinkClass
from loa_protocol.documents.trust import TrustKey
from loa_protocol.ids import device_scope
from loa_protocol.keys import ED25519
from loa_protocol.topics import Family

KEEP_S = 30.0
_SCOPED = (Family.POLICY, Family.PLAN, Family.STOP)


@dataclass(frozen=True, slots=True)
class Known:
    """A device as far as messages concern it. `topics`: every retained document it should hold, if there is one."""

    device_id: str
    key: TrustKey
    scopes: tuple[str, ...]
    topics: frozenset[str]
    link: LinkClass = "mobile"


class Directory:
    """Looks devices up."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._cache: dict[str, tuple[float, Known]] = {}

    def forget(self) -> None:
        """Something was committed: read again."""
        self._cache.clear()

    async def find(self, device_id: str) -> Known | None:
        """The device, retired ones too; None if there is none."""
        held = self._cache.get(device_id)
        if held is not None and held[0] > self._clock.monotonic():
            return held[1]
        async with self._db.reading() as session:
            known = await _read(session, device_id)
        if known is not None:
            self._cache[device_id] = (self._clock.monotonic() + KEEP_S, known)
        return known


async def _read(session: AsyncSession, device_id: str) -> Known | None:
    device = await session.get(Device, device_id)
    if device is None:
        return None
    chain, groups = await units.scopes_of_device(session, device)
    scopes = (device_scope(device.id), *(membership.group for membership in groups), *chain)
    key = TrustKey(alg=ED25519, public=device.public_key, person=device.id)
    if device.retired_at is not None:
        return Known(device.id, key, (), frozenset())
    wanted = {topics.scoped(family, scope) for family in _SCOPED for scope in scopes}
    wanted |= {topics.TRUST, topics.to_device(Family.ASSIGNMENT, device.id)}
    report = await session.get(DeviceReport, device_id)
    link = link_class(report.state.get("link")) if report is not None else "mobile"
    return Known(device.id, key, scopes, frozenset(wanted), link)


def link_class(name: object) -> LinkClass:
    """A class as a device's state names it; mobile where it says nothing we know."""
    try:
        link: LinkClass = msgspec.convert(name, LinkClass)
    except msgspec.ValidationError:
        return "mobile"
    return link
