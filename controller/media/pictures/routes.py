"""Images and videos over HTTP: hand one in. Looked at and searched with the rest of the library."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import Field

from controller.access.may import Allowed, May
from controller.api.dependencies import TheController
from controller.api.models import Title
from controller.jobs.spool import Incoming
from controller.jobs.tables import JobRow
from controller.library import labelling
from controller.library.labelling import LabelFields
from controller.library.labels import KEY, Labels
from controller.media import answers
from controller.media.answers import AssetView, Wanted
from controller.media.pictures import job
from controller.media.upload import FORM, Upload, plain_name, plain_text, receive
from controller.runtime.ids import new_id
from controller.runtime.server import Controller
from controller.runtime.waiting import unbroken

router = APIRouter(tags=["media"])
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FIELDS = {"file": {"type": "string", "format": "binary"}, "title": {"type": "string"}}
_FORM = {"schema": {"type": "object", "required": ["file"], "properties": _FIELDS}}
_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {FORM: _FORM, "application/octet-stream": _BINARY}}
}


@dataclass(frozen=True, slots=True)
class _Said:
    """What a request says; the job's id and the size come from the spool."""

    title: str
    given: dict[str, Any]
    digest: str


class Named(LabelFields):
    """What people call it, if not by a field `title` of the form; `file_name` of a bare body."""

    title: Title | None = None
    file_name: Annotated[str, Field(max_length=300)] = ""


@router.post("/pictures", status_code=201, response_model=AssetView, responses=answers.RESPONSES, openapi_extra=_BODY)
async def upload(  # noqa: PLR0917 - one a header
    request: Request,
    controller: TheController,
    named: Annotated[Named, Query()],
    may: Allowed,
    prefer: Annotated[str, Header(description="`respond-async`: answer 202 at once")] = "",
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Response:
    """Take in an image (PNG, JPEG, GIF, WebP, BMP) or a video of at most 2 minutes (MP4, MOV, WebM, MKV, AVI).

    The file is the field `file` of a form, or the bare body. Answered as an upload of a sound is; the same file again
    gives what is already there.
    """
    labels = await labelling.checked(controller, named, may)
    job_id = new_id(controller.clock.now())
    async with controller.spool.receiving(job_id) as incoming:
        found = await receive(request.headers.get("content-type", ""), request.stream(), incoming)
        wanted = _wanted(request, found, named, labels, await incoming.seal())
        row, replayed = await unbroken(_commit(controller, incoming, wanted, idempotency_key, may))
    controller.wake_jobs()
    return await answers.answer(controller, row, prefer, replayed=replayed)


def _wanted(request: Request, found: Upload, named: Named, labels: Labels, sha256: str) -> _Said:
    name = found.file_name or plain_name(named.file_name)
    title = named.title or plain_text(found.fields.get("title", "")) or Path(name).stem or "không tên"
    digest = answers.digest_of(request, f"{sha256}\n{name}\n{title}\n{labels}")
    given = {"file_name": name, "source_sha256": sha256, KEY: labels.told()}
    return _Said(title[:300], given, digest)


async def _commit(
    controller: Controller, incoming: Incoming, said: _Said, key: str | None, may: May
) -> tuple[JobRow, bool]:
    """Accept it; whoever loses interest meanwhile, the file stays where its job does."""
    given = {**said.given, "bytes": incoming.total_bytes}
    wanted = Wanted(incoming.job_id, job.KIND, said.title, given, said.digest)
    row, replayed = await controller.db.attempt(
        lambda session: answers.accept(controller, session, wanted, key, may.actor)
    )
    incoming.kept = not replayed
    return row, replayed
