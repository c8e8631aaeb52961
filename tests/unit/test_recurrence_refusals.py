"""What a programme is refused with is said whole: what, of which programme, and what to do."""

from datetime import timedelta

import pytest

from controller.schedules.rules import TooManyOccurrences, expand, faults, series_of
from tests.fakes.programmes import programme, session, utc


def test_too_many_occurrences_are_refused_with_how_many_from_when_to_when_and_what_to_do() -> None:
    begin = utc("2026-01-01T00:00")

    with pytest.raises(TooManyOccurrences) as refused:
        expand(series_of(programme()), begin, begin + timedelta(days=30), most=3)

    assert str(refused.value) == (
        "programme p-xa has more than 3 occurrences from 2026-01-01 00:00:00+00:00 to 2026-01-31 00:00:00+00:00; "
        "ask for fewer days"
    )
    assert refused.value.code == "too_many_occurrences"


def test_a_change_is_looked_at_where_it_goes_however_late_that_is() -> None:
    sessions = session("sang", "05:00"), session("chieu", "17:00")
    moved = {"session": "sang", "occurrence": "2027-06-01T05:00", "start": "2027-08-01T17:00"}

    found = faults(programme(*sessions, changes=[moved]))

    assert [(one.field, one.code) for one in found] == [("changes[0]", "sessions_clash")]
