"""What fills a slot, and what of it does not fit. Pure.

The order is the law's (Circular 39/2020) and the station's: priority items first inside the slot; within a level the
smaller authority first, the province before the commune; the unit's own items in its own order. They are taken in this
order, as many as fit: one that does not is passed over, so that a shorter one behind it may still come. The same items
and the same start always give the same slot.

Where items have variants they last longer in some villages than in others; then one fits that fits in each of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
    """An item that waits for a slot; valid at `valid_from` <= start < `valid_until`, None is without end.

    `variants`: language → the sound for devices that list it. `lengths_ms`: how long it lasts on each class of devices,
    by their languages; () where it lasts `duration_ms` on all.
    """

    id: str
    title: str
    asset: str
    duration_ms: int
    variants: Mapping[str, str] = field(default_factory=dict, hash=False)
    lengths_ms: tuple[int, ...] = ()
    level: Level = Level.NORMAL
    authority: int = 100
    position: int = 0
    valid_from: datetime
    valid_until: datetime | None = None
    created_at: datetime

    @property
    def longest_ms(self) -> int:
        """How long it lasts where it lasts longest."""
        return max(self.lengths_ms, default=self.duration_ms)

    @property
    def order(self) -> tuple[bool, int, int, datetime, str]:
        """Who goes first."""
        return (self.level is Level.NORMAL, self.authority, self.position, self.created_at, self.id)


@dataclass(frozen=True, slots=True)
class Filling:
    """A filled slot: `left_out` with the reasons, in the order in which they would have come.

    `spare_ms` is silence that is left; `over_ms` by how much all that was valid exceeds the slot: both where it is
    fullest.
    """

    chosen: tuple[Waiting, ...]
    left_out: tuple[tuple[Waiting, LeftOut], ...]
    spare_ms: int
    over_ms: int

    @property
    def sound_ms(self) -> int:
        """Length of what was chosen, where it lasts longest."""
        return max(_added((), self.chosen))


def fill(items: Iterable[Waiting], *, start: datetime, length_ms: int) -> Filling:
    """Fill a slot of `length_ms` in a session that begins at `start`."""
    chosen: list[Waiting] = []
    valid: list[Waiting] = []
    left_out: list[tuple[Waiting, LeftOut]] = []
    taken_ms: tuple[int, ...] = ()
    for item in sorted(items, key=lambda one: one.order):
        reason = _invalid(item, start)
        if reason is None:
            valid.append(item)
            reason = _too_long(item, taken_ms, length_ms)
        if reason is None:
            chosen.append(item)
            taken_ms = _added(taken_ms, [item])
        else:
            left_out.append((item, reason))
    spare_ms = length_ms - max(taken_ms, default=0)
    return Filling(tuple(chosen), tuple(left_out), spare_ms, max(0, max(_added((), valid)) - length_ms))


def _added(taken_ms: tuple[int, ...], items: Iterable[Waiting]) -> tuple[int, ...]:
    """What is taken on each class of devices with these items, too."""
    for item in items:
        width = max(len(taken_ms), len(item.lengths_ms), 1)
        before_ms = taken_ms if len(taken_ms) == width else (max(taken_ms, default=0),) * width
        lengths_ms = item.lengths_ms or (item.duration_ms,) * width
        taken_ms = tuple(one + more for one, more in zip(before_ms, lengths_ms, strict=True))
    return taken_ms or (0,)


def _invalid(item: Waiting, start: datetime) -> LeftOut | None:
    if start < item.valid_from:
        return LeftOut.NOT_YET
    return LeftOut.OVER if item.valid_until is not None and start >= item.valid_until else None


def _too_long(item: Waiting, taken_ms: tuple[int, ...], length_ms: int) -> LeftOut | None:
    if item.longest_ms > length_ms:
        return LeftOut.LONGER_THAN_SLOT
    return LeftOut.NO_ROOM if max(_added(taken_ms, [item])) > length_ms else None
