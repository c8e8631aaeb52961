"""Tables over HTTP: the template to fill in, and a filled one read. Nothing is saved here: the answer is a document.

The caller looks at it, asks for a preview and saves it as any other (`PUT /programmes/{id}`).
"""

import asyncio
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access import subjects
from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.models import Body, IdField, Title
from controller.media.upload import FORM, receive
from controller.schedules import rules, store, writing
from controller.schedules.programme import ProgrammeFile
from controller.schedules.sheets import reading as sheets
from controller.schedules.sheets import results as sheet_results
from controller.schedules.sheets import template as sheet_template
from controller.schedules.sheets import workbooks
from controller.schedules.sheets.workbooks import MAX_BYTES, WorkbookRefused
from controller.units.service import IdTaken

router = APIRouter(tags=["programmes"])
_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "schema": {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
}
_BODY = {"requestBody": {"required": True, "content": {FORM: _FORM, "application/octet-stream": _BINARY}}}
_TEMPLATES: Mapping[str, tuple[str, Any]] = MappingProxyType(
    {"xlsx": (sheet_template.XLSX, sheet_template.as_xlsx), "csv": (sheet_template.CSV, sheet_template.as_csv)}
)


class SheetQuery(Body):
    """What the table does not say; of a programme that there is, its title and its first day count."""

    id: IdField
    unit: IdField
    title: Title | None = None
    begin: Annotated[date | None, Field(alias="from")] = None


class SheetView(BaseModel):
    """What a table says, as a document to save; `examples` are the rows that were passed over.

    `revision` is the programme's, to name when saving; null if there is none yet.
    """

    document: dict[str, Any]
    revision: int | None
    examples: list[int]


@router.get("/programmes/sheet-template", response_class=Response)
async def get_template(form: Annotated[Literal["xlsx", "csv"], Query(alias="format")] = "xlsx") -> Response:
    """The table to fill in, with example rows and, in Excel, a sheet of explanations."""
    media_type, write = _TEMPLATES[form]
    content = await asyncio.to_thread(write)
    return Response(
        content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="lich-phat.{form}"'}
    )


@router.post("/programmes/sheet", openapi_extra=_BODY)
async def read_sheet(
    request: Request,
    session: Read,
    controller: TheController,
    query: Annotated[SheetQuery, Query()],
    may: Allowed,
) -> SheetView:
    """Read a filled table (.xlsx or CSV, 2 MB at most): every mistake by row and column, or the programme it makes."""
    await may.require_of(Permission.PLACE, subjects.UNIT, query.unit)
    gathered = _Gathered()
    await receive(request.headers.get("content-type", ""), request.stream(), gathered)
    rows = await workbooks.rows_of(bytes(gathered.content))
    row = await store.find(session, query.id)
    if row is not None and not await may.holds(Permission.KNOW, [row.unit_id]):
        raise IdTaken(f"{query.id} exists already; choose another id")
    today = controller.clock.now().astimezone(_ZONE).date()
    current = None if row is None else await _current(session, query.id, today)
    frame = sheet_results.frame_of(
        current, programme_id=query.id, unit=query.unit, title=query.title, valid_from=query.begin or today
    )
    sheet = await asyncio.to_thread(sheets.read, rows, frame)
    return SheetView(
        document=msgspec.to_builtins(sheet.programme),
        revision=None if row is None else row.head,
        examples=list(sheet.examples),
    )


async def _current(session: AsyncSession, programme_id: str, today: date) -> ProgrammeFile | None:
    """The programme as of today, with the changes of single occurrences that stand."""
    effective = store.in_force(await store.revisions(session, programme_id), today)
    document = await store.document(session, programme_id, effective[0].number)
    if document is None:
        return None
    changed = rules.changes_of(await store.changes(session, programme_id, today))
    standing = tuple(one for one in changed.values() if writing.says_something(one))
    return msgspec.structs.replace(document, changes=standing)


class _Gathered:
    """A small file in memory."""

    def __init__(self) -> None:
        self.content = bytearray()

    async def write(self, block: bytes) -> None:
        """Append, as long as it is small."""
        if len(self.content) + len(block) > MAX_BYTES:
            raise WorkbookRefused(
                f"tệp lớn hơn {MAX_BYTES} byte; xóa các trang và dòng thừa",
                f"the file has more than {MAX_BYTES} bytes; delete what is not the schedule",
            )
        self.content += block
