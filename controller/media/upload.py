"""A file on its way from a client to the spool, block by block: as a form's `file`, or as the bare body.

Nothing is held in memory but a block, and nothing is written outside the spool; a form's other fields are small.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath, PureWindowsPath
from typing import Protocol

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from loa_protocol.errors import LoaError

_NAME_CHARACTERS = 120
FORM = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class FormLimits:
    """What a form may hold beside its file; `needs_file`: without one it is refused."""

    field_bytes: int = 4096
    parts: int = 10
    needs_file: bool = True


_USUAL = FormLimits()


class UploadUnreadable(LoaError):
    """The request carries no file in a form we read."""

    code = "upload_unreadable"


class Sink(Protocol):
    """Where the file goes; it refuses what is too much."""

    async def write(self, block: bytes) -> None:
        """Append a block."""


@dataclass(slots=True)
class Upload:
    """What came with the file: its name on the client, and the form's other fields."""

    file_name: str = ""
    fields: dict[str, str] = field(default_factory=dict)


async def receive(
    content_type: str, blocks: AsyncIterator[bytes], incoming: Sink, limits: FormLimits = _USUAL
) -> Upload:
    """Write the file to `incoming`.

    Raises:
        UploadUnreadable: the body is not what its content type says, or has no `file`.
        MediaTooLarge, SpoolFull: it does not fit.
    """
    kind, options = parse_options_header(content_type)
    if kind.decode("latin-1").lower() != FORM:
        async for block in blocks:
            await incoming.write(block)
        return Upload()
    boundary = options.get(b"boundary")
    if not boundary:
        raise UploadUnreadable("the form has no boundary; send the file as multipart/form-data, field “file”")
    return await _Form(boundary, incoming, limits).read(blocks)


def plain_name(name: str) -> str:
    """The last part of a path of any system, printable and short; it is shown, never opened."""
    return plain_text(PurePosixPath(PureWindowsPath(name).name).name)[:_NAME_CHARACTERS]


def plain_text(text: str) -> str:
    """Without what no person can see."""
    return "".join(c for c in text if c.isprintable()).strip()


class _Form:
    """The parser's callbacks collect what belongs together; `read` writes it between two blocks."""

    def __init__(self, boundary: bytes, incoming: Sink, limits: FormLimits) -> None:
        self._incoming, self._limits = incoming, limits
        self._upload = Upload()
        self._has_file = self._ended = False
        self._header: dict[bytes, bytes] = {}
        self._header_name, self._header_value = b"", b""
        self._field: str | None = None
        self._value = b""
        self._parts = 0
        self._file_bytes: list[bytes] = []
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_header_field": self._header_field,
                "on_header_value": self._header_part,
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_part_end": self._part_ends,
                "on_end": self._ends,
            },
        )

    async def read(self, blocks: AsyncIterator[bytes]) -> Upload:
        try:
            async for block in blocks:
                self._parser.write(block)
                for part in self._taken():
                    await self._incoming.write(part)
            self._parser.finalize()
        except FormParserError as error:
            raise UploadUnreadable(f"the form cannot be read ({error}); was it cut off?") from error
        if not self._ended:
            raise UploadUnreadable("the form has no end; was it cut off?")
        if self._limits.needs_file and not self._has_file:
            raise UploadUnreadable("the form has no field “file” with a file in it")
        return self._upload

    def _taken(self) -> list[bytes]:
        taken, self._file_bytes = self._file_bytes, []
        return taken

    def _ends(self) -> None:
        self._ended = True

    def _part_begins(self) -> None:
        self._header, self._field, self._value = {}, None, b""
        self._parts += 1
        if self._parts > self._limits.parts:
            raise UploadUnreadable("the form has too many fields")

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _header_part(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_ends(self) -> None:
        self._header[self._header_name.lower()] = self._header_value
        self._header_name, self._header_value = b"", b""

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._header.get(b"content-disposition", b""))
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        if self._field == "file" and self._has_file:
            raise UploadUnreadable("the form has two files; send one at a time")
        if self._field == "file":
            self._has_file = True
            self._upload.file_name = plain_name(options.get(b"filename", b"").decode("utf-8", "replace"))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._field == "file":
            self._file_bytes.append(bytes(data[start:end]))
            return
        self._value += data[start:end]
        if len(self._value) > self._limits.field_bytes:
            raise UploadUnreadable(f"the field {self._field!r} of the form is too long")

    def _part_ends(self) -> None:
        if self._field is not None and self._field != "file":
            self._upload.fields[self._field] = self._value.decode("utf-8", "replace")
