"""Recurrence rules: public vectors, what is refused, rules without end or without any day, zones that jump."""

import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr

from controller.schedules.recurrence import (
    LAST_DAY,
    MOST_COUNT,
    MOST_INTERVAL,
    RecurrenceInvalid,
    instant,
    require_matching,
    rule_of,
    walls,
    zone_of,
)

VECTORS = Path(__file__).parents[1] / "vectors" / "recurrence" / "rules.json"
CASES = json.loads(VECTORS.read_text())["cases"]
EXPANDED = [case for case in CASES if "walls" in case]
REFUSED = [case for case in CASES if "refused" in case]
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def found(rule: str, start: str, first: str, last: str, zone: ZoneInfo = HANOI) -> list[str]:
    days = date.fromisoformat(first), date.fromisoformat(last)
    return [wall.isoformat(timespec="minutes") for wall in walls(rule_of(rule), local(start), *days, zone)]


def test_there_are_vectors_of_every_frequency() -> None:
    frequencies = {case["rule"].split(";")[0] for case in EXPANDED}

    assert frequencies == {f"FREQ={name}" for name in ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY")}
    assert len(EXPANDED) > 100


@pytest.mark.parametrize("case", EXPANDED, ids=lambda case: f"{case['rule']} from {case['start']}")
def test_a_rule_has_the_walls_of_the_public_vector(case) -> None:
    start, expected = local(case["start"]), [local(wall) for wall in case["walls"]]
    last = expected[-1].date() if expected else start.date() + timedelta(days=400)

    rule = rule_of(case["rule"])
    ended = list(walls(rule, start, start.date(), last, HANOI))

    assert ended == expected


@pytest.mark.parametrize(
    "case", [case for case in EXPANDED if "COUNT" in case["rule"]], ids=lambda case: f"{case['rule']} {case['start']}"
)
def test_without_its_end_and_begun_nearby_a_rule_has_the_same_walls(case) -> None:
    start, expected = local(case["start"]), [local(wall) for wall in case["walls"]]
    endless = ";".join(part for part in case["rule"].split(";") if not part.startswith("COUNT"))

    for index, wall in enumerate(expected):
        from_there = walls(rule_of(endless), start, wall.date(), expected[-1].date(), HANOI)
        same_day = [one for one in expected if one.date() >= wall.date()]

        assert [one for one in from_there if one <= expected[-1]] == same_day, index


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["rule"])
def test_a_vector_that_no_programme_may_have_is_refused(case) -> None:
    with pytest.raises(RecurrenceInvalid) as refused:
        rule_of(case["rule"])

    assert refused.value.details["reason"] == case["refused"]


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=7;BYMONTH=2,3",
        "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,SU;WKST=SU",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,SU;BYSETPOS=-1",
        "FREQ=MONTHLY;INTERVAL=5",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1,1",
        "FREQ=MONTHLY;BYMONTHDAY=-1,31",
        "FREQ=YEARLY;INTERVAL=4",
        "FREQ=YEARLY;BYWEEKNO=1,53;BYDAY=MO",
        "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3,10",
        "FREQ=YEARLY;BYYEARDAY=-1,60,366",
        "FREQ=HOURLY;INTERVAL=6",
        "FREQ=HOURLY;INTERVAL=5;BYMONTHDAY=1",
        "FREQ=HOURLY;INTERVAL=4;BYHOUR=1,9,13;BYDAY=SA",
        "FREQ=HOURLY;INTERVAL=36",
        "FREQ=HOURLY;INTERVAL=2;BYMINUTE=0,30;BYSETPOS=-1",
    ],
)
def test_far_from_its_start_a_rule_is_in_phase_with_one_run_from_it(text) -> None:
    start = local("2001-03-31T17:15")
    whole = rrulestr(text, dtstart=start).between(start, local("2026-01-01"), inc=True)

    for first in (date(2001, 3, 1), date(2001, 4, 1), date(2012, 2, 29), date(2024, 12, 30)):
        last = first + timedelta(days=366)
        seen = list(walls(rule_of(text), start, first, last, HANOI))

        assert seen == [wall for wall in whole if first <= wall.date() <= last]


