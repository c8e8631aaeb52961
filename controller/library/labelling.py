"""The words of a request that label what is handed in; checked before a byte of the file is read."""

from typing import Annotated

from pydantic import Field

from controller.api.models import Body, IdField, LanguageField
from controller.library import quotas
from controller.library.labels import TEXT_CHARACTERS, Labels, Origin
from controller.runtime.server import Controller
from controller.units import service as units


class LabelFields(Body):
    """`unit`: whose it is, and against whose quota it counts; `text`: what is said in it, to be found by."""

    unit: IdField | None = None
    language: LanguageField | None = None
    origin: Origin = Origin.UPLOAD
    text: Annotated[str, Field(max_length=TEXT_CHARACTERS)] = ""


async def checked(controller: Controller, fields: LabelFields) -> Labels:
    """Whether the unit is there and has room.

    Raises:
        UnitUnknown: there is none.
        QuotaFull: it has as much as it may.
    """
    if fields.unit is not None:
        async with controller.db.reading() as session:
            await units.require(session, fields.unit)
            await quotas.require_room(session, fields.unit, controller.settings.library_quota_bytes)
    return Labels(unit_id=fields.unit, language=fields.language, origin=fields.origin, text=fields.text)
