"""A bulletin as a source system hands it down, whatever its dialect, and the strict JSON the `folder` dialect reads.

Unknown fields are refused: a misspelt one would silently change what is said, where or when. Instants carry a zone.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from controller.sources.errors import SourceMalformed
from loa_protocol import strict_json
from loa_protocol.errors import DocumentInvalid
from loa_protocol.ids import Instant, Level, Sha256Hex, Volume

_END = r"(?![\s\S])"
_VISIBLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*" + _END
FORMAT: Literal["loa-bulletin-1"] = "loa-bulletin-1"
MOST_BYTES = 64 * 1024

ItemId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}" + _END)]
UnitCode = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}" + _END)]
FileName = Annotated[str, Meta(min_length=1, max_length=200)]
Line = Annotated[str, Meta(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*" + _END)]
Text = Annotated[str, Meta(min_length=1, max_length=4000, pattern=_VISIBLE)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything in a bulletin."""


class _When(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """Base of the ways to say when."""


class Now(_When, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="now"):
    """As soon as it is ready."""


class At(_When, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="at"):
    """At an instant."""

    at: Instant


class Window(_When, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="window"):
    """Once, as early as possible within a window; a device that was off may still begin before its end."""

    begin: Instant = msgspec.field(name="from")
    end: Instant = msgspec.field(name="to")


class Audio(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sound: a file beside the bulletin, and, wanted but not required, its SHA-256."""

    file: FileName
    sha256: Sha256Hex | None = None


class Bulletin(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bulletin (bản tin). `areas` are official codes of units; `show_s` is how long boards show `text`."""

    format: Literal["loa-bulletin-1"]
    id: ItemId
    revision: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    state: Literal["active", "withdrawn"] = "active"
    title: Line
    agency: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*" + _END)]
    level: Level
    essential: bool
    areas: Annotated[tuple[UnitCode, ...], Meta(min_length=1, max_length=500)]
    when: Now | At | Window
    valid_until: Instant
    late_s: Annotated[int, Meta(ge=0, le=86_400)] = 300
    audio: Audio | None = None
    text: Text | None = None
    show_s: Annotated[int, Meta(ge=1, le=86_400)] = 60
    volume: Volume | None = None
    repeats: Annotated[int, Meta(ge=1, le=20)] = 1


def read(raw: bytes) -> Bulletin:
    """A bulletin from the bytes of its file.

    Raises:
        SourceMalformed: with the field and the reason.
    """
    if len(raw) > MOST_BYTES:
        raise SourceMalformed("$", f"the file has {len(raw)} bytes, {MOST_BYTES} are allowed")
    try:
        return strict_json.decode(raw, Bulletin)
    except DocumentInvalid as error:
        reason, _, at = str(error).partition(" - at `")
        raise SourceMalformed(at.rstrip("`").removeprefix("$.") or "$", reason) from error


def first_instant(when: Now | At | Window) -> datetime | None:
    """The earliest start asked for; None is now."""
    match when:
        case At():
            return when.at
        case Window():
            return when.begin
        case _:
            return None
