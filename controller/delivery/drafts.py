"""From rows to the document of a topic, before it is signed."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRendition, BroadcastRow, BroadcastScope, BroadcastScopeLeft
from controller.delivery import rules
from controller.delivery.rules import PlanTooLarge
from controller.delivery.tables import StopRow
from controller.devices.tables import Device
from controller.media.tables import Asset, Rendition
from controller.units import store as units
from loa_protocol.documents import Versioned
from loa_protocol.documents.device import Assignment, DeviceKind, Membership
from loa_protocol.documents.emergency import Stop
from loa_protocol.documents.plan import (
    BoardItem,
    Broadcast,
    Content,
    OnLate,
    OnPreempt,
    Plan,
    Segments,
    Withdrawn,
)
from loa_protocol.envelope import Signature, TooLarge, seal
from loa_protocol.ids import Level, device_scope
from loa_protocol.keys import ED25519

Sign = Callable[[Plan], bytes]
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Placed:
    """A device in service, the scopes it belongs to and the languages it speaks."""

    device: Device
    units: tuple[str, ...]
    groups: tuple[Membership, ...]
    languages: tuple[str, ...]


async def places(session: AsyncSession, device_ids: Collection[str]) -> dict[str, Placed]:
    """Those of the devices that are in service."""
    if not device_ids:
        return {}
    query = select(Device).where(Device.id.in_(device_ids), Device.retired_at.is_(None))
    devices = (await session.scalars(query.execution_options(populate_existing=True))).all()
    scopes = await units.scopes_of_devices(session, devices)
    languages = await units.languages_of_devices(session, devices)
    return {device.id: Placed(device, *scopes[device.id], languages[device.id]) for device in devices}


def assignment(placed: Placed, *, version: int, now: datetime) -> Assignment:
    """Which scopes a device listens to."""
    device = placed.device
    return Assignment(
        scope=device_scope(device.id),
        version=version,
        issued=now,
        expires=now + rules.ASSIGNMENT_LIFE,
        kind=DeviceKind(device.kind),
        units=placed.units,
        groups=placed.groups,
        output_profile=device.profile,
        languages=placed.languages,
        stagger_ms=device.stagger_ms,
        turn=device.turn,
    )


async def stop(session: AsyncSession, scope: str, *, version: int, now: datetime) -> Stop | None:
    """The newest stop of a scope, while a device that was away may still play what it silences."""
    row = await session.get(StopRow, scope, populate_existing=True)
    if row is None or row.issued + rules.STOP_LIFE <= now:
        return None
    return Stop(
        scope=scope,
        version=version,
        issued=row.issued,
        expires=row.issued + rules.STOP_LIFE,
        until=row.until,
        broadcast=row.broadcast_id,
        reason=row.reason,
    )


async def plan(
    session: AsyncSession, scope: str, *, version: int, now: datetime, sign: Sign
) -> tuple[Versioned, bytes]:
    """The plan of a scope and its envelope; the horizon is shortened until it fits.

    Raises:
        PlanTooLarge: 72 hours do not fit.
    """
    rows = await _broadcasts(session, scope, now)
    contents = await _contents(session, scope, now)
    standing = [wire_broadcast(row) for row in rows if row.cancelled_at is None]
    cancelled = [wire_broadcast(row) for row in rows if row.cancelled_at is not None]
    left = [*_moved(rows, now), *await _left(session, scope, now)]
    last_turn = await units.last_turn(session, [scope])
    for horizon in rules.HORIZONS:
        document = rules.plan_of(
            scope,
            version=version,
            now=now,
            broadcasts=standing,
            cancelled=cancelled,
            contents=contents,
            horizon=horizon,
            left=left,
            last_turn=last_turn,
        )
        try:
            return document, sign(document)
        except TooLarge:
            continue
    raise PlanTooLarge(
        f"{scope} has {len(standing)} broadcasts ahead, more than one plan can carry even for 72 hours;"
        " schedule fewer of them, or for fewer places at once",
        scope=scope,
    )


class _Measuring:
    """Signs nothing; its signatures are as long as real ones."""

    keyid = "0" * 16

    def sign(self, message: bytes) -> Signature:  # noqa: ARG002 - the port's signature
        """A signature's length."""
        return Signature(keyid=self.keyid, alg=ED25519, sig="A" * 88)


