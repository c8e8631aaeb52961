"""All queries of the audit."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.audit.rules import Beside, Kept, bounded
from controller.audit.tables import AuditCheckpoint, AuditEntry, AuditHead, AuditPrivate, AuditUnit
from controller.devices.tables import DeviceReport
from controller.people.tables import Person
from controller.units.tables import Unit
from loa_protocol.audit_head import NOTHING, Head, parse

Mine = Callable[[Any], ColumnElement[bool]]
"""The condition that a column names a unit into which somebody may look."""
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Sought:
    """Which entries: every part that is given must fit. `before`: sequences below it; `since` and `until` instants."""

    before: int | None = None
    person_id: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    unit_ids: ColumnElement[bool] | None = None
    """A condition on `AuditUnit.unit_id`; None: wherever, and what concerns no unit."""


async def head_of(session: AsyncSession) -> Head:
    """Where the chain ends, as its head says; nothing where the head is gone (`verify` tells)."""
    row = (await session.execute(select(AuditHead.sequence, AuditHead.hash).where(AuditHead.id == 1))).first()
    return NOTHING if row is None else Head(row.sequence, row.hash)


async def has_head(session: AsyncSession) -> bool:
    """Whether the row is there that says where the chain ends."""
    return await session.get(AuditHead, 1) is not None


async def found(session: AsyncSession, sought: Sought, limit: int) -> Sequence[AuditEntry]:
    """The newest entries that fit, newest first."""
    query = select(AuditEntry).where(*_conditions(sought)).order_by(AuditEntry.sequence.desc()).limit(limit)
    return (await session.scalars(query)).all()


def _conditions(sought: Sought) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if sought.before is not None:
        wanted.append(AuditEntry.sequence < sought.before)
    if sought.person_id is not None:
        wanted.append(AuditEntry.person_id == sought.person_id)
    if sought.action is not None:
        wanted.append(AuditEntry.action == sought.action)
    if sought.since is not None:
        wanted.append(AuditEntry.at >= sought.since)
    if sought.until is not None:
        wanted.append(AuditEntry.at < sought.until)
    if sought.unit_ids is not None:
        mine = select(AuditUnit.entry_id).where(AuditUnit.entry_id == AuditEntry.id, sought.unit_ids)
        wanted.append(mine.exists())
    return wanted


async def values_of(
    session: AsyncSession, entries: Collection[AuditEntry], mine: Mine | None = None
) -> dict[str, dict[str, Beside]]:
    """Entry's id → commitment → the value that still stands beside it; only of people who are `mine`."""
    known: dict[str, dict[str, Beside]] = {}
    query = select(AuditPrivate).where(AuditPrivate.entry_id.in_([entry.id for entry in entries]))
    if mine is not None:
        people = select(Person.id).where(mine(Person.unit_id))
        query = query.where(or_(AuditPrivate.subject.is_(None), AuditPrivate.subject.in_(people)))
    for row in await session.scalars(query):
        known.setdefault(row.entry_id, {})[row.commitment] = Beside(salt=row.salt.hex(), value=_value(row.value))
    return known


def _value(raw: bytes) -> object:
    """What was tampered with is shown as it is; it fits no commitment."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.MsgspecError:
        return raw.hex()


async def units_of(session: AsyncSession, entries: Collection[AuditEntry]) -> dict[str, tuple[str, ...]]:
    """Entry's id → the units that it concerns, as the index says."""
    known: dict[str, list[str]] = {}
    wanted = [entry.id for entry in entries]
    query = select(AuditUnit.entry_id, AuditUnit.unit_id).where(AuditUnit.entry_id.in_(wanted))
    for row in await session.execute(query.order_by(AuditUnit.unit_id)):
        known.setdefault(row.entry_id, []).append(row.unit_id)
    return {entry: tuple(units) for entry, units in known.items()}


