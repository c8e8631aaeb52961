"""Source systems over HTTP: which there are, and what they handed down."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.models import View
from controller.sources import store
from controller.sources.errors import SourceUnknown

router = APIRouter(tags=["sources"])


class SourceView(BaseModel):
    """A source as it is set up; `levels` and `areas` are what it may use."""

    name: str
    dialect: str
    unit: str
    kind: str
    areas: list[str]
    levels: list[str]


class ItemView(View):
    """An item as it was accepted; `bulletin` is what the source sent, `bulletin_id` how it is listed."""

    item_id: str
    revision: int
    key: str
    state: str
    open: bool
    bulletin: dict[str, Any]
    bulletin_id: str | None
    scopes: list[str]
    notes: list[str]
    accepted_at: datetime
    withdrawn_at: datetime | None
    closed_at: datetime | None
    error_code: str | None
    error_message: str | None


@router.get("/sources")
async def list_sources(controller: TheController, may: Allowed) -> list[SourceView]:
    """The sources this controller listens to; for people, those that speak for their units."""
    await may.reach(Permission.SEE)
    return [
        SourceView(
            name=source.name,
            dialect=source.dialect,
            unit=source.unit,
            kind=source.kind,
            areas=list(source.areas),
            levels=[str(level) for level in source.levels],
        )
        for source in controller.sources
        if await may.holds(Permission.SEE, [source.unit])
    ]


@router.get("/sources/{source}/items")
async def list_items(source: str, session: Read, controller: TheController, may: Allowed) -> list[ItemView]:
    """The newest accepted items of a source."""
    await may.reach(Permission.SEE)
    unit = next((one.unit for one in controller.sources if one.name == source), None)
    if not await may.holds(Permission.SEE, [unit]):
        raise SourceUnknown(f"there is no source {source}; list the sources to find the right name", source=source)
    return [ItemView.model_validate(row) for row in await store.newest(session, source, limit=200)]
