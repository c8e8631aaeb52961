"""What a device needs before it has ever spoken to the broker, and which keys sign what."""

import json
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import select

from controller.api.dependencies import Read
from controller.api.models import View
from controller.delivery import key_list
from controller.delivery.tables import TrustListRow
from controller.runtime.keys import KeysMissing

router = APIRouter(tags=["provisioning"])


class KeyView(View):
    """A public key by its fingerprint; `status`: active, retired or revoked; empty `scopes`: it counts everywhere."""

    id: str
    alg: str
    holder: str
    status: str
    roles: list[str]
    scopes: list[str]
    since: datetime


class RoleRuleView(View):
    """How many different people have to sign for a role, and how many active keys there are for it."""

    role: str
    threshold: int
    active: int


class KeysView(View):
    """The newest trust list, which the root keys signed."""

    version: int
    issued: datetime
    expires: datetime
    roles: list[RoleRuleView]
    keys: list[KeyView]
    max_volume: int


class ProvisioningView(BaseModel):
    """`trust`: the newest root-signed list, to be pinned on the device."""

    trust: dict[str, Any]


@router.get("/provisioning")
async def provisioning(session: Read) -> ProvisioningView:
    """The trust list new devices start from."""
    query = select(TrustListRow.envelope).order_by(TrustListRow.version.desc()).limit(1)
    return ProvisioningView(trust=json.loads((await session.scalars(query)).one()))


@router.get("/keys")
async def list_keys(session: Read) -> KeysView:
    """Which keys sign what, since when and in whose hands; nothing secret."""
    found = await key_list.newest(session)
    if found is None:
        raise KeysMissing("there is no trust list yet; start the controller once")
    return KeysView.model_validate(found)
