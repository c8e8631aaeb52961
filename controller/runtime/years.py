"""The years that are known: calendars end, and what is reckoned from a day or an instant of these stays within them."""

from datetime import date

FIRST_YEAR, LAST_YEAR = 1970, 2199


def is_known(moment: date) -> bool:
    """Whether a day, or an instant in whatever zone, lies in them."""
    return FIRST_YEAR <= moment.year <= LAST_YEAR
