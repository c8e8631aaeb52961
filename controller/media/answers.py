"""How a request that becomes a background job is accepted and answered: now with the job, or later with its sound."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import computed_field
from sqlalchemy.ext.asyncio import AsyncSession

from controller.api import idempotency
from controller.api.errors import of_code
from controller.api.models import View
from controller.jobs import service as jobs
from controller.jobs.routes import JobView, view_of
from controller.jobs.rules import ENDED, JobState
from controller.jobs.tables import JobRow
from controller.media import service, words
from controller.people.acting import Actor
from controller.runtime.server import Controller

WAIT_S = 900.0
REQUESTED_BY = "api"
"""Who asks where nobody in particular does."""
RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"model": JobView, "description": "Accepted as a job: see its `Location`"}
}


class FindingView(View):
    """One finding; the unit of `value` is in the words."""

    code: str
    value: float
    vi: str
    en: str


class AssetView(View):
    """A sound, image or video as it was taken in. Levels: LUFS and dBTP of the encoded sound."""

    id: str
    kind: str
    title: str
    unit_id: str | None
    language: str | None
    origin: str
    source_sha256: str
    duration_ms: int
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    facts: dict[str, Any]
    created_at: datetime

    @computed_field  # type: ignore[prop-decorator]
    @property
    def findings(self) -> list[FindingView]:
        """What was found when it was taken in, in words."""
        found = self.facts.get("findings", {}).items()
        said = [(code, value, words.of_finding(code, value)) for code, value in found]
        return [FindingView(code=code, value=value, vi=one.vi, en=one.en) for code, value, one in said]


class WaveformView(View):
    """The wave as whole percents of full scale, its loudness (LUFS) as the loudest moment of each column."""

    duration_ms: int
    low: list[int]
    high: list[int]
    lufs: list[float]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request as a job to be; `digest` makes it the same request as another."""

    job_id: str
    kind: str
    title: str
    given: dict[str, Any]
    digest: str


def digest_of(request: Request, content: str) -> str:
    """What makes a request the same as another: its address, who asks, and what for."""
    return idempotency.digest_of(request, content.encode())


async def accept(
    controller: Controller, session: AsyncSession, wanted: Wanted, key: str | None, actor: Actor
) -> tuple[JobRow, bool]:
    """The new job, or with a key that was used before the job it made; and whether it was the latter."""
    now = controller.clock.now()
    if key is not None and (known := await idempotency.recall(session, key, wanted.digest)) is not None:
        return await jobs.require(session, json.loads(known.body)["job_id"]), True
    row = await jobs.submit(
        session,
        job_id=wanted.job_id,
        kind=wanted.kind,
        title=wanted.title,
        given=wanted.given,
        requested_by=actor.person_id or REQUESTED_BY,
        now=now,
        most_waiting=controller.settings.jobs_waiting,
    )
    if key is not None:
        body = json.dumps({"job_id": row.id})
        await idempotency.remember(session, key, wanted.digest, status=202, body=body, now=now)
    return row, False


async def answer(controller: Controller, row: JobRow, prefer: str, *, replayed: bool) -> Response:
    """The job at once where the caller prefers that, else its sound when it is ready, or why there is none."""
    headers = {"Location": f"/api/v1/jobs/{row.id}", **(idempotency.REPLAYED if replayed else {})}
    if "respond-async" not in prefer.lower():
        row = await jobs.end_of(controller.db, row.id, WAIT_S)
        if row.state in ENDED:
            return await _result(controller, row, headers)
    return JSONResponse(jsonable_encoder(view_of(row)), 202, headers)


async def _result(controller: Controller, row: JobRow, headers: dict[str, str]) -> Response:
    """What a caller who waited is told: the sound, or the same problem as any refused request."""
    if row.state == JobState.CANCELLED:
        told = f"“{row.title}” was cancelled; hand it in again if it is still wanted"
        return of_code("job_cancelled", told, {"job": row.id})
    if row.asset_id is None:
        return of_code(row.error_code or "job_failed", row.error_message or "", row.error_details or {})
    async with controller.db.reading() as session:
        asset = await service.require(session, row.asset_id)
    return JSONResponse(jsonable_encoder(AssetView.model_validate(asset)), 201, headers)
