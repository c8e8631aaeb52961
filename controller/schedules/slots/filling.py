"""What fills a slot, and what of it does not fit. Pure.

The order is the law's (Circular 39/2020) and the station's: priority items first inside the slot; within a level the
smaller authority first, the province before the commune; the unit's own items in its own order. They are taken in this
order, as many as fit: one that does not is passed over, so that a shorter one behind it may still come. The same items
and the same start always give the same slot.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from loa_protocol.ids import Level


class LeftOut(StrEnum):
    """Why an item is not in a slot."""

    NOT_YET = "not_yet"
    OVER = "over"
    LONGER_THAN_SLOT = "longer_than_slot"
    NO_ROOM = "no_room"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An item that waits for a slot; valid at `valid_from` <= start < `valid_until`, None is without end."""

    id: str
    title: str
    asset: str
    duration_ms: int
    level: Level = Level.NORMAL
    authority: int = 100
    position: int = 0
    valid_from: datetime
    valid_until: datetime | None = None
    created_at: datetime

    @property
    def order(self) -> tuple[bool, int, int, datetime, str]:
        """Who goes first."""
        return (self.level is Level.NORMAL, self.authority, self.position, self.created_at, self.id)


@dataclass(frozen=True, slots=True)
class Filling:
    """A filled slot: `left_out` with the reasons, in the order in which they would have come.

    `spare_ms` is silence that is left; `over_ms` by how much all that was valid exceeds the slot.
    """

    chosen: tuple[Waiting, ...]
    left_out: tuple[tuple[Waiting, LeftOut], ...]
    spare_ms: int
    over_ms: int

    @property
    def sound_ms(self) -> int:
        """Length of what was chosen."""
        return sum(item.duration_ms for item in self.chosen)


def fill(items: Iterable[Waiting], *, start: datetime, length_ms: int) -> Filling:
    """Fill a slot of `length_ms` in a session that begins at `start`."""
    chosen: list[Waiting] = []
    left_out: list[tuple[Waiting, LeftOut]] = []
    spare_ms, valid_ms = length_ms, 0
    for item in sorted(items, key=lambda one: one.order):
        reason = _invalid(item, start)
        if reason is None:
            valid_ms += item.duration_ms
            reason = _too_long(item, spare_ms, length_ms)
        if reason is None:
            chosen.append(item)
            spare_ms -= item.duration_ms
        else:
            left_out.append((item, reason))
    return Filling(tuple(chosen), tuple(left_out), spare_ms, max(0, valid_ms - length_ms))


def _invalid(item: Waiting, start: datetime) -> LeftOut | None:
    if start < item.valid_from:
        return LeftOut.NOT_YET
    return LeftOut.OVER if item.valid_until is not None and start >= item.valid_until else None


def _too_long(item: Waiting, spare_ms: int, length_ms: int) -> LeftOut | None:
    if item.duration_ms > length_ms:
        return LeftOut.LONGER_THAN_SLOT
    return LeftOut.NO_ROOM if item.duration_ms > spare_ms else None
