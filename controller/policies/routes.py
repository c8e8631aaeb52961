"""Policies and quiet zones over HTTP."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access import subjects
from controller.access.may import Allowed, May
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import Body, IdField, ScopeField, Title, View
from controller.devices.geo import Point
from controller.devices.tables import Device
from controller.policies import document, membership, service, store, views, zones
from controller.policies.answers import ObjectionView
from controller.policies.objections import Objection
from controller.policies.tables import PolicyRow, QuietZone
from controller.policies.words import DEFAULT_ZONE
from controller.units.tables import Group
from loa_protocol.policy import zone as time_zone

router = APIRouter(tags=["policies"], route_class=WriteRoute)

Who = Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")]
Revision = Annotated[int, Field(ge=1)]
Document = Annotated[dict[str, Any], Field(description="loa.policy.v1 without format and scope")]


class PolicyBody(Body):
    """The rules of a scope; `expected_revision` is the one they were made from, null if it had none."""

    document: Document
    expected_revision: Revision | None = None
    by: Who = ""


class PolicyView(View):
    """A scope's policy as it stands."""

    scope: str
    name: str = ""
    revision: int
    document: dict[str, Any]
    made_at: datetime
    made_by: str
    in_force: bool = True


class SavedView(View):
    """A stored revision; `silenced`: what is planned and will not sound under it."""

    scope: str
    revision: int
    in_force: bool
    silenced: list[ObjectionView]


class BandView(View):
    """A stretch of a day with the same rules, and whose they are."""

    begin: datetime
    end: datetime
    allowed: bool
    volume: int
    closed_by: list[str]
    capped_by: list[str]


class BudgetView(View):
    """What one scope grants a day."""

    scope: str
    most: int


class DayView(View):
    """One local day."""

    day: date
    bands: list[BandView]


class MergedView(View):
    """What binds a device: the policies of its scopes, and what they make together, on the days to come."""

    device_id: str
    policies: list[PolicyView]
    names: dict[str, str]
    max_volume: int
    minutes_a_day: list[BudgetView]
    slots_a_day: list[BudgetView]
    days: list[DayView]


class ZoneBody(Body):
    """A quiet zone: a circle, whose it is, and what its devices may sound."""

    title: Title
    unit_id: IdField
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    radius_m: Annotated[int, Field(ge=1, le=50_000)]
    document: Document
    expected_revision: Revision | None = None
    by: Who = ""


class ZoneView(View):
    """A quiet zone with the devices inside."""

    id: str
    title: str
    unit_id: str
    latitude: float
    longitude: float
    radius_m: int
    revision: int
    document: dict[str, Any]
    devices: list[str]
    silenced: list[ObjectionView] = []


@router.get("/policies")
async def list_policies(
    session: Read, may: Allowed, of: Annotated[Literal["units", "groups", "devices"] | None, Query()] = None
) -> list[PolicyView]:
    """All policies in force; for people, those of their units, of the units above, and of groups and devices there.

    `of`: only those of one kind of scope.
    """
    kind = () if of is None else (PolicyRow.scope.startswith(f"{of[0]}-"),)
    rows = await store.everything(session, await may.where_scope(Permission.KNOW, PolicyRow.scope), *kind)
    names = await store.names(session, [row.scope for row in rows])
    return [_view(row, names) for row in rows]


@router.get("/policies/{scope}")
async def get_policy(scope: ScopeField, session: Read) -> PolicyView:
    """The policy of one scope."""
    return _view(await service.require(session, scope), await store.names(session, [scope]))


@router.get("/policies/{scope}/history")
async def policy_history(scope: ScopeField, session: Read) -> list[PolicyView]:
    """Every revision it had, newest first."""
    return [PolicyView.model_validate(row) for row in await store.history(session, scope)]


@router.put("/policies/{scope}")
async def put_policy(
    scope: ScopeField, body: PolicyBody, session: Write, controller: TheController, may: Allowed
) -> SavedView:
    """Make these the rules of a scope; its devices enforce them as soon as they have them."""
    saved = await service.put(
        session,
        scope,
        document.read(body.document),
        expected=body.expected_revision,
        by=_by(may, body.by),
        now=controller.clock.now(),
    )
    return _saved(saved)


@router.delete("/policies/{scope}")
async def delete_policy(
    scope: ScopeField, session: Write, controller: TheController, may: Allowed, expected_revision: Revision
) -> SavedView:
    """Lift the rules of a scope; its devices let go of them as soon as they hear of it."""
    now, by = controller.clock.now(), _by(may)
    return _saved(await service.clear(session, scope, expected=expected_revision, by=by, now=now))


