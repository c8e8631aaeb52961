"""Policies as people write them, as devices get them, and as people are told of them."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.policies import checking, document, views, words
from controller.policies.document import PolicyFile, PolicyUnsound
from controller.policies.objections import Effect, Gathering, Objection
from controller.policies.rules import Airing, judge
from controller.policies.times import Air, Nearest, nearest
from controller.policies.words import Sentence
from loa_protocol import hand_written
from loa_protocol.documents.policy import Blackout, VolumeCap, Window
from loa_protocol.documents.trust import Ceilings, LegalHours
from loa_protocol.hand_written import HandWrittenInvalid
from loa_protocol.policy import EffectivePolicy, merge
from tests.property import test_policies_times as days

FIVE = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # 17:00 on a Monday in Vietnam
MINUTE = timedelta(minutes=1)
WARD = Sentence("Phường Một", "Phường Một")
EXAMPLE = Path(__file__).parents[2] / "schedules" / "policies" / "urban-ward.yaml"
WRITTEN: dict[str, Any] = {
    "zone": "Asia/Bangkok",
    "windows": [{"from": "05:00", "to": "06:30", "weekdays": ["sun", "mon"]}, {"from": "22:00", "to": "24:00"}],
    "slots_a_day": 2,
    "minutes_a_day": 45,
    "slot_gap_min": 15,
    "volume_caps": [{"from": "21:00", "to": "06:00", "volume": 40}],
    "blackouts": [{"from": "2027-06-09", "to": "2027-06-12", "title": "Thi"}],
}


def test_what_is_written_is_what_devices_get() -> None:
    policy = document.as_policy("u-xa", document.read(WRITTEN), version=7)

    assert (policy.scope, policy.version, policy.timezone) == ("u-xa", 7, "Asia/Bangkok")
    assert policy.windows == (
        Window(from_minute=300, to_minute=390, weekdays=(1, 7)),
        Window(from_minute=1320, to_minute=1440),
    )
    assert (policy.max_slots_a_day, policy.max_minutes_a_day, policy.slot_gap_ms) == (2, 45, 900_000)
    assert policy.volume_caps == (VolumeCap(from_minute=1260, to_minute=360, max_volume=40),)
    assert policy.blackouts == (Blackout(first=date(2027, 6, 9), last=date(2027, 6, 12), title="Thi"),)


def test_what_is_stored_is_read_again_as_it_was() -> None:
    assert document.plain(document.read(WRITTEN)) == WRITTEN
    assert document.read(document.plain(document.read(WRITTEN))) == document.read(WRITTEN)


def test_no_policy_is_one_that_allows_everything() -> None:
    empty = merge([document.as_policy("u-xa", None)])

    assert empty.allows(FIVE, FIVE + timedelta(days=2)) is None
    assert empty.volume_at(FIVE, 100) == 100


def test_the_example_can_be_used_and_says_what_it_says() -> None:
    policy = merge([document.as_policy("u-phuong", hand_written.read(EXAMPLE.read_text(), PolicyFile))])

    assert policy.allows(FIVE, FIVE + 15 * MINUTE) is None
    for wrong in (FIVE + timedelta(days=5), FIVE - timedelta(hours=1), datetime(2027, 6, 9, 10, 0, tzinfo=UTC)):
        assert policy.allows(wrong, wrong + 15 * MINUTE) is not None


def test_a_file_with_an_unknown_word_is_refused_with_its_line() -> None:
    with pytest.raises(HandWrittenInvalid) as refused:
        hand_written.read(EXAMPLE.read_text().replace("slots_a_day", "slot_a_day"), PolicyFile)

    assert refused.value.line == EXAMPLE.read_text().splitlines().index("slots_a_day: 2") + 1


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"zone": "Mars/Base"}, ["zone"]),
        ({"windows": [{"from": "06:00", "to": "06:00"}]}, ["windows[0].to"]),
        ({"windows": [{"from": "24:00", "to": "00:00"}]}, ["windows[0].to"]),
        ({"volume_caps": [{"from": "06:00", "to": "06:00", "volume": 1}]}, ["volume_caps[0].to"]),
        ({"blackouts": [{"from": "2027-06-09", "to": "2027-06-08"}], "zone": "x"}, ["zone", "blackouts[0].to"]),
        ({"windows": [{"from": "6:00", "to": "07:00"}]}, ["windows[0].from"]),
        ({"slots_a_day": -1}, ["slots_a_day"]),
        ({"slots": 1}, ["slots"]),
    ],
)
def test_every_fault_is_told_with_its_field(change: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(PolicyUnsound) as refused:
        document.read({**WRITTEN, **change})

    faults: Any = refused.value.details["faults"]
    assert [one["field"] for one in faults] == fields


@pytest.mark.parametrize("span", [("00:00", "24:00"), ("22:00", "00:00"), ("22:00", "05:00")])
def test_a_whole_day_and_a_night_are_spans(span: tuple[str, str]) -> None:
    document.read({"windows": [{"from": span[0], "to": span[1]}]})


WEEKEND = {"from": "18:00", "to": "19:00", "weekdays": ["sat", "sun"]}


def airing(**more: Any) -> Airing:
    fields: dict[str, Any] = {"key": "a", "title": "Bản tin", "scopes": frozenset({"u-xa"}), "start": FIVE}
    return Airing(**fields | {"duration_ms": 600_000} | more)


def told(rules: dict[str, Any], one: Airing, *others: Airing) -> list[tuple[str, str]]:
    policy = merge([document.as_policy("u-xa", document.read(rules))])
    found = [words.why(trouble, WARD) for trouble in judge(policy, others, [one])]
    return [(sentence.vi, sentence.en) for sentence in found]


@pytest.mark.parametrize(
    ("rules", "vi", "en"),
    [
        (
            {
                "windows": [
                    {"from": "05:00", "to": "06:30"},
                    {"from": "18:00", "to": "19:00", "weekdays": ["sat", "sun"]},
                ]
            },
            "Phường Một chỉ cho phát 05:00–06:30, 18:00–19:00 (T7, CN)",
            "Phường Một allows only 05:00–06:30, 18:00–19:00 (Sat, Sun)",
        ),
        (
            {"blackouts": [{"from": "2026-11-20", "to": "2026-11-23", "title": "Thi"}]},
            "Phường Một không cho phát 20/11/2026–23/11/2026 (Thi)",
            "Phường Một keeps silence 20/11/2026–23/11/2026 (Thi)",
        ),
        (
            {"minutes_a_day": 9},
            "Phường Một cho phát tối đa 9 phút một ngày, ngày 23/11/2026 không còn đủ",
            "Phường Một allows 9 minutes a day, which do not last on 2026-11-23",
        ),
        (
            {"slots_a_day": 0},
            "Phường Một cho phát tối đa 0 buổi phát một ngày, ngày 23/11/2026 không còn đủ",
            "Phường Một allows 0 slots a day, which do not last on 2026-11-23",
        ),
        (
            {"volume_caps": [{"from": "16:00", "to": "20:00", "volume": 40}]},
            "Phường Một giới hạn âm lượng: 70 → 40",
            "Phường Một caps the volume: 70 → 40",
        ),
    ],
)
def test_a_rule_is_told_in_both_languages(rules: dict[str, Any], vi: str, en: str) -> None:
    assert told(rules, airing()) == [(vi, en)]


def test_every_rule_that_forbids_a_time_is_told_not_only_the_first() -> None:
    closed = {"windows": [{"from": "05:00", "to": "06:00"}]}
    dark = {"blackouts": [{"from": "2026-11-23", "to": "2026-11-23"}]}

    assert len(told({**closed, **dark}, airing())) == 2


def test_the_ceilings_are_told_as_what_binds_every_device() -> None:
    policy = merge([], Ceilings(max_volume=50, legal_hours=LegalHours(from_minute=360, to_minute=960)))
    gathering = Gathering()
    gathering.add(3, [airing()], judge(policy, (), [airing()]))

    hours, volume = gathering.objections({"a": airing()}, {}, lambda *_: Effect.REFUSED)

    assert (hours.rule, hours.scope, volume.rule, volume.lowered) == ("legal_hours", "ceilings", "volume", 50)
    assert hours.whose == volume.whose == "quy định chung cho mọi thiết bị"
    assert "06:00–16:00" in hours.vi
    assert (hours.devices, hours.of) == (3, 3)


def test_the_same_trouble_of_several_classes_is_one_objection_with_all_their_devices() -> None:
    policy = merge([document.as_policy("u-xa", document.read({"slots_a_day": 0}))])
    gathering = Gathering()
    for devices in (3, 4):
        gathering.add(devices, [airing()], judge(policy, (), [airing()]))
    gathering.add(5, [airing()], ())

    (one,) = gathering.objections({"a": airing()}, {"u-xa": "Xã"}, lambda *_: Effect.REFUSED)

    assert (one.whose, one.devices, one.of) == ("Xã", 7, 12)
    assert one.vi.endswith("(7 thiết bị)")


@pytest.mark.parametrize(
    ("found", "vi"),
    [
        (Nearest(FIVE, None), "giờ gần nhất được phép: 17:00 ngày 23/11/2026"),
        (Nearest(FIVE, FIVE + MINUTE), "giờ gần nhất được phép: 17:00 ngày 23/11/2026 hoặc 17:01 ngày 23/11/2026"),
        (Nearest(), "trong 7 ngày trước và sau không có giờ nào phù hợp"),
    ],
)
def test_times_are_offered_in_vietnamese_time(found: Nearest, vi: str) -> None:
    assert words.times(found, words.DEFAULT_ZONE).vi == vi


MIDNIGHT = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


def ruled(**more: Any) -> EffectivePolicy:
    return merge([document.as_policy("u-xa", document.read(more))])


def test_the_nearest_time_shares_the_minutes_of_two_days_at_midnight() -> None:
    """Eleven of fifteen minutes are used on both days: six fit only if at most four of them fall on each."""
    used = ((FIVE, FIVE + 11 * MINUTE), (FIVE + timedelta(days=1), FIVE + timedelta(days=1, minutes=11)))
    air = Air(ruled(minutes_a_day=15), used)

    evening = nearest([air], MIDNIGHT - 30 * MINUTE, 6 * MINUTE, not_before=FIVE)
    night = nearest([air], MIDNIGHT + 30 * MINUTE, 6 * MINUTE, not_before=MIDNIGHT - 60 * MINUTE)

    assert evening.after == MIDNIGHT - 4 * MINUTE
    assert night.before == MIDNIGHT - 2 * MINUTE


@pytest.mark.parametrize(("second", "after"), [(0, 11), (58, 11), (59, 12)])
def test_the_nearest_time_forgives_a_slot_its_two_seconds(second: int, after: int) -> None:
    """Both slots are used up; what begins ten minutes and two seconds after the last would open another."""
    end = FIVE + timedelta(minutes=1, seconds=second)
    air = Air(ruled(slots_a_day=2), ((FIVE - 60 * MINUTE, FIVE - 50 * MINUTE), (FIVE, end)))

    found = nearest([air], FIVE + 40 * MINUTE, MINUTE, not_before=FIVE)

    assert found.before == FIVE + after * MINUTE
    assert not air.suits(FIVE + (after + 1) * MINUTE, MINUTE)


def test_the_nearest_time_forgives_the_two_seconds_that_devices_forgive() -> None:
    air = Air(ruled(windows=[{"from": "17:00", "to": "17:10"}]))

    found = nearest([air], FIVE + 30 * MINUTE, 10 * MINUTE + timedelta(seconds=2), not_before=FIVE - MINUTE)

    assert found.before == FIVE


def test_the_nearest_time_leaves_room_for_a_turn_that_comes_later() -> None:
    """Seven minutes later it must not meet what sounds from 17:00 to 17:10."""
    air = Air(EffectivePolicy(), ((FIVE, FIVE + 10 * MINUTE),), 7 * MINUTE)

    found = nearest([air], FIVE - 5 * MINUTE, 5 * MINUTE, not_before=FIVE - 60 * MINUTE)

    assert (found.before, found.after) == (FIVE - 12 * MINUTE, FIVE + 3 * MINUTE)


def test_what_is_judged_takes_the_place_of_what_is_planned_under_its_key() -> None:
    planned, moved = airing(), airing(start=FIVE + 60 * MINUTE)

    assert [one.rule for one in judge(ruled(minutes_a_day=5), [planned], [moved])] == ["minutes"]


def test_what_waits_for_its_neighbour_until_the_hours_are_over_is_told() -> None:
    until = ruled(windows=[{"from": "17:00", "to": "17:15"}])
    first, second = airing(), airing(key="b", latest_start=FIVE + 10 * MINUTE, issued=FIVE)

    (found,) = judge(until, [first], [second])

    assert (found.key, found.rule, found.at, found.fell) == ("b", "hours", FIVE + 10 * MINUTE, "")
    assert judge(until, [first], [airing(key="b", issued=FIVE)]) == []  # it loses its place, which is no rule's doing


def test_a_turn_that_comes_too_late_for_the_hours_is_told() -> None:
    until = ruled(windows=[{"from": "17:00", "to": "17:20"}])
    one = airing(start=FIVE + 5 * MINUTE, duration_ms=540_000, turn_ms=543_000)

    assert judge(until, [], [one], turn=0) == []
    assert [trouble.rule for trouble in judge(until, [], [one], turn=1)] == ["hours"]


def objection(number: int, effect: Effect) -> Objection:
    return Objection(
        key=f"b-{number}",
        title="",
        start=FIVE,
        rule="hours",
        effect=effect,
        scope="u-xa",
        whose="Xã",
        at=FIVE,
        devices=1,
        of=1,
        vi=f"vi {number}",
        en=f"en {number}",
    )


def test_a_refusal_tells_the_first_and_holds_all() -> None:
    many = [objection(number, Effect.REFUSED) for number in range(8)]
    with pytest.raises(checking.PolicyViolated) as refused:
        checking.require_allowed(many)

    assert str(refused.value) == "en 0. en 1. en 2. en 3. en 4. and 3 more."
    assert refused.value.details == {"vi": "vi 0. vi 1. vi 2. vi 3. vi 4. và 3 điều nữa.", "objections": many}


@pytest.mark.parametrize("effect", [Effect.NOTED, Effect.LEFT_OUT, Effect.SILENCED])
def test_only_a_refusal_refuses(effect: Effect) -> None:
    checking.require_allowed([objection(0, effect)])


@given(days.rules, st.integers(0, 1439), st.sampled_from(["Asia/Ho_Chi_Minh", "Europe/Paris"]))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_bands_of_a_day_say_of_every_minute_what_the_policy_says(
    policy: EffectivePolicy, minute: int, timezone: str
) -> None:
    caps = document.as_policy("u-c", document.read({"volume_caps": [{"from": "21:00", "to": "06:00", "volume": 40}]}))
    policy &= merge([caps])

    found = views.bands(policy, FIVE.date(), timezone)

    assert all(one.end == other.begin for one, other in pairwise(found))
    assert found[-1].end - found[0].begin == timedelta(days=1)
    at = found[0].begin + minute * MINUTE
    band = next(one for one in found if one.begin <= at < one.end)
    allowed = policy.allows(at, at + timedelta(milliseconds=1)) is None
    assert band.allowed == allowed
    assert band.volume == (policy.volume_at(at, 100) if allowed else 0)
    assert bool(band.closed_by) != allowed
    assert ("u-c" in band.capped_by) == (allowed and band.volume == 40)
