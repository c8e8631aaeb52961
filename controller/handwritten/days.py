"""Days of the week as people write them."""

from enum import StrEnum


class Weekday(StrEnum):
    """Days as `date.weekday()` counts them."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


EVERY_DAY = tuple(Weekday)
