"""What waits in a unit's slots, over HTTP."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from controller.access import subjects
from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import Body, IdField, Title, UtcField, VariantsField, View
from controller.schedules.routes import terms_of
from controller.schedules.slots import service as slots
from controller.schedules.slots import store as slot_store
from controller.schedules.views import EffectView
from loa_protocol.ids import Level

router = APIRouter(tags=["programmes"], route_class=WriteRoute)


class SlotItemBody(Body):
    """Something for the slots of `unit`; `owner` is the unit itself if it is left out, `valid_from` is now.

    `variants`: language → the sound for devices that list it; `asset` is for those that list none of them.
    """

    unit: IdField
    title: Title
    asset: IdField
    variants: VariantsField = {}
    owner: IdField | None = None
    authority: Annotated[int, Field(ge=0, le=1000)] = 100
    level: Level = Level.NORMAL
    valid_from: UtcField | None = None
    valid_until: UtcField | None = None


class SlotItemChangeBody(Body):
    """What is to be different; `endless` takes the end of its validity away."""

    title: Title | None = None
    level: Level | None = None
    valid_from: UtcField | None = None
    valid_until: UtcField | None = None
    endless: bool = False


class OrderBody(Body):
    """The unit's own items in the order it wants; its others follow."""

    unit: IdField
    ids: Annotated[list[IdField], Field(min_length=1, max_length=500)]


class SlotItemView(View):
    """Something that waits for the slots of `unit_id`."""

    id: str
    unit_id: str
    owner_id: str
    authority: int
    title: str
    level: str
    asset_id: str
    variants: dict[str, str]
    valid_from: datetime
    valid_until: datetime | None
    position: int
    created_at: datetime
    withdrawn_at: datetime | None


class SlotChangedView(View):
    """An item as it is now, and what that does to broadcasts."""

    item: SlotItemView
    effect: EffectView


class OrderedView(View):
    """A queue in its new order, and what that does to broadcasts."""

    items: list[SlotItemView]
    effect: EffectView


@router.get("/slot-items")
async def list_slot_items(session: Read, unit: IdField, may: Allowed) -> list[SlotItemView]:
    """What waits at a unit, by position."""
    await may.require_of(Permission.SEE, subjects.UNIT, unit)
    return [SlotItemView.model_validate(row) for row in await slot_store.of_unit(session, unit, limit=slots.SHOWN)]


@router.post("/slot-items", status_code=201)
async def hand_in(body: SlotItemBody, session: Write, controller: TheController, may: Allowed) -> SlotChangedView:
    """Put something into a unit's queue; the slots it fills follow."""
    for unit_id in dict.fromkeys((body.unit, body.owner or body.unit)):
        await may.require_of(Permission.PLACE, subjects.UNIT, unit_id)
    row, effect = await slots.hand_in(session, slots.NewItem(**body.model_dump()), terms_of(controller))
    return SlotChangedView.model_validate({"item": row, "effect": effect})


@router.patch("/slot-items/{item_id}")
async def change_slot_item(
    item_id: str, body: SlotItemChangeBody, session: Write, controller: TheController
) -> SlotChangedView:
    """Change what waits."""
    wanted = slots.ItemChange(**body.model_dump())
    row, effect = await slots.alter(session, item_id, wanted, terms_of(controller))
    return SlotChangedView.model_validate({"item": row, "effect": effect})


@router.delete("/slot-items/{item_id}")
async def withdraw_slot_item(item_id: str, session: Write, controller: TheController) -> SlotChangedView:
    """Take something out of a queue."""
    row, effect = await slots.withdraw(session, item_id, terms_of(controller))
    return SlotChangedView.model_validate({"item": row, "effect": effect})


@router.put("/slot-items/order")
async def order_slot_items(body: OrderBody, session: Write, controller: TheController, may: Allowed) -> OrderedView:
    """Put a unit's own items into an order."""
    await may.require_of(Permission.PLACE, subjects.UNIT, body.unit)
    rows, effect = await slots.order(session, body.unit, body.ids, terms_of(controller))
    return OrderedView.model_validate({"items": rows, "effect": effect})
