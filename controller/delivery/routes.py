"""What a device needs before it has ever spoken to the broker, and which keys sign what."""

import json
from datetime import datetime
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import View
from controller.delivery import key_list
from controller.delivery.tables import TrustListRow
from controller.runtime.keys import KeysMissing
from controller.units import store as units

router = APIRouter(tags=["provisioning"], route_class=WriteRoute)


class KeyView(View):
    """A public key by its fingerprint; `status`: active, retired or revoked; empty `scopes`: it counts everywhere.

    `since`: the first list that names it; `ended`: the first that says that it is retired or revoked.
    """

    id: str
    alg: str
    holder: str
    status: str
    roles: list[str]
    scopes: list[str]
    since: datetime
    ended: datetime | None


class RotationHere(StrEnum):
    """Whether the plan key can be rotated from here: `elsewhere` are the root keys that have to sign."""

    POSSIBLE = "possible"
    ELSEWHERE = "elsewhere"


class RoleRuleView(View):
    """How many different people have to sign for a role, and how many active keys there are for it."""

    role: str
    threshold: int
    active: int


class KeysView(View):
    """The newest trust list, which the root keys signed; `rotation` is told to who may rotate the plan key."""

    version: int
    issued: datetime
    expires: datetime
    roles: list[RoleRuleView]
    keys: list[KeyView]
    max_volume: int
    rotation: RotationHere | None = None


class ProvisioningView(BaseModel):
    """`trust`: the newest root-signed list, to be pinned on the device."""

    trust: dict[str, Any]


@router.get("/provisioning")
async def provisioning(session: Read) -> ProvisioningView:
    """The trust list new devices start from."""
    query = select(TrustListRow.envelope).order_by(TrustListRow.version.desc()).limit(1)
    return ProvisioningView(trust=json.loads((await session.scalars(query)).one()))


@router.get("/keys")
async def list_keys(session: Read, controller: TheController, may: Allowed) -> KeysView:
    """Which keys sign what, since when and in whose hands; nothing secret."""
    found = await key_list.newest(session)
    if found is None:
        raise KeysMissing("there is no trust list yet; start the controller once")
    told = KeysView.model_validate(found)
    if await may.holds(Permission.ADMINISTER, await _tops(session)):
        here = await controller.keys.can_rotate(session)
        told.rotation = RotationHere.POSSIBLE if here else RotationHere.ELSEWHERE
    return told


class RotationView(View):
    """The plan key that signs from now on, the one it took the place of, and the trust list that says so."""

    version: int
    old: list[str]
    new: str


@router.post("/keys/plan/rotation", status_code=201)
async def rotate_plan_key(request: Request, session: Write, controller: TheController, may: Allowed) -> RotationView:
    """Have a new key sign what devices do, a moment after a proof; for who administers every topmost unit."""
    await may.require(Permission.ADMINISTER, *await _tops(session))
    may.actor.require_recent(controller.clock.now())
    fresh = getattr(request.state, "fresh_plan_key", None) or await controller.keys.fresh_plan_key()
    request.state.fresh_plan_key = fresh  # the request may be done again
    before = await key_list.plan_keys(session)
    listed = await controller.keys.rotate_in(session, fresh)
    return RotationView(version=listed.version, old=before, new=fresh.keyid)


async def _tops(session: AsyncSession) -> tuple[str | None, ...]:
    """What one has to administer to administer everything."""
    return tuple(await units.roots(session)) or (None,)
