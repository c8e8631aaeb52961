"""What may be joined into one short clip: chimes, pauses, sounds of the library. Pure.

Parts keep their order; the whole has at most 2 minutes and at least one sound in it. `told` and `understood` are the
parts as plain data: of a request, of a job, of what an asset remembers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loa_protocol.documents.plan import CHIME_MS
from loa_protocol.errors import LoaError

MAX_CLIP_MS = 120_000


class ClipRefused(LoaError):
    """A part is no clip that can be joined."""

    code = "clip_refused"


class ClipTooLong(ClipRefused):
    """A part, or the whole, is longer than a clip may be."""

    code = "clip_too_long"


class NothingToJoin(ClipRefused):
    """There is no part, or none that sounds."""

    code = "nothing_to_join"


class ChimeNotKnown(ClipRefused):
    """No chime has this name."""

    code = "chime_unknown"


REFUSALS: dict[str, type[ClipRefused]] = {
    kind.code: kind for kind in (ClipRefused, ClipTooLong, NothingToJoin, ChimeNotKnown)
}


@dataclass(frozen=True, slots=True)
class Chime:
    """A chime that every device knows too."""

    name: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence between two sounds."""

    duration_ms: int


@dataclass(frozen=True, slots=True)
class Clip:
    """A sound of the library."""

    asset_id: str


Part = Chime | Pause | Clip


def told(parts: Sequence[Part]) -> list[dict[str, str | int]]:
    """The parts as plain data, each with one key: `chime`, `pause_ms` or `asset_id`."""
    return [_told(part) for part in parts]


def understood(plain: Sequence[Mapping[str, Any]]) -> tuple[Part, ...]:
    """The parts again.

    Raises:
        ClipRefused: a part has not exactly one of the keys.
    """
    return tuple(_understood(part) for part in plain)


def asset_ids(parts: Sequence[Part]) -> tuple[str, ...]:
    """The sounds of the library that are needed, each once."""
    return tuple(dict.fromkeys(part.asset_id for part in parts if isinstance(part, Clip)))


def require_joinable(parts: Sequence[Part], lengths_ms: Mapping[str, int]) -> int:
    """The duration of the whole in ms; `lengths_ms` of each sound of the library that is named.

    Raises:
        NothingToJoin: nothing would sound.
        ChimeNotKnown: a chime has no such name.
        ClipTooLong: a part, or the whole, is longer than 2 minutes.
    """
    if all(isinstance(part, Pause) for part in parts):
        raise NothingToJoin("no part sounds; give at least one chime or one sound of the library")
    whole_ms = 0
    for number, part in enumerate(parts, 1):
        length_ms = _length_ms(part, lengths_ms)
        require_short(f"part {number}", length_ms)
        whole_ms += length_ms
    require_short("the whole", whole_ms)
    return whole_ms


def require_short(what: str, duration_ms: int) -> None:
    """Refuse what is longer than a clip may be.

    Raises:
        ClipTooLong: it is, or has a negative length.
    """
    if not 0 <= duration_ms <= MAX_CLIP_MS:
        raise ClipTooLong(
            f"{what} has {duration_ms} ms, {MAX_CLIP_MS} are allowed; shorten it, or broadcast a long sound by itself",
            duration_ms=duration_ms,
            most_ms=MAX_CLIP_MS,
        )


def strange(chime: Chime) -> ChimeNotKnown:
    """The refusal of a chime that nobody knows."""
    return ChimeNotKnown(f"no chime is called {chime.name!r}; known are {', '.join(sorted(CHIME_MS))}")


def _length_ms(part: Part, lengths_ms: Mapping[str, int]) -> int:
    match part:
        case Pause():
            return part.duration_ms
        case Clip():
            return lengths_ms[part.asset_id]
        case Chime() if part.name in CHIME_MS:
            return CHIME_MS[part.name]
    raise strange(part)


def _told(part: Part) -> dict[str, str | int]:
    match part:
        case Chime():
            return {"chime": part.name}
        case Pause():
            return {"pause_ms": part.duration_ms}
        case Clip():
            return {"asset_id": part.asset_id}


def _understood(plain: Mapping[str, Any]) -> Part:
    match dict(plain):
        case {"chime": str(name), **rest} if not rest:
            return Chime(name)
        case {"pause_ms": int(duration_ms), **rest} if not rest:
            return Pause(duration_ms)
        case {"asset_id": str(asset_id), **rest} if not rest:
            return Clip(asset_id)
    raise ClipRefused("a part has exactly one of chime, pause_ms and asset_id")
