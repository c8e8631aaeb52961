"""Programme files: what is written is read, and every mistake of a file is told at once, by line, in two languages."""

import json
from datetime import date
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.handwritten.faults import FileFault, FileInvalid
from controller.handwritten.files import MAX_CHARACTERS
from controller.handwritten.structure import faults
from controller.schedules.files import (
    load_programme,
    programme_schema,
    read_programme,
    same_id_twice,
    write_programme,
)
from controller.schedules.programme import ProgrammeFile

SMALL = """\
format: loa.programme.v1
id: thu
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
PAUSE, SAID = "{kind: pause, duration_ms: 500}", "{kind: content, asset: tin, duration_s: 60, variants: "
EVERY_MINUTE = f"FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))};BYMINUTE={','.join(map(str, range(60)))}"


def refused(text: str) -> tuple[FileFault, ...]:
    with pytest.raises(FileInvalid) as caught:
        read_programme(text, "x.yaml")
    assert caught.value.code == "file_invalid"
    return caught.value.faults


def test_what_is_written_is_read():
    programme = read_programme(SMALL)

    assert (programme.id, programme.unit, programme.valid_from.isoformat()) == ("thu", "xa-thu", "2026-01-05")
    assert [(one.id, one.at, one.weekdays) for one in programme.sessions] == [
        ("sang", "05:00", None),
        ("chieu", "17:00", ("mon", "wed")),
    ]


def test_a_sound_is_written_in_several_languages_and_comes_back_so():
    programme = read_programme(SMALL.replace(PAUSE, SAID + "{hmn: tin-mong, km: tin-khmer}}"))

    assert programme.sessions[1].segments[0].variants == {"hmn": "tin-mong", "km": "tin-khmer"}
    assert read_programme(write_programme(programme)) == programme


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "code"),
    [
        ('at: "05:00"', 'at: "5:00"', 11, "sessions[0].at", "form_wrong"),
        ('at: "05:00"', "at: 25:00", 11, "sessions[0].at", "form_wrong"),
        ('at: "05:00"', "at: 5", 11, "sessions[0].at", "type_wrong"),
        ('at: "05:00"', "at:", 11, "sessions[0].at", "type_wrong"),
        ('at: "05:00"', "at: [05:00]", 11, "sessions[0].at", "type_wrong"),
        ('    at: "05:00"\n', "", 9, "sessions[0].at", "field_missing"),
        ("at: 17:00", "at: 23:59:59.9", 16, "sessions[1].at", "form_wrong"),
        ("[mon, wed]", "[thu, thứ-ba]", 17, "sessions[1].weekdays[1]", "choice_unknown"),
        ("[mon, wed]", "[]", 17, "sessions[1].weekdays", "too_few"),
        ("[mon, wed]", "mon", 17, "sessions[1].weekdays", "type_wrong"),
        ("[mon, wed]", "{mon: true}", 17, "sessions[1].weekdays", "type_wrong"),
        ("duration_ms: 500}", "duration: 500}", 19, "sessions[1].segments[0].duration", "field_unknown"),
        ("duration_ms: 500}", "duration_ms: 0.5}", 19, "sessions[1].segments[0].duration_ms", "type_wrong"),
        ("duration_ms: 500}", "duration_ms: true}", 19, "sessions[1].segments[0].duration_ms", "type_wrong"),
        ("duration_ms: 500}", 'duration_ms: "500"}', 19, "sessions[1].segments[0].duration_ms", "type_wrong"),
        ("500}", "99999999}", 19, "sessions[1].segments[0].duration_ms", "number_out_of_range"),
        ("kind: pause", "kind: silence", 19, "sessions[1].segments[0].kind", "choice_unknown"),
        ("kind: pause, ", "", 19, "sessions[1].segments[0].kind", "field_missing"),
        ("Asia/Ho_Chi_Minh", "Asia/Saigonn", 5, "zone", "zone_unknown"),
        ("Asia/Ho_Chi_Minh", "../../etc/passwd", 5, "zone", "zone_unknown"),
        ("2026-12-31", "2025-12-31", 7, "valid_until", "days_reversed"),
        ("2026-12-31", "2026-02-30", 7, "valid_until", "date_wrong"),
        ("2026-12-31", "31/12/2026", 7, "valid_until", "date_wrong"),
        ("2026-12-31", "20261231", 7, "valid_until", "date_wrong"),
        ("600", "0", 13, "sessions[0].segments[0].max_duration_s", "number_out_of_range"),
        ("unit: xa-thu", "unit: Xã Thử", 4, "unit", "form_wrong"),
        ("id: thu", "id: " + "a" * 41, 2, "id", "form_wrong"),
        ("id: thu", 'id: "thu\\n"', 2, "id", "form_wrong"),
        ("loa.programme.v1", "loa.programme.v9", 1, "format", "form_wrong"),
        ("title: Thử", "titel: Thử", 3, "titel", "field_unknown"),
        ("  - id: chieu", "  - id: chieu\n    id: toi", 15, "sessions[1].id", "twice"),
        ("title: Thử", "title: !secret Thử", 3, "title", "tag"),
        ("title: Thử", "title: Thử\n? [a, b]\n: 1", 4, "$", "no_word"),
        ("title: Thử", "title: &t Thử", 3, "$", "alias"),
        ("title: Thử", "title: *t", 3, "$", "alias"),
        ("title: Thử", "title: {{{", 5, "$", "not_yaml"),
        ("title: Thử", "title: Thử: thêm", 3, "$", "not_yaml"),
        ("title: Thử", "\ttitle: Thử", 3, "$", "not_yaml"),
        ("title: Thử", "title: Th\x07", 1, "$", "not_yaml"),
        ("title: Thử", "title: " + "[" * 30 + "]" * 30, 3, "$", "too_deep"),
        ("title: Thử", 'title: ""', 3, "title", "too_few"),
        ("title: Thử", "title: " + "a" * 301, 3, "title", "too_many"),
        ("sessions:", "sessions: []\nmore:", 8, "sessions", "too_few"),
        ("    title: Sáng", "    lunar: {days: [31]}", 10, "sessions[0].lunar.days[0]", "number_out_of_range"),
        ("    title: Sáng", "    lunar: rằm", 10, "sessions[0].lunar", "type_wrong"),
        ("    title: Sáng", "    rrule: mỗi ngày", 10, "sessions[0].rrule", "form_wrong"),
        ("    title: Sáng", "    to: [xa-thu]", 10, "sessions[0].to[0]", "form_wrong"),
        ("    title: Sáng", "    languages: [Mông]", 10, "sessions[0].languages[0]", "form_wrong"),
        ("    title: Sáng", "    on_holiday: nghỉ", 10, "sessions[0].on_holiday", "choice_unknown"),
        ("    title: Sáng", "    volume: 101", 10, "sessions[0].volume", "number_out_of_range"),
        ("    title: Sáng", "    stagger: no", 10, "sessions[0].stagger", "type_wrong"),
        (PAUSE, SAID + "{hmn: Mông}}", 19, "sessions[1].segments[0].variants.hmn", "form_wrong"),
        (PAUSE, SAID + "{Mông: tin}}", 19, "sessions[1].segments[0].variants.Mông", "form_wrong"),
        (PAUSE, SAID + "[hmn]}", 19, "sessions[1].segments[0].variants", "type_wrong"),
        ("at: 17:00", "at: 05:09:59", 16, "sessions[1].at", "sessions_clash"),
        ("id: chieu", "id: sang", 14, "sessions[1].id", "session_repeated"),
        ("[mon, wed]", "[mon, mon]", 17, "sessions[1].weekdays", "weekday_repeated"),
        ("title: Chiều", "level: emergency\n    title: Chiều", 15, "sessions[1].level", "emergency_scheduled"),
        ("pause, duration_ms: 500", "chime, name: gong", 19, "sessions[1].segments[0].name", "chime_unknown"),
        ("weekdays: [mon, wed]", "rrule: FREQ=DAILY;COUNT=0", 17, "sessions[1].rrule", "rrule_count"),
        ("weekdays: [mon, wed]", f"rrule: {EVERY_MINUTE}", 17, "sessions[1].rrule", "rrule_too_often"),
        ("weekdays: [mon, wed]", "rrule: FREQ=DAILY;COUNT=-1", 17, "sessions[1].rrule", "rrule_count"),
        ("weekdays: [mon, wed]", "rrule: FREQ=DAILY;COUNT=99999999", 17, "sessions[1].rrule", "rrule_count"),
        ("weekdays: [mon, wed]", "rrule: FREQ=DAILY;UNTIL=20250101", 17, "sessions[1].rrule", "rrule_never"),
        ("weekdays: [mon, wed]", "rrule: FREQ=YEARLY;INTERVAL=99999", 17, "sessions[1].rrule", "rrule_invalid"),
        ("weekdays: [mon, wed]", "rrule: FREQ=SECONDLY", 17, "sessions[1].rrule", "rrule_too_often"),
        ("weekdays: [mon, wed]", "rrule: FREQ=MINUTELY", 17, "sessions[1].rrule", "rrule_too_often"),
        ("weekdays: [mon, wed]", "rrule: FREQ=SOMETIMES", 17, "sessions[1].rrule", "rrule_invalid"),
        ("weekdays: [mon, wed]", "rrule: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", 17, "sessions[1].rrule",
         "rrule_never"),
        ("[mon, wed]", "[mon]\n    lunar: {days: [1]}", 18, "sessions[1].lunar", "recurrence_ambiguous"),
        ("weekdays: [mon, wed]", "lunar: {months: [1]}", 17, "sessions[1].lunar", "lunar_empty"),
        ("    title: Sáng", "    except: [2026-13-01]", 10, "sessions[0].except[0]", "date_wrong"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_the_line_the_field_and_a_stable_code(
    old: str, new: str, line: int, field: str, code: str
):
    assert old in SMALL

    found = refused(SMALL.replace(old, new, 1))

    assert (line, field, code) in [(one.line, one.field, one.code) for one in found]
    assert all(one.vi and one.en and one.vi != one.en for one in found)


def test_every_mistake_of_a_file_is_told_at_once():
    text = SMALL.replace('"05:00"', "5h").replace("xa-thu\nzone", "Xã Thử\nzone").replace("[mon, wed]", "[mon, T4]")

    found = refused(text.replace("title: Thử", "title: Thử\ntitle: Thử lại").replace("500", "5"))

    assert [(one.line, one.code) for one in found] == [
        (4, "twice"), (5, "form_wrong"), (12, "form_wrong"), (18, "choice_unknown"), (20, "number_out_of_range"),
    ]  # fmt: skip


def test_a_fault_is_told_in_vietnamese_and_in_english():
    (fault,) = refused(SMALL.replace('"05:00"', "5h"))

    assert fault.told("vi").startswith("x.yaml, dòng 11, sessions[0].at: “5h” không đúng dạng; viết giờ và phút")
    assert fault.told("en").startswith("x.yaml, line 11, sessions[0].at: “5h”: write hours and minutes")


def test_a_misspelt_field_is_answered_with_the_one_that_was_meant():
    (fault,) = [one for one in refused(SMALL.replace("weekdays", "weekday")) if one.code == "field_unknown"]

    assert "có phải “weekdays”?" in fault.vi
    assert "did you mean “weekdays”?" in fault.en


@pytest.mark.parametrize("text", ["", "~", "[]", "a", "1", "[[1]]", "sessions: {}", "{}", "- id: a"])
def test_a_file_that_holds_something_else_is_refused(text: str):
    assert {one.code for one in refused(text)} <= {"type_wrong", "field_missing"}


def test_a_huge_file_is_refused_before_it_is_looked_at(tmp_path: Path):
    path = tmp_path / "programme.yaml"
    with path.open("wb") as opened:
        opened.truncate(1 << 40)  # a terabyte of nothing: it takes no room and would take all memory

    with pytest.raises(FileInvalid) as caught:
        load_programme(path)

    assert caught.value.faults[0].code == "too_large"
    assert refused("#" * (MAX_CHARACTERS + 1))[0].code == "too_large"


@pytest.mark.parametrize(
    ("content", "line", "code"),
    [(None, 1, "file_unreadable"), (b"id: a\n\xff\xfe", 2, "not_utf8"), (SMALL.encode("utf-16"), 1, "not_utf8")],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None, line: int, code: str):
    path = tmp_path / "programme.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(FileInvalid, match=r"programme\.yaml") as caught:
        load_programme(path)

    assert [(one.line, one.code) for one in caught.value.faults] == [(line, code)]


def test_a_folder_is_refused(tmp_path: Path):
    with pytest.raises(FileInvalid, match="cannot be read"):
        load_programme(tmp_path)


def test_a_byte_order_mark_is_not_part_of_the_first_field(tmp_path: Path):
    path = tmp_path / "programme.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())

    assert load_programme(path) == read_programme(SMALL)


def test_two_files_with_one_id_are_told():
    small = read_programme(SMALL)
    other = msgspec.structs.replace(small, id="khac")

    (fault,) = same_id_twice([("a.yaml", small), ("b.yaml", other), ("c.yaml", small)])

    assert (fault.file, fault.field, fault.code) == ("c.yaml", "id", "id_twice")
    assert "a.yaml" in fault.vi


def test_the_schema_beside_the_programmes_is_that_of_the_models():
    assert json.loads(files("schedules").joinpath("programme.schema.json").read_text()) == programme_schema()


WORDS = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable()) | st.sampled_from(
    ["05:00", "no", "~", "null", "2026-01-01", "1e3", "0o7", "=", "- a", "#", "a: b", "'", '"', "[", "\u2028", "\ufeff"]
)  # fmt: skip


@settings(max_examples=50)
@given(
    title=WORDS,
    note=WORDS,
    at=st.sampled_from(["00:00", "05:00:01", "15:59"]),
    days=st.lists(st.dates(date(1970, 1, 1), date(2199, 12, 31)), max_size=5),
)
def test_a_written_programme_is_read_as_the_same_one(title: str, note: str, at: str, days: list):
    given_ = json.loads(msgspec.json.encode(read_programme(SMALL)))
    given_["title"] = title
    given_["sessions"][0] |= {"title": note, "at": at, "also": sorted({day.isoformat() for day in days})}
    given_["changes"] = [{"session": "sang", "occurrence": "2026-01-06T05:00", "cancel": True, "note": note}]
    programme = msgspec.convert(given_, ProgrammeFile)

    text = write_programme(programme, "không giữ chú thích\nhai dòng")

    assert read_programme(text) == programme
    assert text.startswith("# không giữ chú thích\n# hai dòng\nformat: loa.programme.v1\nid: thu\n")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def damaged(draw: st.DrawFn) -> dict:
    """A programme with something put somewhere: a value of any kind, at any place, or a field taken away."""
    data = json.loads(msgspec.json.encode(read_programme(SMALL)))
    for _ in range(draw(st.integers(1, 3))):
        place = data
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw(st.sampled_from([*keys, "lunar", "rrule", "more"] if isinstance(place, dict) else keys))
            inner = place.get(key) if isinstance(place, dict) else place[key]
            if isinstance(inner, dict | list) and inner and draw(st.integers(0, 3)):
                place = inner
                continue
            if isinstance(place, dict) and draw(st.booleans()):
                place.pop(key, None)
            else:
                place[key] = draw(JSON)
            break
    return data


@settings(max_examples=60)
@given(damaged())
def test_a_shape_has_faults_exactly_when_it_is_no_programme(data: dict):
    found = faults(data, ProgrammeFile)

    try:
        msgspec.convert(data, ProgrammeFile)
    except msgspec.ValidationError:
        assert found
    else:
        assert found == []


@settings(max_examples=100)
@given(
    place=st.integers(0, len(SMALL)),
    taken=st.integers(0, 30),
    put=st.text(max_size=10) | st.text("{}[]:,-&*!|>'\"%@`#?~ \n\t0a", max_size=10),
)
def test_a_torn_file_is_read_or_refused_with_a_line_of_it(place: int, taken: int, put: str):
    text = SMALL[:place] + put + SMALL[place + taken :]

    faults, programme = outcome(text)

    assert bool(faults) is (programme is None)
    assert all(1 <= fault.line <= len(text.splitlines()) + 1 for fault in faults)
    if programme is not None:
        assert read_programme(write_programme(programme)) == programme


def outcome(text: str) -> tuple[tuple[FileFault, ...], ProgrammeFile | None]:
    try:
        return (), read_programme(text)
    except FileInvalid as error:
        return error.faults, None
