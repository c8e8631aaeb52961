"""What an answer means, how far a broadcast came, and what is played again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controller.results import places, rules, tallying
from controller.results.rules import OF_OUTCOME, RANKS, Kind, Past, Standing, Step
from loa_protocol.outcomes import Outcome, Reason

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
PAST = Past(
    closed=True, cancelled=False, ended=NOW, segments=({"type": "content"},), kept=True, retried=False, devices=2
)


def _standing(outcome: str | None, reason: str | None = None, **known: Any) -> Standing:
    usual: dict[str, Any] = {"started": False, "published": True, "holds": None, "lacks": None, "needs": True}
    return Standing(outcome=outcome, reason=reason, **{**usual, **known})


def test_every_outcome_has_a_kind_and_a_place_in_lists() -> None:
    assert OF_OUTCOME.keys() == RANKS.keys() == {None, *Outcome}
    assert OF_OUTCOME[Outcome.PARTIAL] is Kind.WRONG
    assert RANKS[Outcome.FAILED] < RANKS[Outcome.UNKNOWN] < RANKS[None] < RANKS[Outcome.PLAYED]


def test_what_a_device_answered_says_how_far_it_came() -> None:
    played = rules.way(_standing("played", started=True))
    missing = rules.way(_standing("skipped", "content_missing", holds=False))
    silent = rules.way(_standing("unknown", "no_answer"))
    playing = rules.way(_standing(None, started=True))

    assert set(vars_of(played)) == {Step.DONE}
    assert vars_of(missing) == [Step.DONE, Step.DONE, Step.NOT_DONE, Step.NOT_DONE, Step.NOT_DONE]
    assert vars_of(silent) == [Step.DONE, *[Step.NOT_KNOWN] * 4]
    assert vars_of(playing) == [*[Step.DONE] * 4, Step.NOT_DONE]


def vars_of(way: rules.Way) -> list[Step]:
    return [way.sent, way.received, way.content, way.began, way.played]


def test_what_was_not_answered_is_known_from_the_devices_own_state() -> None:
    lacking = rules.way(_standing(None, holds=True, lacks=True))
    away = rules.way(_standing(None, published=False, holds=False, lacks=None))

    assert vars_of(lacking)[:3] == [Step.DONE, Step.DONE, Step.NOT_DONE]
    assert vars_of(away)[:3] == [Step.NOT_DONE, Step.NOT_DONE, Step.NOT_KNOWN]
    assert rules.way(_standing("played", needs=False)).content is Step.NOT_NEEDED


def test_a_device_holds_the_plans_it_listens_to() -> None:
    newest = {"plan/u-xa": 3, "plan/u-tinh": 9}

    assert rules.holds({"plan/u-xa": 3, "plan/u-tinh": 9}, newest) is True
    assert rules.holds({"plan/u-xa": 2}, newest) is False
    assert rules.holds({"stop/u-xa": 2}, newest) is False
    assert rules.holds({}, newest) is None
    assert rules.holds(None, newest) is None


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("reason", [None, *Reason])
def test_only_faults_are_tried_again(outcome: Outcome, reason: Reason | None) -> None:
    curable = rules.curable(outcome, reason)

    assert not (curable and outcome in {Outcome.PLAYED, Outcome.PARTIAL, Outcome.PREEMPTED, Outcome.UNKNOWN})
    if outcome is Outcome.SKIPPED and reason in {Reason.POLICY, Reason.STOPPED, Reason.WITHDRAWN, None}:
        assert not curable
    if outcome in {Outcome.FAILED, Outcome.INTERRUPTED}:
        assert curable


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, None),
        ({"closed": False}, "still_open"),
        ({"cancelled": True}, "withdrawn"),
        ({"retried": True}, "under_way"),
        ({"devices": 0}, "nobody"),
        ({"ended": NOW - timedelta(hours=13)}, "long_ago"),
        ({"segments": ({"type": "chime"}, {"type": "relay"})}, "relay"),
        ({"kept": False}, "content_gone"),
    ],
)
def test_a_broadcast_is_played_again_only_where_that_makes_sense(changed: dict[str, Any], word: str | None) -> None:
    known = {name: getattr(PAST, name) for name in Past.__slots__}
    found = rules.hindrance(Past(**{**known, **changed}), NOW)

    assert (found.word if found else None) == word


def test_units_are_counted_from_the_commune_upwards() -> None:
    chain = ("thon", "xa", "tinh")

    assert tallying.from_commune(chain, {"xa"}) == ("xa", "tinh")
    assert tallying.from_commune(("so", "tinh"), {"xa"}) == ("so", "tinh")
    assert places.highest({"xa": ("xa", "tinh"), "thon": chain, "kia": ("kia", "tinh")}) == ("kia", "xa")
