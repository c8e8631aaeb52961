"""Which keys sign what, as the trust lists say: since when, in whose hands, and whether they count. Nothing secret.

Rules: only what is public is told, and everything comes from lists that are signed by the root keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.delivery.tables import TrustListRow
from loa_protocol.documents.trust import KeyStatus, Role, TrustList
from loa_protocol.envelope import open_payload, parse


@dataclass(frozen=True, slots=True)
class Key:
    """`id` is the fingerprint; `roles`: what it may sign.

    `since`: when the first list was made that names it; `ended`: that in which it is not active any more.
    """

    id: str
    alg: str
    holder: str
    status: str
    roles: Sequence[str]
    scopes: Sequence[str]
    since: datetime
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class RoleRule:
    """How many different people have to sign for a role, and how many active keys there are for it."""

    role: str
    threshold: int
    active: int


@dataclass(frozen=True, slots=True)
class Listed:
    """The newest trust list."""

    version: int
    issued: datetime
    expires: datetime
    roles: Sequence[RoleRule]
    keys: Sequence[Key]
    max_volume: int


async def newest(session: AsyncSession) -> Listed | None:
    """What counts now; None before the first start."""
    rows = await session.scalars(select(TrustListRow.envelope).order_by(TrustListRow.version))
    lists = [open_payload(parse(raw), TrustList) for raw in rows]
    if not lists:
        return None
    since: dict[str, datetime] = {}
    ended: dict[str, datetime] = {}
    for one in lists:
        for keyid, key in one.keys.items():
            since.setdefault(keyid, one.issued)
            if key.status is not KeyStatus.ACTIVE:
                ended.setdefault(keyid, one.issued)
    last = lists[-1]
    roles = [RoleRule(str(role), keys.threshold, _active(last, keys.keys)) for role, keys in last.roles.items()]
    keys = [
        Key(
            id=keyid,
            alg=key.alg,
            holder=key.person,
            status=str(key.status),
            roles=tuple(str(role) for role, held in last.roles.items() if keyid in held.keys),
            scopes=key.scopes,
            since=since[keyid],
            ended=ended.get(keyid),
        )
        for keyid, key in last.keys.items()
    ]
    return Listed(last.version, last.issued, last.expires, roles, keys, last.ceilings.max_volume)


def _active(listed: TrustList, keys: Sequence[str]) -> int:
    return sum(listed.keys[one].status == "active" for one in keys if one in listed.keys)


async def plan_keys(session: AsyncSession) -> list[str]:
    """The keys that sign plans now, by fingerprint."""
    found = await newest(session)
    keys = () if found is None else found.keys
    return [key.id for key in keys if Role.PLAN in key.roles and key.status == KeyStatus.ACTIVE]