def test_a_week_begins_on_monday_whatever_the_process_says(monkeypatch) -> None:
    monkeypatch.setattr("calendar.firstweekday", lambda: 6)

    biweekly = found("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU", "1997-08-05T09:00", "1997-08-01", "1997-08-31")

    assert biweekly == ["1997-08-05T09:00", "1997-08-10T09:00", "1997-08-19T09:00", "1997-08-24T09:00"]


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20260103", "2026-01-03"),
        ("20260103T050000", "2026-01-03"),
        ("20260103T045959", "2026-01-02"),
        ("20260102T220000Z", "2026-01-03"),
        ("20260102T215959Z", "2026-01-02"),
    ],
)
def test_until_holds_the_day_or_the_local_or_utc_second_it_names(until, last) -> None:
    seen = found(f"FREQ=DAILY;UNTIL={until}", "2026-01-01T05:00", "2026-01-01", "2026-12-31")

    assert seen[0] == "2026-01-01T05:00"
    assert seen[-1] == f"{last}T05:00"


@pytest.mark.parametrize("name", ["Pacific/Kiritimati", "Asia/Ho_Chi_Minh", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("until", ["99991231", "99991231T235959", "99991231T235959Z"])
def test_until_the_end_of_the_calendar_is_for_ever(until, name) -> None:
    seen = found(f"FREQ=DAILY;UNTIL={until}", "2199-12-01T23:59", "2199-12-31", "2199-12-31", ZoneInfo(name))

    assert seen == ["2199-12-31T23:59"]


@pytest.mark.parametrize("name", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_until_the_beginning_of_the_calendar_is_never(name) -> None:
    until = "FREQ=DAILY;UNTIL=00010101T000000Z"

    assert found(until, "1970-01-01T00:00", "1970-01-01", "1970-12-31", ZoneInfo(name)) == []


def test_a_rule_that_ended_before_its_start_has_no_day() -> None:
    assert found("FREQ=WEEKLY;UNTIL=20231001;INTERVAL=2;BYDAY=MO", "2023-10-02T00:00", "2023-01-01", "2025-01-01") == []


@pytest.mark.parametrize(
    ("text", "reason", "names"),
    [
        ("", "invalid", "''"),
        ("FREQ", "invalid", "'FREQ'"),
        ("FREQ=", "invalid", "'FREQ='"),
        ("=DAILY", "invalid", "'=DAILY'"),
        ("FREQ=DAILY;", "invalid", "''"),
        ("BYDAY=MO", "invalid", "YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY"),
        ("FREQ=FORTNIGHTLY", "invalid", "YEARLY"),
        ("FREQ=DAILY;FREQ=DAILY", "invalid", "FREQ is named twice"),
        ("FREQ=SECONDLY", "too_often", "SECONDLY"),
        ("FREQ=MINUTELY;INTERVAL=720", "too_often", "MINUTELY"),
        ("FREQ=DAILY;COUNT=0", "count", "COUNT=0"),
        ("FREQ=DAILY;COUNT=-1", "count", "COUNT=-1"),
        (f"FREQ=DAILY;COUNT={MOST_COUNT + 1}", "count", "10000"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20260101", "invalid", "COUNT and UNTIL"),
        ("FREQ=DAILY;INTERVAL=0", "invalid", "INTERVAL=0"),
        (f"FREQ=DAILY;INTERVAL={MOST_INTERVAL + 1}", "invalid", "1000"),
        ("FREQ=DAILY;INTERVAL=X", "invalid", "INTERVAL=X"),
        ("FREQ=DAILY;UNTIL=2026", "invalid", "UNTIL=2026"),
        ("FREQ=DAILY;UNTIL=20260230", "invalid", "no day of the calendar"),
        ("FREQ=DAILY;UNTIL=20260101T250000Z", "invalid", "no day of the calendar"),
        ("FREQ=DAILY;WKST=XX", "invalid", "WKST=XX"),
        ("FREQ=DAILY;BYMONTH=13", "invalid", "BYMONTH: 13"),
        ("FREQ=DAILY;BYMONTH=0", "invalid", "between 1 and 12"),
        ("FREQ=DAILY;BYMONTH=-1", "invalid", "BYMONTH: -1"),
        ("FREQ=DAILY;BYMONTH=1,", "invalid", "'' is not a number"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "invalid", "BYMONTHDAY: 32"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "invalid", "BYMONTHDAY: 0"),
        ("FREQ=MONTHLY;BYMONTHDAY=-32", "invalid", "BYMONTHDAY: -32"),
        ("FREQ=YEARLY;BYYEARDAY=367", "invalid", "BYYEARDAY: 367"),
        ("FREQ=YEARLY;BYWEEKNO=54", "invalid", "BYWEEKNO: 54"),
        ("FREQ=DAILY;BYHOUR=24", "invalid", "BYHOUR: 24"),
        ("FREQ=DAILY;BYMINUTE=60", "invalid", "BYMINUTE: 60"),
        ("FREQ=DAILY;BYSECOND=60", "invalid", "BYSECOND: 60"),
        ("FREQ=MONTHLY;BYSETPOS=1", "invalid", "BYSETPOS"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0", "invalid", "BYSETPOS: 0"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=367", "invalid", "BYSETPOS: 367"),
        ("FREQ=WEEKLY;BYDAY=XX", "invalid", "'XX'"),
        ("FREQ=WEEKLY;BYDAY=", "invalid", "'BYDAY='"),
        ("FREQ=WEEKLY;BYDAY=1MO", "invalid", "FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYDAY=0MO", "invalid", "0MO does not exist"),
        ("FREQ=YEARLY;BYDAY=54MO", "invalid", "54MO does not exist"),
        ("FREQ=YEARLY;BYWEEKNO=3;BYDAY=1MO", "invalid", "BYWEEKNO"),
        ("FREQ=MONTHLY;BYWEEKNO=3", "invalid", "BYWEEKNO does not go with FREQ=MONTHLY"),
        ("FREQ=WEEKLY;BYMONTHDAY=3", "invalid", "BYMONTHDAY does not go with FREQ=WEEKLY"),
        ("FREQ=DAILY;BYYEARDAY=3", "invalid", "BYYEARDAY does not go with FREQ=DAILY"),
        ("FREQ=YEARLY;BYEASTER=0", "invalid", "BYEASTER"),
        ("FREQ=YEARLY;X-MINE=0", "invalid", "X-MINE"),
        ("DTSTART:20260101T050000;FREQ=DAILY", "invalid", "DTSTART"),
        ("FREQ=HOURLY;BYMINUTE=0,20,40", "too_often", "72 times a day"),
        ("FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=1,2,3", "too_often", "72"),
    ],
)
def test_a_rule_that_cannot_be_used_says_which_part_and_why(text, reason, names) -> None:
    with pytest.raises(RecurrenceInvalid) as refused:
        rule_of(text)

    assert refused.value.details["reason"] == reason
    assert names in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "RRULE:FREQ=DAILY",
        "freq=weekly;byday=mo",
        f"FREQ=DAILY;COUNT={MOST_COUNT}",
        f"FREQ=DAILY;INTERVAL={MOST_INTERVAL}",
        "FREQ=YEARLY;BYDAY=53MO,-53TU,+1WE",
        "FREQ=YEARLY;BYYEARDAY=-366,366",
        "FREQ=HOURLY;BYMINUTE=0,30",
        "FREQ=HOURLY;BYHOUR=5,17;BYMINUTE=0,20,40;BYSECOND=0,30",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-366,+366",
    ],
)
def test_a_rule_at_its_limits_is_taken(text) -> None:
    assert rule_of(text).interval >= 1


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;INTERVAL=7;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;INTERVAL=9;BYHOUR=6",
        "FREQ=HOURLY;INTERVAL=4;BYHOUR=6",
        "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=3",
        "FREQ=YEARLY;BYDAY=1MO;BYMONTH=1;BYMONTHDAY=8",
        "FREQ=DAILY;UNTIL=20200101",
    ],
)
def test_a_rule_that_never_happens_is_refused_and_cannot_hang(text) -> None:
    start = local("2026-01-01T05:00")
    begun = time.process_time()

    with pytest.raises(RecurrenceInvalid) as refused:
        require_matching(rule_of(text), start, HANOI)
    expanded = list(walls(rule_of(text), start, date(2090, 1, 1), date(2091, 1, 1), HANOI))

    assert refused.value.details["reason"] == "never"
    assert "2026-01-01" in str(refused.value)
    assert expanded == []
    assert time.process_time() - begun < 3


