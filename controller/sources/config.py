"""The list of sources, a YAML file named by the setting `sources`; read once at start, refused as a whole."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from controller.sources.bulletin import UnitCode
from controller.sources.errors import SourcesInvalid
from loa_protocol import hand_written
from loa_protocol.hand_written import HandWrittenInvalid
from loa_protocol.ids import Id, Level, Volume

Seconds = Annotated[float, Meta(ge=0.1, le=3600)]


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source system.

    It speaks in the name of `unit` to that unit and all below it, or only to `areas` (official codes) and what is below
    them. `poll_s`: how often it is looked at; `settle_s`: how long a file must stay unchanged; `devices`: whether
    results name every device; `kind`: whose system it is, which its bulletins are listed under.
    """

    name: Id
    dialect: Literal["folder"]
    path: Annotated[str, Meta(min_length=1)]
    unit: Id
    kind: Literal["province", "ministry", "cap"] = "province"
    areas: tuple[UnitCode, ...] = ()
    levels: tuple[Level, ...] = (Level.NORMAL, Level.PRIORITY)
    poll_s: Seconds = 1.0
    settle_s: Seconds = 2.0
    devices: bool = False
    volume: Volume = 70
    chime: bool = False


class Sources(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    sources: Annotated[tuple[Source, ...], Meta(min_length=1, max_length=50)]


def load(path: Path) -> tuple[Source, ...]:
    """Read the list; relative paths are relative to it.

    Raises:
        SourcesInvalid: with the file, the line and the reason.
    """
    try:
        found = hand_written.read(path.read_text(encoding="utf-8"), Sources).sources
    except (OSError, UnicodeDecodeError) as error:
        raise SourcesInvalid(f"{path} cannot be read ({error}); correct LOA_SOURCES") from error
    except HandWrittenInvalid as error:
        raise SourcesInvalid(f"{path}, {error}") from error
    for what, values in (("name", [s.name for s in found]), ("path", [s.path for s in found])):
        if len(set(values)) != len(values):
            raise SourcesInvalid(f"{path}: two sources have the same {what}; give each its own")
    for source in found:
        if Level.EMERGENCY in source.levels:
            raise SourcesInvalid(
                f"{path}: {source.name} may not send emergencies here; they are released as alerts by their approvers"
            )
    return tuple(msgspec.structs.replace(s, path=str(path.parent / s.path)) for s in found)
