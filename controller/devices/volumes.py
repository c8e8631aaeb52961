"""The loudest that one device may be: a cap for the whole day in its own policy, and whether the device has it.

A device is as loud as the strictest of its policies allows; this is its own, and only this one is changed here: hours
and caps by hour that somebody wrote for the device stay as they are.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession

from controller.delivery.tables import DocumentRow
from controller.devices.tables import Device, DeviceReport
from controller.policies import document, service, store
from controller.policies.document import Rules, VolumeCap
from controller.policies.tables import PolicyRow
from loa_protocol import topics
from loa_protocol.ids import device_scope
from loa_protocol.topics import Family

_BEGIN, _END = "00:00", "24:00"
_MS = 1000
_INSTANT = timedelta(milliseconds=1)
LOUDEST = 100


@dataclass(frozen=True, slots=True)
class Loudness:
    """`wanted`: the device's own cap, None: none. `allowed`: what all its policies allow now; `whose`: the strictest.

    `applied`: the device holds the policy in which it stands; None: nothing was ever set. `set_by` is a person's id.
    """

    wanted: int | None
    applied: bool | None
    allowed: int
    whose: str | None
    set_at: datetime | None
    set_by: str


def own_cap(rules: Rules) -> int | None:
    """The cap for the whole day."""
    found = [one.volume for one in rules.volume_caps if _is_whole_day(one)]
    return min(found, default=None)


def with_cap(rules: Rules, most: int | None) -> Rules:
    """The same rules with this cap for the whole day, or without one."""
    others = tuple(one for one in rules.volume_caps if not _is_whole_day(one))
    own = () if most is None else (VolumeCap(from_=_BEGIN, to=_END, volume=most),)
    return replace(rules, volume_caps=(*own, *others))


def is_applied(made_at: datetime, signed: DocumentRow | None, held: int | None) -> bool:
    """Whether what a device holds was signed after the rules were made: versions are milliseconds since 1970."""
    if held is None:
        return False
    if signed is not None and signed.issued >= made_at and held >= signed.version:
        return True
    return held >= int(made_at.timestamp() * _MS)


async def look(session: AsyncSession, device: Device, report: DeviceReport | None, now: datetime) -> Loudness:
    """How loud a device may be."""
    scope = device_scope(device.id)
    merged = await service.merged(session, device.id)
    allowed = merged.policy.volume_at(now, LOUDEST)
    caps = {part.scope: part.cap(now, now + _INSTANT) for part in merged.policy.parts}
    strictest = min(sorted(caps), key=lambda one: caps[one], default=None)
    whose = strictest if strictest is not None and caps[strictest] < LOUDEST else None
    row = await store.find(session, scope)
    if row is None:
        return Loudness(None, None, allowed, whose, None, "")
    wanted = own_cap(document.read(row.document)) if row.in_force else None
    topic = topics.scoped(Family.POLICY, scope)
    signed = await session.get(DocumentRow, topic)
    held = None if report is None else (report.state.get("have") or {}).get(topic)
    return Loudness(wanted, is_applied(row.made_at, signed, held), allowed, whose, row.made_at, row.made_by)


async def choose(
    session: AsyncSession, device_id: str, most: int | None, *, by: str, now: datetime
) -> PolicyRow | None:
    """Make this the loudest that a device may be, 0…100; None: as its units' policies say.

    Raises:
        PolicyMovedOn: somebody changes the device's policy at this moment.
    """
    scope = device_scope(device_id)
    row = await store.find(session, scope)
    standing = row if row is not None and row.in_force else None
    before = document.read(standing.document) if standing is not None else Rules()
    rules, expected = with_cap(before, most), standing.revision if standing is not None else None
    if rules == before and standing is not None:
        return standing
    if rules == Rules():
        if standing is not None:
            return (await service.clear(session, scope, expected=expected, by=by, now=now)).row
        return None
    return (await service.put(session, scope, rules, expected=expected, by=by, now=now)).row


def _is_whole_day(cap: VolumeCap) -> bool:
    return (cap.from_, cap.to) == (_BEGIN, _END)
