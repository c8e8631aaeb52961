"""Many communes at a glance over HTTP: what is there and heard, who has not broadcast today, the week, the map."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access import subjects
from controller.access.may import Allowed, May
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.models import IdField, View
from controller.devices import listing
from controller.devices.listing import State
from controller.monitoring import rules, store
from controller.monitoring.rules import Box
from controller.monitoring.store import Wanted
from controller.results import places
from controller.results.places import Tops
from loa_protocol.documents.device import DeviceKind

router = APIRouter(tags=["monitoring"])
_FAILING = timedelta(days=1)
Words = Annotated[str, Query(max_length=100)]
Degrees = Annotated[float, Query(ge=-540, le=540, allow_inf_nan=False)]


class MonitoringView(View):
    """`devices`: state → how many; `failing`: those that failed at something lately and have played nothing since.

    `heard`: communes where anything sounded today, of `communes`.
    """

    now: datetime
    devices: dict[str, int]
    failing: int
    communes: int
    heard: int


class WentView(View):
    """How one broadcast went in a commune."""

    id: str
    start: datetime
    expected: int
    outcomes: dict[str, int]


class CommuneView(View):
    """A commune: `devices` by state, whether anything sounded there today, and the counted broadcasts of a week."""

    id: str
    name: str
    above: str | None
    heard: bool
    devices: dict[str, int]
    week: list[WentView]


class CommunesView(View):
    """A page of communes, those not heard today first; `since`: when the week began; `after`: where the next begins."""

    since: datetime
    items: list[CommuneView]
    after: str | None


class CellView(View):
    """Devices that stand near each other: their middle, how many of each state; `id` and `name` where it is one."""

    latitude: float
    longitude: float
    devices: dict[str, int]
    id: str | None
    name: str | None


class ExtentView(View):
    """The box around devices, in degrees."""

    west: float
    south: float
    east: float
    north: float


class MapView(View):
    """What a map shows. `extent`: of all that are asked for, null where none has a place; `nowhere`: have none."""

    cells: list[CellView]
    extent: ExtentView | None
    nowhere: int


@router.get("/monitoring")
async def overview(
    session: Read, controller: TheController, may: Allowed, unit: IdField | None = None
) -> MonitoringView:
    """Of one's units, or of `unit` and below."""
    now, tops = controller.clock.now(), await _tops(session, may, unit)
    return MonitoringView(
        now=now,
        devices=await listing.counts(session, listing.Wanted(), tops.devices),
        failing=await store.failing(session, tops, now - _FAILING),
        communes=len(await store.standing(session, tops)),
        heard=len(await controller.heard.communes(session, tops, rules.midnight(now), now)),
    )


@router.get("/monitoring/communes")
async def communes(  # noqa: PLR0917 - one a word of the request
    session: Read,
    controller: TheController,
    may: Allowed,
    unit: IdField | None = None,
    q: Words = "",
    heard: bool | None = None,
    after: Annotated[str | None, Query(pattern=r"^[01]\.[a-z0-9-]{1,40}$")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 25,
) -> CommunesView:
    """Communes of one's units with their last seven days, those not heard today first. `heard`: today, or not."""
    now, tops = controller.clock.now(), await _tops(session, may, unit)
    today = await controller.heard.communes(session, tops, rules.midnight(now), now)
    was_heard, _, last = (after or "").partition(".")
    behind = None if after is None else (was_heard == "1", last)
    wanted = Wanted(q=q, heard=heard, after=behind, limit=limit + 1)
    found = await store.some_communes(session, tops, wanted, today)
    more, found = len(found) > limit, found[:limit]
    ids, since = [row.id for row, _ in found], rules.week_begin(now)
    states = await store.device_states(session, ids)
    week: dict[str, list[WentView]] = {one: [] for one in ids}
    async for unit_id, broadcast, start, expected, outcomes in store.tallies(session, ids, since):
        week[unit_id].append(WentView.model_construct(id=broadcast, start=start, expected=expected, outcomes=outcomes))
    return CommunesView(
        since=since,
        items=[
            CommuneView(
                id=row.id, name=row.name, above=above, heard=row.id in today, devices=states[row.id], week=week[row.id]
            )
            for row, above in found
        ],
        after=f"{int(ids[-1] in today)}.{ids[-1]}" if more else None,
    )


@router.get("/monitoring/map")
async def device_map(  # noqa: PLR0917 - one a word of the request
    session: Read,
    may: Allowed,
    unit: IdField | None = None,
    q: Words = "",
    kind: DeviceKind | None = None,
    state: State | None = None,
    west: Degrees = -180,
    south: Degrees = -90,
    east: Degrees = 180,
    north: Degrees = 90,
    zoom: Annotated[int, Query(ge=0, le=24)] = 6,
) -> MapView:
    """Devices in service where they are, those near each other together."""
    tops = await _tops(session, may, unit)
    wanted = listing.Wanted(q=q, kind=kind and str(kind), state=state)
    where = [*_narrowed(session, wanted), tops.devices]
    extent = await store.extent(session, where)
    found = await store.cells(session, where, Box(west, south, east, north), rules.cell_degrees(zoom))
    return MapView(
        cells=[_cell(row) for row in found],
        extent=None if extent["west"] is None else ExtentView.model_validate(dict(extent)),
        nowhere=extent["nowhere"],
    )


def _narrowed(session: AsyncSession, wanted: listing.Wanted) -> Sequence[ColumnElement[bool]]:
    where = listing.narrowed(session, wanted)
    return where if wanted.state is None else [*where, listing.state() == str(wanted.state)]


def _cell(row: store.Cell) -> CellView:
    counted = {str(one): int(row[str(one)]) for one in State if row[str(one)]}
    alone = sum(counted.values()) == 1
    return CellView(
        latitude=row["latitude"],
        longitude=row["longitude"],
        devices=counted,
        id=row["id"] if alone else None,
        name=row["name"] if alone else None,
    )


async def _tops(session: AsyncSession, may: May, unit: str | None) -> Tops:
    if unit is not None:
        await may.require_of(Permission.SEE, subjects.UNIT, unit)
    return await places.tops(session, await may.reach(Permission.SEE), unit)
