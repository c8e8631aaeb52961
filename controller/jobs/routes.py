"""Background jobs over HTTP: look, list, cancel. They are made where their work belongs, e.g. at `POST /media`.

A job is its maker's: others see neither it nor what it says; whoever may act everywhere sees all of them.
"""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.may import Allowed, May
from controller.api.dependencies import Read, TheController
from controller.api.models import View
from controller.jobs import service, store
from controller.jobs.tables import JobRow

router = APIRouter(tags=["jobs"])


class JobErrorView(View):
    """Why a job failed: the same code and message as a refused request."""

    code: str
    message: str
    details: dict[str, Any]


class JobView(View):
    """A job. `progress` is 0…1; `asset_id` its result once `state` is `done`; `attempts` counts the begun ones.

    `requested_by`: the person who asked for it; `api` is the token of whoever runs the controller, `source:…` a source.
    """

    id: str
    kind: str
    title: str
    state: str
    progress: float
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    attempts: int
    asset_id: str | None
    error: JobErrorView | None = None


def view_of(row: JobRow) -> JobView:
    """A row as the API shows it."""
    view = JobView.model_validate(row)
    if row.error_code is None:
        return view
    error = JobErrorView(code=row.error_code, message=row.error_message or "", details=row.error_details or {})
    return view.model_copy(update={"error": error})


@router.get("/jobs")
async def list_jobs(session: Read, may: Allowed) -> list[JobView]:
    """The newest jobs of who asks."""
    return [view_of(row) for row in await store.newest(session, 200, may.mine(JobRow.requested_by))]


@router.get("/jobs/{job_id}")
async def get_job(job_id: str, session: Read, may: Allowed) -> JobView:
    """One job as it is now; `job` events on the event stream tell when to look again."""
    return view_of(await _mine(session, job_id, may))


@router.delete("/jobs/{job_id}")
async def cancel_job(job_id: str, controller: TheController, may: Allowed) -> JobView:
    """Cancel a job: once answered, its work has ended and nothing of it is left. Again gives the same answer."""
    now = controller.clock.now()

    async def cancel(session: AsyncSession) -> JobView:
        await _mine(session, job_id, may)
        return view_of(await service.cancel(session, job_id, now=now))

    view = await controller.db.attempt(cancel)
    await controller.cancelled_job(job_id)
    return view


async def _mine(session: AsyncSession, job_id: str, may: May) -> JobRow:
    """A job, for who asked for it.

    Raises:
        JobUnknown: there is none, or it is somebody else's.
    """
    row = await service.require(session, job_id)
    if not may.is_mine(row.requested_by):
        raise service.unknown(job_id)
    return row
