"""Timelines and explanations over HTTP."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from controller.api.dependencies import Read, TheController
from controller.api.models import IdField, UtcField
from controller.timelines import service
from controller.timelines.service import Entry

router = APIRouter(tags=["timelines"])


class SentenceView(BaseModel):
    """The same sentence in Vietnamese and in English."""

    vi: str
    en: str


class EntryView(BaseModel):
    """One broadcast on one device: what became of it, or will.

    `source`: `receipt` (the device said so), `awaited` (due, and not answered yet) or `forecast`. `because` is the
    timeline's word for the rule that decides, `by` what it loses to, `whose` the scope whose rule of the air it is.
    """

    broadcast: str
    title: str
    level: str
    planned: datetime
    source: str
    outcome: str | None
    reason: str | None
    because: str
    why: SentenceView
    begin: datetime | None
    end: datetime | None
    volume: int | None
    by: str | None
    by_title: str | None
    whose: str | None
    detail: str


class TimelineView(BaseModel):
    """What was and is due on a device, by its planned start."""

    device: str
    begin: datetime
    end: datetime
    entries: list[EntryView]


class ExplanationView(BaseModel):
    """What a device plays at an instant, what had a claim on it and does not, and what follows."""

    device: str
    at: datetime
    playing: EntryView | None
    others: list[EntryView]
    following: EntryView | None


@router.get("/timeline")
async def timeline(
    device: IdField,
    begin: Annotated[UtcField, Query(alias="from")],
    end: Annotated[UtcField, Query(alias="to")],
    session: Read,
    controller: TheController,
) -> TimelineView:
    """What a device played and will play, and why the rest does not; up to 31 days."""
    entries = await service.timeline(session, device, begin, end, now=controller.clock.now())
    return TimelineView(device=device, begin=begin, end=end, entries=[_view(one) for one in entries])


@router.get("/explain")
async def explain(device: IdField, at: UtcField, session: Read, controller: TheController) -> ExplanationView:
    """Why a device plays what it plays at an instant, or nothing."""
    found = await service.explain(session, device, at, now=controller.clock.now())
    return ExplanationView(
        device=device,
        at=at,
        playing=_maybe(found.playing),
        others=[_view(one) for one in found.others],
        following=_maybe(found.following),
    )


def _maybe(entry: Entry | None) -> EntryView | None:
    return None if entry is None else _view(entry)


def _view(entry: Entry) -> EntryView:
    why = SentenceView(vi=entry.sentence.vi, en=entry.sentence.en)
    return EntryView(why=why, **{name: getattr(entry, name) for name in EntryView.model_fields if name != "why"})
