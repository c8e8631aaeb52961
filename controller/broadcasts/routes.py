"""Broadcasts and stops over HTTP."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access import subjects
from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import Body, IdField, ScopeField, Title, UtcField, VariantsField, View
from controller.broadcasts import service, store
from controller.broadcasts.rules import BroadcastRequest
from controller.broadcasts.tables import BroadcastRow, BroadcastScope
from controller.policies.answers import ObjectionView
from controller.policies.objections import Objection
from controller.speech import marks
from controller.speech.marks import SpeechView
from loa_protocol.documents.plan import OnPreempt
from loa_protocol.ids import Level

router = APIRouter(tags=["broadcasts"], route_class=WriteRoute)
Seconds = Annotated[int, Field(ge=0, le=86_400)]


class BroadcastBody(Body):
    """What to say, where and when. `at` absent is now; `late_s`: how late a device may still begin.

    `variants`: language → the sound for devices that list it, one after another in their order; `asset_id` is for those
    that list none of them.
    """

    title: Title
    to: Annotated[list[ScopeField], Field(min_length=1, max_length=500)]
    asset_id: IdField | None = None
    variants: VariantsField = {}
    at: UtcField | None = None
    level: Level = Level.NORMAL
    volume: Annotated[int, Field(ge=0, le=100)] = 70
    repeats: Annotated[int, Field(ge=1, le=20)] = 1
    chime: bool = False
    late_s: Seconds = 300
    on_preempt: OnPreempt = OnPreempt.RESUME
    stagger: bool = True
    board_text: Annotated[str, Field(max_length=4000)] | None = None
    board_image: IdField | None = None
    board_video: IdField | None = None
    board_s: Annotated[int, Field(ge=1, le=86_400)] = 60


class BroadcastView(View):
    """A broadcast; `notes`: what the rules of the air change in it, told when it is accepted.

    `machine_speech`: whose voice it is where a machine speaks; told of one broadcast, not in lists.
    """

    id: str
    title: str
    level: str
    start: datetime
    latest_start: datetime
    duration_ms: int
    volume: int
    repeats: int
    created_at: datetime
    cancelled_at: datetime | None
    deadline: datetime
    closed_at: datetime | None
    programme_id: str | None
    session_id: str | None
    occurrence: str | None
    to: list[str] = []
    notes: list[ObjectionView] = []
    machine_speech: list[SpeechView] = []


class StopBody(Body):
    """Silence: `to` scopes or one `broadcast`; `for_s` also keeps what starts within that time from starting."""

    to: Annotated[list[ScopeField], Field(max_length=500)] = []
    broadcast: IdField | None = None
    for_s: Annotated[int, Field(ge=0, le=3600)] = 0
    reason: Annotated[str, Field(max_length=300)] = ""


class StopView(View):
    """Which scopes were told to be silent, and from when."""

    scopes: list[str]
    issued: datetime


async def _view(session: AsyncSession, row: BroadcastRow) -> BroadcastView:
    view = BroadcastView.model_validate(row)
    spoken = await marks.of_broadcast(session, row.id)
    return view.model_copy(update={"to": list(await store.scopes(session, row.id)), "machine_speech": spoken})


@router.get("/broadcasts")
async def list_broadcasts(
    session: Read, may: Allowed, programme: IdField | None = None, until: UtcField | None = None
) -> list[BroadcastView]:
    """Those of a programme, or those that stand alone; the latest starts first. `until`: none that starts later.

    For people, what goes to their units, to those above, or to a group or device of these.
    """
    everything = (await may.reach(Permission.KNOW)).everywhere
    mine = () if everything else (store.heard(await may.where_scope(Permission.KNOW, BroadcastScope.scope)),)
    rows = await store.newest(session, 200, *mine, programme_id=programme, until=until)
    scopes = await store.scopes_of(session, [row.id for row in rows])
    return [BroadcastView.model_validate(row).model_copy(update={"to": scopes.get(row.id, [])}) for row in rows]


@router.get("/broadcasts/{broadcast_id}")
async def get_broadcast(broadcast_id: str, session: Read) -> BroadcastView:
    """One broadcast."""
    return await _view(session, await service.require(session, broadcast_id))


@router.post("/broadcasts", status_code=201)
async def create_broadcast(
    body: BroadcastBody, session: Write, controller: TheController, may: Allowed
) -> BroadcastView:
    """Accept a broadcast: once answered with 201 it is kept, signed and brought to its devices."""
    await may.require_scopes(Permission.PLACE, body.to, service.targets_unknown)
    notes: list[Objection] = []
    row = await service.accept(
        session,
        BroadcastRequest(**body.model_dump()),
        now=controller.clock.now(),
        answer_deadline=timedelta(seconds=controller.settings.answer_deadline_s),
        noted=notes.append,
    )
    view = await _view(session, row)
    return view.model_copy(update={"notes": [ObjectionView.model_validate(one) for one in notes]})


@router.post("/broadcasts/{broadcast_id}/cancel")
async def cancel_broadcast(broadcast_id: str, session: Write, controller: TheController) -> BroadcastView:
    """Take a broadcast back; where it sounds it stops."""
    row = await service.cancel(session, broadcast_id, now=controller.clock.now())
    return await _view(session, row)


@router.post("/stops", status_code=201)
async def stop(body: StopBody, session: Write, controller: TheController, may: Allowed) -> StopView:
    """Silence what sounds."""
    now = controller.clock.now()
    if body.broadcast is not None:
        await may.require_of(Permission.KNOW, subjects.BROADCAST, body.broadcast)
    told = body.to or (await store.scopes(session, body.broadcast) if body.broadcast is not None else ())
    await may.require_scopes(Permission.STOP, told, service.targets_unknown)
    scopes = await service.stop(
        session, now=now, scopes=body.to, broadcast_id=body.broadcast, for_s=body.for_s, reason=body.reason
    )
    return StopView(scopes=list(scopes), issued=now)
