"""What the rules of the air speak of: values that nobody changes, equal where they say the same, small."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from loa_protocol import policy
from loa_protocol.documents.device import ClockReport, ClockState, DeviceKind
from loa_protocol.documents.plan import OnLate, OnPreempt
from loa_protocol.documents.policy import Policy
from loa_protocol.outcomes import Outcome
from loa_protocol.policy import EffectivePolicy, HardLimits, Part, PolicyInvalid, Violation, merge
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import Agenda, Class, Item, Past, Phase, Segment, StopOrder, Stretch, Timeline, Verdict
from loa_protocol.timeline.answers import BoardWindow
from loa_protocol.timeline.sound import Turn
from loa_protocol.timeline.standing import Standing

T = datetime(2026, 11, 2, 22, 0, tzinfo=UTC)
A = Occurrence(id="a")
ITEM = Item(occurrence=A, cls=Class.NORMAL, start=T, latest_start=T, expires=T, issued=T, duration_ms=0)
VALUES = [
    HardLimits,
    Violation,
    Part,
    EffectivePolicy,
    Item,
    Agenda,
    Segment,
    BoardWindow,
    Verdict,
    Timeline,
    Stretch,
    Past,
    StopOrder,
    Standing,
]


@pytest.mark.parametrize("kind", VALUES)
def test_nobody_changes_a_value_the_rules_have_given(kind: type) -> None:
    value = object.__new__(kind)

    for field in dataclasses.fields(kind):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, None)


@pytest.mark.parametrize("kind", [*VALUES, Turn])
def test_a_value_has_room_for_its_fields_alone(kind: type) -> None:
    assert not hasattr(object.__new__(kind), "__dict__")


@pytest.mark.parametrize("kind", [Item, StopOrder, Standing])
def test_long_values_are_written_with_their_fields_names(kind: type) -> None:
    assert all(field.kw_only for field in dataclasses.fields(kind))


def test_what_is_not_said_of_an_item_is_the_ordinary() -> None:
    told = (ITEM.authority, ITEM.volume, ITEM.on_preempt, ITEM.on_late, ITEM.stagger, ITEM.turn_ms, ITEM.board)

    assert told == (0, 70, OnPreempt.RESUME, OnLate.BEGIN, False, 0, None)
    assert (ITEM.scope, ITEM.version, ITEM.rev) == ("", 0, 0)


def test_what_is_not_said_of_a_stop_silences_everything_by_the_plan_key() -> None:
    order = StopOrder(issued=T, until=T, received=T)

    assert (order.broadcast, order.by_plan_key) == (None, True)


def test_what_is_not_said_of_a_device_moves_nothing() -> None:
    standing = Standing(
        policy=EffectivePolicy(),
        history={},
        stops=(),
        clock=ClockReport(state=ClockState.TRUSTED),
        now=T,
        kind=DeviceKind.SPEAKER,
    )

    assert (standing.stagger, standing.turn, standing.clockless) == (timedelta(), 0, None)
    assert standing.due(ITEM) == T


def test_a_verdict_that_lost_to_nobody_says_so() -> None:
    verdict = Verdict(A, Phase.DONE, Outcome.PLAYED, None, T, T)

    assert (verdict.because, verdict.by, verdict.detail) == ("", None, "")


def test_nothing_is_asked_of_an_empty_agenda_or_an_empty_past() -> None:
    assert Agenda() == Agenda({}, frozenset())
    assert Past() == Past((), None, None, None, None)
    assert Stretch(T) == Stretch(T, None, 0)


def test_without_any_policy_a_device_may_be_as_loud_as_it_can() -> None:
    assert HardLimits().max_volume == EffectivePolicy().max_volume == merge([]).max_volume == 100
    assert EffectivePolicy().volume_at(T, 100) == 100
    assert EffectivePolicy() == merge([]) == EffectivePolicy(frozenset(), 100)


def test_a_part_forbids_nothing_that_it_does_not_name() -> None:
    part = Part("u-xa", "Asia/Ho_Chi_Minh")

    assert (part.windows, part.max_slots, part.max_minutes, part.slot_gap) == (None, None, None, timedelta(minutes=10))
    assert (part.caps, part.blackouts) == (frozenset(), frozenset())
    assert EffectivePolicy(frozenset({part})) == merge([Policy(scope="u-xa", version=1, issued=T, expires=T)])


def test_what_a_phase_and_a_class_are_called_on_the_wire_stays() -> None:
    assert [str(phase) for phase in Phase] == ["waiting", "playing", "paused", "done"]
    assert [(one.name, int(one)) for one in Class] == [("NORMAL", 1), ("PRIORITY", 2), ("ALERT", 3)]


def test_a_policy_that_names_no_known_zone_is_refused_by_its_code() -> None:
    assert PolicyInvalid.code == "policy_invalid"
    assert timedelta(seconds=2) == policy.GRACE
