"""Units over HTTP."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from controller.access import subjects
from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import Body, IdField, LanguagesField, Title, View
from controller.devices.tables import Device
from controller.schedules import languages as planned
from controller.schedules import making
from controller.units import branches, languages, moving, naming, service, store
from controller.units.tables import Unit

router = APIRouter(tags=["units"], route_class=WriteRoute)
MOST_NAMED = 200
Named = Annotated[list[IdField] | None, Query(max_length=MOST_NAMED)]


class UnitBody(Body):
    """A unit to add; `kind`: country, province, region, commune, village or agency; no `id`: one made of its name."""

    id: IdField | None = None
    name: Title
    kind: Annotated[str, Field(pattern="^(country|province|region|commune|village|agency)$")]
    parent_id: IdField | None = None
    code: Annotated[str, Field(max_length=40)] | None = None
    languages: LanguagesField | None = None


class UnitChangeBody(Body):
    """What is to be different; what is not named stays. `languages` null or empty: those of the unit above.

    `parent_id`: the unit under which it stands from now on, with all below it.
    """

    name: Title | None = None
    languages: LanguagesField | None = None
    parent_id: IdField | None = None


class UnitView(View):
    """A unit of the tree; `languages`: what its devices speak, the first spoken first, null: as above it."""

    id: str
    name: str
    kind: str
    parent_id: str | None
    code: str | None
    languages: list[str] | None


class TwigView(View):
    """A unit; the counts are of all below it, of the unit that was asked for only of what stands right there."""

    id: str
    name: str
    kind: str
    units: int
    speakers: int
    boards: int
    silent: int
    people: int


class AboveView(View):
    """A unit above."""

    id: str
    name: str


class BranchView(View):
    """A unit, what stands above it (the widest first), and what is right below it by name."""

    own: TwigView
    path: list[AboveView]
    below: list[TwigView]


class ClosedView(View):
    """A unit that is no more, and since when."""

    id: str
    name: str
    kind: str
    closed_at: datetime


class LanguageView(View):
    """A language by its code; its names in Vietnamese (behind “tiếng”), in English and in itself."""

    code: str
    vi: str
    en: str
    own: str


@router.get("/units")
async def list_units(session: Read, may: Allowed, id: Named = None) -> list[UnitView]:  # noqa: A002 - of the address
    """All units that are not closed, or of those the named ones; for people, theirs with what is below and above."""
    where = [await may.where(Permission.KNOW, Unit.id), Unit.closed_at.is_(None)]
    if id is not None:
        where.append(Unit.id.in_(id))
    return [UnitView.model_validate(unit) for unit in await store.everything(session, *where)]


@router.post("/units", status_code=201)
async def create_unit(body: UnitBody, session: Write, controller: TheController, may: Allowed) -> UnitView:
    """Add a unit below one; at the top only whoever runs the controller does."""
    if body.parent_id is None:
        await may.require(Permission.ADMINISTER, None)
    else:
        await may.require_of(Permission.ADMINISTER, subjects.UNIT, body.parent_id)
        await service.require_open(session, body.parent_id)
    unit = await service.create(
        session,
        unit_id=body.id or naming.fresh(body.name, controller.clock.now()),
        name=body.name,
        kind=body.kind,
        parent_id=body.parent_id,
        code=body.code,
        languages=body.languages,
    )
    return UnitView.model_validate(unit)


@router.patch("/units/{unit_id}")
async def change_unit(
    unit_id: IdField, body: UnitChangeBody, session: Write, controller: TheController, may: Allowed
) -> UnitView:
    """Change a unit; where its devices thereby speak something else, their assignments and what is planned follow."""
    unit = await service.require(session, unit_id)
    if body.name is not None:
        await service.rename(session, unit_id, body.name)
    if body.parent_id is not None and body.parent_id != unit.parent_id:
        await may.require(Permission.ADMINISTER, unit.parent_id)
        await may.require_of(Permission.ADMINISTER, subjects.UNIT, body.parent_id)
        moved = await moving.move_unit(session, unit_id, body.parent_id)
        await planned.follow(session, moved, making.terms_of(controller.settings, controller.clock.now()))
    if "languages" in body.model_fields_set:
        changed = await service.set_languages(session, unit_id, body.languages)
        await planned.follow(session, changed, making.terms_of(controller.settings, controller.clock.now()))
    return UnitView.model_validate(unit)


@router.get("/units/{unit_id}/branch")
async def branch(unit_id: IdField, session: Read, may: Allowed, *, counted: bool = True) -> BranchView:
    """A unit in its place: what stands above it and right below it, with the devices and people under each counted.

    `counted` false: nothing is counted, for who needs the names alone.
    """
    unit = await service.require_open(session, unit_id)
    found = await branches.look(session, unit, await may.where(Permission.SEE, Device.unit_id), counted=counted)
    return BranchView(
        own=TwigView.model_validate(found.own),
        path=[AboveView(id=one, name=name) for one, name in found.path],
        below=[TwigView.model_validate(one) for one in found.below],
    )


@router.post("/units/{unit_id}/closing")
async def close_unit(unit_id: IdField, session: Write, controller: TheController) -> UnitView:
    """Close a unit in which nothing is left: it is not listed any more, and what it did stays."""
    return UnitView.model_validate(await moving.close(session, unit_id, now=controller.clock.now()))


@router.post("/units/{unit_id}/opening")
async def open_unit(unit_id: IdField, session: Write) -> UnitView:
    """Open a unit again that was closed by mistake, where the unit above it stands."""
    return UnitView.model_validate(await moving.reopen(session, unit_id))


@router.get("/units/{unit_id}/closed")
async def list_closed(unit_id: IdField, session: Read) -> list[ClosedView]:
    """Units right below one that are closed, the last one first."""
    return [ClosedView.model_validate(one) for one in await branches.closed(session, unit_id)]


@router.get("/languages")
async def list_languages() -> list[LanguageView]:
    """The languages that are known by name; any other code may be used, too."""
    return [LanguageView.model_validate(one) for one in languages.KNOWN]
