"""Programmes over HTTP: read, save, preview, change one occurrence, retire, and how far a change has come."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import Body, DayField, IdField, UtcField
from controller.runtime.server import Controller
from controller.schedules import displacing, making, reach, rules, service, store, views, writing
from controller.schedules.making import Terms
from controller.schedules.programme import ProgrammeFile
from controller.schedules.service import Move, Saved, SaveRequest
from controller.schedules.tables import ProgrammeRow
from controller.schedules.views import (
    EffectiveView,
    HistoryView,
    OccurrenceView,
    PreviewView,
    ProgrammeView,
    SavedView,
    ScopeReachView,
    WholeProgrammeView,
)

router = APIRouter(tags=["programmes"], route_class=WriteRoute)
LONGEST = timedelta(days=62)
MOST = 2000
EARLIEST, LATEST = datetime(1971, 1, 1, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)
Revision = Annotated[int, Field(ge=0, le=2**31 - 1)]


class SaveBody(Body):
    """A programme to save; `from` is the first local day on which it counts, today if it is left out.

    `expected_revision` is the revision it was made from; none: the programme must not exist yet.
    """

    document: dict[str, Any]
    begin: Annotated[DayField | None, Field(alias="from")] = None
    expected_revision: Revision | None = None
    note: Annotated[str, Field(max_length=500)] = ""


class ChangeBody(Body):
    """One occurrence to change."""

    change: dict[str, Any]
    expected_revision: Revision


class MoveBody(Body):
    """An occurrence, by when its rule begins it, to begin at `start` (both local); `following`: and all later ones."""

    session: IdField
    occurrence: Annotated[str, Field(max_length=19)]
    start: Annotated[str, Field(max_length=19)]
    following: bool = False
    expected_revision: Revision


def terms_of(controller: Controller) -> Terms:
    """How far and under which terms this controller plans."""
    return making.terms_of(controller.settings, controller.clock.now())


@router.get("/programmes")
async def list_programmes(session: Read, may: Allowed, unit: IdField | None = None) -> list[ProgrammeView]:
    """Programmes that are not retired, by id: for people, those of their units and of the units above."""
    mine = await may.where(Permission.KNOW, ProgrammeRow.unit_id)
    return [_row_view(row) for row in await store.listed(session, unit, mine)]


@router.get("/programmes/{programme_id}")
async def get_programme(
    programme_id: str, session: Read, controller: TheController, on: DayField | None = None
) -> WholeProgrammeView:
    """A programme as of a local day, today if none is named; before its first day as it will be then."""
    row = await service.require(session, programme_id)
    revisions = await store.revisions(session, programme_id)
    newest = await _document(session, programme_id, revisions[-1].number)
    day = on or controller.clock.now().astimezone(ZoneInfo(newest.zone)).date()
    effective = store.in_force(revisions, day)
    document = await _document(session, programme_id, effective[0].number)
    changed = rules.changes_of(await store.changes(session, programme_id, day))
    standing = tuple(one for one in changed.values() if writing.says_something(one))
    return WholeProgrammeView(
        **_row_view(row).model_dump(),
        effective=[EffectiveView(revision=one.number, effective_from=one.effective_from) for one in effective],
        document=msgspec.to_builtins(msgspec.structs.replace(document, changes=standing)),
    )


@router.get("/programmes/{programme_id}/history")
async def get_history(programme_id: str, session: Read) -> list[HistoryView]:
    """What was saved, the newest first."""
    await service.require(session, programme_id)
    return [views.history_view(one) for one in await store.history(session, programme_id, limit=views.SHOWN)]


@router.put("/programmes/{programme_id}")
async def save_programme(programme_id: IdField, body: SaveBody, session: Write, controller: TheController) -> SavedView:
    """Save a programme: once answered with 200 it is kept, and its broadcasts and plans follow in the same instant."""
    return views.saved_view(await service.save(session, programme_id, _request(body), terms_of(controller)))


@router.post("/programmes/{programme_id}/preview")
async def preview_programme(
    programme_id: IdField, body: SaveBody, session: Write, controller: TheController
) -> PreviewView:
    """What a save would do; nothing is kept of it."""
    attempted = await session.begin_nested()
    try:
        terms = terms_of(controller)
        saved = await service.save(session, programme_id, _request(body), terms, only_looking=True)
        return views.preview_view(saved, await displacing.displaced(session, saved.made, terms.now))
    finally:
        await attempted.rollback()


@router.post("/programmes/{programme_id}/changes")
async def change_occurrence(
    programme_id: IdField, body: ChangeBody, session: Write, controller: TheController
) -> SavedView:
    """Cancel, move or change one occurrence; a change that says nothing makes it as its rule has it again."""
    terms = terms_of(controller)
    saved = await service.change(session, programme_id, body.change, body.expected_revision, terms)
    return views.saved_view(saved)


@router.post("/programmes/{programme_id}/moves")
async def move_occurrence(
    programme_id: IdField, body: MoveBody, session: Write, controller: TheController
) -> SavedView:
    """Move one occurrence, or its place in the week from then on."""
    wanted = Move(body.session, body.occurrence, body.start, following=body.following)
    saved = await service.move(session, programme_id, wanted, body.expected_revision, terms_of(controller))
    return views.saved_view(saved)


@router.delete("/programmes/{programme_id}")
async def retire_programme(
    programme_id: IdField, expected_revision: Revision, session: Write, controller: TheController
) -> SavedView:
    """Take a programme off the air; its history stays, and saving it again brings it back."""
    saved: Saved = await service.retire(session, programme_id, expected_revision, terms_of(controller))
    return views.saved_view(saved)


@router.get("/programmes/{programme_id}/occurrences")
async def list_occurrences(
    programme_id: str,
    session: Read,
    begin: Annotated[UtcField, Query(alias="from")],
    end: Annotated[UtcField, Query(alias="to")],
) -> list[OccurrenceView]:
    """What begins at `from` or later and before `to`, 62 days at most, with today's queues in its slots."""
    row = await service.require(session, programme_id)
    if row.retired_at is not None:
        return []
    begin = min(max(begin, EARLIEST), LATEST)
    series = await store.series(session, programme_id, begin.date())
    casts = await making.cast(session, series, begin, min(end, begin + LONGEST), most=MOST)
    return [views.occurrence_view(one) for one in casts]


@router.get("/programmes/{programme_id}/reach")
async def get_reach(programme_id: str, session: Read, controller: TheController) -> list[ScopeReachView]:
    """How many devices hold the newest plan of each scope the programme speaks to."""
    await service.require(session, programme_id)
    found = await reach.reach(session, programme_id, controller.clock.now())
    return [ScopeReachView.model_validate(one) for one in found]


def _request(body: SaveBody) -> SaveRequest:
    return SaveRequest(document=body.document, begin=body.begin, expected=body.expected_revision, note=body.note)


def _row_view(row: ProgrammeRow) -> ProgrammeView:
    return ProgrammeView(id=row.id, unit=row.unit_id, title=row.title, revision=row.head, retired_at=row.retired_at)


async def _document(session: AsyncSession, programme_id: str, number: int) -> ProgrammeFile:
    document = await store.document(session, programme_id, number)
    if document is None:
        raise AssertionError("a revision that is listed has a document")
    return document
