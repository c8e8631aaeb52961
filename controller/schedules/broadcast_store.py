"""The broadcasts that programmes make: reading what is there, writing a difference, counting whom it reaches."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Select, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts import store as broadcasts
from controller.broadcasts.tables import (
    BroadcastRendition,
    BroadcastRow,
    BroadcastScope,
    BroadcastScopeLeft,
    LedgerRow,
)
from controller.devices.tables import Device, DeviceReport
from controller.schedules.planning import Diff, Held, Wanted
from controller.schedules.tables import BroadcastSlotItem
from controller.units import store as units
from loa_protocol.documents.plan import Broadcast, OnLate, Segments
from loa_protocol.spoken import every_ref
from loa_protocol.timeline import turn_length_ms

_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class Counted:
    """Devices in service that listen to some scopes, and how many of them seem to be there."""

    devices: int
    connected: int


async def held(session: AsyncSession, programme_id: str, after: datetime, ids: Collection[str]) -> list[Held]:
    """A programme's broadcasts that start after an instant, and these; locked in the order of their ids."""
    query = select(BroadcastRow.id).where(BroadcastRow.programme_id == programme_id, BroadcastRow.start > after)
    wanted = sorted({*await session.scalars(query), *ids})
    found: list[Held] = []
    for part in _parts(wanted):
        found += await _held(session, part)
    return found


async def _held(session: AsyncSession, ids: Sequence[str]) -> list[Held]:
    query = select(BroadcastRow).where(BroadcastRow.id.in_(ids)).order_by(BroadcastRow.id)
    query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    rows = (await session.scalars(query)).all()
    if not rows:
        return []
    scopes = await broadcasts.scopes_of(session, ids)
    answered = select(LedgerRow.broadcast_id).where(LedgerRow.broadcast_id.in_(ids), LedgerRow.outcome.is_not(None))
    heard = set(await session.scalars(answered.distinct()))
    items = await _items(session, ids)
    return [_as_held(row, scopes.get(row.id, []), items.get(row.id, []), answered=row.id in heard) for row in rows]


async def _items(session: AsyncSession, ids: Sequence[str]) -> dict[str, list[str]]:
    query = select(BroadcastSlotItem.broadcast_id, BroadcastSlotItem.item_id)
    found: dict[str, list[str]] = {}
    for broadcast_id, item_id in await session.execute(query.where(BroadcastSlotItem.broadcast_id.in_(ids))):
        found.setdefault(broadcast_id, []).append(item_id)
    return found


def _as_held(row: BroadcastRow, scopes: Sequence[str], items: Sequence[str], *, answered: bool) -> Held:
    by_hand = row.cancelled_at is not None and not row.cancelled_by_plan
    made = _as_made(row, scopes, items)
    return Held(made, row.rev, settled=answered or by_hand, dropped=row.cancelled_at is not None)


def _as_made(row: BroadcastRow, scopes: Sequence[str], items: Sequence[str]) -> Wanted:
    return Wanted(
        id=row.id,
        session=row.session_id or "",
        occurrence=row.occurrence or "",
        title=row.title,
        level=row.level,
        authority=row.authority,
        start=row.start,
        latest_start=row.latest_start,
        duration_ms=row.duration_ms,
        segments=msgspec.convert(row.segments, Segments),
        on_preempt=row.on_preempt,
        on_late=row.on_late,
        volume=row.volume,
        stagger=row.stagger,
        scopes=tuple(sorted(scopes)),
        items=tuple(sorted(items)),
    )


async def write(session: AsyncSession, programme_id: str, diff: Diff, now: datetime, grace: timedelta) -> None:
    """Make the difference; `grace` after its end, or its last turn's, a broadcast's silence becomes `unknown`."""
    patience = await _patience(session, diff, grace)
    for part in _parts(diff.add):
        await _add(session, programme_id, part, now, patience)
    for pairs in _parts(diff.change):
        await _change(session, pairs, patience)
    for gone in _parts([one.as_made.id for one in diff.cancel]):
        for row in await session.scalars(select(BroadcastRow).where(BroadcastRow.id.in_(gone))):
            row.cancelled_at, row.cancelled_by_plan = now, True
    await session.flush()


@dataclass(frozen=True, slots=True)
class _Patience:
    """How long a broadcast is waited for after its end; `last`: the last turn among those who hear some scopes."""

    grace: timedelta
    last: Mapping[tuple[str, ...], int]

    def ends(self, wanted: Wanted) -> datetime:
        """When the last device can have ended it in its turn."""
        return wanted.ends + timedelta(milliseconds=self.last.get(wanted.scopes, 0) * _turn_ms(wanted))

    def deadline(self, wanted: Wanted) -> datetime:
        """When silence becomes `unknown`."""
        return self.ends(wanted) + self.grace


async def _patience(session: AsyncSession, diff: Diff, grace: timedelta) -> _Patience:
    touched = (*diff.add, *(one for held, wanted in diff.change for one in (held.as_made, wanted)))
    waiting = sorted({one.scopes for one in touched if _turn_ms(one)})
    return _Patience(grace, {scopes: await units.last_turn(session, scopes) for scopes in waiting})