@pytest.mark.parametrize(
    "text", ["FREQ=DAILY", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=SU"]
)
def test_a_rule_that_is_only_rare_is_taken(text) -> None:
    require_matching(rule_of(text), local("2026-01-01T05:00"), HANOI)


def test_a_rule_may_begin_on_the_last_day_there_is() -> None:
    require_matching(rule_of("FREQ=DAILY"), datetime.combine(LAST_DAY, datetime.min.time()), HANOI)


def test_a_rule_without_end_costs_what_is_asked_for() -> None:
    begun = time.process_time()

    seen = found("FREQ=HOURLY", "1970-01-01T00:15", "2199-12-30", "2199-12-31")

    assert len(seen) == 48
    assert (seen[0], seen[-1]) == ("2199-12-30T00:15", "2199-12-31T23:15")
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    ("name", "wall", "expected"),
    [
        ("Asia/Ho_Chi_Minh", "2026-11-21T05:00", "2026-11-20T22:00"),
        # Skipped: as much later as was skipped.
        ("Asia/Tehran", "2021-03-22T00:30", "2021-03-21T21:00"),
        ("America/Sao_Paulo", "2018-11-04T00:15", "2018-11-04T03:15"),
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:30"),
        ("Australia/Lord_Howe", "2026-10-04T02:10", "2026-10-03T15:40"),
        ("Pacific/Apia", "2011-12-30T05:00", "2011-12-30T15:00"),
        ("Africa/Casablanca", "2023-04-23T02:30", "2023-04-23T02:30"),
        # Repeated: the first.
        ("Asia/Tehran", "2021-09-21T23:30", "2021-09-21T19:00"),
        ("America/Sao_Paulo", "2018-02-17T23:30", "2018-02-18T01:30"),
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45"),
        ("Africa/Casablanca", "2023-03-19T02:30", "2023-03-19T01:30"),
        # Once in the other hour as always.
        ("Australia/Lord_Howe", "2026-07-01T12:00", "2026-07-01T01:30"),
        ("Africa/Casablanca", "2023-04-01T12:00", "2023-04-01T12:00"),
    ],
)
def test_a_wall_time_is_an_instant_also_where_the_zone_jumps(name, wall, expected) -> None:
    zone = zone_of(name)
    assert zone is not None

    assert instant(local(wall), zone) == local(expected).replace(tzinfo=UTC)
    assert instant(local(wall).replace(fold=1), zone) == local(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime", "Asia", "Asia/Ho_Chi_Minh\x00"]
)
def test_a_zone_that_is_none_is_none(name) -> None:
    assert zone_of(name) is None


def test_dateutil_still_asks_the_interval_for_every_period() -> None:
    """What bounds an expansion: without it `FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30` would run to the year 9999."""
    begun = time.process_time()

    for frequency in ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"):
        rule = rule_of(f"FREQ={frequency};INTERVAL=5;BYMONTH=2;BYDAY=MO;BYHOUR=3;BYSETPOS=99")
        assert list(walls(rule, local("2026-01-01"), date(2026, 1, 1), date(2026, 12, 31), HANOI)) == []

    assert time.process_time() - begun < 1
