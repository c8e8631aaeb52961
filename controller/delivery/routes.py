"""What a device needs before it has ever spoken to the broker."""

import json
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import select

from controller.api.dependencies import Read
from controller.delivery.tables import TrustListRow

router = APIRouter(tags=["provisioning"])


class ProvisioningView(BaseModel):
    """`trust`: the newest root-signed list, to be pinned on the device."""

    trust: dict[str, Any]


@router.get("/provisioning")
async def provisioning(session: Read) -> ProvisioningView:
    """The trust list new devices start from."""
    query = select(TrustListRow.envelope).order_by(TrustListRow.version.desc()).limit(1)
    return ProvisioningView(trust=json.loads((await session.scalars(query)).one()))
