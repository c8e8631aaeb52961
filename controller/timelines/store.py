"""All queries of timelines: what is planned for scopes, who listens to them, and what a device answered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow, BroadcastScope, LedgerRow
from controller.delivery import drafts
from controller.delivery.tables import StopRow
from controller.devices.tables import Device
from controller.policies import store as policies
from controller.receipts.tables import JournalEntry
from controller.timelines.rules import Listener, Scene, empty_plan
from controller.units import store as units
from loa_protocol.documents.device import DeviceKind
from loa_protocol.documents.plan import Broadcast, Content, Plan, Withdrawn
from loa_protocol.ids import device_scope
from loa_protocol.receipts import Receipt, decode_entry
from loa_protocol.spoken import every_ref, varies
from loa_protocol.timeline import StopOrder

_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Answered:
    """What a device owed or owes to one broadcast; no `receipt` where it has not answered itself."""

    row: LedgerRow
    receipt: Receipt | None


async def listeners(session: AsyncSession, devices: Sequence[Device]) -> list[Listener]:
    """What the timeline must know of these devices."""
    found = []
    for at in range(0, len(devices), _AT_ONCE):
        part = devices[at : at + _AT_ONCE]
        places = await units.scopes_of_devices(session, part)
        languages = await units.languages_of_devices(session, part)
        for device in part:
            above, groups = places[device.id]
            scopes = frozenset((device_scope(device.id), *above, *(one.group for one in groups)))
            kind, spoken = DeviceKind(device.kind), languages[device.id]
            found.append(Listener(device.id, kind, scopes, spoken, device.stagger_ms, device.turn))
    return found


async def broadcasts(
    session: AsyncSession, begin: datetime, end: datetime, scopes: Iterable[str] | None = None
) -> dict[str, list[BroadcastRow]]:
    """Scope → what may sound there in [begin, end), cancelled ones too; of all scopes where none is named."""
    query = (
        select(BroadcastScope.scope, BroadcastRow)
        .join(BroadcastRow, BroadcastRow.id == BroadcastScope.broadcast_id)
        .where(BroadcastRow.deadline >= begin, BroadcastRow.start < end)
    )
    if scopes is not None:
        query = query.where(BroadcastScope.scope.in_(list(scopes)))
    found: dict[str, list[BroadcastRow]] = {}
    for scope, row in await session.execute(query.order_by(BroadcastRow.start, BroadcastRow.id)):
        found.setdefault(scope, []).append(row)
    return found


async def of_programme(
    session: AsyncSession, programme_id: str, begin: datetime, end: datetime
) -> tuple[list[str], list[str]]:
    """Scopes and ids of what a programme has in [begin, end)."""
    query = (
        select(BroadcastRow.id, BroadcastScope.scope)
        .join(BroadcastScope, BroadcastScope.broadcast_id == BroadcastRow.id)
        .where(BroadcastRow.programme_id == programme_id, BroadcastRow.cancelled_at.is_(None))
        .where(BroadcastRow.start >= begin, BroadcastRow.start < end)
    )
    rows = (await session.execute(query)).all()
    return sorted({scope for _, scope in rows}), sorted({broadcast for broadcast, _ in rows})


async def scene(
    session: AsyncSession, begin: datetime, end: datetime, *, now: datetime, scopes: Iterable[str] | None = None
) -> Scene:
    """What is planned in [begin, end), as documents of plans would have it, and the rules it stands under."""
    scopes = None if scopes is None else list(scopes)
    rows = await broadcasts(session, begin, end, scopes)
    wire = {row.id: drafts.wire_broadcast(row) for held in rows.values() for row in held}
    plans = {scope: plan(scope, held, wire, now) for scope, held in rows.items()}
    ruled = await policies.policies_of(session, scopes)
    known = await manifest(session, wire.values())
    return Scene(plans, ruled, await policies.ceilings(session), await stops(session, scopes, now), known)


async def manifest(session: AsyncSession, held: Iterable[Broadcast]) -> dict[str, Content]:
    """The sounds of those broadcasts that have variants, as a plan's manifest describes them."""
    refs = {ref for one in held if varies(one.segments) for ref in every_ref(one.segments)}
    return await drafts.described(session, refs)


def plan(scope: str, rows: Sequence[BroadcastRow], wire: Mapping[str, Broadcast], now: datetime) -> Plan:
    """The document a scope would get if plans reached as far."""
    return replace(
        empty_plan(scope, now),
        broadcasts=tuple(wire[row.id] for row in rows if row.cancelled_at is None),
        withdrawn=tuple(Withdrawn(id=row.id, rev=row.rev) for row in rows if row.cancelled_at is not None),
    )


async def stops(session: AsyncSession, scopes: list[str] | None, now: datetime) -> dict[str, list[StopOrder]]:
    """Stops that still count, taken to have arrived at once."""
    query = select(StopRow).where(StopRow.until >= now - timedelta(days=1))
    if scopes is not None:
        query = query.where(StopRow.scope.in_(scopes))
    found: dict[str, list[StopOrder]] = {}
    for row in await session.scalars(query):
        order = StopOrder(issued=row.issued, until=row.until, received=row.issued, broadcast=row.broadcast_id)
        found.setdefault(row.scope, []).append(order)
    return found


async def answers(
    session: AsyncSession, device_id: str, begin: datetime, end: datetime
) -> list[tuple[BroadcastRow, Answered]]:
    """What a device owed for broadcasts that begin in [begin, end), in that order."""
    query = (
        select(BroadcastRow, LedgerRow, JournalEntry.raw)
        .join(LedgerRow, LedgerRow.broadcast_id == BroadcastRow.id)
        .outerjoin(
            JournalEntry,
            (JournalEntry.device_id == LedgerRow.device_id)
            & (JournalEntry.journal_id == LedgerRow.journal_id)
            & (JournalEntry.sequence == LedgerRow.sequence),
        )
        .where(LedgerRow.device_id == device_id, BroadcastRow.start >= begin, BroadcastRow.start < end)
        .order_by(BroadcastRow.start, BroadcastRow.id)
    )
    return [(row, Answered(owed, _receipt(raw))) for row, owed, raw in await session.execute(query)]


def _receipt(raw: bytes | None) -> Receipt | None:
    body = None if raw is None else decode_entry(raw).body
    return body if isinstance(body, Receipt) else None
