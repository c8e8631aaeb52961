"""The rules of the air for a scope. A device merges those of all its scopes; the stricter wins."""

from datetime import date
from typing import Annotated

from msgspec import Meta

from loa_protocol.documents.base import Versioned, Wire
from loa_protocol.documents.trust import Minute
from loa_protocol.ids import Volume

Weekday = Annotated[int, Meta(ge=1, le=7)]  # ISO: Monday is 1


class Window(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Minutes of the local day, on these ISO weekdays, in which sound is allowed; `to_minute` is exclusive."""

    from_minute: Minute
    to_minute: Minute
    weekdays: tuple[Weekday, ...] = (1, 2, 3, 4, 5, 6, 7)


class VolumeCap(Wire, frozen=True, kw_only=True):
    """The loudest volume between two minutes of the local day."""

    from_minute: Minute
    to_minute: Minute
    max_volume: Volume


class Blackout(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Local dates (both inclusive) on which nothing ordinary sounds, e.g. during exams."""

    first: date
    last: date
    title: Annotated[str, Meta(max_length=200)] = ""


class Policy(Versioned, frozen=True, kw_only=True, omit_defaults=True):
    """No `windows` means any hour. A slot is a block of broadcasts parted from the next by `slot_gap_ms`."""

    timezone: Annotated[str, Meta(max_length=60)] = "Asia/Ho_Chi_Minh"
    windows: tuple[Window, ...] = ()
    max_slots_a_day: Annotated[int, Meta(ge=0, le=1000)] | None = None
    max_minutes_a_day: Annotated[int, Meta(ge=0, le=1440)] | None = None
    slot_gap_ms: Annotated[int, Meta(ge=0, le=24 * 3600 * 1000)] = 600_000
    volume_caps: tuple[VolumeCap, ...] = ()
    blackouts: tuple[Blackout, ...] = ()
