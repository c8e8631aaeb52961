"""The words of a request that label what is handed in; checked before a byte of the file is read."""

from typing import Annotated

from pydantic import Field

from controller.access import subjects
from controller.access.may import May
from controller.access.rules import Permission
from controller.api.models import Body, IdField, LanguageField
from controller.library import quotas
from controller.library.errors import UnitNeeded
from controller.library.labels import TEXT_CHARACTERS, Labels, Origin
from controller.runtime.server import Controller
from controller.units import service as units


class LabelFields(Body):
    """`unit`: whose it is, and against whose quota it counts; `text`: what is said in it, to be found by."""

    unit: IdField | None = None
    language: LanguageField | None = None
    origin: Origin = Origin.UPLOAD
    text: Annotated[str, Field(max_length=TEXT_CHARACTERS)] = ""


async def require_writable(unit_id: str | None, may: May) -> None:
    """Whether something may be handed in for a unit; what is nobody's, nobody could use but who acts everywhere.

    Raises:
        UnitNeeded, UnitUnknown, NotAllowed, SecondFactorNeeded: as `checked`.
    """
    if unit_id is not None:
        await may.require_of(Permission.WRITE, subjects.UNIT, unit_id)
    elif not await may.holds(Permission.WRITE, [None]):
        raise UnitNeeded(
            "say whose it is: name a unit for which you write",
            vi="cần chọn đơn vị của tệp này (--unit <mã đơn vị>): đơn vị mà bạn được soạn nội dung",
        )
    may.asked = True


async def checked(controller: Controller, fields: LabelFields, may: May) -> Labels:
    """Whether whoever hands it in may do so for the unit, which is there and has room.

    Raises:
        UnitNeeded: it would be nobody's, and who hands it in may not act everywhere.
        UnitUnknown: there is none.
        NotAllowed, SecondFactorNeeded: they do not write for it.
        QuotaFull: it has as much as it may.
    """
    await require_writable(fields.unit, may)
    if fields.unit is not None:
        async with controller.db.reading() as session:
            await units.require_open(session, fields.unit)
            await quotas.require_room(session, fields.unit, controller.settings.library_quota_bytes)
    return Labels(unit_id=fields.unit, language=fields.language, origin=fields.origin, text=fields.text)
