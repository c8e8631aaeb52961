"""Devices over HTTP: register, list with their newest report, findings, the pinned trust for provisioning."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import Field, model_validator
from sqlalchemy import select, true
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access import subjects
from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.access.store import within
from controller.api.dependencies import Read, TheController
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import Body, IdField, LanguagesField, Title, View
from controller.devices import service
from controller.devices.geo import Point
from controller.devices.tables import Device, DeviceReport, Finding
from controller.schedules import languages, making
from controller.units import moving
from controller.units import store as units
from loa_protocol.documents.device import DeviceKind

router = APIRouter(tags=["devices"], route_class=WriteRoute)


Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]


class PlaceBody(Body):
    """Where a device hangs, in degrees (both or none), and how far it is heard, in metres."""

    latitude: Latitude | None = None
    longitude: Longitude | None = None
    reach_m: Annotated[int, Field(ge=1, le=20_000)] | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("a place has a latitude and a longitude; give both, or null for both")
        return self

    @property
    def at(self) -> Point | None:
        """The place, if it was given."""
        if self.latitude is None or self.longitude is None:
            return None
        return Point(self.latitude, self.longitude)


class DeviceBody(PlaceBody):
    """A device to register; `public_key`: 32 raw Ed25519 bytes in base64, made on the device.

    `languages`: what it speaks, the first spoken first; none: those of its unit.
    """

    id: IdField
    name: Title
    kind: DeviceKind
    unit_id: IdField
    public_key: Annotated[str, Field(max_length=100)]
    profile: Annotated[str, Field(max_length=100)] = "default"
    languages: LanguagesField = []
    stagger_ms: Annotated[int, Field(ge=0, le=60_000)] = 0


class DeviceChangeBody(PlaceBody):
    """What is to be different; what is not named stays. `languages` null or empty: those of its unit.

    `unit_id`: where it stands from now on.
    """

    name: Title | None = None
    unit_id: IdField | None = None
    languages: LanguagesField | None = None


class DevicesBody(Body):
    """Many devices to register at once."""

    devices: Annotated[list[DeviceBody], Field(min_length=1, max_length=500)]


class RegisteredView(View):
    """How many devices were registered."""

    registered: int


class DeviceView(View):
    """A device and what it last said of itself.

    `languages`: its own, none where it has those of its unit; `speaks`: what it speaks, the first spoken first.
    """

    id: str
    name: str
    kind: str
    unit_id: str
    profile: str
    languages: list[str]
    speaks: list[str] = []
    stagger_ms: int
    turn: int
    latitude: float | None
    longitude: float | None
    reach_m: int | None
    online: bool = False
    ready: bool = False
    seen_at: datetime | None = None
    state: dict[str, Any] = {}


class FindingView(View):
    """Something a person should look at."""

    id: int
    device_id: str
    code: str
    detail: str
    at: datetime


def _wanted(body: DeviceBody) -> service.NewDevice:
    return service.NewDevice(
        device_id=body.id,
        name=body.name,
        kind=str(body.kind),
        unit_id=body.unit_id,
        public_key=body.public_key,
        profile=body.profile,
        languages=body.languages,
        stagger_ms=body.stagger_ms,
        at=body.at,
        reach_m=body.reach_m,
    )


async def _views(session: AsyncSession, found: Sequence[tuple[Device, DeviceReport | None]]) -> list[DeviceView]:
    spoken = await units.languages_of_devices(session, [device for device, _ in found])
    return [_view(device, report, spoken[device.id]) for device, report in found]


def _view(device: Device, report: DeviceReport | None, spoken: Sequence[str]) -> DeviceView:
    known: dict[str, Any] = {"speaks": list(spoken)}
    if report is not None:
        ready = bool(report.state.get("ready"))
        known |= {"online": report.online, "ready": ready, "seen_at": report.seen_at, "state": report.state}
    return DeviceView.model_validate(device).model_copy(update=known)


@router.get("/devices")
async def list_devices(session: Read, may: Allowed) -> list[DeviceView]:
    """All devices in service; for people, those of their units."""
    return await _views(session, await service.everything(session, await may.where(Permission.SEE, Device.unit_id)))


@router.post("/devices", status_code=201)
async def register_device(body: DeviceBody, session: Write, controller: TheController, may: Allowed) -> DeviceView:
    """Register a device; its assignment is signed and published next."""
    await may.require_of(Permission.TEND, subjects.UNIT, body.unit_id)
    now = controller.clock.now()
    device = (await service.register_all(session, [_wanted(body)], now=now))[0]
    await languages.follow(session, [device], making.terms_of(controller.settings, now))
    return (await _views(session, [(device, None)]))[0]


@router.post("/devices/batch", status_code=201)
async def register_devices(
    body: DevicesBody, session: Write, controller: TheController, may: Allowed
) -> RegisteredView:
    """Register many devices in one transaction: all of them, or none."""
    for unit_id in sorted({one.unit_id for one in body.devices}):
        await may.require_of(Permission.TEND, subjects.UNIT, unit_id)
    wanted = [_wanted(one) for one in body.devices]
    now = controller.clock.now()
    devices = await service.register_all(session, wanted, now=now)
    await languages.follow(session, devices, making.terms_of(controller.settings, now))
    return RegisteredView(registered=len(devices))


@router.patch("/devices/{device_id}")
async def change_device(
    device_id: IdField, body: DeviceChangeBody, session: Write, controller: TheController, may: Allowed
) -> DeviceView:
    """Say what a device is called, whose it is, where it hangs, how far it is heard, what it speaks; the rest stays."""
    device = await service.require(session, device_id)
    terms = making.terms_of(controller.settings, controller.clock.now())
    if body.name is not None:
        await service.rename(session, device_id, body.name)
    if body.unit_id is not None and body.unit_id != device.unit_id:
        await may.require_of(Permission.TEND, subjects.UNIT, body.unit_id)
        await languages.follow(session, await moving.move_device(session, device, body.unit_id), terms)
    if {"latitude", "longitude"} & body.model_fields_set:
        await service.place(session, device_id, body.at)
    if "reach_m" in body.model_fields_set:
        await service.set_reach(session, device_id, body.reach_m)
    if "languages" in body.model_fields_set:
        await service.set_languages(session, device_id, body.languages or ())
        await languages.follow(session, [device], terms)
    return (await _views(session, [(device, await service.newest_report(session, device_id))]))[0]


@router.get("/findings")
async def list_findings(session: Read, may: Allowed) -> list[FindingView]:
    """What was odd lately, newest first; the newest of each device."""
    reach = await may.reach(Permission.SEE)
    seen = select(Device.id).where(within(reach, Device.unit_id))
    mine = true() if reach.everywhere else Finding.device_id.in_(seen)
    return [FindingView.model_validate(finding) for finding in await service.newest_findings(session, mine)]
