"""A map at a scale: into how many cells a degree is parted, so that one can tell what a screen shows. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from controller.policies.words import DEFAULT_ZONE

DAYS = 7
ZONE = ZoneInfo(DEFAULT_ZONE)
_DEGREES_A_CELL_AT_ZOOM_0 = 60.0
_PARTED_TO_ZOOM = 18


@dataclass(frozen=True, slots=True)
class Box:
    """What a screen shows, in degrees."""

    west: float
    south: float
    east: float
    north: float


def cell_degrees(zoom: int) -> float:
    """The side of a cell: some 60 px on the screen at every zoom, as web maps count them."""
    return _DEGREES_A_CELL_AT_ZOOM_0 / float(2 ** min(max(zoom, 0), _PARTED_TO_ZOOM))


def midnight(now: datetime) -> datetime:
    """When today began."""
    return datetime.combine(now.astimezone(ZONE).date(), time(), ZONE).astimezone(UTC)


def week_begin(now: datetime) -> datetime:
    """When the first of the last `DAYS` days began."""
    return midnight(now) - timedelta(days=DAYS - 1)
