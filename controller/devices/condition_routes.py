"""How devices are, over HTTP: found in pages, one with all that is known of it, its volume, what it is asked to do."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import Body, IdField, View
from controller.delivery import commands
from controller.delivery import store as delivery
from controller.delivery.tables import SentCommand
from controller.devices import beat_store, beats, journal, listing, logs, service, volumes
from controller.devices.listing import Order, State, Wanted
from controller.devices.tables import Device, DeviceReport, Finding
from controller.devices.texts import lined
from controller.people import store as people
from controller.policies import store as policies
from controller.units import store as units
from loa_protocol import topics
from loa_protocol.documents.device import DeviceKind
from loa_protocol.errors import LoaError
from loa_protocol.ids import device_scope
from loa_protocol.topics import Family

router = APIRouter(tags=["devices"], route_class=WriteRoute)

Words = Annotated[str, Query(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=200)]
Days = Annotated[int, Query(ge=1, le=7)]
PageEnd = Annotated[str, Query(pattern=r"^([a-z]{1,10}\.)?[a-z0-9-]{1,40}$")]
"""`after` of the page before."""
_FINDINGS = 10
_COMMANDS = 20


class CommandNotForDevice(LoaError):
    """A device of this kind does not do that."""

    code = "command_not_for_device"


class LastHeardView(View):
    """What a device last played, in the last three days."""

    at: datetime
    title: str


class FoundDeviceView(View):
    """A device in a list. `state`: ok, faulty (there, with `alarms`), silent, or never (it has not connected yet)."""

    id: str
    name: str
    kind: str
    unit_id: str
    unit_name: str
    state: str
    alarms: list[str]
    seen_at: datetime | None
    last: LastHeardView | None


class FoundDevicesView(View):
    """A page of devices; `states`: how many there are of each state, whatever state and page are asked for."""

    items: list[FoundDeviceView]
    after: str | None
    states: dict[str, int]


class HeldView(View):
    """A signed document that is for a device: the version that it holds, and the newest there is."""

    family: str
    scope: str
    name: str
    held: int | None
    newest: int | None


class OddView(View):
    """Something that a person should look at."""

    code: str
    detail: str
    at: datetime


class DeviceConditionView(View):
    """One device with all that is known of it; `state` and `health` as it last said, `findings` newest first.

    `playing`: the title of what it said it sounds or shows; empty: nothing.
    """

    id: str
    name: str
    kind: str
    unit_id: str
    unit_name: str
    profile: str
    speaks: list[str]
    stagger_ms: int
    turn: int
    latitude: float | None
    longitude: float | None
    reach_m: int | None
    created_at: datetime
    retired_at: datetime | None
    condition: str
    alarms: list[str]
    seen_at: datetime | None
    state_issued: datetime | None
    state: dict[str, Any]
    playing: str
    health: dict[str, Any]
    documents: list[HeldView]
    groups: list[str]
    findings: list[OddView]


class StretchView(View):
    """A stretch of time in which a device was alike: heard, faulty or silent."""

    begin: datetime
    end: datetime
    state: str
    alarms: list[str]


class BeatsView(View):
    """How a device was, by the quarter of an hour; `heard`: which part of the time, 0…1."""

    begin: datetime
    end: datetime
    heard: float | None
    stretches: list[StretchView]


class LoudnessView(View):
    """`wanted`: the device's own cap, null: none; `applied`: it has it; `allowed`: what all policies allow now."""

    wanted: int | None
    applied: bool | None
    allowed: int
    whose: str | None
    whose_name: str | None
    set_at: datetime | None
    set_by: str | None


class LoudnessBody(Body):
    """The loudest that a device may be, for the whole day; null: as the policies of its units say."""

    most: Annotated[int, Field(ge=0, le=100)] | None


class CommandBody(Body):
    """What a device shall do: report-state, test-tone, restart-player, show-log."""

    name: Annotated[str, Field(pattern=f"^({'|'.join(commands.KNOWN)})$")]


class CommandView(View):
    """A command and what became of it. `state`: waiting (for a broker), sent, done, refused (`code`), unanswered."""

    id: str
    name: str
    state: str
    issued: datetime
    expires: datetime | None
    sent_at: datetime | None
    answered_at: datetime | None
    code: str | None
    message: str | None
    asked_by: str | None
    asked_by_name: str | None


class JournalLineView(View):
    """One entry of a device's journal: started, receipt, refused, note or unreadable."""

    journal: str
    sequence: int
    at: datetime
    received_at: datetime
    kind: str
    code: str
    text: str
    broadcast: str
    title: str
    level_db: float | None


