"""Results over HTTP: past broadcasts, what became of them device by device, another try for those that failed."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access import subjects
from controller.access.may import Allowed, May
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import DayField, IdField, UtcField
from controller.broadcasts import service as broadcasts
from controller.broadcasts import store as broadcast_store
from controller.broadcasts.tables import BroadcastRow
from controller.devices.tables import Device
from controller.library import folding
from controller.policies.words import DEFAULT_ZONE
from controller.results import places, retrying, service, store
from controller.results.places import Tops
from controller.results.rules import NOT_YOURS, Kind
from controller.results.store import Asked, Wanted, Went
from controller.results.views import (
    BroadcastResultView,
    HindranceView,
    ResultsView,
    ResultView,
    RetryView,
    device_view,
    result_view,
)
from controller.units import store as units

router = APIRouter(tags=["results"], route_class=WriteRoute)
MOST = 500
_ZONE = ZoneInfo(DEFAULT_ZONE)
Limit = Annotated[int, Query(ge=1, le=MOST)]
Sought = Annotated[str, Query(max_length=100)]


@router.get("/results")
async def list_results(  # noqa: PLR0917 - one a word of the request
    session: Read,
    controller: TheController,
    may: Allowed,
    unit: IdField | None = None,
    day: DayField | None = None,
    kind: Kind | None = None,
    before: UtcField | None = None,
    before_id: IdField | None = None,
    limit: Limit = 25,
) -> ResultsView:
    """Broadcasts that have begun and concern devices of one's units (or of `unit` and below), the latest first.

    `day`: those that begin on that day of the controller's zone; `kind`: those with any such answer.
    """
    tops = await _tops(session, may, unit)
    begin, end = _span(day)
    key = (before, before_id) if before is not None and before_id is not None else None
    wanted = Wanted(begin=begin, end=end, before=key, kind=kind, limit=limit + 1)
    found = await store.past(session, tops, wanted, controller.clock.now())
    last = found[limit - 1] if len(found) > limit else None
    return ResultsView(
        items=[result_view(one) for one in found[:limit]],
        before=None if last is None else last.row.start,
        before_id=None if last is None else last.row.id,
    )


@router.get("/broadcasts/{broadcast_id}/results")
async def get_results(  # noqa: PLR0917 - one a word of the request
    broadcast_id: IdField,
    session: Read,
    controller: TheController,
    may: Allowed,
    unit: IdField | None = None,
    kind: Kind | None = None,
    q: Sought = "",
    device: IdField | None = None,
    after: Annotated[str | None, Query(pattern=r"^[0-4]\.[a-z0-9-]{1,40}$")] = None,
    limit: Limit = 50,
) -> BroadcastResultView:
    """A broadcast on the devices that one sees: the counts of all of them, and those that are asked for.

    `q`: words of their names, without accents.
    """
    row = await broadcasts.require(session, broadcast_id)
    everything, tops = await _tops(session, may, None), await _tops(session, may, unit)
    rank, _, behind = (after or "").partition(".")
    asked = Asked(
        words=folding.words(q),
        kind=kind,
        device=device,
        after=(int(rank), behind) if after is not None else None,
        limit=limit + 1,
    )
    found = await store.answers(session, broadcast_id, tops, asked)
    more, found = len(found) > limit, found[:limit]
    ways = await service.ways(session, row, found)
    counts = Went(row, await store.outcomes(session, broadcast_id, everything))
    return BroadcastResultView(
        **result_view(counts).model_dump(),
        retry=await _retry(session, row, may, controller.clock.now()),
        again=await _again(session, row, everything),
        devices=[device_view(one, way) for one, way in zip(found, ways, strict=True)],
        after=f"{found[-1].rank}.{found[-1].row.device_id}" if more else None,
    )


@router.post("/broadcasts/{broadcast_id}/retry", status_code=201)
async def retry_broadcast(broadcast_id: IdField, session: Write, controller: TheController, may: Allowed) -> ResultView:
    """Play it again, at once, to those devices alone that failed and at whose units one may place."""
    row = await broadcasts.require(session, broadcast_id)
    made = await retrying.retry(
        session,
        row,
        await may.where(Permission.PLACE, Device.unit_id),
        now=controller.clock.now(),
        answer_deadline=timedelta(seconds=controller.settings.answer_deadline_s),
    )
    return result_view(Went(made, {}))


async def _tops(session: AsyncSession, may: May, unit: str | None) -> Tops:
    if unit is not None:
        await may.require_of(Permission.SEE, subjects.UNIT, unit)
    return await places.tops(session, await may.reach(Permission.SEE), unit)


async def _retry(session: AsyncSession, row: BroadcastRow, may: May, now: datetime) -> RetryView:
    owners = set((await units.owners(session, await broadcast_store.scopes(session, row.id))).values())
    if not (may.actor.everywhere or await may.holds(Permission.PLACE, sorted(owners))):
        return RetryView(devices=0, why_not=HindranceView.model_validate(NOT_YOURS))
    found = await retrying.chance(session, row, await may.where(Permission.PLACE, Device.unit_id), now)
    why = None if found.hindrance is None else HindranceView.model_validate(found.hindrance)
    return RetryView(devices=len(found.devices), why_not=why)


async def _again(session: AsyncSession, row: BroadcastRow, tops: Tops) -> list[ResultView]:
    tries = await store.again(session, row.id)
    return [result_view(Went(one, await store.outcomes(session, one.id, tops))) for one in tries]


def _span(day: date | None) -> tuple[datetime | None, datetime | None]:
    if day is None:
        return None, None
    begin = datetime.combine(day, time(), _ZONE).astimezone(UTC)
    return begin, begin + timedelta(days=1)
