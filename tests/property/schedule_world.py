"""Any programme: documents as people might write them, with changes of occurrences that exist and that do not."""

from datetime import UTC, date, datetime, timedelta

import msgspec
from hypothesis import strategies as st

from controller.handwritten.days import EVERY_DAY
from controller.schedules.programme import Change, ProgrammeFile, Session
from controller.schedules.rules import expand, faults, series_of

FIRST, LAST = date(2025, 12, 1), date(2026, 6, 30)
ZONES = ["Asia/Ho_Chi_Minh", "UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Kiritimati"]
RULES = [
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3",
    "FREQ=DAILY;COUNT=20",
    "FREQ=DAILY;BYHOUR=5,17",
    "FREQ=WEEKLY;BYDAY=MO,TH",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA;WKST=SU",
    "FREQ=WEEKLY;UNTIL=20260315",
    "FREQ=WEEKLY;UNTIL=20260315T000000Z",
    "FREQ=MONTHLY",
    "FREQ=MONTHLY;BYDAY=-1FR,1MO",
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=YEARLY;BYMONTH=2,4;BYMONTHDAY=1",
    "FREQ=YEARLY;INTERVAL=4",
    "FREQ=HOURLY;INTERVAL=8;COUNT=40",
]
days = st.dates(FIRST, LAST)
day_sets = st.lists(days, max_size=4, unique=True).map(tuple)
walls = st.times().map(lambda one: f"{one.hour:02}:{one.minute:02}" + (f":{one.second:02}" if one.second < 5 else ""))
moves = st.builds("{}T{}".format, st.dates(date(2026, 1, 1), date(2026, 6, 1)), walls)
names = st.sampled_from(
    ["Bản tin", "Thể dục, buổi sáng; sớm", "Tin \\ vạch", "Hai\ndòng", "x" * 300, "ệ" * 80, "\x85-\u2028"]
)


@st.composite
def recurrences(draw) -> dict:
    kind = draw(st.sampled_from(["daily", "weekdays", "rrule", "lunar", "dates"]))
    if kind == "weekdays":
        return {"weekdays": tuple(draw(st.lists(st.sampled_from(EVERY_DAY), min_size=1, unique=True)))}
    if kind == "rrule":
        return {"rrule": draw(st.sampled_from(RULES))}
    if kind == "lunar":
        lunar = {
            "days": draw(st.lists(st.integers(1, 30), min_size=1, max_size=3)),
            "months": draw(st.lists(st.integers(1, 12), max_size=2)),
            "last_day": draw(st.booleans()),
            "leap": draw(st.sampled_from(["first", "both"])),
        }
        return {"lunar": lunar}
    return {"dates": draw(st.lists(days, min_size=1, max_size=5, unique=True))} if kind == "dates" else {}


@st.composite
def sessions(draw, number: int) -> dict:
    return {
        "id": f"s{number}",
        "title": draw(names),
        "at": draw(walls),
        **draw(recurrences()),
        "also": draw(day_sets),
        "except": draw(day_sets),
        "on_holiday": draw(st.sampled_from(["play", "play", "skip", "only"])),
        "valid_from": draw(st.none() | days),
        "valid_until": draw(st.none() | days),
        "to": [f"g-{number}"],
        "volume": draw(st.integers(0, 100)),
        "length_s": draw(st.none() | st.integers(1, 4000)),
        "segments": [{"kind": "pause", "duration_ms": draw(st.integers(100, 600_000))}],
    }


@st.composite
def documents(draw, *, changed: bool = True) -> ProgrammeFile:
    """A programme without faults, in a zone that may jump."""
    made = {
        "format": "loa.programme.v1",
        "id": "p-any",
        "title": draw(names),
        "unit": "xa-an-binh",
        "zone": draw(st.sampled_from(ZONES)),
        "valid_from": draw(st.dates(date(2025, 10, 1), date(2026, 3, 1))),
        "valid_until": draw(st.none() | st.dates(date(2026, 3, 1), date(2027, 1, 1))),
        "holidays": draw(day_sets),
        "sessions": [draw(sessions(number)) for number in range(draw(st.integers(1, 3)))],
    }
    document = msgspec.convert(made, ProgrammeFile)
    good = [one for one in document.sessions if not faults(msgspec.structs.replace(document, sessions=(one,)))]
    document = msgspec.structs.replace(document, sessions=tuple(good) or (plain(),))
    if changed:
        document = msgspec.structs.replace(document, changes=draw(changes(document)))
    return document


def plain() -> Session:
    """A session that is always good, where none that was drawn is."""
    daily = {"id": "s0", "title": "Bản tin", "at": "05:00", "segments": [{"kind": "pause", "duration_ms": 100}]}
    return msgspec.convert(daily, Session)


@st.composite
def changes(draw, document: ProgrammeFile) -> tuple[Change, ...]:
    """Changes of a few occurrences that there are, each once."""
    found = expand(series_of(document), *whole())
    if not found:
        return ()
    made = []
    for one in draw(st.lists(st.sampled_from(found), max_size=4, unique_by=lambda one: one.key)):
        cancel = draw(st.booleans())
        made.append(
            Change(
                session=one.session.id,
                occurrence=one.key[2],
                cancel=cancel,
                start=None if cancel else draw(st.none() | moves),
                title=None if cancel else draw(st.none() | names),
                volume=None if cancel else draw(st.none() | st.integers(0, 100)),
                note=draw(st.sampled_from(["", "vì bão"])),
            )
        )
    return tuple(made)


def whole() -> tuple[datetime, datetime]:
    """More than all days that are drawn, in UTC."""
    return (
        datetime.combine(FIRST, datetime.min.time(), UTC) - timedelta(days=70),
        datetime.combine(LAST, datetime.min.time(), UTC) + timedelta(days=70),
    )