class LogLineView(View):
    """A line of the log of a device's agent; `number` counts in each life (`boot`). `level`: info, warning, error."""

    boot: str
    number: int
    at: datetime
    level: str
    text: str


@router.get("/device-search")
async def search_devices(  # noqa: PLR0917 - one a word of the request
    session: Read,
    controller: TheController,
    may: Allowed,
    q: Words = "",
    unit: IdField | None = None,
    kind: DeviceKind | None = None,
    state: State | None = None,
    order: Order = Order.NAME,
    after: PageEnd | None = None,
    limit: Limit = listing.PAGE,
    counted: bool = True,
) -> FoundDevicesView:
    """Devices in service by name, or what needs somebody first; a page at a time; for people, those of their units.

    `counted=false`: `states` stays empty.
    """
    mine = await may.where(Permission.SEE, Device.unit_id)
    wanted = Wanted(q=q, unit_id=unit, kind=kind and str(kind), state=state, order=order, after=after, limit=limit)
    page = await listing.search(session, wanted, mine)
    heard = await listing.last_heard(session, [row[0] for row in page.rows], controller.clock.now())
    items = [_found(row, heard.get(row[0].id)) for row in page.rows]
    states = await listing.counts(session, wanted, mine) if counted else {}
    return FoundDevicesView(items=items, after=page.after, states=states)


def _found(row: Any, last: tuple[datetime, str] | None) -> FoundDeviceView:
    device, report = row[0], row[1]
    return FoundDeviceView(
        id=device.id,
        name=device.name,
        kind=device.kind,
        unit_id=device.unit_id,
        unit_name=row.unit_name,
        state=row.state_now,
        alarms=beats.names(report.alarms) if row.state_now == State.FAULTY else [],
        seen_at=None if report is None else report.seen_at,
        last=None if last is None else LastHeardView(at=last[0], title=last[1]),
    )


@router.get("/devices/{device_id}")
async def get_device(device_id: IdField, session: Read) -> DeviceConditionView:
    """One device: what it is, how it is, and which of the documents that are for it it holds."""
    device = await service.require(session, device_id)
    report = await service.newest_report(session, device_id)
    unit = await units.find(session, device.unit_id)
    above, groups = await units.scopes_of_device(session, device)
    scopes = (device_scope(device_id), *(one.group for one in groups), *above)
    names = await policies.names(session, scopes)
    state = {} if report is None else report.state
    odd = await service.findings(session, Finding.device_id == device_id, limit=_FINDINGS)
    spoken = (await units.languages_of_devices(session, [device]))[device_id]
    return DeviceConditionView(
        **{name: getattr(device, name) for name in _OF_DEVICE},
        unit_name="" if unit is None else unit.name,
        speaks=list(spoken),
        condition=str(_condition(report)),
        alarms=[] if report is None else beats.names(report.alarms),
        seen_at=None if report is None else report.seen_at,
        state_issued=None if report is None else report.state_issued,
        state=state,
        playing=await listing.title_of(session, state.get("playing") or ""),
        health={} if report is None else report.health,
        documents=await _held(session, device_id, scopes, names, report),
        groups=[names.get(one.group, one.group) for one in groups],
        findings=[OddView.model_validate(one) for one in odd],
    )


_OF_DEVICE = (
    *("id", "name", "kind", "unit_id", "profile", "stagger_ms", "turn"),
    *("latitude", "longitude", "reach_m", "created_at", "retired_at"),
)


def _condition(report: DeviceReport | None) -> State:
    if report is None:
        return State.NEVER
    if not report.online:
        return State.SILENT
    return State.FAULTY if report.alarms else State.OK


async def _held(
    session: AsyncSession,
    device_id: str,
    scopes: Sequence[str],
    names: Mapping[str, str],
    report: DeviceReport | None,
) -> list[HeldView]:
    """The documents that are for a device and exist."""
    have: Mapping[str, int] = {} if report is None else report.state.get("have") or {}
    own = topics.to_device(Family.ASSIGNMENT, device_id)
    wanted = {own: (Family.ASSIGNMENT, device_scope(device_id))}
    wanted |= {topics.scoped(one, scope): (one, scope) for one in (Family.PLAN, Family.POLICY) for scope in scopes}
    newest = await delivery.versions_of(session, wanted)
    return [
        HeldView(
            family=str(family),
            scope=scope,
            name=names.get(scope, scope),
            held=have.get(topic),
            newest=newest.get(topic),
        )
        for topic, (family, scope) in wanted.items()
        if topic in newest
    ]


