"""Use cases of background jobs: hand one in, look at it, cancel it, wait for its end."""

import asyncio
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from controller.jobs import store
from controller.jobs.kinds import JobOver, JobsFull, JobUnknown
from controller.jobs.rules import ENDED, JobState
from controller.jobs.tables import JobRow
from controller.runtime.database import Database

_FIRST_LOOK_S = 0.05
_LATER_LOOKS_S = 0.5


async def submit(
    session: AsyncSession,
    *,
    job_id: str,
    kind: str,
    title: str,
    given: dict[str, Any],
    requested_by: str,
    now: datetime,
    most_waiting: int,
) -> JobRow:
    """Hand a job in, in the caller's transaction; its file lies in the spool already.

    Raises:
        JobsFull: too many wait.
    """
    if await store.waiting(session) >= most_waiting:
        raise JobsFull(f"{most_waiting} jobs wait already; try again when some have ended")
    row = JobRow(
        id=job_id,
        kind=kind,
        title=title,
        state=JobState.QUEUED,
        progress=0.0,
        given=given,
        requested_by=requested_by,
        created_at=now,
        attempts=0,
    )
    session.add(row)
    await session.flush()
    return row


def unknown(job_id: str) -> JobUnknown:
    """Why nothing is answered about an id: nothing has it, or whoever asks may not know of it."""
    return JobUnknown(f"there is no job {job_id}; ended ones are forgotten after 30 days")


async def require(session: AsyncSession, job_id: str) -> JobRow:
    """The job.

    Raises:
        JobUnknown: there is none.
    """
    row = await store.find(session, job_id)
    if row is None:
        raise unknown(job_id)
    return row


async def cancel(session: AsyncSession, job_id: str, *, now: datetime) -> JobRow:
    """End a job nobody wants any more. After the commit, `Worker.drop` ends its work.

    Raises:
        JobUnknown: there is none.
        JobOver: it has ended otherwise.
    """
    row = await store.locked(session, job_id)
    if row is None:
        raise unknown(job_id)
    if row.state == JobState.CANCELLED:
        return row
    if row.state in ENDED:
        raise JobOver(f"“{row.title}” has ended as {row.state}; there is nothing left to cancel", job=row.id)
    store.cancelled(row, now)
    await session.flush()
    return row


async def end_of(db: Database, job_id: str, within_s: float) -> JobRow:
    """The job once it has ended, or as it is after so many seconds.

    Raises:
        JobUnknown: there is none.
    """
    look_s = _FIRST_LOOK_S
    until_s = asyncio.get_running_loop().time() + within_s
    while True:
        async with db.reading() as session:
            row = await require(session, job_id)
        if row.state in ENDED or asyncio.get_running_loop().time() >= until_s:
            return row
        await asyncio.sleep(look_s)
        look_s = min(look_s * 1.5, _LATER_LOOKS_S)
