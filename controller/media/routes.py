"""Sounds over HTTP: upload one, list them. An upload is a background job; callers may wait for it, or look later."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from controller.api import idempotency
from controller.api.dependencies import Read, TheController
from controller.api.errors import of_code
from controller.api.models import Body, Title, View
from controller.jobs import service as jobs
from controller.jobs.routes import JobView, view_of
from controller.jobs.rules import ENDED, JobState
from controller.jobs.spool import Incoming
from controller.jobs.tables import JobRow
from controller.media import service, store
from controller.media.intake_job import KIND
from controller.media.upload import FORM, Upload, plain_name, plain_text, receive
from controller.runtime.ids import new_id
from controller.runtime.server import Controller
from controller.runtime.waiting import unbroken

router = APIRouter(tags=["media"])
WAIT_S = 900.0
REQUESTED_BY = "api"
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FIELDS = {"file": {"type": "string", "format": "binary"}, "title": {"type": "string"}}
_FORM = {"schema": {"type": "object", "required": ["file"], "properties": _FIELDS}}
_BODY = {"requestBody": {"required": True, "content": {FORM: _FORM, "application/octet-stream": _BINARY}}}


class Named(Body):
    """What people call the sound, if not by a field `title` of the form; `file_name` of a bare body."""

    title: Title | None = None
    file_name: Annotated[str, Field(max_length=300)] = ""


class AssetView(View):
    """A sound as it was taken in. Levels: LUFS and dBTP of the encoded file."""

    id: str
    title: str
    source_sha256: str
    duration_ms: int
    loudness_lufs: float
    true_peak_dbtp: float
    facts: dict[str, Any]
    created_at: datetime


@router.get("/media")
async def list_media(session: Read) -> list[AssetView]:
    """The newest sounds."""
    return [AssetView.model_validate(asset) for asset in await store.newest(session, limit=200)]


@router.get("/media/{asset_id}")
async def get_media(asset_id: str, session: Read) -> AssetView:
    """One sound."""
    return AssetView.model_validate(await service.require(session, asset_id))


@router.post(
    "/media",
    status_code=201,
    response_model=AssetView,
    responses={202: {"model": JobView, "description": "Accepted as a job: see its `Location`"}},
    openapi_extra=_BODY,
)
async def upload(
    request: Request,
    controller: TheController,
    named: Annotated[Named, Query()],
    prefer: Annotated[str, Header(description="`respond-async`: answer 202 at once")] = "",
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Response:
    """Take in a sound file of any common format. The same file again gives the sound that is already there.

    The file is the field `file` of a form, or the bare body. The answer comes when the sound is ready, or, with
    `Prefer: respond-async`, at once with the job's address; so it does for who has waited 15 minutes.
    """
    job_id = new_id(controller.clock.now())
    async with controller.spool.receiving(job_id) as incoming:
        found = await receive(request.headers.get("content-type", ""), request.stream(), incoming)
        wanted = _wanted(request, found, named, await incoming.seal(), incoming)
        row, replayed = await unbroken(_commit(controller, incoming, wanted, idempotency_key))
    controller.wake_jobs()
    headers = {"Location": f"/api/v1/jobs/{row.id}", **(idempotency.REPLAYED if replayed else {})}
    if "respond-async" not in prefer.lower():
        row = await jobs.end_of(controller.db, row.id, WAIT_S)
        if row.state in ENDED:
            return await _result(controller, row, headers)
    return JSONResponse(jsonable_encoder(view_of(row)), 202, headers)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One upload, received; `digest` makes it the same request as another."""

    job_id: str
    title: str
    given: dict[str, Any]
    digest: str


def _wanted(request: Request, found: Upload, named: Named, sha256: str, incoming: Incoming) -> _Wanted:
    """The form's boundary does not make it another request; file, names and the caller do."""
    name = found.file_name or plain_name(named.file_name)
    title = named.title or plain_text(found.fields.get("title", "")) or Path(name).stem or "không tên"
    head = f"{request.method} {request.url.path}\n{request.headers.get('authorization', '')}\n"
    digest = hashlib.sha256(f"{head}{sha256}\n{name}\n{title}".encode()).hexdigest()
    given = {"file_name": name, "source_sha256": sha256, "bytes": incoming.total_bytes}
    return _Wanted(incoming.job_id, title[:300], given, digest)


async def _commit(controller: Controller, incoming: Incoming, wanted: _Wanted, key: str | None) -> tuple[JobRow, bool]:
    """Accept it; whoever loses interest meanwhile, the file stays where its job does."""
    row, replayed = await controller.db.attempt(lambda session: _accept(controller, session, wanted, key))
    incoming.kept = not replayed
    return row, replayed


async def _accept(
    controller: Controller, session: AsyncSession, wanted: _Wanted, key: str | None
) -> tuple[JobRow, bool]:
    """The new job, or with a key that was used before the job it made; and whether it was the latter."""
    now = controller.clock.now()
    if key is not None and (known := await idempotency.recall(session, key, wanted.digest)) is not None:
        return await jobs.require(session, json.loads(known.body)["job_id"]), True
    row = await jobs.submit(
        session,
        job_id=wanted.job_id,
        kind=KIND,
        title=wanted.title,
        given=wanted.given,
        requested_by=REQUESTED_BY,
        now=now,
        most_waiting=controller.settings.jobs_waiting,
    )
    if key is not None:
        body = json.dumps({"job_id": row.id})
        await idempotency.remember(session, key, wanted.digest, status=202, body=body, now=now)
    return row, False


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
