"""All queries about jobs. What changes a job under way names its lease: a worker that lost it changes nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controller.jobs import rules
from controller.jobs.rules import ENDED, OPEN, JobState, Step
from controller.jobs.tables import JobRow

_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt at a job by one owner."""

    id: str
    kind: str
    title: str
    attempt: int
    owner: str
    progress: float
    given: dict[str, Any]


async def find(session: AsyncSession, job_id: str) -> JobRow | None:
    """One job as it is now."""
    return await session.get(JobRow, job_id, populate_existing=True)


async def locked(session: AsyncSession, job_id: str) -> JobRow | None:
    """One job, held for a change."""
    query = select(JobRow).where(JobRow.id == job_id).with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(query)).one_or_none()


async def newest(session: AsyncSession, limit: int, *where: ColumnElement[bool]) -> Sequence[JobRow]:
    """The latest first."""
    query = select(JobRow).where(*where).order_by(JobRow.created_at.desc(), JobRow.id.desc()).limit(limit)
    return (await session.scalars(query)).all()


async def waiting(session: AsyncSession) -> int:
    """How many have not ended."""
    return await session.scalar(select(func.count()).select_from(JobRow).where(JobRow.state.in_(OPEN))) or 0


async def any_free(session: AsyncSession, now: datetime, kinds: Collection[str]) -> bool:
    """Whether `claim` would find one; takes no lock."""
    return (await session.scalar(select(JobRow.id).where(*_free(now, kinds)).limit(1))) is not None


async def claim(
    session: AsyncSession, *, owner: str, now: datetime, lease: timedelta, kinds: Collection[str]
) -> tuple[Claim | None, list[str]]:
    """Take the oldest free job; gives it, and the ids of those that were given up on the way."""
    query = select(JobRow).where(*_free(now, kinds)).order_by(JobRow.created_at, JobRow.id).limit(_AT_ONCE)
    given_up: list[str] = []
    for row in await session.scalars(query.with_for_update(skip_locked=True)):
        match rules.look(row.state, lease_until=row.lease_until, attempts=row.attempts, now=now):
            case Step.GIVE_UP:
                _end(row, JobState.FAILED, now)
                row.error_code = "job_gave_up"
                row.error_message = f"{row.attempts} attempts ended with the death of their process; look at its log"
                given_up.append(row.id)
            case Step.TAKE:
                row.state, row.attempts = JobState.RUNNING, row.attempts + 1
                row.lease_owner, row.lease_until = owner, now + lease
                row.started_at = row.started_at or now
                return Claim(row.id, row.kind, row.title, row.attempts, owner, row.progress, row.given), given_up
            case Step.LEAVE:
                continue
    return None, given_up


async def extend(session: AsyncSession, claim: Claim, *, progress: float, until: datetime) -> bool:
    """Keep the lease and note the progress; False if the job is no longer this attempt's."""
    changed = update(JobRow).where(*_mine(claim)).values(progress=progress, lease_until=until)
    return (await session.scalar(changed.returning(JobRow.id))) is not None


async def hold(session: AsyncSession, claim: Claim) -> JobRow | None:
    """The job, locked, if it is still this attempt's."""
    query = select(JobRow).where(*_mine(claim)).with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(query)).one_or_none()


def done(row: JobRow, asset_id: str | None, now: datetime) -> None:
    """End a held job well."""
    _end(row, JobState.DONE, now)
    row.progress, row.asset_id = 1.0, asset_id


def failed(row: JobRow, *, code: str, message: str, details: dict[str, Any], now: datetime) -> None:
    """End a held job with the reason why."""
    _end(row, JobState.FAILED, now)
    row.error_code, row.error_message, row.error_details = code, message[:1000], details


def cancelled(row: JobRow, now: datetime) -> None:
    """End a job because somebody wants it no more."""
    _end(row, JobState.CANCELLED, now)


def released(row: JobRow, *, again_at: datetime | None) -> None:
    """Give a held job back: at once and without counting the attempt, or to be tried again at an instant."""
    row.lease_owner, row.lease_until = None, again_at
    if again_at is None:
        row.state, row.attempts = JobState.QUEUED, row.attempts - 1


async def open_among(session: AsyncSession, ids: Collection[str]) -> set[str]:
    """Those jobs that have not ended."""
    return set(await session.scalars(select(JobRow.id).where(JobRow.id.in_(ids), JobRow.state.in_(OPEN))))


async def leased_among(session: AsyncSession, ids: Collection[str], now: datetime) -> dict[str, int]:
    """The attempt of each of those jobs that somebody works on."""
    query = select(JobRow.id, JobRow.attempts).where(JobRow.id.in_(ids), JobRow.state == JobState.RUNNING)
    return {row.id: row.attempts for row in await session.execute(query.where(JobRow.lease_until > now))}


async def forget(session: AsyncSession, before: datetime) -> None:
    """Drop jobs that ended long ago."""
    await session.execute(delete(JobRow).where(JobRow.state.in_(ENDED), JobRow.ended_at < before))


def _end(row: JobRow, state: JobState, now: datetime) -> None:
    row.state, row.ended_at = state, now
    row.lease_owner, row.lease_until = None, None


def _free(now: datetime, kinds: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    lapsed = or_(JobRow.lease_until.is_(None), JobRow.lease_until <= now)
    return JobRow.state.in_(OPEN), lapsed, JobRow.kind.in_(kinds)


def _mine(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return (
        JobRow.id == claim.id,
        JobRow.state == JobState.RUNNING,
        JobRow.lease_owner == claim.owner,
        JobRow.attempts == claim.attempt,
    )
