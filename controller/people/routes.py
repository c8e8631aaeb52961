"""People, their roles and leaves, and who may approve, over HTTP."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from controller.access import subjects
from controller.access.may import Allowed
from controller.access.rules import STRONG, Permission
from controller.api.dependencies import Read, TheController
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import Body, DayField, IdField, View
from controller.audit.recording import record
from controller.people import copying, leaves, service, store
from controller.people.over import require_over, require_own_or_over
from controller.people.rules import Role
from controller.people.tables import Person
from controller.units import store as units

router = APIRouter(tags=["people"], route_class=WriteRoute)
_LINES = "application/x-ndjson"
_COPY: dict[int | str, dict[str, Any]] = {200: {"content": {_LINES: {}}, "description": "One row a line"}}

_EMAIL = r"^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")]
Email = Annotated[str, Field(max_length=254, pattern=_EMAIL)]
Spoken = Annotated[str, Field(pattern=r"^(vi|en)$", description="The language notices are framed in")]
Day = Annotated[DayField | None, Query(description="Default: today in Vietnam")]


class PersonBody(Body):
    """A person to take in; `webhook`: they are also told by their unit's gateway, which knows how to reach them."""

    name: Name
    unit_id: IdField
    email: Email | None = None
    webhook: bool = False
    language: Spoken = "vi"


class PersonChange(Body):
    """What to change of a person; what is left out stays."""

    name: Name = ""
    unit_id: IdField = ""
    email: Email | None = None
    webhook: bool = False
    language: Spoken = "vi"


class PersonView(View):
    """A person; one who has left has no address, an erased one no name either."""

    id: str
    unit_id: str
    name: str
    email: str | None
    webhook: bool
    language: str
    created_at: datetime
    retired_at: datetime | None
    erased_at: datetime | None


class GrantBody(Body):
    """A role to give at a unit, from `begins` (default: today) to `ends`, both included."""

    role: Role
    unit_id: IdField
    begins: DayField | None = None
    ends: DayField | None = None


class GrantView(View):
    """A role; `granted_by` and `revoked_by` are people, null where the token did it."""

    id: str
    person_id: str
    role: str
    unit_id: str
    begins: date
    ends: date | None
    granted_at: datetime
    granted_by: str | None
    revoked_at: datetime | None
    revoked_by: str | None


class LeaveBody(Body):
    """Days on which a person is away, both included, and who stands in."""

    first_day: DayField
    last_day: DayField
    deputy_id: IdField | None = None


class LeaveView(View):
    """A leave."""

    id: str
    person_id: str
    first_day: date
    last_day: date
    deputy_id: str | None
    made_at: datetime
    made_by: str | None
    cancelled_at: datetime | None


class NamedView(View):
    """A person by name."""

    id: str
    name: str


class ApproverView(View):
    """Somebody who may approve, by their own right or for `for_person`."""

    person: NamedView
    for_person: NamedView | None


@router.get("/people")
async def list_people(
    session: Read,
    may: Allowed,
    unit: Annotated[IdField | None, Query(description="Only people of this unit and of those below it")] = None,
    left: Annotated[bool, Query(description="Those who have left, too")] = False,
) -> list[PersonView]:
    """People by name."""
    below = None if unit is None else await units.below(session, [unit])
    mine = await may.where(Permission.PEOPLE, Person.unit_id)
    return [PersonView.model_validate(row) for row in await store.everybody(session, mine, units=below, left=left)]


@router.post("/people", status_code=201)
async def create_person(body: PersonBody, session: Write, controller: TheController, may: Allowed) -> PersonView:
    """Take a person in; they may do nothing until a role is given to them."""
    await may.require_of(Permission.PEOPLE, subjects.UNIT, body.unit_id)
    return PersonView.model_validate(await service.create(session, **body.model_dump(), now=controller.clock.now()))


@router.get("/people/{person_id}")
async def get_person(person_id: IdField, session: Read) -> PersonView:
    """One person."""
    return PersonView.model_validate(await service.require(session, person_id))


@router.get("/people/{person_id}/data", response_class=StreamingResponse, responses=_COPY)
async def copy_person(person_id: IdField, controller: TheController, may: Allowed) -> StreamingResponse:
    """Everything that is kept about a person, as lines of JSON; that it was taken is in the audit."""
    now = controller.clock.now()
    async with controller.db.reading() as reading:
        await service.require(reading, person_id)
        await require_own_or_over(may, reading, person_id, now)  # it tells what they did at every unit
    async with controller.db.transaction() as session:
        record(session, "GET /people/{person_id}/data", by=may.actor, now=now, about={"person_id": person_id})

    async def lines() -> AsyncIterator[bytes]:
        async with controller.db.reading() as reading:
            async for line in copying.lines(reading, await service.require(reading, person_id), now):
                yield line

    headers = {"Content-Disposition": f'attachment; filename="{person_id}.jsonl"', "Cache-Control": "no-store"}
    return StreamingResponse(lines(), media_type=_LINES, headers=headers)


