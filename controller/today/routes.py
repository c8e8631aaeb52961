"""The overview of a day over HTTP: what sounds, what comes next, and how the last one went; for who asks."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from fastapi import APIRouter
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.may import Allowed, May
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.models import View
from controller.broadcasts.store import heard
from controller.broadcasts.tables import BroadcastRow, BroadcastScope, LedgerRow
from controller.bulletins.tables import Bulletin, Placement
from controller.delivery.tables import StopRow
from controller.devices.tables import Device
from controller.receipts import rules
from controller.schedules import store as programmes
from controller.schedules.sessions import longest_ms
from controller.today import store
from controller.units import store as units

router = APIRouter(tags=["today"])
NEXT = 5
_LAST = 20


class TodayBroadcastView(View):
    """A broadcast; `ends`: when it ends if it begins in time; `stopped_at`: it was told to be silent everywhere."""

    id: str
    title: str
    level: str
    start: datetime
    ends: datetime
    programme_id: str | None
    stopped_at: datetime | None = None
    may_stop: bool = False


class NextView(TodayBroadcastView):
    """`sound_ms` of the `length_ms` that its session is planned for; 0: it is of no programme."""

    sound_ms: int
    length_ms: int = 0


class FromAboveView(View):
    """A bulletin that a source or a unit above puts on the air here; `start` None: in the slots of one's sessions."""

    bulletin_id: str
    title: str
    level: str
    essential: bool
    unit_name: str
    start: datetime | None
    placed_at: datetime


class LastView(TodayBroadcastView):
    """As it ended: Σ `outcomes` + `waiting` = `expected`, of the devices that the reader may see."""

    closed: bool
    expected: int
    waiting: int
    outcomes: dict[str, int]


class TodayView(View):
    """What sounds `now`, what comes next (the nearest first), and the last one that ended within a fortnight."""

    now: datetime
    on_air: list[TodayBroadcastView]
    next: list[NextView]
    last: LastView | None
    from_above: list[FromAboveView]


@router.get("/today")
async def today(session: Read, controller: TheController, may: Allowed) -> TodayView:
    """What goes to one's units, to those above, or to a group or device of these."""
    now = controller.clock.now()
    everything = (await may.reach(Permission.KNOW)).everywhere
    mine = () if everything else (heard(await may.where_scope(Permission.KNOW, BroadcastScope.scope)),)
    sounding = [row for row in await store.begun(session, now, *mine) if not _is_over(row, now)]
    over = (row for row in await store.before(session, now, _LAST + len(sounding), *mine) if _is_over(row, now))
    last = next(over, None)
    coming = await store.following(session, now, NEXT, *mine)
    return TodayView(
        now=now,
        on_air=await _on_air(session, may, sounding),
        next=[await _next(session, row, planned=row is coming[0]) for row in coming],
        last=None if last is None else await _last(session, may, last),
        from_above=await _from_above(session, may),
    )


async def _next(session: AsyncSession, row: BroadcastRow, *, planned: bool) -> NextView:
    """`planned`: with how long its session is."""
    length_ms = await _planned_ms(session, row) if planned else 0
    return NextView(**_view(row).model_dump(), sound_ms=row.duration_ms, length_ms=length_ms)


async def _planned_ms(session: AsyncSession, row: BroadcastRow) -> int:
    if row.programme_id is None or row.occurrence is None:
        return 0
    day = date.fromisoformat(row.occurrence[:10])
    now_on = programmes.in_force(await programmes.revisions(session, row.programme_id), day)
    document = await programmes.document(session, row.programme_id, now_on[0].number) if now_on else None
    own = [one for one in document.sessions if one.id == row.session_id] if document is not None else []
    return longest_ms(own[0]) if own else 0


async def _from_above(session: AsyncSession, may: May) -> list[FromAboveView]:
    found = await store.from_above(
        session,
        NEXT,
        ours=await may.where(Permission.SEE, Bulletin.unit_id),
        here=await may.where(Permission.SEE, Placement.slot_unit_id),
        heard=await may.where_scope(Permission.KNOW, BroadcastScope.scope),
    )
    return [
        FromAboveView(
            bulletin_id=bulletin.id,
            title=bulletin.title,
            level=bulletin.level,
            essential=bulletin.essential,
            unit_name=name,
            start=placement.start or (None if placement.slot_unit_id else placement.made_at),
            placed_at=placement.made_at,
        )
        for placement, bulletin, name in found
    ]


async def _on_air(session: AsyncSession, may: May, rows: Sequence[BroadcastRow]) -> list[TodayBroadcastView]:
    """With what was done to silence them, and whether the reader may."""
    told: dict[str, list[tuple[str, StopRow | None]]] = {row.id: [] for row in rows}
    for broadcast_id, scope, stop in await store.stops(session, list(told)) if rows else ():
        told[broadcast_id].append((scope, stop))
    return [
        _view(row).model_copy(
            update={
                "stopped_at": _stopped(row, [stop for _, stop in told[row.id]]),
                "may_stop": await _may_stop(session, may, [scope for scope, _ in told[row.id]]),
            }
        )
        for row in rows
    ]


async def _may_stop(session: AsyncSession, may: May, scopes: Sequence[str]) -> bool:
    if may.actor.everywhere:
        return True
    owners = await units.owners(session, scopes)
    return len(owners) == len(scopes) and await may.holds(Permission.STOP, sorted(set(owners.values())))


def _stopped(row: BroadcastRow, stops: Sequence[StopRow | None]) -> datetime | None:
    """When it was told to be silent in all places; None: it was not, in some."""
    meant = [one.issued for one in stops if one is not None and _means(one, row)]
    return max(meant) if meant and len(meant) == len(stops) else None


def _means(stop: StopRow, row: BroadcastRow) -> bool:
    return stop.issued >= row.start and stop.broadcast_id in {None, row.id}


async def _last(session: AsyncSession, may: May, row: BroadcastRow) -> LastView:
    seen = select(Device.id).where(await may.where(Permission.SEE, Device.unit_id))
    mine: tuple[ColumnElement[bool], ...] = () if may.actor.everywhere else (LedgerRow.device_id.in_(seen),)
    counted = dict(await store.answers(session, row.id, *mine))
    waiting = counted.pop(None, 0)
    outcomes = {str(outcome): count for outcome, count in counted.items()}
    summary = rules.Summary(waiting + sum(outcomes.values()), waiting, outcomes)
    return LastView(
        **_view(row).model_dump(),
        closed=row.closed_at is not None,
        expected=summary.expected,
        waiting=summary.waiting,
        outcomes=summary.outcomes,
    )


def _is_over(row: BroadcastRow, now: datetime) -> bool:
    """Whether its time has passed, or every device has said how it ended: stopped ones are over at once."""
    return row.closed_at is not None or _ends(row) <= now


def _ends(row: BroadcastRow) -> datetime:
    """When the last speaker and the last board are done, if all begin in time."""
    spoken = row.start + timedelta(milliseconds=row.duration_ms)
    return spoken if row.board is None else max(spoken, datetime.fromisoformat(row.board["until"]))


def _view(row: BroadcastRow) -> TodayBroadcastView:
    return TodayBroadcastView(
        id=row.id,
        title=row.title,
        level=row.level,
        start=row.start,
        ends=_ends(row),
        programme_id=row.programme_id,
    )
