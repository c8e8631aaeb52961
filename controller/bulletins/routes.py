"""Bulletins over HTTP. Whoever writes or decides names a person (header `X-Loa-Person`)."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access import subjects
from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import IdField, LanguageField, UtcField
from controller.broadcasts.service import targets_unknown
from controller.broadcasts.tables import LedgerRow
from controller.bulletins import (
    checklist,
    confirming,
    document,
    outcomes,
    places,
    placing,
    readiness,
    recalls,
    service,
    store,
    unit_rules,
)
from controller.bulletins.places import NewPlacement
from controller.bulletins.rules import State
from controller.bulletins.service import NewBulletin
from controller.bulletins.tables import Bulletin
from controller.bulletins.unit_rules import Wanted
from controller.bulletins.views import (
    ApproveBody,
    BulletinView,
    EditBody,
    HistoryView,
    NewBulletinBody,
    OutcomeView,
    PlacementBody,
    PlacementView,
    PointView,
    ReadinessView,
    ReturnBody,
    RevisionView,
    RulesBody,
    RulesView,
    SubmitBody,
    UnitRulesView,
    WholeView,
    WithdrawalView,
    WithdrawBody,
    WithdrawnView,
    fields_of,
    placement_view,
    step_view,
    stopped_view,
)
from controller.bulletins.words import Field
from controller.devices.tables import Device
from controller.people import store as people
from controller.people.acting import Acting
from controller.schedules.routes import terms_of
from controller.units import store as units
from loa_protocol.ids import Level, unit_scope

router = APIRouter(tags=["bulletins"], route_class=WriteRoute)
SHOWN = 200
_Source = Annotated[str | None, Query(pattern="^(own|province|ministry|cap)$")]
_Searched = Annotated[str | None, Query(max_length=200)]


@router.get("/bulletins")
async def list_bulletins(  # noqa: PLR0917 - one a filter
    session: Read,
    may: Allowed,
    unit: IdField | None = None,
    state: State | None = None,
    field: Field | None = None,
    level: Level | None = None,
    source: _Source = None,
    language: LanguageField | None = None,
    q: _Searched = None,
    valid_on: UtcField | None = None,
    mine: bool = False,
    before: UtcField | None = None,
    limit: Annotated[int, Query(ge=1, le=SHOWN)] = 50,
) -> list[BulletinView]:
    """The last changed first, those of a unit and all below it; `before`: the next page, from the last `changed_at`.

    `mine`: only what the reader wrote.
    """
    wanted = store.Filter(
        units=None if unit is None else await units.below(session, [unit]),
        state=state,
        field=field,
        level=level,
        source=source,
        language=language,
        query=q,
        valid_on=valid_on,
        author=may.actor.person_id if mine else None,
    )
    seen = await may.where(Permission.SEE, Bulletin.unit_id)
    rows = await store.listed(session, wanted, seen, limit=limit, before=before)
    return [BulletinView(**fields_of(row)) for row in rows]


@router.post("/bulletins", status_code=201)
async def create_bulletin(body: NewBulletinBody, session: Write, controller: TheController, may: Allowed) -> WholeView:
    """Write a draft."""
    await may.require_of(Permission.WRITE, subjects.UNIT, body.unit)
    wanted = NewBulletin(
        unit=body.unit,
        document=document.read(body.document),
        source=body.source,
        source_ref=body.source_ref,
        note=body.note,
    )
    return await _whole(session, await service.create(session, wanted, by=may.actor, now=controller.clock.now()))


@router.get("/bulletins/{bulletin_id}")
async def get_bulletin(bulletin_id: IdField, session: Read) -> WholeView:
    """One bulletin."""
    return await _whole(session, await service.require(session, bulletin_id))


@router.put("/bulletins/{bulletin_id}")
async def edit_bulletin(
    bulletin_id: IdField, body: EditBody, session: Write, controller: TheController, actor: Acting
) -> WholeView:
    """Make a new revision; what is approved stays on the air until this one is approved."""
    row = await service.edit(
        session,
        bulletin_id,
        document.read(body.document),
        expected=body.expected_revision,
        by=actor,
        note=body.note,
        now=controller.clock.now(),
    )
    return await _whole(session, row)


@router.get("/bulletins/{bulletin_id}/history")
async def bulletin_history(bulletin_id: IdField, session: Read) -> HistoryView:
    """Every step and every revision."""
    row = await service.require(session, bulletin_id)
    steps = await store.steps(session, row.id)
    named = await people.named(session, {key for one in steps for key in (one.person_id, one.for_person_id) if key})
    revisions = await store.revisions(session, row.id)
    return HistoryView(
        steps=[step_view(one, named) for one in steps],
        revisions=[RevisionView.model_validate(one) for one in revisions],
    )


@router.post("/bulletins/{bulletin_id}/submit")
async def submit_bulletin(
    bulletin_id: IdField, body: SubmitBody, session: Write, controller: TheController, actor: Acting
) -> WholeView:
    """Send it to review."""
    now = controller.clock.now()
    return await _whole(session, await service.submit(session, bulletin_id, by=actor, why=body.why, now=now))


@router.post("/bulletins/{bulletin_id}/approve")
async def approve_bulletin(
    bulletin_id: IdField, body: ApproveBody, session: Write, controller: TheController, actor: Acting
) -> WholeView:
    """Let the revision that was read go on the air."""
    terms = terms_of(controller)
    said: dict[str, Any] = {"why": body.why, "despite": body.despite}
    decided = await service.approve(session, bulletin_id, body.revision, by=actor, terms=terms, **said)
    return await _whole(session, decided.row)


@router.post("/bulletins/{bulletin_id}/return")
async def return_bulletin(
    bulletin_id: IdField, body: ReturnBody, session: Write, controller: TheController, actor: Acting
) -> WholeView:
    """Give it back to its author."""
    now = controller.clock.now()
    row = await service.give_back(session, bulletin_id, by=actor, why=body.why, revision=body.revision, now=now)
    return await _whole(session, row)


@router.post("/bulletins/{bulletin_id}/withdraw")
async def withdraw_bulletin(
    bulletin_id: IdField, body: WithdrawBody, session: Write, controller: TheController, may: Allowed
) -> WithdrawnView:
    """Take it off the air, at once; sessions that sound with it in them stop whole.

    What was never approved, those who write for its unit take back, too.
    """
    terms = terms_of(controller)
    row = await service.held(session, bulletin_id)
    mine = row.approved_revision is None and await may.holds(Permission.WRITE, [row.unit_id])
    await may.require(Permission.WRITE if mine else Permission.STOP, row.unit_id)
    decided = await service.withdraw(session, bulletin_id, by=may.actor, why=body.why, terms=terms)
    whole = await _whole(session, decided.row)
    return WithdrawnView(**dict(whole), stopped=[stopped_view(one) for one in decided.stopped])


@router.get("/bulletins/{bulletin_id}/withdrawal")
async def bulletin_withdrawal(bulletin_id: IdField, session: Read, controller: TheController) -> WithdrawalView:
    """Which devices have let go of what was taken back, which sessions it stopped, and would stop if done now."""
    row = await service.require(session, bulletin_id)
    now = controller.clock.now()
    found = await confirming.told(session, row.id, now)
    standing = [one for one in await store.placements(session, row.id) if one.state in places.STANDING]
    vi, en = confirming.sentence(found)
    return WithdrawalView.model_validate(
        {
            "devices": found.devices,
            "confirmed": found.confirmed,
            "unconfirmed": len(found.doubtful),
            "until": found.until,
            "vi": vi,
            "en": en,
            "doubtful": found.doubtful[:SHOWN],
            "would_stop": [stopped_view(one) for one in await recalls.running(session, standing, now)],
            "stopped": [stopped_view(one) for one in await recalls.stopped(session, row.id)],
        }
    )


@router.get("/bulletins/{bulletin_id}/readiness")
async def bulletin_readiness(bulletin_id: IdField, session: Read, controller: TheController) -> ReadinessView:
    """What to know before it goes on air."""
    row = await service.require(session, bulletin_id)
    found = await readiness.points(session, row, controller.clock.now())
    shown = [PointView.model_validate(one) for one in found]
    return ReadinessView(revision=row.head, ready=not checklist.stops(found), points=shown)


@router.get("/bulletins/{bulletin_id}/placements")
async def list_placements(bulletin_id: IdField, session: Read) -> list[PlacementView]:
    """Where it shall go, or went."""
    row = await service.require(session, bulletin_id)
    return await _placements(session, row)


@router.get("/bulletins/{bulletin_id}/outcomes")
async def bulletin_outcomes(bulletin_id: IdField, session: Read, may: Allowed) -> list[OutcomeView]:
    """Where its places are, and what became of them on the devices that the reader may see."""
    row = await service.require(session, bulletin_id)
    seen = select(Device.id).where(await may.where(Permission.SEE, Device.unit_id))
    mine = () if may.actor.everywhere else (LedgerRow.device_id.in_(seen),)
    return [OutcomeView.model_validate(one) for one in await outcomes.of_bulletin(session, row, *mine)]


@router.post("/bulletins/{bulletin_id}/placements", status_code=201)
async def place_bulletin(
    bulletin_id: IdField, body: PlacementBody, session: Write, controller: TheController, may: Allowed
) -> PlacementView:
    """Ask for a place; it goes on air there as soon as it is approved."""
    slots = [] if body.slot is None else [unit_scope(body.slot)]
    await may.require_scopes(Permission.PLACE, [*slots, *body.to], targets_unknown)
    row = await service.held(session, bulletin_id)
    wanted = NewPlacement(**body.model_dump())
    made = await placing.add(session, row, wanted, by=may.actor, terms=terms_of(controller))
    return placement_view(made, [])


@router.delete("/bulletins/{bulletin_id}/placements/{placement_id}")
async def unplace_bulletin(
    bulletin_id: IdField,
    placement_id: IdField,
    session: Write,
    controller: TheController,
    actor: Acting,
) -> PlacementView:
    """Take one place back; what sounds there stops."""
    row = await service.held(session, bulletin_id)
    gone = await placing.remove(session, row, placement_id, by=actor, why="", terms=terms_of(controller))
    return placement_view(gone, list(await store.misses(session, [gone.id])))


@router.get("/units/{unit_id}/bulletin-rules")
async def get_bulletin_rules(unit_id: IdField, session: Read) -> UnitRulesView:
    """What holds at a unit, and what it ever said itself."""
    return await _rules(session, unit_id)


@router.put("/units/{unit_id}/bulletin-rules")
async def put_bulletin_rules(
    unit_id: IdField, body: RulesBody, session: Write, controller: TheController, actor: Acting
) -> UnitRulesView:
    """Say it for a unit and all below it that say nothing else."""
    remind = body.remind_before_min
    wanted = Wanted(
        self_approval=body.self_approval,
        remind_before_min=None if remind is None else tuple(remind),
        fallback_asset=body.fallback_asset,
    )
    now = controller.clock.now()
    expected = body.expected_revision
    await unit_rules.put(session, unit_id, wanted, expected=expected, by=actor, why=body.why, now=now)
    return await _rules(session, unit_id)


async def _whole(session: AsyncSession, row: Bulletin) -> WholeView:
    numbers = {row.head} if row.approved_revision is None else {row.head, row.approved_revision}
    texts = await store.documents(session, row.id, numbers)
    approved = None if row.approved_revision is None else document.plain(texts[row.approved_revision])
    return WholeView(
        **fields_of(row),
        document=document.plain(texts[row.head]),
        approved_document=approved,
        placements=await _placements(session, row),
    )


async def _placements(session: AsyncSession, row: Bulletin) -> list[PlacementView]:
    found = await store.placements(session, row.id)
    misses = list(await store.misses(session, [one.id for one in found]))
    return [placement_view(one, misses) for one in found]


async def _rules(session: AsyncSession, unit_id: str) -> UnitRulesView:
    history = await unit_rules.history(session, unit_id)
    holds = await unit_rules.effective(session, unit_id)
    return UnitRulesView(
        self_approval=holds.self_approval,
        self_approval_of=holds.self_approval_of,
        remind_before_min=list(holds.remind_before_min),
        fallback_asset=holds.fallback_asset,
        revision=history[0].number if history else None,
        history=[RulesView.model_validate(one) for one in history],
    )