def _turn_ms(wanted: Wanted) -> int:
    return turn_length_ms(
        Broadcast(
            id=wanted.id,
            start=wanted.start,
            latest_start=wanted.latest_start,
            duration_ms=wanted.duration_ms,
            segments=wanted.segments,
            on_late=OnLate(wanted.on_late),
            stagger=wanted.stagger,
        )
    )


async def _add(
    session: AsyncSession, programme_id: str, wanted: Sequence[Wanted], now: datetime, patience: _Patience
) -> None:
    made = {"programme_id": programme_id, "rev": 0, "created_at": now, "repeats": 1, "board": None}
    rows = [{**made, "id": one.id, "occurrence": one.occurrence, **_values(one, patience)} for one in wanted]
    await session.execute(insert(BroadcastRow), rows)
    await session.execute(insert(BroadcastScope), _scope_rows((one.id, one.scopes) for one in wanted))
    await _add_content(session, wanted)


async def _change(session: AsyncSession, pairs: Sequence[tuple[Held, Wanted]], patience: _Patience) -> None:
    ids = [wanted.id for _, wanted in pairs]
    rows = {row.id: row for row in await session.scalars(select(BroadcastRow).where(BroadcastRow.id.in_(ids)))}
    for there, wanted in pairs:
        row = rows[wanted.id]
        if wanted.ends < there.as_made.ends or wanted.scopes != there.as_made.scopes:
            ended = patience.ends(there.as_made)
            row.named_until = max(row.named_until or ended, ended)
        for name, value in _values(wanted, patience).items():
            setattr(row, name, value)
        row.rev = there.rev + 1
        row.cancelled_at, row.cancelled_by_plan, row.expected_at, row.closed_at = None, False, None, None
    await session.execute(delete(BroadcastRendition).where(BroadcastRendition.broadcast_id.in_(ids)))
    await session.execute(delete(BroadcastSlotItem).where(BroadcastSlotItem.broadcast_id.in_(ids)))
    await _add_content(session, [wanted for _, wanted in pairs])
    for there, wanted in pairs:
        if wanted.scopes != there.as_made.scopes:
            await _change_scopes(session, there, wanted)


async def _change_scopes(session: AsyncSession, there: Held, wanted: Wanted) -> None:
    """Scopes that are left are told so, up to the revision they know."""
    old, new = set(there.as_made.scopes), set(wanted.scopes)
    for table, scopes in ((BroadcastScope, old - new), (BroadcastScopeLeft, new | old)):
        where = (table.broadcast_id == wanted.id, table.scope.in_(sorted(scopes)))
        await session.execute(delete(table).where(*where))
    left = [{"broadcast_id": wanted.id, "scope": scope, "rev": there.rev} for scope in sorted(old - new)]
    if left:
        await session.execute(insert(BroadcastScopeLeft), left)
    come = _scope_rows([(wanted.id, sorted(new - old))])
    if come:
        await session.execute(insert(BroadcastScope), come)


def _values(wanted: Wanted, patience: _Patience) -> dict[str, Any]:
    return {
        "session_id": wanted.session,
        "title": wanted.title,
        "level": wanted.level,
        "authority": wanted.authority,
        "start": wanted.start,
        "latest_start": wanted.latest_start,
        "duration_ms": wanted.duration_ms,
        "segments": msgspec.to_builtins(wanted.segments),
        "on_preempt": wanted.on_preempt,
        "on_late": wanted.on_late,
        "volume": wanted.volume,
        "stagger": wanted.stagger,
        "deadline": patience.deadline(wanted),
    }


async def _add_content(session: AsyncSession, wanted: Sequence[Wanted]) -> None:
    """What the broadcasts are made of: renditions, and what of it comes from slots."""
    named = [(one.id, ref) for one in wanted for ref in sorted(every_ref(one.segments))]
    for part in _parts([{"broadcast_id": key, "rendition_id": ref} for key, ref in named]):
        await session.execute(insert(BroadcastRendition), part)
    for part in _parts({"broadcast_id": one.id, "item_id": item} for one in wanted for item in one.items):
        await session.execute(insert(BroadcastSlotItem), part)


def carrying(item_ids: Collection[str]) -> Select[str]:
    """Ids of the broadcasts that were composed with any of these items of slots, when they were planned last."""
    return select(BroadcastSlotItem.broadcast_id).where(BroadcastSlotItem.item_id.in_(item_ids))


def _scope_rows(named: Iterable[tuple[str, Iterable[str]]]) -> list[dict[str, Any]]:
    return [{"broadcast_id": key, "scope": scope} for key, scopes in named for scope in scopes]


def _parts(found: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(found)
    while part := list(islice(rest, _AT_ONCE)):
        yield part


async def count(session: AsyncSession, scopes: Collection[str]) -> Counted:
    """Whom the scopes reach."""
    if not scopes:
        return Counted(0, 0)
    devices = await session.scalar(select(func.count()).select_from(Device).where(units.listens_to(scopes)))
    there = select(func.count()).select_from(Device).join(DeviceReport, DeviceReport.device_id == Device.id)
    connected = await session.scalar(there.where(DeviceReport.online, units.listens_to(scopes)))
    return Counted(int(devices or 0), int(connected or 0))
