"""The years that are known: calendars end, and what is reckoned from a day or an instant of these stays within them."""

from datetime import UTC, date, datetime

FIRST_YEAR, LAST_YEAR = 1970, 2199
_FIRST, _LAST = datetime(FIRST_YEAR, 1, 2, tzinfo=UTC), datetime(LAST_YEAR, 12, 30, tzinfo=UTC)


def is_known(moment: date) -> bool:
    """Whether a day, or an instant in whatever zone, lies in them."""
    return FIRST_YEAR <= moment.year <= LAST_YEAR


def nearest(told: datetime) -> datetime:
    """Of an aware instant that a device tells, the nearest that can be reckoned with in every zone."""
    return min(max(told, _FIRST), _LAST)
