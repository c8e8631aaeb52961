"""What the journal says of each occurrence, and what that means at the edges of time."""

from datetime import datetime, timedelta

import pytest

from loa_protocol.documents.policy import Policy
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.policy import merge
from loa_protocol.receipts import Note, Occurrence, Receipt, Started
from loa_protocol.timeline import Past, Stretch, history_of
from tests.unit.test_timeline import TRUSTED, A, B, T, after, cast, look, plan

MS = timedelta(milliseconds=1)


def receipt(**more: object) -> Receipt:
    fields = {"occurrence": A, "outcome": Outcome.SKIPPED, "reason": Reason.TOO_LATE, "planned": T, "clock": TRUSTED}
    return Receipt(**fields | more)


@pytest.mark.parametrize(
    ("stretch", "now", "sounded_ms"),
    [
        (Stretch(T), T, 0),
        (Stretch(T), T + MS, 1),
        (Stretch(T), T + 1.5 * MS, 1),
        (Stretch(T), T - MS, 0),
        (Stretch(T, after(1)), after(5), 60_000),
        (Stretch(T, after(1), 5000), T, 60_000),
    ],
)
def test_a_stretch_has_been_heard_up_to_its_end_or_up_to_now(stretch: Stretch, now: datetime, sounded_ms: int) -> None:
    assert stretch.sounded_ms(now) == sounded_ms


def test_only_what_has_no_outcome_and_an_open_end_sounds() -> None:
    assert Past((Stretch(T, after(1)), Stretch(after(2)))).playing
    assert not Past((Stretch(T), Stretch(after(2), after(3)))).playing
    assert not Past((Stretch(T),), Outcome.PARTIAL).playing
    assert not Past().playing


@pytest.mark.parametrize(
    ("told", "past"),
    [
        ({}, Past((), Outcome.SKIPPED, Reason.TOO_LATE, at=T)),
        ({"ended": after(9)}, Past((), Outcome.SKIPPED, Reason.TOO_LATE, at=after(9))),
        ({"started": after(1)}, Past((), Outcome.SKIPPED, Reason.TOO_LATE, at=after(1))),
        ({"played_ms": 5}, Past((), Outcome.SKIPPED, Reason.TOO_LATE, at=T)),
        (
            {"started": after(1), "played_ms": 1},
            Past((Stretch(after(1), after(1) + MS),), Outcome.SKIPPED, Reason.TOO_LATE, at=after(1)),
        ),
    ],
)
def test_a_receipt_tells_as_much_of_the_past_as_stands_in_it(told: dict[str, object], past: Past) -> None:
    assert history_of([receipt(**told)]) == {A: past}


def test_what_speaks_of_no_occurrence_is_no_history() -> None:
    assert history_of([Note(code="boot"), Started(occurrence=B, at=after(1), planned=T)]) == {B: Past(at=after(1))}


def test_two_that_sounded_far_apart_have_used_two_slots() -> None:
    history = {key: Past((Stretch(after(at), after(at + 5)),), Outcome.PLAYED) for key, at in ((A, 0), (B, 30))}
    rules = merge([Policy(scope="u-xa", version=1, issued=T, expires=T, max_slots_a_day=2)])

    verdict = look(plan(cast("c", 60, 5)), 40, history, policy=rules).verdicts[Occurrence(id="c")]

    assert (verdict.outcome, verdict.because) == (Outcome.SKIPPED, "slots")