async def kept(session: AsyncSession, after: int, mine: Mine | None = None) -> AsyncIterator[Kept]:
    """Every entry after a sequence, in order; of what concerns units that are not `mine` the link, and what is."""
    seen = None if mine is None else frozenset(await session.scalars(select(Unit.id).where(mine(Unit.id))))
    while True:
        query = select(AuditEntry).where(AuditEntry.sequence > after).order_by(AuditEntry.sequence).limit(_AT_ONCE)
        rows = (await session.scalars(query)).all()
        if not rows:
            return
        units, beside = await units_of(session, rows), await values_of(session, rows, mine)
        for row in rows:
            line = _line(row, units.get(row.id, ()), beside.get(row.id, {}))
            yield line if seen is None else bounded(line, seen)
        after = rows[-1].sequence
        session.expunge_all()


def _line(row: AuditEntry, units: tuple[str, ...], beside: Mapping[str, Beside]) -> Kept:
    return Kept(
        sequence=row.sequence,
        previous=row.previous,
        hash=row.hash,
        entry=row.raw.decode(errors="replace"),
        at=row.at,
        person=row.person_id,
        action=row.action,
        units=units,
        beside=dict(beside),
    )


async def newest_checkpoint(session: AsyncSession) -> AuditCheckpoint | None:
    """Where the chain was cut last."""
    query = select(AuditCheckpoint).order_by(AuditCheckpoint.sequence.desc()).limit(1)
    return (await session.scalars(query)).first()


async def checkpoints(session: AsyncSession) -> Sequence[AuditCheckpoint]:
    """Every cut, oldest first."""
    return (await session.scalars(select(AuditCheckpoint).order_by(AuditCheckpoint.sequence))).all()


async def last_before(session: AsyncSession, cutoff: datetime) -> AuditEntry | None:
    """The last entry of the longest beginning of the chain in which every entry is older than an instant."""
    first = select(func.min(AuditEntry.sequence)).where(AuditEntry.at >= cutoff).scalar_subquery()
    query = select(AuditEntry).where(AuditEntry.at < cutoff, AuditEntry.sequence < func.coalesce(first, 2**62))
    return (await session.scalars(query.order_by(AuditEntry.sequence.desc()).limit(1))).first()


async def cut(session: AsyncSession, sequence: int) -> int:
    """Delete every entry up to a sequence, with what stands beside it; how many."""
    gone = select(AuditEntry.id).where(AuditEntry.sequence <= sequence)
    for table in (AuditPrivate, AuditUnit):
        await session.execute(delete(table).where(table.entry_id.in_(gone)))
    done = await session.execute(delete(AuditEntry).where(AuditEntry.sequence <= sequence))
    return int(done.rowcount)  # type: ignore[attr-defined]  # a delete counts


async def erase(session: AsyncSession, subject: str) -> int:
    """Let every value beside the chain go that is about a person; how many."""
    done = await session.execute(delete(AuditPrivate).where(AuditPrivate.subject == subject))
    return int(done.rowcount)  # type: ignore[attr-defined]  # a delete counts


async def hashes(session: AsyncSession, sequences: Collection[int]) -> dict[int, str]:
    """Sequence → hash of those entries that are there."""
    query = select(AuditEntry.sequence, AuditEntry.hash).where(AuditEntry.sequence.in_(list(sequences)))
    return {row.sequence: row.hash for row in await session.execute(query)}


async def witnessed(session: AsyncSession) -> dict[Head, int]:
    """Every head that devices hold, as they last said, and how many hold it; disowned ones count, too."""
    known: dict[Head, int] = {}
    for state in await session.scalars(select(DeviceReport.state)):
        texts = {str(state.get(name, "")) for name in ("audit_head", "audit_disowned")}
        for head in map(parse, texts):
            if head is not None:
                known[head] = known.get(head, 0) + 1
    return known


async def units_where(session: AsyncSession, unit_ids: Collection[str], wanted: ColumnElement[bool]) -> frozenset[str]:
    """Those of some units that fit a condition on `Unit.id`."""
    return frozenset(await session.scalars(select(Unit.id).where(Unit.id.in_(list(unit_ids)), wanted)))
