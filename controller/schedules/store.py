"""All queries about programmes and their history.

A programme's row is its lock: whoever writes to its history or makes its broadcasts has it FOR UPDATE.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.runtime.upsert import insert
from controller.schedules.programme import Change, ProgrammeFile
from controller.schedules.rules import Revision, Series, changes_of
from controller.schedules.tables import ProgrammeChange, ProgrammeRevision, ProgrammeRow, ProgrammeSlot

_AROUND = timedelta(days=2)
"""A session may begin the day before its sound, and zones differ by less than a day."""


@dataclass(frozen=True, slots=True)
class Effective:
    """A revision and the local day from which it is in force; `number` is its place in the history."""

    number: int
    effective_from: date


async def find(session: AsyncSession, programme_id: str) -> ProgrammeRow | None:
    """One programme, retired or not."""
    return await session.get(ProgrammeRow, programme_id)


async def find_to_change(session: AsyncSession, programme_id: str) -> ProgrammeRow | None:
    """One programme, which nobody else changes before the commit."""
    locked = {"key_share": True}
    return await session.get(ProgrammeRow, programme_id, with_for_update=locked, populate_existing=True)


async def add(session: AsyncSession, **values: Any) -> bool:
    """Make a programme's row; False if there is one of this id."""
    statement = insert(session, ProgrammeRow).values(**values).on_conflict_do_nothing(index_elements=["id"])
    return (await session.scalar(statement.returning(ProgrammeRow.id))) is not None


async def listed(session: AsyncSession, unit_id: str | None, *where: ColumnElement[bool]) -> Sequence[ProgrammeRow]:
    """Programmes that are not retired, by id; those of one unit if it is named."""
    query = select(ProgrammeRow).where(ProgrammeRow.retired_at.is_(None), *where).order_by(ProgrammeRow.id)
    return (await session.scalars(query if unit_id is None else query.where(ProgrammeRow.unit_id == unit_id))).all()


async def due(session: AsyncSession, until: datetime, limit: int) -> Sequence[str]:
    """Programmes whose broadcasts are not made up to an instant, the shortest first."""
    query = select(ProgrammeRow.id).where(ProgrammeRow.retired_at.is_(None), ProgrammeRow.planned_until < until)
    return (await session.scalars(query.order_by(ProgrammeRow.planned_until, ProgrammeRow.id).limit(limit))).all()


async def take_due(session: AsyncSession, ids: Sequence[str], until: datetime) -> Sequence[ProgrammeRow]:
    """Those of the programmes that are due still, for us alone; without those another process is at."""
    query = select(ProgrammeRow).where(ProgrammeRow.id.in_(ids), ProgrammeRow.retired_at.is_(None))
    query = query.where(ProgrammeRow.planned_until < until).order_by(ProgrammeRow.id)
    query = query.with_for_update(skip_locked=True, key_share=True).execution_options(populate_existing=True)
    return (await session.scalars(query)).all()


async def revisions(session: AsyncSession, programme_id: str) -> list[Effective]:
    """All revisions, oldest first."""
    query = select(ProgrammeRevision.number, ProgrammeRevision.effective_from)
    query = query.where(ProgrammeRevision.programme_id == programme_id).order_by(ProgrammeRevision.number)
    return [Effective(row.number, date.fromisoformat(row.effective_from)) for row in await session.execute(query)]


def in_force(revisions: Sequence[Effective], since: date) -> list[Effective]:
    """Those that are in force on some day from `since` on, the first first. A later one replaces what follows it."""
    found: list[Effective] = []
    until = date.max
    for one in sorted(revisions, key=lambda revision: -revision.number):
        if max(one.effective_from, since) < until:
            found.append(one)
        until = min(until, one.effective_from)
    return found[::-1]


async def document(session: AsyncSession, programme_id: str, number: int) -> ProgrammeFile | None:
    """A revision as it was saved."""
    row = await session.get(ProgrammeRevision, (programme_id, number))
    return None if row is None else msgspec.convert(row.document, ProgrammeFile)


async def changes(session: AsyncSession, programme_id: str, since: date | None = None) -> list[Change]:
    """Changes in the order in which they were made; those that concern `since` or a later day."""
    query = select(ProgrammeChange.change).where(ProgrammeChange.programme_id == programme_id)
    if since is not None:
        query = query.where(ProgrammeChange.last_day >= since.isoformat())
    rows = await session.scalars(query.order_by(ProgrammeChange.number))
    return [msgspec.convert(row, Change) for row in rows]


async def series(session: AsyncSession, programme_id: str, since: date) -> Series:
    """What is needed of a programme to tell its occurrences from `since` on."""
    first = since - _AROUND
    changed = changes_of(await changes(session, programme_id, first))
    begun = [date.fromisoformat(original[:10]) for _, original in changed]
    needed = in_force(await revisions(session, programme_id), min([first, *begun]))
    query = select(ProgrammeRevision).where(ProgrammeRevision.programme_id == programme_id)
    query = query.where(ProgrammeRevision.number.in_([one.number for one in needed]))
    rows = await session.scalars(query.order_by(ProgrammeRevision.number))
    return Series(programme_id, tuple(_revision(row) for row in rows), changed)


def _revision(row: ProgrammeRevision) -> Revision:
    return Revision(row.number, date.fromisoformat(row.effective_from), msgspec.convert(row.document, ProgrammeFile))


async def history(session: AsyncSession, programme_id: str, limit: int) -> list[ProgrammeRevision | ProgrammeChange]:
    """What was saved, the newest first."""
    revised = select(ProgrammeRevision).where(ProgrammeRevision.programme_id == programme_id)
    revised = revised.order_by(ProgrammeRevision.number.desc()).limit(limit)
    changed = select(ProgrammeChange).where(ProgrammeChange.programme_id == programme_id)
    changed = changed.order_by(ProgrammeChange.number.desc()).limit(limit)
    found = [*await session.scalars(revised), *await session.scalars(changed)]
    return sorted(found, key=lambda one: -one.number)[:limit]


async def set_slots(session: AsyncSession, programme_id: str, unit_ids: Iterable[str]) -> None:
    """Whose queues fill the programme's slots."""
    wanted = set(unit_ids)
    query = select(ProgrammeSlot.unit_id).where(ProgrammeSlot.programme_id == programme_id)
    known = set(await session.scalars(query))
    gone = sorted(known - wanted)
    if gone:
        same = (ProgrammeSlot.programme_id == programme_id, ProgrammeSlot.unit_id.in_(gone))
        await session.execute(delete(ProgrammeSlot).where(*same))
    session.add_all(ProgrammeSlot(programme_id=programme_id, unit_id=one) for one in sorted(wanted - known))
    await session.flush()


async def with_slot(session: AsyncSession, unit_id: str) -> Sequence[str]:
    """Programmes that have a slot for what waits at a unit, by id."""
    query = select(ProgrammeSlot.programme_id).where(ProgrammeSlot.unit_id == unit_id)
    return (await session.scalars(query.order_by(ProgrammeSlot.programme_id))).all()