@router.get("/devices/{device_id}/policy")
async def device_policy(
    device_id: IdField,
    session: Read,
    controller: TheController,
    days: Annotated[int, Field(ge=1, le=31)] = 7,
) -> MergedView:
    """What binds a device on the coming days, and whose rules those are."""
    merged = await service.merged(session, device_id)
    rows = [await service.require(session, scope) for scope in merged.scopes]
    first = controller.clock.now().astimezone(time_zone(DEFAULT_ZONE)).date()
    dates = [first + timedelta(days=number) for number in range(days)]
    return MergedView(
        device_id=device_id,
        policies=[_view(row, merged.names) for row in rows],
        names=merged.names,
        max_volume=merged.policy.max_volume,
        minutes_a_day=[BudgetView.model_validate(b) for b in views.budgets(merged.policy.parts, minutes=True)],
        slots_a_day=[BudgetView.model_validate(b) for b in views.budgets(merged.policy.parts, minutes=False)],
        days=[
            DayView(day=day, bands=[BandView.model_validate(b) for b in views.bands(merged.policy, day, DEFAULT_ZONE)])
            for day in dates
        ],
    )


@router.get("/quiet-zones")
async def list_zones(session: Read, may: Allowed) -> list[ZoneView]:
    """All quiet zones; for people, those of their units and of the units above."""
    found = await zones.everything(session, await may.where(Permission.KNOW, Group.unit_id))
    rules = await store.rules_of(session, [f"g-{zone.id}" for zone, _ in found])
    return [await _zone(session, zone, group, rules.get(f"g-{zone.id}"), may) for zone, group in found]


@router.get("/quiet-zones/{zone_id}")
async def get_zone(zone_id: IdField, session: Read, may: Allowed) -> ZoneView:
    """One quiet zone."""
    zone, group = await zones.require(session, zone_id)
    rules = await store.rules_of(session, [f"g-{zone_id}"])
    return await _zone(session, zone, group, rules.get(f"g-{zone_id}"), may)


@router.put("/quiet-zones/{zone_id}")
async def put_zone(
    zone_id: IdField, body: ZoneBody, session: Write, controller: TheController, may: Allowed
) -> ZoneView:
    """Make a quiet zone or change it; the unit's devices inside, and those below it, are under its policy as well."""
    await may.require_of(Permission.ADMINISTER, subjects.UNIT, body.unit_id)
    circle = zones.Circle(
        title=body.title, unit_id=body.unit_id, centre=Point(body.latitude, body.longitude), radius_m=body.radius_m
    )
    rules = document.read(body.document)
    by, now = _by(may, body.by), controller.clock.now()
    zone, saved = await zones.put(session, zone_id, circle, rules, expected=body.expected_revision, by=by, now=now)
    view = await _zone(session, *(await zones.require(session, zone.id)), rules, may)
    return view.model_copy(update={"silenced": _silenced(saved.silenced)})


@router.delete("/quiet-zones/{zone_id}")
async def delete_zone(
    zone_id: IdField, session: Write, controller: TheController, may: Allowed, expected_revision: Revision
) -> dict[str, str]:
    """Lift a quiet zone: its devices are under its policy no longer."""
    now, by = controller.clock.now(), _by(may)
    await zones.retire(session, zone_id, expected=expected_revision, by=by, now=now)
    return {"id": zone_id}


def _view(row: PolicyRow, names: dict[str, str]) -> PolicyView:
    return PolicyView.model_validate(row).model_copy(update={"name": names.get(row.scope, "")})


def _saved(saved: service.Saved) -> SavedView:
    row = saved.row
    return SavedView(scope=row.scope, revision=row.revision, in_force=row.in_force, silenced=_silenced(saved.silenced))


def _silenced(found: list[Objection]) -> list[ObjectionView]:
    return [ObjectionView.model_validate(one) for one in found]


def _by(may: May, said: str = "") -> str:
    """Who made it: the person who acts; only where nobody in particular does, whom the body names."""
    return may.actor.person_id or said


async def _zone(
    session: AsyncSession, zone: QuietZone, group: Group, rules: document.Rules | None, may: May
) -> ZoneView:
    seen = await may.where(Permission.SEE, Device.unit_id)
    return ZoneView(
        id=zone.id,
        title=group.name,
        unit_id=group.unit_id,
        latitude=zone.latitude,
        longitude=zone.longitude,
        radius_m=zone.radius_m,
        revision=zone.revision,
        document=document.plain(rules or document.Rules()),
        devices=list(await membership.members(session, zone.id, seen)),
    )
