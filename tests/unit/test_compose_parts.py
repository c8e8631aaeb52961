"""What the pages of composing decide by themselves: times that are offered, titles, counts in words, what forbids."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controller.web import compose_times, compose_words
from controller.web.moments import ZONE
from controller.web.translating import Language, tongues

VI, EN = (tongues()[one] for one in Language)
EVENING = datetime(2026, 11, 21, 18, 0, tzinfo=ZONE)


def sessions(*hours: int, first: datetime = EVENING, days: int = 7) -> list[dict[str, Any]]:
    starts = [first.replace(hour=hour) + timedelta(days=day) for day in range(days) for hour in hours]
    told = sorted(start for start in starts if start > first)
    return [{"start": one.astimezone(UTC).isoformat(), "title": "Buổi", "slot_ms": 300_000} for one in told]


def test_where_there_are_no_sessions_the_next_usual_hours_are_offered() -> None:
    told = [one.start.astimezone(ZONE) for one in compose_times.offers([], EVENING)]

    assert told == [datetime(2026, 11, 22, 5, tzinfo=ZONE), datetime(2026, 11, 22, 17, tzinfo=ZONE)]
    assert compose_times.usual(EVENING.replace(hour=16))[0].hour == 17


def test_sessions_with_a_slot_are_offered_with_the_length_of_it() -> None:
    told = compose_times.offers(sessions(5, 17), EVENING)

    assert [one.start.astimezone(ZONE).hour for one in told] == [5, 17, 5, 17]
    assert all(one.key.startswith("slot:") and one.slot_s == 300 for one in told)


@pytest.mark.parametrize("picked", range(8))
@pytest.mark.parametrize("days", [1, 3, 5])
def test_a_bulletin_is_valid_in_the_sessions_that_were_chosen_and_in_no_other(picked: int, days: int) -> None:
    coming = sessions(5, 17)
    starts = [datetime.fromisoformat(one["start"]) for one in coming]
    first = starts[picked]

    chosen = compose_times.of_session(coming, first, days, "xa")

    begin, end = chosen.valid_from, chosen.valid_until
    assert end is not None
    heard = [one for one in starts if (begin is None or begin <= one) and one < end]
    assert heard[0] == first
    assert len(heard) == (1 if days == 1 else min(2 * days, len(starts) - picked))
    assert chosen.places == ({"slot": "xa"},)


def test_a_clock_time_is_a_place_a_day() -> None:
    chosen = compose_times.of_clock(EVENING, 3, ["u-thon", "g-cho"])

    assert [one["start"] for one in chosen.places] == [(EVENING + timedelta(days=n)).isoformat() for n in range(3)]
    assert all(one["to"] == ["u-thon", "g-cho"] for one in chosen.places)
    assert chosen.valid_until is None
    assert compose_times.at_once(["u-thon"]).places == ({"to": ["u-thon"]},)


def test_a_typed_time_is_one_of_vietnam_or_none() -> None:
    assert compose_times.typed("2026-11-21", "18:00") == EVENING
    assert compose_times.typed("", "18:00") is None
    assert compose_times.typed("2026-11-21", "25:00") is None


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Mai cắt nước từ 8h. Bà con trữ nước.", "Mai cắt nước từ 8h"),
        ("\n  Họp thôn!\nNội dung", "Họp thôn"),
        ("từ " * 60, "từ " * 25 + "từ…"),
        ("", ""),
    ],
)
def test_a_title_is_the_first_sentence_cut_between_words(text: str, title: str) -> None:
    found = compose_words.title_of(text)

    assert found == title
    assert len(found) <= 81


def test_devices_are_counted_in_words() -> None:
    everything = {"speakers": 12, "boards": 1, "units": {"village": 3, "commune": 1}}
    here = {"speakers": 1, "boards": 0, "units": {"commune": 1}}
    far = {"speakers": 40, "boards": 0, "units": {"commune": 4}}

    assert compose_words.reached(everything, VI) == "Phát tới 12 cụm loa và 1 bảng tin ở 3 thôn"
    assert compose_words.reached(everything, EN) == "To 12 loudspeakers and 1 board in 3 villages"
    assert compose_words.reached(here, VI) == "Phát tới 1 cụm loa"
    assert compose_words.reached(far, VI) == "Phát tới 40 cụm loa ở 4 xã"
    assert "Chưa có cụm loa" in compose_words.reached({"speakers": 0, "boards": 0, "units": {}}, VI)


@pytest.mark.parametrize(
    ("lufs", "words"), [(-16.4, "vừa, đúng mức chuẩn"), (-19.0, "nhỏ hơn mức chuẩn"), (-12.0, "to hơn")]
)
def test_loudness_is_told_in_words(lufs: float, words: str) -> None:
    assert compose_words.loudness(lufs, -16.0, VI).startswith(words)


def test_what_somebody_else_puts_right_does_not_forbid() -> None:
    warning, stop = ({"code": "no_place", "weight": "warning"}, {"code": "sound_missing", "weight": "stop"})

    assert compose_words.forbids([warning, stop])
    assert not compose_words.forbids([warning, {"code": "no_approver", "weight": "stop"}])
