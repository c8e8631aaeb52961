"""The map of horns that are heard together over HTTP: look at it, try it, apply it, clear it."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from controller.access import subjects
from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import Body, IdField, View
from controller.devices.tables import Device
from controller.runtime.server import Controller
from controller.stagger import acoustics, service
from controller.stagger.acoustics import Air
from controller.stagger.rules import Cluster, Setting, Wishes
from loa_protocol.timeline import TURN_GAP_MS

router = APIRouter(tags=["devices"], route_class=WriteRoute)
MOST_COLLISIONS = 100


class Assumptions(Body):
    """What is assumed and wanted; `reach_m` is that of horns whose own nobody knows."""

    temperature_c: Annotated[float, Field(ge=-20, le=50)] = 20.0
    echo_ms: Annotated[float, Field(ge=10, le=500)] = 50.0
    masked_db: Annotated[float, Field(ge=0, le=40)] = 10.0
    reach_m: Annotated[float, Field(ge=1, le=20_000)] = round(acoustics.reach_m())
    most_turns: Annotated[int, Field(ge=2, le=16)] = 6
    most_delay_ms: Annotated[int, Field(ge=0, le=60_000)] = 5000

    @property
    def wishes(self) -> Wishes:
        """As the rules take them."""
        air = Air(temperature_c=self.temperature_c, echo_ms=self.echo_ms, masked_db=self.masked_db)
        return Wishes(air=air, most_turns=self.most_turns, most_delay_ms=self.most_delay_ms)


class LookQuery(Assumptions):
    """Of which unit, under which assumptions."""

    unit: IdField


class ApplyBody(LookQuery):
    """As for looking; `dry_run`: change nothing, only say what would be changed."""

    dry_run: bool = False


class ClusterView(View):
    """Horns dealt with together; see `controller/stagger/rules.py` for the words."""

    number: int
    devices: list[str]
    remedy: str
    reason: str
    turns: int
    at_least: int
    at_most: int
    apart_ms: float
    left_ms: float


class HornView(View):
    """A horn, what it is told now and what it should be told."""

    id: str
    name: str
    latitude: float
    longitude: float
    reach_m: float
    reach_assumed: bool
    cluster: int | None
    stagger_ms: int
    turn: int
    wanted_stagger_ms: int
    wanted_turn: int


class UnplacedView(View):
    """A horn of which nobody knows where it hangs; it is told nothing new."""

    id: str
    name: str
    stagger_ms: int
    turn: int


class EchoView(View):
    """Two horns between which an echo is heard if they begin together: `first` arrives this much after `second`."""

    first: str
    second: str
    distance_m: float
    least_ms: float
    most_ms: float


class CollisionView(View):
    """A broadcast ahead whose turns are not over when the next begins."""

    earlier: str
    later: str
    over_s: float
    devices: int


class StaggerView(View):
    """The map of a unit."""

    unit: str
    assumed: Assumptions
    speed_m_s: float
    turn_gap_ms: int
    devices: list[HornView]
    clusters: list[ClusterView]
    echoes: list[EchoView]
    unplaced: list[UnplacedView]
    collisions: list[CollisionView]
    changed: list[str]
    applied: bool


class ClearedView(View):
    """The devices that begin together again."""

    changed: list[str]


@router.get("/stagger")
async def look(
    query: Annotated[LookQuery, Query()], session: Read, controller: TheController, may: Allowed
) -> StaggerView:
    """Which horns of a unit are heard together, what should be done, and what they are told now."""
    await may.require_of(Permission.SEE, subjects.UNIT, query.unit)
    seen = await service.look(session, query.unit, query.wishes, reach_m=query.reach_m, now=controller.clock.now())
    return _view(query, seen, seen.changed, applied=False)


@router.post("/stagger")
async def apply(body: ApplyBody, session: Write, controller: TheController, may: Allowed) -> StaggerView:
    """Put the map into the assignments, which are signed and published next; or only try it."""
    await may.require_of(Permission.TEND, subjects.UNIT, body.unit)
    now = controller.clock.now()
    if body.dry_run:
        seen = await service.look(session, body.unit, body.wishes, reach_m=body.reach_m, now=now)
        return _view(body, seen, seen.changed, applied=False)
    seen, changed = await service.apply(
        session, body.unit, body.wishes, reach_m=body.reach_m, now=now, answer_deadline=_patience(controller)
    )
    return _view(body, seen, changed, applied=True)


@router.delete("/stagger")
async def clear(unit: IdField, session: Write, controller: TheController, may: Allowed) -> ClearedView:
    """Let all horns of a unit begin together again."""
    await may.require_of(Permission.TEND, subjects.UNIT, unit)
    now = controller.clock.now()
    return ClearedView(changed=await service.clear(session, unit, now=now, answer_deadline=_patience(controller)))


def _patience(controller: Controller) -> timedelta:
    return timedelta(seconds=controller.settings.answer_deadline_s)


def _view(asked: LookQuery, seen: service.Look, changed: list[str], *, applied: bool) -> StaggerView:
    found = seen.found
    wanted, echo_ms = found.settings, asked.echo_ms
    number = {member: at for at, cluster in enumerate(found.clusters, 1) for member in cluster.members}
    return StaggerView(
        unit=asked.unit,
        assumed=Assumptions.model_validate(asked.model_dump(include=set(Assumptions.model_fields))),
        speed_m_s=round(asked.wishes.air.speed_m_s, 1),
        turn_gap_ms=TURN_GAP_MS,
        devices=[
            _horn(device, found.horns[key].reach_m, number.get(key), wanted[key]) for key, device in seen.placed.items()
        ],
        clusters=[_cluster(at, cluster) for at, cluster in enumerate(found.clusters, 1)],
        echoes=[EchoView.model_validate(pair) for pair in found.pairs if pair.apart_ms > echo_ms],
        unplaced=[UnplacedView.model_validate(device) for device in seen.unplaced],
        collisions=[CollisionView.model_validate(one) for one in seen.collisions[:MOST_COLLISIONS]],
        changed=changed,
        applied=applied,
    )


def _horn(device: Device, reach_m: float, cluster: int | None, wanted: Setting) -> HornView:
    return HornView(
        id=device.id,
        name=device.name,
        latitude=device.latitude or 0.0,
        longitude=device.longitude or 0.0,
        reach_m=reach_m,
        reach_assumed=device.reach_m is None,
        cluster=cluster,
        stagger_ms=device.stagger_ms,
        turn=device.turn,
        wanted_stagger_ms=wanted.stagger_ms,
        wanted_turn=wanted.turn,
    )


def _cluster(number: int, cluster: Cluster) -> ClusterView:
    return ClusterView(
        number=number,
        devices=list(cluster.members),
        remedy=cluster.remedy,
        reason=cluster.reason,
        turns=cluster.turns,
        at_least=cluster.at_least,
        at_most=cluster.at_most,
        apart_ms=round(cluster.apart_ms, 1),
        left_ms=round(cluster.left_ms, 1),
    )