@router.get("/devices/{device_id}/beats")
async def device_beats(device_id: IdField, session: Read, controller: TheController, days: Days = 1) -> BeatsView:
    """How a device was on the last days, by the quarter of an hour."""
    device = await service.require(session, device_id)
    last = beats.slot_of(controller.clock.now())
    first = last - days * beats.SLOTS + 1
    known = await beat_store.days(session, device_id, beats.day_of(first))
    found = beats.stretches(known, first, last, beats.slot_of(device.created_at))
    return BeatsView(
        begin=beats.begin_of(first),
        end=beats.begin_of(last) + beats.SLOT,
        heard=beats.share(found),
        stretches=[StretchView.model_validate(one) for one in found],
    )


@router.get("/devices/{device_id}/journal")
async def device_journal(device_id: IdField, session: Read, limit: Limit = journal.PAGE) -> list[JournalLineView]:
    """What a device wrote down last, newest first: as it came, signed, in receipts."""
    return [JournalLineView.model_validate(one) for one in await journal.tail(session, device_id, limit)]


@router.get("/devices/{device_id}/log")
async def device_log(device_id: IdField, session: Read, limit: Limit = logs.KEPT) -> list[LogLineView]:
    """What a device's agent wrote into its own log, newest first, as far as it told (all of it: `show-log`)."""
    device = await service.require(session, device_id)
    return [LogLineView.model_validate(one) for one in await logs.newest(session, device.id, limit)]


@router.get("/devices/{device_id}/volume")
async def device_volume(device_id: IdField, session: Read, controller: TheController) -> LoudnessView:
    """The loudest that a device may be, whose rule that is, and whether it has heard of it."""
    return await _loudness(session, device_id, controller.clock.now())


@router.put("/devices/{device_id}/volume")
async def choose_volume(
    device_id: IdField, body: LoudnessBody, session: Write, controller: TheController, may: Allowed
) -> LoudnessView:
    """Make this the loudest that a device may be; stricter rules of its units bind it nevertheless."""
    now = controller.clock.now()
    await volumes.choose(session, device_id, body.most, by=may.actor.person_id or "", now=now)
    return await _loudness(session, device_id, now)


async def _loudness(session: AsyncSession, device_id: str, now: datetime) -> LoudnessView:
    device = await service.require(session, device_id)
    found = await volumes.look(session, device, await service.newest_report(session, device_id), now)
    scopes = await policies.names(session, [found.whose] if found.whose is not None else [])
    known = await people.named(session, [found.set_by] if found.set_by else [])
    return LoudnessView(
        wanted=found.wanted,
        applied=found.applied,
        allowed=found.allowed,
        whose=found.whose,
        whose_name=scopes.get(found.whose or ""),
        set_at=found.set_at,
        set_by=known[found.set_by].name if found.set_by in known else None,
    )


@router.get("/devices/{device_id}/commands")
async def list_commands(device_id: IdField, session: Read, controller: TheController) -> list[CommandView]:
    """What a device was asked to do lately, and what it answered; newest first."""
    rows = await commands.lately(session, device_id, _COMMANDS)
    known = await people.named(session, [row.asked_by for row in rows if row.asked_by])
    names = {key: person.name for key, person in known.items()}
    return [_command(row, controller.clock.now(), names) for row in rows]


@router.post("/devices/{device_id}/commands", status_code=202)
async def ask_device(
    device_id: IdField, body: CommandBody, session: Write, controller: TheController, may: Allowed
) -> CommandView:
    """Ask a device to do something; it is sent at once, and what it answers is told by the list.

    Raises:
        CommandNotForDevice: a board makes no sound.
    """
    device = await service.require(session, device_id)
    if device.kind != DeviceKind.SPEAKER and body.name in commands.SOUNDING:
        raise CommandNotForDevice(
            f"{device_id} is a {device.kind}; {body.name} is for loudspeakers",
            vi="bảng điện tử không phát âm thanh; việc này chỉ dành cho cụm loa",
            device=device_id,
        )
    now = controller.clock.now()
    row = commands.ask(session, device_id, body.name, by=may.actor.person_id, now=now)
    await session.flush()
    return _command(row, now, {})


def _command(row: SentCommand, now: datetime, names: Mapping[str, str]) -> CommandView:
    return CommandView(
        **{name: lined(getattr(row, name)) for name in _OF_COMMAND},
        state=_became(row, now),
        asked_by_name=names.get(row.asked_by or ""),
    )


_OF_COMMAND = ("id", "name", "issued", "expires", "sent_at", "answered_at", "code", "message", "asked_by")


def _became(row: SentCommand, now: datetime) -> str:
    if row.answered_at is not None:
        return "refused" if row.code else "done"
    if row.expires is None or row.expires <= now:
        return "unanswered"
    return "waiting" if row.sent_at is None else "sent"
