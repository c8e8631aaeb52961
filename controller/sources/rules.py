"""What is done with an item of a source. Pure.

An id is broadcast once for each accepted revision: the same content again is the same item, other content needs a
higher revision, and a lower revision never comes back. A source speaks only within its own unit, areas and levels.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto

from controller.broadcasts.rules import LATEST_PLANNED, NOW_LEAD
from controller.sources.bulletin import At, Bulletin, Now, Window, first_instant
from controller.sources.errors import (
    SourceAreaRefused,
    SourceItemChanged,
    SourceItemOlder,
    SourceLevelRefused,
    SourceNeedsAudio,
    SourceNeedsText,
    SourceTooLate,
    SourceWindowInvalid,
)
from loa_protocol.ids import Level

MOST_LATE = timedelta(days=1)
BOARDS_ONLY = "text_for_boards_only"
LOUDSPEAKERS_ONLY = "sound_for_loudspeakers_only"


class ItemState(StrEnum):
    """Where an item is. `standing`: it is a broadcast whose ledger is open."""

    PREPARING = "preparing"
    STANDING = "standing"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"
    CLOSED = "closed"


class Arrival(Enum):
    """What a file is to what is known of its id."""

    NEW = auto()
    SAME = auto()
    REVISION = auto()


@dataclass(frozen=True, slots=True)
class Known:
    """What was accepted of an id."""

    revision: int
    bulletin: Bulletin
    audio_sha256: str | None


@dataclass(frozen=True, slots=True)
class Permission:
    """What a source may do: levels, and the units (all below included) it may speak to."""

    levels: frozenset[Level]
    units: frozenset[str]


@dataclass(frozen=True, slots=True)
class Timing:
    """When it starts and until when a device may still begin; `start` None is now."""

    start: datetime | None
    late_s: int


def arrival(bulletin: Bulletin, audio_sha256: str | None, known: Known | None) -> Arrival:
    """What a bulletin is to what is known.

    Raises:
        SourceItemChanged, SourceItemOlder: it must not take the place of what is known.
    """
    if known is None:
        return Arrival.NEW
    if bulletin.revision > known.revision:
        return Arrival.REVISION
    if bulletin.revision < known.revision:
        raise SourceItemOlder(
            "revision", f"{bulletin.id} is known in revision {known.revision}; this is {bulletin.revision}"
        )
    if (bulletin, audio_sha256) != (known.bulletin, known.audio_sha256):
        raise SourceItemChanged(
            "revision", f"{bulletin.id} was accepted with other content; give it revision {known.revision + 1} or more"
        )
    return Arrival.SAME


def require_permitted(bulletin: Bulletin, targets: Mapping[str, str], permission: Permission) -> None:
    """Whether the source may say this there; `targets` are the units of the bulletin's areas, by code.

    Raises:
        SourceLevelRefused, SourceAreaRefused: it may not.
    """
    if bulletin.level not in permission.levels:
        allowed = ", ".join(sorted(permission.levels))
        raise SourceLevelRefused("level", f"this source may send {allowed}, not {bulletin.level}")
    for index, code in enumerate(bulletin.areas):
        if targets[code] not in permission.units:
            raise SourceAreaRefused(f"areas[{index}]", f"this source may not speak to {code}")


def timing(bulletin: Bulletin, now: datetime) -> Timing:
    """Start and lateness of a bulletin that is ready now.

    A start that has passed while nobody was there becomes now, as long as a device could still have begun.

    Raises:
        SourceTooLate: nothing may begin any more.
        SourceWindowInvalid: the instants contradict each other, or lie beyond the horizon of plans.
    """
    soonest = now + NOW_LEAD
    first, last = _span(bulletin, soonest)
    last = min(last, bulletin.valid_until)
    start = first if first is not None and first > soonest else None
    if last < (start or soonest):
        raise SourceTooLate("valid_until" if last == bulletin.valid_until else "when", _too_late(bulletin, last))
    if start is not None and start > now + LATEST_PLANNED:
        raise SourceWindowInvalid("when", f"it starts more than {LATEST_PLANNED.days} days ahead; send it later")
    late = min(last - (start or soonest), MOST_LATE)
    return Timing(start, int(late.total_seconds()))


def require_possible(bulletin: Bulletin) -> None:
    """Whether the instants of a bulletin make sense at all.

    Raises:
        SourceWindowInvalid: they contradict each other.
    """
    when = bulletin.when
    if isinstance(when, Window) and when.end <= when.begin:
        raise SourceWindowInvalid("when.to", "the window ends before it begins")
    first = first_instant(when)
    if first is not None and bulletin.valid_until < first:
        raise SourceWindowInvalid("valid_until", "its validity ends before its start")


def require_content(bulletin: Bulletin, kinds: Collection[str]) -> list[str]:
    """Notes about whom it does not reach; `kinds` are the device classes in its areas.

    Raises:
        SourceNeedsAudio, SourceNeedsText: it reaches nobody.
    """
    if bulletin.audio is None and bulletin.text is None:
        raise SourceNeedsText("$", "it has neither audio nor text")
    if bulletin.audio is None:
        if "board" not in kinds:
            raise SourceNeedsAudio("audio", "it has only text and there is no board in its areas; attach the sound")
        return [BOARDS_ONLY] if "speaker" in kinds else []
    if bulletin.text is None:
        if "speaker" not in kinds:
            raise SourceNeedsText("text", "it has only sound and there is no loudspeaker in its areas; give a text")
        return [LOUDSPEAKERS_ONLY] if "board" in kinds else []
    return []


def _span(bulletin: Bulletin, soonest: datetime) -> tuple[datetime | None, datetime]:
    """The first and the last instant at which a device may begin."""
    late = timedelta(seconds=bulletin.late_s)
    match bulletin.when:
        case Now():
            return None, soonest + late
        case At(at=at):
            return at, at + late
        case Window(begin=begin, end=end):
            return begin, end


def _too_late(bulletin: Bulletin, last: datetime) -> str:
    return f"{bulletin.id} could begin until {last.isoformat()}, which has passed; send a revision with a later time"