async def require_fitting(session: AsyncSession, scopes: Sequence[str], *, now: datetime) -> None:
    """Check, in the transaction of a change, that the scopes' plans can still be made.

    Raises:
        PlanTooLarge: one of them would not fit; the change must be refused.
    """
    for scope in scopes:
        await plan(session, scope, version=rules.next_version(0, now), now=now, sign=_measure)


def _measure(document: Plan) -> bytes:
    return seal("plan", document, [_Measuring()])


async def _broadcasts(session: AsyncSession, scope: str, now: datetime) -> Sequence[BroadcastRow]:
    """Those that may not have ended: a deadline is never before the end."""
    query = (
        select(BroadcastRow)
        .join(BroadcastScope, BroadcastScope.broadcast_id == BroadcastRow.id)
        .where(BroadcastScope.scope == scope, _to_be_named(now))
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(query)).all()


def _to_be_named(now: datetime) -> ColumnElement[bool]:
    return or_(BroadcastRow.deadline >= now, BroadcastRow.named_until >= now)


def _moved(rows: Sequence[BroadcastRow], now: datetime) -> list[Withdrawn]:
    """What is over since it was moved: a device that was away still has it where it would have been."""
    moved = [row for row in rows if row.named_until is not None and row.named_until > now]
    return [Withdrawn(id=row.id, rev=row.rev) for row in moved if row.deadline < now]


async def _left(session: AsyncSession, scope: str, now: datetime) -> list[Withdrawn]:
    """What went to this scope before it was changed."""
    query = (
        select(BroadcastScopeLeft)
        .join(BroadcastRow, BroadcastRow.id == BroadcastScopeLeft.broadcast_id)
        .where(BroadcastScopeLeft.scope == scope, _to_be_named(now))
    )
    return [Withdrawn(id=row.broadcast_id, rev=row.rev) for row in await session.scalars(query)]


async def _contents(session: AsyncSession, scope: str, now: datetime) -> dict[str, Content]:
    query = (
        select(Rendition, Asset.duration_ms, Asset.loudness_lufs)
        .join(Asset, Asset.id == Rendition.asset_id)
        .join(BroadcastRendition, BroadcastRendition.rendition_id == Rendition.id)
        .join(BroadcastScope, BroadcastScope.broadcast_id == BroadcastRendition.broadcast_id)
        .join(BroadcastRow, BroadcastRow.id == BroadcastScope.broadcast_id)
        .where(BroadcastScope.scope == scope, BroadcastRow.deadline >= now)
    )
    rows = await session.execute(query)
    return {row[0].id: _content(row[0], row[1], row[2]) for row in rows}


async def described(session: AsyncSession, refs: Collection[str]) -> dict[str, Content]:
    """What a manifest says of these."""
    found, wanted = {}, sorted(refs)
    for at in range(0, len(wanted), _AT_ONCE):
        query = select(Rendition, Asset.duration_ms, Asset.loudness_lufs).join(Asset, Asset.id == Rendition.asset_id)
        for row in await session.execute(query.where(Rendition.id.in_(wanted[at : at + _AT_ONCE]))):
            found[row[0].id] = _content(row[0], row[1], row[2])
    return found


def _content(rendition: Rendition, duration_ms: int, loudness_lufs: float | None) -> Content:
    return Content(
        root=rendition.root,
        bytes=rendition.bytes,
        chunk_bytes=rendition.chunk_bytes,
        media_type=rendition.media_type,
        duration_ms=duration_ms,
        loudness_lufs=loudness_lufs,
    )


def wire_broadcast(row: BroadcastRow) -> Broadcast:
    """A broadcast as the plan carries it."""
    return Broadcast(
        id=row.id,
        rev=row.rev,
        start=row.start,
        latest_start=row.latest_start,
        issued=row.created_at,
        duration_ms=row.duration_ms,
        level=Level(row.level),
        authority=row.authority,
        segments=_convert(row.segments, Segments),
        repeats=row.repeats,
        on_preempt=OnPreempt(row.on_preempt),
        on_late=OnLate(row.on_late),
        volume=row.volume,
        stagger=row.stagger,
        title=row.title,
        board=None if row.board is None else _convert(row.board, BoardItem),
    )


def _convert(value: Any, kind: Any) -> Any:
    return msgspec.convert(value, kind)
