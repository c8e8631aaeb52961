"""All queries about bulletins, their revisions and steps.

Whoever changes a bulletin, or anything placed of it, holds its row first (`find_to_change`): approvals, edits and
withdrawals of one bulletin so happen one after another.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controller.bulletins import document
from controller.bulletins.document import Document
from controller.bulletins.rules import State, Step
from controller.bulletins.tables import (
    Bulletin,
    BulletinRevision,
    BulletinStep,
    Placement,
    PlacementMiss,
    PlacementReminder,
)
from controller.library.folding import words

_OPEN = (State.DRAFT, State.IN_REVIEW, State.APPROVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which bulletins to list; None asks nothing. `query` is searched without accents; `author` wrote it."""

    units: Collection[str] | None = None
    state: str | None = None
    field: str | None = None
    level: str | None = None
    source: str | None = None
    language: str | None = None
    query: str | None = None
    valid_on: datetime | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A step as it is written down."""

    step: Step
    person: str | None
    at: datetime
    why: str = ""
    for_person: str | None = None
    by_rule: bool = False
    despite: Sequence[str] = ()


async def find(session: AsyncSession, bulletin_id: str) -> Bulletin | None:
    """One bulletin."""
    return await session.get(Bulletin, bulletin_id)


async def find_to_change(session: AsyncSession, bulletin_id: str, *, skip_locked: bool = False) -> Bulletin | None:
    """One bulletin, which nobody else changes before the commit; `skip_locked`: None where somebody is at it."""
    query = select(Bulletin).where(Bulletin.id == bulletin_id).with_for_update(skip_locked=skip_locked)
    return (await session.scalars(query.execution_options(populate_existing=True))).first()


async def listed(
    session: AsyncSession, wanted: Filter, *where: ColumnElement[bool], limit: int, before: datetime | None
) -> Sequence[Bulletin]:
    """Bulletins, the last changed first; `before`: only those changed earlier, for the next page."""
    query = select(Bulletin).where(*_conditions(wanted), *where)
    if before is not None:
        query = query.where(Bulletin.changed_at < before)
    return (await session.scalars(query.order_by(Bulletin.changed_at.desc(), Bulletin.id).limit(limit))).all()


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.units is not None:
        found.append(Bulletin.unit_id.in_(sorted(wanted.units)))
    for column, value in (
        (Bulletin.state, wanted.state),
        (Bulletin.field, wanted.field),
        (Bulletin.level, wanted.level),
        (Bulletin.source, wanted.source),
        (Bulletin.author_id, wanted.author),
    ):
        if value is not None:
            found.append(column == value)
    if wanted.language is not None:
        found.append(Bulletin.languages.contains(f" {wanted.language} ", autoescape=True))
    found += [Bulletin.search.contains(word, autoescape=True) for word in words(wanted.query or "")]
    if wanted.valid_on is not None:
        found.append(or_(Bulletin.valid_from.is_(None), Bulletin.valid_from <= wanted.valid_on))
        found.append(or_(Bulletin.valid_until.is_(None), Bulletin.valid_until > wanted.valid_on))
    return found


async def documents(session: AsyncSession, bulletin_id: str, numbers: Collection[int]) -> Mapping[int, Document]:
    """What revisions say, by number."""
    query = select(BulletinRevision).where(BulletinRevision.bulletin_id == bulletin_id)
    rows = await session.scalars(query.where(BulletinRevision.number.in_(numbers)))
    return {row.number: document.read(row.document) for row in rows}


async def revisions(session: AsyncSession, bulletin_id: str) -> Sequence[BulletinRevision]:
    """Every revision, newest first."""
    query = select(BulletinRevision).where(BulletinRevision.bulletin_id == bulletin_id)
    return (await session.scalars(query.order_by(BulletinRevision.number.desc()))).all()


async def writers(session: AsyncSession, bulletin_id: str) -> frozenset[str]:
    """Everybody who wrote any of its revisions."""
    query = select(BulletinRevision.made_by).where(BulletinRevision.bulletin_id == bulletin_id).distinct()
    return frozenset(one for one in await session.scalars(query) if one is not None)


async def steps(session: AsyncSession, bulletin_id: str) -> Sequence[BulletinStep]:
    """What was done, in order."""
    query = select(BulletinStep).where(BulletinStep.bulletin_id == bulletin_id).order_by(BulletinStep.number)
    return (await session.scalars(query)).all()


async def note(session: AsyncSession, row: Bulletin, done: Done) -> int:
    """Write a step down, at the newest revision; gives its number. The caller holds the row."""
    row.steps += 1
    row.changed_at = done.at
    session.add(
        BulletinStep(
            bulletin_id=row.id,
            number=row.steps,
            step=str(done.step),
            revision=row.head,
            person_id=done.person,
            for_person_id=done.for_person,
            by_rule=done.by_rule,
            despite=list(done.despite),
            at=done.at,
            why=done.why,
        )
    )
    await session.flush()
    return row.steps


async def placements(session: AsyncSession, bulletin_id: str) -> Sequence[Placement]:
    """Where a bulletin shall go, or went, in the order in which that was asked for."""
    query = select(Placement).where(Placement.bulletin_id == bulletin_id).order_by(Placement.id)
    return (await session.scalars(query.execution_options(populate_existing=True))).all()


async def misses(session: AsyncSession, placement_ids: Collection[str]) -> Sequence[PlacementMiss]:
    """The starts that these missed, in order."""
    query = select(PlacementMiss).where(PlacementMiss.placement_id.in_(placement_ids))
    return (await session.scalars(query.order_by(PlacementMiss.start))).all()


async def reminded(session: AsyncSession, placement_id: str) -> Mapping[datetime, frozenset[int]]:
    """Start → which reminders of it count as sent, in minutes before it."""
    query = select(PlacementReminder.start, PlacementReminder.before_min)
    found: dict[datetime, set[int]] = {}
    for start, minutes in await session.execute(query.where(PlacementReminder.placement_id == placement_id)):
        found.setdefault(start, set()).add(minutes)
    return {start: frozenset(minutes) for start, minutes in found.items()}


async def over(session: AsyncSession, now: datetime, limit: int) -> Sequence[str]:
    """Bulletins of which something has expired, and that do not say so yet."""
    ended = Bulletin.state.in_(_OPEN) & or_(
        Bulletin.air_until <= now, Bulletin.approved_revision.is_(None) & (Bulletin.valid_until <= now)
    )
    return (await session.scalars(select(Bulletin.id).where(ended).order_by(Bulletin.id).limit(limit))).all()


async def waiting_placements(session: AsyncSession, now: datetime, limit: int) -> Sequence[tuple[Bulletin, Placement]]:
    """Those that wait for an approval, have a start or a slot, and are to be looked at by now."""
    query = select(Bulletin, Placement).join(Placement, Placement.bulletin_id == Bulletin.id)
    query = query.where(Placement.state == "reserved", Placement.look_at <= now)
    query = query.where(or_(Placement.start.is_not(None), Placement.slot_unit_id.is_not(None)))
    rows = await session.execute(query.order_by(Placement.look_at, Placement.id).limit(limit))
    return [(row, one) for row, one in rows]


async def look_again(session: AsyncSession, at: Mapping[str, datetime]) -> None:
    """When to look at placements again; those that somebody decided on meanwhile are left alone."""
    for placement_id, instant in sorted(at.items()):
        same = (Placement.id == placement_id, Placement.state == "reserved")
        await session.execute(update(Placement).where(*same).values(look_at=instant))


async def with_ended_placement(session: AsyncSession, now: datetime, limit: int) -> Sequence[str]:
    """Bulletins with a placement at a time that is over."""
    query = select(Placement.bulletin_id).where(Placement.state == "placed", Placement.until <= now)
    return (await session.scalars(query.distinct().order_by(Placement.bulletin_id).limit(limit))).all()