@router.patch("/people/{person_id}")
async def change_person(
    person_id: IdField, body: PersonChange, session: Write, controller: TheController, may: Allowed
) -> PersonView:
    """Change what is given; an `email` of null is forgotten."""
    now = controller.clock.now()
    if body.model_fields_set & {"email", "webhook"}:  # where they are told what is nobody else's business
        await require_own_or_over(may, session, person_id, now)
    if "unit_id" in body.model_fields_set:
        await require_over(may, session, person_id, now)
        await may.require_of(Permission.PEOPLE, subjects.UNIT, body.unit_id)
    changes = body.model_dump(include=body.model_fields_set)
    return PersonView.model_validate(await service.change(session, person_id, **changes))


@router.post("/people/{person_id}/retirement")
async def retire_person(person_id: IdField, session: Write, controller: TheController, may: Allowed) -> PersonView:
    """The person leaves: they act no more, and their addresses are forgotten."""
    now = controller.clock.now()
    await require_over(may, session, person_id, now)
    return PersonView.model_validate(await service.retire(session, person_id, now=now))


@router.delete("/people/{person_id}")
async def erase_person(person_id: IdField, session: Write, controller: TheController, may: Allowed) -> PersonView:
    """Retire the person and forget name, leaves and notices; the bare id stays in the steps they took."""
    now = controller.clock.now()
    await require_over(may, session, person_id, now)
    return PersonView.model_validate(await service.erase(session, person_id, now=now))


@router.get("/people/{person_id}/grants")
async def list_grants(person_id: IdField, session: Read) -> list[GrantView]:
    """All roles they have or had, newest first."""
    return [GrantView.model_validate(row) for row in await service.grants(session, person_id)]


@router.post("/people/{person_id}/grants", status_code=201)
async def create_grant(
    person_id: IdField, body: GrantBody, session: Write, controller: TheController, may: Allowed
) -> GrantView:
    """Give a role at a unit; those that release or give roles, a moment after a proof."""
    await may.require_of(Permission.PEOPLE, subjects.UNIT, body.unit_id)
    now = controller.clock.now()
    if body.role in STRONG:
        may.actor.require_recent(now)
    row = await service.grant(
        session,
        person_id,
        role=body.role,
        unit_id=body.unit_id,
        begins=body.begins or service.local_day(now),
        ends=body.ends,
        by=may.actor.person_id,
        now=now,
    )
    return GrantView.model_validate(row)


@router.delete("/people/{person_id}/grants/{grant_id}")
async def revoke_grant(
    person_id: IdField, grant_id: IdField, session: Write, controller: TheController, may: Allowed
) -> GrantView:
    """Take a role away, at once."""
    now = controller.clock.now()
    row = await service.revoke(session, person_id, grant_id, by=may.actor.person_id, now=now)
    await may.require(Permission.PEOPLE, row.unit_id)
    return GrantView.model_validate(row)


@router.get("/people/{person_id}/leaves")
async def list_leaves(person_id: IdField, session: Read) -> list[LeaveView]:
    """Their leaves, latest first."""
    return [LeaveView.model_validate(row) for row in await leaves.leaves(session, person_id)]


@router.post("/people/{person_id}/leaves", status_code=201)
async def create_leave(
    person_id: IdField, body: LeaveBody, session: Write, controller: TheController, may: Allowed
) -> LeaveView:
    """Note days on which they are away; a deputy approves for them meanwhile, named a moment after a proof."""
    now = controller.clock.now()
    await require_own_or_over(may, session, person_id, now)
    leaves.require_bounds(body.first_day, body.last_day, now)
    if body.deputy_id is not None:
        may.actor.require_recent(now)
        await may.require_of(Permission.SEE, subjects.PERSON, body.deputy_id)
    row = await leaves.take_leave(
        session,
        person_id,
        first_day=body.first_day,
        last_day=body.last_day,
        deputy_id=body.deputy_id,
        by=may.actor.person_id,
        now=now,
    )
    return LeaveView.model_validate(row)


@router.delete("/people/{person_id}/leaves/{leave_id}")
async def cancel_leave(
    person_id: IdField, leave_id: IdField, session: Write, controller: TheController, may: Allowed
) -> LeaveView:
    """They are not away after all."""
    now = controller.clock.now()
    await require_own_or_over(may, session, person_id, now)
    row = await leaves.cancel_leave(session, person_id, leave_id, now=now)
    return LeaveView.model_validate(row)


@router.get("/units/{unit_id}/approvers")
async def list_approvers(
    unit_id: IdField, session: Read, controller: TheController, on: Day = None
) -> list[ApproverView]:
    """Who may approve for a unit on a day; nobody where all of them are away without a deputy."""
    day = on or service.local_day(controller.clock.now())
    return [ApproverView.model_validate(one) for one in await service.approvers(session, unit_id, day)]
