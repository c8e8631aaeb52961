"""Timelines and explanations over HTTP."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from controller.access import subjects
from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.models import IdField, UtcField
from controller.devices.tables import Device
from controller.speech import marks
from controller.timelines import service
from controller.timelines.views import (
    DisplacedView,
    ExplanationView,
    TimelineView,
    displaced_view,
    entry_view,
    maybe_view,
)

router = APIRouter(tags=["timelines"])

SHOWN = 200
WEEK = timedelta(days=7)


@router.get("/timeline")
async def timeline(  # noqa: PLR0917 - one a word of the request
    device: IdField,
    begin: Annotated[UtcField, Query(alias="from")],
    end: Annotated[UtcField, Query(alias="to")],
    session: Read,
    controller: TheController,
    may: Allowed,
) -> TimelineView:
    """What a device played and will play, and why the rest does not; up to 31 days."""
    await may.require_of(Permission.SEE, subjects.DEVICE, device)
    entries = await service.timeline(session, device, begin, end, now=controller.clock.now())
    return TimelineView(device=device, begin=begin, end=end, entries=[entry_view(one) for one in entries])


@router.get("/explain")
async def explain(
    device: IdField, at: UtcField, session: Read, controller: TheController, may: Allowed
) -> ExplanationView:
    """Why a device plays what it plays at an instant, or nothing."""
    await may.require_of(Permission.SEE, subjects.DEVICE, device)
    found = await service.explain(session, device, at, now=controller.clock.now())
    return ExplanationView(
        device=device,
        at=at,
        playing=maybe_view(found.playing),
        others=[entry_view(one) for one in found.others],
        following=maybe_view(found.following),
        machine_speech=await marks.on_device(session, found.playing.broadcast, device) if found.playing else [],
    )


@router.get("/programmes/{programme_id}/conflicts")
async def conflicts(
    programme_id: IdField, session: Read, controller: TheController, may: Allowed
) -> list[DisplacedView]:
    """Which broadcasts of a programme do not play whole and at their time within a week, and what is in their way.

    On devices that whoever asks may see.
    """
    now = controller.clock.now()
    seen = await may.where(Permission.SEE, Device.unit_id)
    found = await service.conflicts(session, programme_id, seen, now=now, until=now + WEEK)
    return [displaced_view(one) for one in found[:SHOWN]]
