"""Signs of what happened: the green check stands for all that was to play, and for nothing else."""

from datetime import date
from typing import Any

import pytest

from controller.web import monitoring_words, words
from controller.web.outcome_words import sign_of_count, strip
from loa_protocol.outcomes import Outcome

TODAY = date(2026, 11, 21)
IN_TIME, THE_DAY_BEFORE = "2026-11-21T05:00:00Z", "2026-11-20T16:59:00Z"


def told(waiting: int = 0, **outcomes: int) -> dict[str, Any]:
    return {"expected": sum(outcomes.values()) + waiting, "waiting": waiting, "outcomes": outcomes}


def test_every_outcome_is_counted_once_in_the_strip() -> None:
    outcomes = {str(one): number for number, one in enumerate(Outcome, 1)}
    found = strip(told(4, **outcomes))

    assert found.good + found.bad + found.unsure + found.waiting == found.expected
    assert found.good == outcomes["played"]
    assert found.unsure == outcomes["unknown"]
    assert set(words.OUTCOMES) == {str(one) for one in Outcome}


@pytest.mark.parametrize(
    ("counted", "sign"),
    [
        (told(played=44), "good"),
        (told(played=1), "good"),
        (told(44), "waiting"),
        (told(1, played=43), "waiting"),
        (told(1, failed=43), "waiting"),
        (told(1, unknown=43), "waiting"),
        (told(played=43, failed=1), "warning"),
        (told(played=43, unknown=1), "warning"),
        (told(played=43, partial=1), "warning"),
        (told(played=1, skipped=43), "warning"),
        (told(failed=44), "bad"),
        (told(skipped=44), "bad"),
        (told(interrupted=1, unknown=43), "bad"),
        (told(partial=44), "bad"),
        (told(unknown=44), "unsure"),
        (told(), "waiting"),
        ({"expected": 44, "waiting": 0, "outcomes": {}}, "unsure"),
    ],
    ids=str,
)
def test_a_sign_follows_what_happened(counted: dict[str, Any], sign: str) -> None:
    assert strip(counted).sign == sign


@pytest.mark.parametrize(("sign", "count", "shown"), [("good", 0, "none"), ("bad", 0, "none"), ("bad", 1, "bad")])
def test_nothing_counted_is_neither_praise_nor_alarm(sign: str, count: int, shown: str) -> None:
    assert sign_of_count(sign, count) == shown


def went(start: str = IN_TIME, **outcomes: int) -> dict[str, Any]:
    return {"start": start, "expected": sum(outcomes.values()), "outcomes": outcomes}


@pytest.mark.parametrize(
    ("week", "heard", "sign", "said"),
    [
        ([], False, "waiting", "chưa phát"),
        ([went(THE_DAY_BEFORE, played=3)], False, "waiting", "chưa phát"),
        ([], True, "waiting", "đang chờ kết quả"),
        ([went(played=3)], True, "good", "phát đủ mọi cụm"),
        ([went(played=3), went(played=2, failed=1)], True, "warning", "có cụm không phát"),
        ([went(partial=3)], True, "warning", "có cụm không phát"),
        ([went(failed=1)], True, "warning", "có cụm không phát"),
        ([went(failed=3)], False, "bad", "không cụm nào phát"),
        ([went(unknown=3)], False, "unsure", "chưa rõ cụm nào phát"),
    ],
)
def test_the_day_of_a_commune_is_green_when_all_of_it_played(
    week: list[dict[str, Any]],
    heard: bool,
    sign: str,
    said: str,
) -> None:
    assert monitoring_words.today(week, TODAY, heard=heard) == (sign, said)
