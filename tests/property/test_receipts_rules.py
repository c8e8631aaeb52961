"""The ledger's rules hold whatever comes in whatever order."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from controller.receipts import rules
from controller.receipts.rules import Step
from loa_protocol.outcomes import Outcome

DEVICES_WORDS = [outcome for outcome in Outcome if outcome is not Outcome.UNKNOWN]
T0 = datetime(2026, 11, 21, tzinfo=UTC)


@given(st.lists(st.sampled_from([*DEVICES_WORDS, None])))
def test_the_first_true_answer_stays_whatever_follows(events: list[Outcome | None]) -> None:
    """None is the deadline passing: the controller's own `unknown`, where nothing was answered."""
    current: str | None = None
    for event in events:
        if event is None:
            current = current or Outcome.UNKNOWN
            continue
        step = rules.step(current, event, same=current == event)
        if step in {Step.SET, Step.REPLACE}:
            current = event

    answers = [event for event in events if event is not None]
    expected = answers[0] if answers else (Outcome.UNKNOWN if events else None)
    assert current == expected


@given(st.sampled_from([None, *Outcome]), st.booleans())
def test_a_device_never_sets_unknown(current: Outcome | None, same: bool) -> None:
    assert rules.step(current, Outcome.UNKNOWN, same=same) is Step.NOT_A_DEVICES_WORD


@given(st.sampled_from(DEVICES_WORDS), st.sampled_from(DEVICES_WORDS))
def test_a_second_answer_is_nothing_new_or_a_conflict(first: Outcome, second: Outcome) -> None:
    assert rules.step(first, second, same=True) is Step.SAME
    assert rules.step(first, second, same=False) is Step.CONFLICT


@given(st.lists(st.sampled_from([None, *map(str, Outcome)])))
def test_outcomes_and_waiting_add_up_to_the_expected(outcomes: list[str | None]) -> None:
    summary = rules.summarise(outcomes)

    assert summary.waiting + sum(summary.outcomes.values()) == summary.expected == len(outcomes)
    assert all(summary.outcomes[word] == outcomes.count(word) for word in summary.outcomes)


@given(st.integers(-10, 10), st.one_of(st.none(), st.integers(-10, 10)))
def test_only_a_cancel_before_the_start_frees_everybody(start_s: int, cancel_s: int | None) -> None:
    start = T0 + timedelta(seconds=start_s)
    cancelled = None if cancel_s is None else T0 + timedelta(seconds=cancel_s)

    assert rules.expects_nobody(start, cancelled) == (cancel_s is not None and cancel_s < start_s)
    assert rules.may_fix(start, start)
    assert not rules.may_fix(start, start - timedelta(milliseconds=1))
