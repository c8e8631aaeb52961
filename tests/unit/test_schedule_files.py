"""Programme files: the shipped one is a real day, days and zones come out right, mistakes are named by line."""

import json
from datetime import UTC, date, datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.schedules.files import (
    BulletinsSegment,
    ChimeSegment,
    PauseSegment,
    RelaySegment,
    ScheduleInvalid,
    load_programme,
    occurrences_on,
    programme_schema,
)

SMALL = """\
format: loa.programme.v1
title: Thử
unit: xa-thu
zone: Asia/Ho_Chi_Minh
valid_from: 2026-01-05
valid_until: 2026-12-31
sessions:
  - id: sang
    title: Sáng
    at: "05:00"
    segments:
      - {kind: bulletins, title: Bản tin, of: xa-thu, max_duration_s: 600}
  - id: chieu
    title: Chiều
    at: 17:00
    weekdays: [mon, wed]
    segments:
      - {kind: pause, duration_ms: 500}
"""


def lowland():
    with as_file(files("schedules").joinpath("lowland-commune.yaml")) as path:
        return load_programme(path)


def written(folder: Path, text: str) -> Path:
    path = folder / "programme.yaml"
    path.write_text(text)
    return path


def test_the_lowland_commune_has_its_morning_and_afternoon():
    monday = occurrences_on(lowland(), date(2026, 11, 23))

    assert [(one.start, one.session.title) for one in monday] == [
        (datetime(2026, 11, 22, 22, 0, tzinfo=UTC), "Buổi phát thanh sáng"),
        (datetime(2026, 11, 23, 10, 0, tzinfo=UTC), "Buổi phát thanh chiều"),
    ]


def test_a_session_goes_from_the_nation_to_the_province_to_the_commune():
    morning, *_ = occurrences_on(lowland(), date(2026, 11, 23))

    kinds = [type(segment) for segment in morning.segments]
    assert kinds == [ChimeSegment, RelaySegment, RelaySegment, PauseSegment, BulletinsSegment]
    titles = [segment.title for segment in morning.segments if isinstance(segment, RelaySegment)]
    assert titles == ["Tiếp sóng Đài Tiếng nói Việt Nam (VOV1)", "Tiếp sóng đài phát thanh tỉnh"]
    assert isinstance(morning.segments[-1], BulletinsSegment)
    assert morning.segments[-1].of == "xa-an-binh"


def test_no_session_of_the_lowland_commune_exceeds_45_minutes():
    assert max(session.longest_ms for session in lowland().sessions) <= 45 * 60_000


def test_weekdays_are_kept(tmp_path: Path):
    programme = load_programme(written(tmp_path, SMALL))

    week = {day: [one.session.id for one in occurrences_on(programme, date(2026, 11, day))] for day in range(23, 30)}
    assert week == {
        23: ["sang", "chieu"], 24: ["sang"], 25: ["sang", "chieu"], 26: ["sang"], 27: ["sang"], 28: ["sang"],
        29: ["sang"],
    }  # fmt: skip


def test_a_programme_is_valid_from_its_first_to_its_last_day(tmp_path: Path):
    programme = load_programme(written(tmp_path, SMALL))

    days = [date(2026, 1, 4), date(2026, 1, 5), date(2026, 12, 31), date(2027, 1, 1)]
    assert [bool(occurrences_on(programme, day)) for day in days] == [False, True, True, False]


