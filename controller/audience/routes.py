"""Who can be spoken to, over HTTP: a tree and a map to choose from, what a choice reaches, when a unit's slots come."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.models import IdField, ScopeField, View
from controller.audience import map_store, store
from controller.broadcasts.service import targets_unknown
from controller.bulletins import slot_times
from controller.units.tables import Unit

router = APIRouter(tags=["audience"])
SLOTS_AHEAD = timedelta(days=7)
MOST_TIMES = 20


class PlaceView(View):
    """A unit or group to speak to by its `scope`; `speakers` and `boards` with all below it."""

    scope: str
    name: str
    kind: str
    parent: str | None
    depth: int
    speakers: int
    boards: int


class AudienceView(View):
    """Units in the order of their tree, groups by name; `left_out`: units that are not shown, search for them.

    `placed`: whether a map for the unit has anything on it.
    """

    units: list[PlaceView]
    groups: list[PlaceView]
    left_out: int
    placed: bool


class PointView(View):
    """Where a device is, in degrees; it listens to its `unit`, to all above that, and to `groups`, named by scope."""

    id: str
    latitude: float
    longitude: float
    unit: str
    groups: list[str]


class PointsView(View):
    """Devices with a place, and `above`: scope of a unit → scope of the unit above it.

    `left_out`: have a place, too, and are too many for one map; `nowhere`: nobody wrote down where they are.
    """

    points: list[PointView]
    above: dict[str, str | None]
    left_out: int
    nowhere: int


class ReachedView(View):
    """Devices, each counted once; `units`: kind → how many units of that kind they stand in."""

    speakers: int
    boards: int
    units: dict[str, int]


class SlotTimeView(View):
    """A session that has a slot for what waits at the unit, and how long that slot is."""

    start: datetime
    title: str
    programme_id: str
    slot_ms: int


@router.get("/units/{unit_id}/audience")
async def audience(
    unit_id: IdField, session: Read, may: Allowed, q: Annotated[str, Query(max_length=200)] = ""
) -> AudienceView:
    """Where what is written for a unit may be put on air by who asks."""
    mine = await may.where(Permission.PLACE, Unit.id)
    return AudienceView.model_validate(await store.tree(session, unit_id, q, [mine]))


@router.get("/units/{unit_id}/audience-map")
async def audience_map(unit_id: IdField, session: Read, may: Allowed) -> PointsView:
    """Where devices are to which who asks may put on air what is written for a unit; at most 2,000 of them."""
    mine = await may.where(Permission.PLACE, Unit.id)
    return PointsView.model_validate(await map_store.points(session, unit_id, [mine]))


@router.get("/audience")
async def reached(
    session: Read, may: Allowed, to: Annotated[list[ScopeField], Query(min_length=1, max_length=500)]
) -> ReachedView:
    """How many devices listen to any of these scopes."""
    await may.require_scopes(Permission.SEE, to, targets_unknown)
    return ReachedView.model_validate(await store.counted(session, to))


@router.get("/units/{unit_id}/slot-times")
async def times(unit_id: IdField, session: Read, controller: TheController) -> list[SlotTimeView]:
    """The sessions of the next seven days with a slot for the unit's bulletins, the next first."""
    now = controller.clock.now()
    coming = await slot_times.ahead(session, unit_id, now, now + SLOTS_AHEAD)
    return [
        SlotTimeView(
            start=one.start,
            title=one.session.title,
            programme_id=one.programme,
            slot_ms=slot_times.longest_slot_ms(one, unit_id),
        )
        for one in coming[:MOST_TIMES]
    ]
