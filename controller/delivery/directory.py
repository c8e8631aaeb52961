"""Who may speak upwards: the devices' keys, scopes and topics, read from the database and kept for a little while.

Cached entries go at every commit of this process and after half a minute, so that what another process changed is
followed too. Unknown devices are never cached.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.devices.tables import Device, DeviceReport
from controller.runtime.clock import Clock
from controller.runtime.database import Database
from controller.units import store as units
from loa_protocol import topics
from loa_protocol.documents.device import LinkClass, Membership
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
        return (await self.find_all([device_id])).get(device_id)

    async def find_all(self, device_ids: Iterable[str]) -> dict[str, Known]:
        """Those of the devices that there are, in as few queries for many as for one."""
        now_s = self._clock.monotonic()
        held = {one: self._cache[one] for one in device_ids if one in self._cache}
        found = {one: known for one, (until_s, known) in held.items() if until_s > now_s}
        missing = sorted(set(device_ids) - found.keys())
        if missing:
            async with self._db.reading() as session:
                read = await _read(session, missing)
            self._cache |= {known.device_id: (now_s + KEEP_S, known) for known in read}
            found |= {known.device_id: known for known in read}
        return found


async def _read(session: AsyncSession, device_ids: Sequence[str]) -> list[Known]:
    devices = (await session.scalars(select(Device).where(Device.id.in_(device_ids)))).all()
    scopes = await units.scopes_of_devices(session, devices)
    reports = select(DeviceReport.device_id, DeviceReport.state).where(DeviceReport.device_id.in_(device_ids))
    states = {row.device_id: row.state for row in await session.execute(reports)}
    return [_known(device, *scopes[device.id], states.get(device.id, {})) for device in devices]


def _known(device: Device, chain: Sequence[str], groups: Sequence[Membership], state: Mapping[str, object]) -> Known:
    key = TrustKey(alg=ED25519, public=device.public_key, person=device.id)
    if device.retired_at is not None:
        return Known(device.id, key, (), frozenset())
    scopes = (device_scope(device.id), *(membership.group for membership in groups), *chain)
    wanted = {topics.scoped(family, scope) for family in _SCOPED for scope in scopes}
    wanted |= {topics.TRUST, topics.to_device(Family.ASSIGNMENT, device.id)}
    return Known(device.id, key, scopes, frozenset(wanted), link_class(state.get("link")))


def link_class(name: object) -> LinkClass:
    """A class as a device's state names it; mobile where it says nothing we know."""
    try:
        link: LinkClass = msgspec.convert(name, LinkClass)
    except msgspec.ValidationError:
        return "mobile"
    return link
