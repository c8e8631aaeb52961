"""One unit's week over HTTP, for who may know of the unit."""

import asyncio
from datetime import date, datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.may import Allowed, May
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.models import IdField, View
from controller.bulletins.tables import Bulletin
from controller.week import rules, service, sheet
from controller.week.rules import Week
from controller.week.service import Entry, Found

router = APIRouter(tags=["programmes"])


class WeekDayView(View):
    """A day; `lunar_month` may be a `leap` one, `lunar_last` ends it. `holiday`: a word, "" for none."""

    date: date
    lunar_day: int
    lunar_month: int
    leap: bool
    lunar_last: bool
    holiday: str

    @classmethod
    def of(cls, one: rules.Day) -> Self:
        """A day."""
        moon = one.lunar
        return cls(
            date=one.date,
            lunar_day=moon.day,
            lunar_month=moon.month,
            leap=moon.leap,
            lunar_last=moon.last,
            holiday=one.holiday,
        )


class PartView(View):
    """What sounds in a session: relay, bulletins or own; `items` fill a slot, `left_out` do not fit."""

    kind: str
    title: str
    ms: int
    items: list[str]
    left_out: int


class TroubleView(View):
    """Why it does not play whole and at its time, and on how many of the unit's loudspeakers.

    `then`: when it begins instead, null: not at all; `ruled`: by a rule of the air.
    """

    because: str
    vi: str
    en: str
    ruled: bool
    devices: int
    of: int
    then: datetime | None


class EntryView(View):
    """One thing in a week, as `week.service.Entry`; `day`, `at`: local; `may_change`: who asks may move or skip it."""

    kind: str
    id: str
    title: str
    start: datetime
    day: date
    at: str
    level: str
    owner: str
    length_ms: int
    sound_ms: int
    parts: list[PartView]
    programme: str | None
    session: str | None
    original: str | None
    revision: int
    moved: bool
    changed: bool
    weekly: bool
    note: str
    silent: bool
    taken_back: bool
    begun: bool
    bulletin: str | None
    state: str
    troubles: list[TroubleView]
    may_change: bool = False

    @classmethod
    def of(cls, one: Entry, *, may_change: bool) -> Self:
        """An entry."""
        local = one.start.astimezone(rules.ZONE)
        names = EntryView.model_fields.keys() - {"day", "at", "parts", "troubles", "may_change"}
        return cls(
            **{name: getattr(one, name) for name in names},
            day=local.date(),
            at=f"{local:%H:%M}",
            parts=[PartView.model_validate(part) for part in one.parts],
            troubles=[TroubleView.model_validate(trouble) for trouble in one.troubles],
            may_change=may_change,
        )


class PlaceView(View):
    """A unit by name."""

    id: str
    name: str


class WeekView(View):
    """A unit's week. `above`, widest first, and `below`, by name: units whose weeks may be looked at instead.

    `foreseen`: whether what stands against the broadcasts was looked for; a unit with very many devices is not.
    """

    unit: PlaceView
    above: list[PlaceView]
    below: list[PlaceView]
    week: str
    before: str
    after: str
    today: date
    days: list[WeekDayView]
    entries: list[EntryView]
    foreseen: bool


WeekName = Annotated[str | None, Query(max_length=10)]


@router.get("/units/{unit_id}/week")
async def get_week(
    unit_id: IdField,
    session: Read,
    controller: TheController,
    may: Allowed,
    week: WeekName = None,
) -> WeekView:
    """Everything planned for a unit in an ISO week (`2026-W47`), this week if none is named, with lunar days."""
    now = controller.clock.now()
    asked, found = await _asked(session, may, unit_id, week, now)
    placing = {one: await may.holds(Permission.PLACE, [one]) for one in found.programmes.values()}
    return WeekView(
        unit=PlaceView.model_validate(found.unit),
        above=[PlaceView(id=key, name=name) for key, name in found.above],
        below=[PlaceView.model_validate(one) for one in found.below],
        week=asked.name,
        before=rules.Week(asked.first - rules.SEVEN_DAYS).name,
        after=rules.Week(asked.first + rules.SEVEN_DAYS).name,
        today=rules.local_day(now),
        days=[WeekDayView.of(rules.day(one, found.further)) for one in asked.days],
        entries=[
            EntryView.of(one, may_change=_changes(one, now) and placing[found.programmes[one.programme or ""]])
            for one in found.entries
        ],
        foreseen=found.foreseen,
    )


@router.get("/units/{unit_id}/week-sheet", response_class=Response)
async def get_week_sheet(
    unit_id: IdField, session: Read, controller: TheController, may: Allowed, week: WeekName = None
) -> Response:
    """The same as an Excel table."""
    asked, found = await _asked(session, may, unit_id, week, controller.clock.now())
    days = [rules.day(one, found.further) for one in asked.days]
    content = await asyncio.to_thread(sheet.as_xlsx, found.unit.name, asked, days, found.entries)
    named = {"Content-Disposition": f'attachment; filename="lich-phat-{asked.name}.xlsx"'}
    return Response(content, media_type=sheet.XLSX, headers=named)


async def _asked(session: AsyncSession, may: May, unit_id: str, week: str | None, now: datetime) -> tuple[Week, Found]:
    asked = rules.week_of(rules.local_day(now)) if week is None else rules.named(week)
    scopes = await may.scopes(Permission.KNOW)
    bulletins = await may.where(Permission.SEE, Bulletin.unit_id)
    return asked, await service.week(session, unit_id, asked, now=now, scopes=scopes, bulletins=bulletins)


def _changes(one: Entry, now: datetime) -> bool:
    return one.programme is not None and not one.begun and not one.taken_back and one.start > now
