"""Machine voices over HTTP: which there are, how a text is read, hear it, make a sound of it.

A preview is heard at once and kept nowhere; a sound of the library is a background job of the kind `speak`.
"""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access import subjects
from controller.access.may import Allowed, May
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.models import IdField, LanguageField
from controller.jobs.tables import JobRow
from controller.library import labelling
from controller.library.labelling import LabelFields
from controller.library.labels import KEY, TEXT_CHARACTERS, Origin
from controller.media import answers
from controller.media.answers import AssetView, Wanted
from controller.runtime.ids import new_id
from controller.runtime.server import Controller
from controller.speech import previews, readings, service, speak_job
from controller.speech.engines import Wish
from controller.speech.readings import Manner, Proposal
from controller.speech.service import Speaking
from controller.speech.views import ProposalView, SayBody, SpeakBody, TextBody, VoiceView

router = APIRouter(tags=["speech"])

WAV = "audio/wav"
_SOUND: dict[int | str, dict[str, Any]] = {200: {"content": {WAV: {"schema": {"type": "string", "format": "binary"}}}}}

Prefer = Annotated[str, Header(description="`respond-async`: answer 202 at once")]
Key = Annotated[str | None, Header()]


@router.get("/speech/voices")
async def list_voices(
    controller: TheController,
    session: Read,
    may: Allowed,
    unit: IdField | None = None,
    language: LanguageField | None = None,
) -> list[VoiceView]:
    """Voices; those of one language in the order in which they would be tried for a unit."""
    if unit is not None:
        await may.require_of(Permission.KNOW, subjects.UNIT, unit)
    found = await service.choice(session, unit, controller.speech.config)
    if language is None:
        return [VoiceView.model_validate(one) for one in await controller.speech.all_voices()]
    voices = await controller.speech.voices(language, Wish(preferred=found.voices))
    return [VoiceView.model_validate(one) for one in voices]


@router.post("/speech/readings")
async def propose_reading(body: TextBody, controller: TheController, session: Read, may: Allowed) -> ProposalView:
    """How a text would be read: what a person looks at, corrects and approves."""
    await _require_writer(may, body.unit)
    return ProposalView.model_validate(
        await _proposed(controller, session, body.text, language=body.language, unit=body.unit, voice=body.voice),
        from_attributes=True,
    )


@router.post("/speech/preview", responses=_SOUND, response_class=Response)
async def preview(body: SayBody, controller: TheController, may: Allowed) -> Response:
    """Hear up to 500 characters at once, as a WAV as the voice made it.

    `X-Loa-Voice` is who speaks; `X-Loa-Fell-Back` the code of why it is not the voice that was wanted.
    """
    await _require_writer(may, body.unit)
    previews.require_short(body.reading or body.text or "")
    async with controller.db.reading() as session:
        wanted = await _speaking(controller, session, body)
    sound, facts = await controller.previews.heard(new_id(controller.clock.now()), wanted)
    headers = {"X-Loa-Voice": facts["voice"]}
    if facts["fell_back_code"] is not None:
        headers["X-Loa-Fell-Back"] = facts["fell_back_code"]
    return Response(sound, media_type=WAV, headers=headers)


@router.post("/speech", status_code=201, response_model=AssetView, responses=answers.RESPONSES)
async def speak(  # noqa: PLR0917 - one a word of the request
    request: Request,
    controller: TheController,
    body: SpeakBody,
    may: Allowed,
    prefer: Prefer = "",
    idempotency_key: Key = None,
) -> Response:
    """Have a reading spoken and taken in as a sound; its `facts.speech` tell whose voice it is.

    Answered as an upload is: when the sound is ready, or with `Prefer: respond-async` at once with the job's address.
    """
    said = (body.written or body.text or body.reading or "")[:TEXT_CHARACTERS]
    fields = LabelFields(unit=body.unit, language=body.language, origin=Origin.MACHINE, text=said)
    labels = await labelling.checked(controller, fields, may)

    async def accept(session: AsyncSession) -> tuple[JobRow, bool]:
        wanted = await _speaking(controller, session, body)
        await controller.speech.voices(wanted.spoken.language, wanted.wish)
        order = Wanted(
            job_id=new_id(controller.clock.now()),
            kind=speak_job.KIND,
            title=body.title,
            given={**wanted.told(), KEY: labels.told()},
            digest=answers.digest_of(request, body.model_dump_json(exclude_none=True)),
        )
        return await answers.accept(controller, session, order, idempotency_key, may.actor)

    row, replayed = await controller.db.attempt(accept)
    controller.wake_jobs()
    return await answers.answer(controller, row, prefer, replayed=replayed)


async def _require_writer(may: May, unit: str | None) -> None:
    """Who tries a voice writes for the unit whose words it says, or for any, where no unit is named."""
    if unit is None:
        await may.require_anywhere(Permission.WRITE)
    else:
        await may.require_of(Permission.WRITE, subjects.UNIT, unit)


async def _speaking(controller: Controller, session: AsyncSession, body: SayBody) -> Speaking:
    """What a body asks for."""
    if body.reading is not None:
        reading = readings.approved(body.reading)
    else:
        found = await _proposed(
            controller, session, body.text or "", language=body.language, unit=body.unit, voice=body.voice
        )
        reading = found.reading
    return await service.speaking(
        session,
        controller.speech.config,
        reading,
        language=body.language,
        unit_id=body.unit,
        voice=body.voice,
        speed=body.speed,
        pause_ms=body.pause_ms,
    )


async def _proposed(
    controller: Controller, session: AsyncSession, text: str, *, language: str, unit: str | None, voice: str | None
) -> Proposal:
    """As the unit's voice, or the one that is asked for, would say it."""
    chosen = await service.choice(session, unit, controller.speech.config)
    manner = Manner(
        await service.lexicon(session, unit),
        service.today(controller.clock.now()),
        readings.usage_of([voice] if voice else chosen.voices),
    )
    return await asyncio.to_thread(readings.proposed, text, language, manner)