@given(st.dates(date(2026, 1, 5), date(2026, 12, 31)))
def test_every_vietnamese_morning_at_five_is_22_o_clock_utc_the_day_before(day: date):
    start = occurrences_on(lowland(), day)[0].start

    assert start == datetime(day.year, day.month, day.day, 22, tzinfo=UTC) - timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "utc"),
    [
        (date(2026, 3, 28), datetime(2026, 3, 28, 1, 30, tzinfo=UTC)),
        (date(2026, 3, 29), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # 02:30 does not exist: it is 03:30
        (date(2026, 10, 25), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # 02:30 comes twice: the first
        (date(2026, 10, 26), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)),
    ],
)
def test_zones_that_skip_or_repeat_an_hour_have_one_start_a_day(tmp_path: Path, day: date, utc: datetime):
    text = SMALL.replace("Asia/Ho_Chi_Minh", "Europe/Berlin").replace('"05:00"', '"02:30"')
    programme = load_programme(written(tmp_path, text))

    starts = [one.start for one in occurrences_on(programme, day) if one.session.id == "sang"]

    assert starts == [utc]


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ('at: "05:00"', 'at: "5:00"', 10, "sessions[0].at"),
        ('at: "05:00"', "at: 25:00", 10, "sessions[0].at"),
        ("at: 17:00", "at: 05:09:59", 15, "sang may last until 5:10:00 on mon"),
        ("at: 17:00", "at: 23:59:59.9", 15, "sessions[1].at"),
        ("[mon, wed]", "[mon, mon]", 16, "names a day twice"),
        ("[mon, wed]", "[thu, thứ-ba]", 16, "sessions[1].weekdays[1]"),
        ("[mon, wed]", "[]", 16, "sessions[1].weekdays"),
        ("id: chieu", "id: sang", 13, "used before"),
        ("title: Chiều", "level: emergency\n    title: Chiều", 14, "released as an alert"),
        ("duration_ms: 500}", "duration: 500}", 18, "duration"),
        ("kind: pause", "kind: silence", 18, "sessions[1].segments[0]"),
        ("Asia/Ho_Chi_Minh", "Asia/Saigonn", 4, "no time zone"),
        ("Asia/Ho_Chi_Minh", "../../etc/passwd", 4, "no time zone"),
        ("2026-12-31", "2025-12-31", 6, "before the first"),
        ("2026-12-31", "2026-02-30", 6, "valid_until"),
        ("max_duration_s: 600", "max_duration_s: 0", 12, "max_duration_s"),
        ("unit: xa-thu", "unit: Xã Thử", 3, "unit"),
        ("loa.programme.v1", "loa.programme.v9", 1, "format"),
        ("title: Thử", "titel: Thử", 2, "titel"),
        ("  - id: chieu", "  - id: chieu\n    id: toi", 14, "twice"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_the_reason(
    tmp_path: Path, old: str, new: str, line: int, reason: str
):
    assert old in SMALL
    path = written(tmp_path, SMALL.replace(old, new))

    with pytest.raises(ScheduleInvalid) as caught:
        load_programme(path)

    assert caught.value.code == "schedule_invalid"
    assert caught.value.details["line"] == line
    assert str(caught.value).startswith(f"{path}, line {line}, ")
    assert reason in str(caught.value)


def test_a_session_beyond_midnight_is_refused(tmp_path: Path):
    text = SMALL.replace("{kind: pause, duration_ms: 500}", "{kind: pause, duration_ms: 60001}")
    path = written(tmp_path, text.replace("17:00", "23:59"))

    with pytest.raises(ScheduleInvalid, match="after midnight"):
        load_programme(path)


def test_sessions_that_touch_do_not_clash(tmp_path: Path):
    programme = load_programme(written(tmp_path, SMALL.replace("17:00", "05:10")))

    assert len(programme.sessions) == 2


def test_sessions_of_different_days_do_not_clash(tmp_path: Path):
    text = SMALL.replace("17:00", "05:00").replace('"05:00"', '"05:00"\n    weekdays: [tue]')

    assert len(load_programme(written(tmp_path, text)).sessions) == 2


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None):
    path = tmp_path / "programme.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ScheduleInvalid, match=r"programme\.yaml"):
        load_programme(path)


def test_the_schema_beside_the_programmes_is_that_of_the_models():
    assert json.loads(files("schedules").joinpath("programme.schema.json").read_text()) == programme_schema()
