"""Any programme: windows add up, changes touch only what they name, days are right one by one, iCalendar and back."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import lunar_vn
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.handwritten.days import EVERY_DAY
from controller.schedules.calendars.reading import IcalInvalid, read_ical
from controller.schedules.calendars.writing import document_as_ical
from controller.schedules.holidays import is_holiday
from controller.schedules.programme import LeapMonth, ProgrammeFile, Session
from controller.schedules.rules import Revision, Series, changes_of, expand, faults, series_of, strays
from tests.property.schedule_world import FIRST, LAST, documents, walls, whole

instants = st.datetimes(*(edge.replace(tzinfo=None) for edge in whole()), timezones=st.just(UTC))


@given(documents(), st.lists(instants, max_size=4))
@settings(max_examples=40)
def test_windows_add_up_to_the_whole(document, cuts) -> None:
    series = series_of(document)
    edges = sorted({*whole(), *cuts})

    parts = [one for begin, end in pairwise(edges) for one in expand(series, begin, end)]

    assert parts == expand(series, *whole())
    assert all(one.start.tzinfo is UTC for one in parts)
    assert [one.start for one in parts] == sorted(one.start for one in parts)
    assert len({one.id for one in parts}) == len(parts)


@given(documents())
@settings(max_examples=40)
def test_a_change_touches_the_occurrence_it_names_and_no_other(document) -> None:
    changes = changes_of(document.changes)
    series = series_of(document)
    plain = {one.key: one for one in expand(Series(series.id, series.revisions, {}), *whole())}

    found = {one.key: one for one in expand(series, *whole())}

    assert strays(series) == []
    for key, one in plain.items():
        change = changes.get(key[1:])
        if change is None:
            assert found[key] == one
        elif change.cancel:
            assert key not in found
        else:
            assert found[key].change == change
            assert found[key].session.title == (change.title or one.session.title)
            assert (found[key].start == one.start) or change.start is not None
    assert found.keys() <= plain.keys()


def has_day(document: ProgrammeFile, session: Session, day: date) -> bool:
    """Whether a session without RRULE is on that day: the rules said again, in another way."""
    bounds = [document.valid_from, session.valid_from or day, document.valid_until or day, session.valid_until or day]
    if day < max(bounds[:2]) or day > min(bounds[2:]) or day in session.except_:
        return False
    holiday = is_holiday(day, document.holidays)
    allowed = {"play": True, "skip": not holiday, "only": holiday}[session.on_holiday]
    return day in session.also or (allowed and by_rule(session, day))


def by_rule(session: Session, day: date) -> bool:
    if session.lunar:
        ours, following = lunar_vn.solar_to_lunar(day), lunar_vn.solar_to_lunar(day + timedelta(days=1))
        by_day = ours.day in session.lunar.days or (session.lunar.last_day and following.day == 1)
        in_month = not session.lunar.months or ours.month in session.lunar.months
        return by_day and in_month and not (ours.leap and session.lunar.leap is LeapMonth.FIRST)
    if session.dates:
        return day in session.dates
    return session.weekdays is None or EVERY_DAY[day.weekday()] in session.weekdays


@given(documents(changed=False))
@settings(max_examples=40)
def test_every_day_is_there_exactly_if_its_rules_say_so(document) -> None:
    found = Counter((one.key[1], one.key[2][:10]) for one in expand(series_of(document), *whole()))

    for session in document.sessions:
        if session.rrule is not None:
            continue
        for number in range((LAST - FIRST).days):
            day = FIRST + timedelta(days=number)
            assert found[session.id, day.isoformat()] == has_day(document, session, day)


@given(documents(changed=False))
@settings(max_examples=40)
def test_a_start_is_the_wall_time_of_its_zone_unless_the_zone_skips_it(document) -> None:
    zone = ZoneInfo(document.zone)
    for one in expand(series_of(document), *whole()):
        named = datetime.fromisoformat(one.key[2])
        local = one.start.astimezone(zone)

        assert local.replace(tzinfo=None) >= named
        if local.replace(tzinfo=None) == named:
            assert local.fold == 0
        else:
            skipped = local.replace(tzinfo=None) - named
            before = (one.start - timedelta(hours=3)).astimezone(zone).utcoffset()
            assert skipped == (local.utcoffset() or timedelta()) - (before or timedelta())


PARTS = ["FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYSETPOS", "BYHOUR", "BYYEARDAY", "WKST"]
VALUES = [
    "DAILY",
    "HOURLY",
    "YEARLY",
    "SECONDLY",
    "0",
    "-1",
    "1",
    "53",
    "99999999",
    "20260230",
    "MO",
    "-5SU,6",
    "",
    "X",
]
rule_texts = st.lists(st.tuples(st.sampled_from(PARTS), st.sampled_from(VALUES)), min_size=1, max_size=5).map(
    lambda parts: "FREQ=DAILY;" + ";".join(f"{name}={value}" for name, value in parts if name != "FREQ" or value)
)
any_wall = st.builds(
    "{}-{:02}-{:02}T{}".format, st.sampled_from(["0000", "2026", "9999"]), st.integers(0, 19), st.integers(0, 39), walls
)


@given(
    documents(),
    st.fixed_dictionaries(
        {},
        optional={
            "zone": st.text(min_size=1, max_size=20),
            "valid_from": st.dates(),
            "valid_until": st.dates(),
            "holidays": st.lists(st.dates(), max_size=2),
        },
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "rrule": rule_texts,
            "valid_from": st.dates(),
            "valid_until": st.dates(),
            "dates": st.lists(st.dates(), max_size=2),
            "also": st.lists(st.dates(), max_size=2),
            "except": st.lists(st.dates(), max_size=2),
        },
    ),
    st.lists(st.tuples(any_wall, st.none() | any_wall), max_size=2),
)
@settings(max_examples=60)
def test_whatever_is_written_has_faults_or_can_be_expanded(document, own, of_session, moved) -> None:
    written = msgspec.to_builtins(document) | msgspec.to_builtins(own)
    first, *others = written["sessions"]
    written["sessions"] = [first | msgspec.to_builtins(of_session), *others]
    written["changes"] = [
        {"session": "s0", "occurrence": occurrence} | ({"start": start} if start else {}) for occurrence, start in moved
    ]
    try:
        document = msgspec.convert(written, ProgrammeFile)
    except msgspec.ValidationError:
        return

    found = faults(document)

    assert all(one.vi and one.en for one in found)
    if not any(one.code != "sessions_clash" for one in found):
        expand(series_of(document), *whole())
        strays(series_of(document))


@given(documents(changed=False), documents(changed=False), st.dates(FIRST, LAST))
@settings(max_examples=40)
def test_a_revision_holds_from_its_day_and_the_one_before_until_then(first, second, day) -> None:
    zone = {"zone": "Asia/Ho_Chi_Minh"}
    first, second = msgspec.structs.replace(first, **zone), msgspec.structs.replace(second, **zone)
    both = Series("p-any", (Revision(1, date(2025, 1, 1), first), Revision(2, day, second)), {})
    midnight = datetime.combine(day, time(), ZoneInfo("Asia/Ho_Chi_Minh"))
    begin, end = whole()

    def keyed(document: ProgrammeFile, since: datetime, until: datetime) -> list[tuple]:
        alone = Series("p-any", (Revision(1, date(2025, 1, 1), document),), {})
        return [(one.key, one.start, one.session) for one in expand(alone, since, until)]

    found = [(one.key, one.start, one.session) for one in expand(both, begin, end)]

    assert found == keyed(first, begin, midnight) + keyed(second, midnight, end)


@given(documents(), st.dates(FIRST, LAST))
@settings(max_examples=25)
def test_an_untouched_calendar_gives_the_programme_again(document, on) -> None:
    read = read_ical(document_as_ical(document, on), unit="other")

    assert read.notes == ()
    assert read.document == document
    assert (read.zone, read.sessions, read.changes) == (document.zone, document.sessions, document.changes)


WORDS_ONLY = ("X-LOA-PROGRAMME", "X-LOA-SESSION")


def without_ours(ical: bytes) -> bytes:
    """The calendar as a program writes it that drops what it does not know."""
    lines = ical.decode().replace("\r\n ", "").split("\r\n")
    return "\r\n".join(line for line in lines if not line.startswith(WORDS_ONLY)).encode()


@given(documents(), st.dates(FIRST, LAST))
@settings(max_examples=25)
def test_the_words_of_icalendar_alone_have_the_same_occurrences(document, on) -> None:
    read = read_ical(without_ours(document_as_ical(document, on)), unit="xa", zone=document.zone)
    again = msgspec.structs.replace(
        document, valid_from=date(2025, 1, 1), valid_until=None, sessions=read.sessions, changes=read.changes
    )

    expected = Counter(one.start for one in expand(series_of(document), *whole()))
    found = Counter(one.start for one in expand(series_of(again), *whole()) if read.sessions)
    not_said = [note for note in read.notes if note.code == "ical_other_time"]
    assert not found - expected
    assert (expected - found).total() <= len(not_said)
    assert {note.code for note in read.notes} <= {"ical_outside", "ical_other_time"}


@given(documents(), st.data())
@settings(max_examples=25)
def test_a_damaged_calendar_is_refused_or_read_but_never_breaks(document, data) -> None:
    whole_text = document_as_ical(document, date(2026, 1, 1)).decode()
    lines = whole_text.split("\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "twice", "cut", "noise"])):
            case "drop":
                lines[at] = ""
            case "twice":
                lines[at] += "\r\n" + lines[at]
            case "cut":
                lines[at] = lines[at][: data.draw(st.integers(0, 60))]
            case _:
                lines[at] += data.draw(st.text(max_size=8))

    try:
        read = read_ical("\r\n".join(lines).encode("utf-8", "surrogatepass"), unit="xa")
    except IcalInvalid:
        return

    assert read.document is None or isinstance(faults(read.document), list)
