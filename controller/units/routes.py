"""Units and groups over HTTP."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from controller.api.dependencies import Read
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import Body, IdField, Title, View
from controller.units import service, store

router = APIRouter(tags=["units"], route_class=WriteRoute)


class UnitBody(Body):
    """A unit to add; `kind`: country, province, region, commune, village or agency."""

    id: IdField
    name: Title
    kind: Annotated[str, Field(pattern="^(country|province|region|commune|village|agency)$")]
    parent_id: IdField | None = None
    code: Annotated[str, Field(max_length=40)] | None = None


class UnitView(View):
    """A unit of the tree."""

    id: str
    name: str
    kind: str
    parent_id: str | None
    code: str | None


class GroupBody(Body):
    """A group of devices to make."""

    id: IdField
    name: Title
    unit_id: IdField
    devices: list[IdField]


class GroupView(View):
    """A group."""

    id: str
    name: str
    unit_id: str


@router.get("/units")
async def list_units(session: Read) -> list[UnitView]:
    """All units."""
    return [UnitView.model_validate(unit) for unit in await store.everything(session)]


@router.post("/units", status_code=201)
async def create_unit(body: UnitBody, session: Write) -> UnitView:
    """Add a unit."""
    unit = await service.create(
        session, unit_id=body.id, name=body.name, kind=body.kind, parent_id=body.parent_id, code=body.code
    )
    return UnitView.model_validate(unit)


@router.post("/groups", status_code=201)
async def create_group(body: GroupBody, session: Write) -> GroupView:
    """Make a group of devices; their assignments follow."""
    group = await service.create_group(
        session, group_id=body.id, name=body.name, unit_id=body.unit_id, devices=body.devices
    )
    return GroupView.model_validate(group)
