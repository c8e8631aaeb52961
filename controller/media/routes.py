"""Sounds over HTTP: upload one, join some, list them. What takes time is a job; callers may wait, or look later."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import Field, model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.may import Allowed, May, carry
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.models import Body, IdField, Title
from controller.jobs.spool import Incoming
from controller.jobs.tables import JobRow
from controller.library import labelling
from controller.library import service as library
from controller.library.labelling import LabelFields
from controller.library.labels import KEY
from controller.media import answers, intake_job, join_job, joining, service, store
from controller.media.answers import AssetView, Wanted, WaveformView
from controller.media.known import known
from controller.media.upload import FORM, Upload, plain_name, plain_text, receive
from controller.media.waveform import svg
from controller.media.wish_fields import WishFields, of_form
from controller.media.wishes import IntakeWishes, understood
from controller.runtime.ids import new_id
from controller.runtime.server import Controller
from controller.runtime.waiting import unbroken

router = APIRouter(tags=["media"])
MOST_PARTS = 50
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FIELDS = {
    "file": {"type": "string", "format": "binary"},
    "title": {"type": "string"},
    **{name: {"type": "string", "description": "as in the query"} for name in WishFields.model_fields},
}
_FORM = {"schema": {"type": "object", "required": ["file"], "properties": _FIELDS}}
_BODY = {"requestBody": {"required": True, "content": {FORM: _FORM, "application/octet-stream": _BINARY}}}

_SVG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/svg+xml": {}}}}

_SOUND: dict[int | str, dict[str, Any]] = {
    200: {"content": dict.fromkeys(("audio/ogg", "audio/mpeg"), _BINARY), "description": "The whole sound"},
    206: {"description": "The part that `Range` asks for"},
}
_AS_IT_IS = {"Cache-Control": "private, no-cache"}

Prefer = Annotated[str, Header(description="`respond-async`: answer 202 at once")]
Key = Annotated[str | None, Header()]


class Named(WishFields, LabelFields):
    """What people call the sound and wish of it, if not by fields of the form; `file_name` of a bare body.

    The labels are words of the query alone: they are checked before a byte of the file is received.
    """

    title: Title | None = None
    file_name: Annotated[str, Field(max_length=300)] = ""


class PartBody(Body):
    """One part of a joined sound: a chime by its name, a pause, or a sound of the library; exactly one of them."""

    chime: Annotated[str, Field(max_length=40)] | None = None
    pause_ms: Annotated[int, Field(ge=0)] | None = None
    asset_id: IdField | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("a part has exactly one of chime, pause_ms and asset_id")
        return self


class JoinBody(Body):
    """What to join, in its order; `unit`: whose it is, and against whose quota it counts."""

    title: Title
    unit: IdField | None = None
    parts: Annotated[list[PartBody], Field(max_length=MOST_PARTS)]


@router.get("/media")
async def list_media(session: Read, may: Allowed) -> list[AssetView]:
    """The newest sounds; for people, those of their units and of the units above."""
    await may.reach(Permission.KNOW)
    return [AssetView.model_validate(asset) for asset in await store.newest(session, 200, await known(session))]


@router.get("/media/{asset_id}")
async def get_media(asset_id: str, session: Read) -> AssetView:
    """One sound."""
    return AssetView.model_validate(await service.require(session, asset_id))


@router.get("/media/{asset_id}/sound", response_class=FileResponse, responses=_SOUND)
async def hear(
    asset_id: IdField, session: Read, controller: TheController, codec: Literal["opus", "mp3"] = "opus"
) -> FileResponse:
    """The bytes of a sound as devices get them: what is approved can be heard. A part of them by `Range`, too."""
    asset, rendition = await library.sound(session, asset_id, codec)
    await controller.objects.size(rendition.sha256)
    return FileResponse(
        controller.objects.path(rendition.sha256),
        media_type=rendition.media_type,
        filename=f"{_file_name(asset.title) or asset.id}.{codec}",
        content_disposition_type="inline",
        headers={**_AS_IT_IS, "ETag": f'"{rendition.sha256}"'},
    )


@router.get("/media/{asset_id}/waveform")
async def get_waveform(asset_id: str, session: Read) -> WaveformView:
    """The picture of a sound as figures, a few kilobytes however long it is."""
    asset, picture = await service.picture_of(session, asset_id)
    return WaveformView(duration_ms=asset.duration_ms, **picture.told())


@router.get("/media/{asset_id}/waveform.svg", response_class=Response, responses=_SVG)
async def draw_waveform(asset_id: str, session: Read) -> Response:
    """The picture of a sound, drawn."""
    asset, picture = await service.picture_of(session, asset_id)
    target_lufs = understood(asset.facts.get("wishes", {})).loudness_lufs
    return Response(svg(picture, asset.duration_ms, target_lufs), media_type="image/svg+xml")


@router.post("/media", status_code=201, response_model=AssetView, responses=answers.RESPONSES, openapi_extra=_BODY)
async def upload(  # noqa: PLR0917 - one a word of the request
    request: Request,
    controller: TheController,
    named: Annotated[Named, Query()],
    may: Allowed,
    prefer: Prefer = "",
    idempotency_key: Key = None,
) -> Response:
    """Take in a sound file of any common format, with what is wished of it.

    The same file with the same wishes gives the sound that is already there.

    The file is the field `file` of a form, or the bare body. The answer comes when the sound is ready, or, with
    `Prefer: respond-async`, at once with the job's address; so it does for who has waited 15 minutes.
    """
    labels = await labelling.checked(controller, named, may)
    job_id = new_id(controller.clock.now())
    async with controller.spool.receiving(job_id) as incoming:
        found = await receive(request.headers.get("content-type", ""), request.stream(), incoming)
        usual = of_form(found.fields).on_top_of(controller.library.usual)
        wishes = named.on_top_of(usual)
        wanted = _wanted(request, found, named, await incoming.seal(), incoming, wishes)
        wanted = replace(wanted, given={**wanted.given, KEY: labels.told()})
        row, replayed = await unbroken(_commit(controller, incoming, wanted, wishes, idempotency_key, may))
    controller.wake_jobs()
    return await answers.answer(controller, row, prefer, replayed=replayed)


@router.post("/media/joined", status_code=201, response_model=AssetView, responses=answers.RESPONSES)
async def join(  # noqa: PLR0917 - one a word of the request
    request: Request,
    controller: TheController,
    body: JoinBody,
    may: Allowed,
    prefer: Prefer = "",
    idempotency_key: Key = None,
) -> Response:
    """Join chimes, pauses and short sounds of the library, of 2 minutes in all at most, into one new sound.

    The same parts again give the sound that is already there. Answered as an upload is.
    """
    labels = await labelling.checked(controller, LabelFields(unit=body.unit), may)
    parts = joining.understood([part.model_dump(exclude_none=True) for part in body.parts])
    wanted = Wanted(
        job_id=new_id(controller.clock.now()),
        kind=join_job.KIND,
        title=body.title,
        given={"parts": joining.told(parts), KEY: labels.told()},
        digest=answers.digest_of(request, body.model_dump_json(exclude_none=True)),
    )

    async def accept(session: AsyncSession) -> tuple[JobRow, bool]:
        carry(session, may)
        await join_job.require_joinable(session, parts)
        return await answers.accept(controller, session, wanted, idempotency_key, may.actor)

    row, replayed = await controller.db.attempt(accept)
    controller.wake_jobs()
    return await answers.answer(controller, row, prefer, replayed=replayed)


def _file_name(title: str) -> str:
    """A title as the name of a file: no folder is in it."""
    return plain_name(title.replace("/", "-").replace("\\", "-"))


def _wanted(  # noqa: PLR0917
    request: Request, found: Upload, named: Named, sha256: str, incoming: Incoming, wishes: IntakeWishes
) -> Wanted:
    """The form's boundary does not make it another request; file, names, wishes and the caller do."""
    name = found.file_name or plain_name(named.file_name)
    title = named.title or plain_text(found.fields.get("title", "")) or Path(name).stem or "không tên"
    digest = answers.digest_of(request, f"{sha256}\n{name}\n{title}\n{wishes.key()}")
    given = {"file_name": name, "source_sha256": sha256, "bytes": incoming.total_bytes, "wishes": wishes.told()}
    return Wanted(incoming.job_id, intake_job.KIND, title[:300], given, digest)


async def _commit(  # noqa: PLR0917
    controller: Controller, incoming: Incoming, wanted: Wanted, wishes: IntakeWishes, key: str | None, may: May
) -> tuple[JobRow, bool]:
    """Accept it; whoever loses interest meanwhile, the file stays where its job does."""

    async def accept(session: AsyncSession) -> tuple[JobRow, bool]:
        carry(session, may)
        await service.require_doable(session, wishes)
        return await answers.accept(controller, session, wanted, key, may.actor)

    row, replayed = await controller.db.attempt(accept)
    incoming.kept = not replayed
    return row, replayed
