"""The form of a bulletin's content as it comes: its words, and a file that is never held in memory.

Who sends it is known, and may write, before a byte of the file is read. A form that a script sends (`Loa-Kept`) is
answered in a way that the script understands, so that nothing of it is lost where an answer does not come.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import IO

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from controller.access.rules import Permission
from controller.media.errors import MediaTooLarge
from controller.media.upload import FORM, FormLimits, UploadUnreadable, receive
from controller.web.backend import Refused
from controller.web.forms import Form
from controller.web.visits import Page, Visit, refused_page, signed_page

KEPT = "loa-kept"
"""The header of a form that a script sends and keeps until it is answered."""
_GO = "Loa-Go"
_BLOCK = 256 * 1024
_IN_MEMORY = 512 * 1024
_LIMITS = FormLimits(field_bytes=200_000, parts=40, needs_file=False)


@dataclass(slots=True)
class Kept:
    """A file that came with a form."""

    file: IO[bytes]
    most_bytes: int
    total_bytes: int = 0
    name: str = ""

    async def write(self, block: bytes) -> None:
        """Append a block."""
        self.total_bytes += len(block)
        if self.total_bytes > self.most_bytes:
            raise MediaTooLarge("the file is larger than one may be", most_bytes=self.most_bytes)
        await asyncio.to_thread(self.file.write, block)

    async def blocks(self) -> AsyncIterator[bytes]:
        """From its beginning."""
        self.file.seek(0)
        while block := await asyncio.to_thread(self.file.read, _BLOCK):
            yield block


WithFile = Callable[[Visit, Kept], Awaitable[Response]]


def page_with_file(page: WithFile, permission: Permission) -> Callable[[Request], Awaitable[Response]]:
    """A page whose form may carry one file."""

    async def read(visit: Visit) -> Response:
        most = visit.request.app.state.controller.settings.upload_max_bytes
        with SpooledTemporaryFile(_IN_MEMORY) as file:
            kept = Kept(file, most)
            try:
                await _read(visit, kept)
            except (UploadUnreadable, MediaTooLarge) as error:
                status = (
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE if isinstance(error, MediaTooLarge) else HTTPStatus.BAD_REQUEST
                )
                problem = {"code": error.code, "detail": str(error)}
                return told(visit, refused_page(visit, Refused(status, problem)))
            return told(visit, await page(visit, kept))

    return signed_page(read, permission, reads_form=False)


async def _read(visit: Visit, kept: Kept) -> None:
    kind = visit.request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != FORM:
        raise UploadUnreadable("the form did not come as one with a file")
    found = await receive(kind, visit.request.stream(), kept, _LIMITS)
    kept.name = found.file_name
    visit.take(Form({name: value.replace("\r\n", "\n") for name, value in found.fields.items()}))


def kept_page(page: Page) -> Page:
    """A page whose form a script may send."""

    async def answer(visit: Visit) -> Response:
        return told(visit, await page(visit))

    return answer


def told(visit: Visit, response: Response) -> Response:
    """For a script: where to go on, or what is wrong at which field; for a browser as it is."""
    if KEPT not in visit.request.headers:
        return response
    where = response.headers.get("location")
    if where is not None:
        answer = Response(status_code=HTTPStatus.NO_CONTENT, headers={_GO: where})
    elif response.status_code >= HTTPStatus.BAD_REQUEST:
        errors = visit.form.errors or {"": visit.reason(Refused(response.status_code, {}))}
        answer = JSONResponse({"errors": errors, "code": visit.form.code}, response.status_code)
    else:
        return response
    for name, value in response.raw_headers:
        if name == b"set-cookie":
            answer.raw_headers.append((name, value))
    return answer
