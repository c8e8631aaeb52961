"""What units decide on machine voices, over HTTP: whose voice, how fast, and how single words are pronounced."""

from typing import Annotated

from fastapi import APIRouter, Query

from controller.api.dependencies import Read, TheController
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import IdField
from controller.people.acting import Acting
from controller.speech import service, store
from controller.speech.views import ChoiceBody, ChoiceView, PronunciationBody, PronunciationView
from controller.units import service as units

router = APIRouter(tags=["speech"], route_class=WriteRoute)


@router.get("/units/{unit_id}/speech")
async def get_choice(unit_id: IdField, session: Read, controller: TheController) -> ChoiceView:
    """What holds for a unit."""
    return ChoiceView.model_validate(await service.choice(session, unit_id, controller.speech.config))


@router.put("/units/{unit_id}/speech")
async def put_choice(
    unit_id: IdField, body: ChoiceBody, session: Write, controller: TheController, actor: Acting
) -> ChoiceView:
    """Choose voices, speed and pauses for a unit and all below it. A voice that is away may be chosen, too."""
    await service.choose(
        session,
        unit_id,
        voices=body.voices,
        speed=body.speed,
        pause_ms=body.pause_ms,
        made_by=actor.person_id,
        now=controller.clock.now(),
    )
    return ChoiceView.model_validate(await service.choice(session, unit_id, controller.speech.config))


@router.delete("/units/{unit_id}/speech")
async def delete_choice(unit_id: IdField, session: Write, controller: TheController) -> ChoiceView:
    """Choose no more: what is above the unit holds."""
    await units.require(session, unit_id)
    await store.forget_choice(session, unit_id)
    return ChoiceView.model_validate(await service.choice(session, unit_id, controller.speech.config))


@router.get("/units/{unit_id}/pronunciations")
async def list_pronunciations(unit_id: IdField, session: Read) -> list[PronunciationView]:
    """The words that hold for a unit, its own and those of the units above it."""
    return [PronunciationView.model_validate(row) for row in await service.words(session, unit_id)]


@router.put("/units/{unit_id}/pronunciations")
async def put_pronunciation(
    unit_id: IdField, body: PronunciationBody, session: Write, controller: TheController, actor: Acting
) -> PronunciationView:
    """Have a word read in a certain way from now on; readings that were approved stay as they are."""
    row = await service.pronounce(
        session, unit_id, body.written, body.spoken, made_by=actor.person_id, now=controller.clock.now()
    )
    return PronunciationView.model_validate(row)


@router.delete("/units/{unit_id}/pronunciations")
async def delete_pronunciation(
    unit_id: IdField, session: Write, written: Annotated[str, Query(max_length=100)]
) -> list[PronunciationView]:
    """Take a word out of the unit's own list; the words that hold then."""
    await service.unlearn(session, unit_id, written)
    return [PronunciationView.model_validate(row) for row in await service.words(session, unit_id)]
