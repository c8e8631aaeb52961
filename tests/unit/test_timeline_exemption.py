"""Only an alert sounds in spite of the rules of the air, and what it was exempt from stands in its receipt."""

from datetime import UTC, datetime, timedelta

import pytest

from loa_protocol.documents.device import ClockReport, ClockState, DeviceKind
from loa_protocol.documents.emergency import AlertStart
from loa_protocol.documents.plan import Broadcast, Plan
from loa_protocol.documents.policy import Blackout, Policy, VolumeCap, Window
from loa_protocol.documents.trust import Ceilings
from loa_protocol.ids import Level
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.policy import merge
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import Past, Stretch, Timeline, Verdict, agenda_of, compute

T = datetime(2026, 11, 2, 22, 0, tzinfo=UTC)  # 05:00 on Tuesday 3 November in Vietnam
TRUSTED = ClockReport(state=ClockState.TRUSTED, error_ms=4)
FLOOD = Occurrence(kind="alert", id="flood")


def after(minutes: float) -> datetime:
    return T + timedelta(minutes=minutes)


def alert(**more: object) -> AlertStart:
    fields = {"id": "flood", "scope": "u-xa", "event": "flood", "issued": T, "start_before": after(15)}
    return AlertStart(**fields | {"ends": after(30), "duration_ms": 120_000, "volume": 90} | more)


def policy(**more: object) -> Policy:
    return Policy(scope="u-xa", version=1, issued=T, expires=after(9999), **more)


def bulletin(start: float, length: float) -> Plan:
    cast = Broadcast(
        id="tin",
        start=after(start),
        latest_start=after(start),
        duration_ms=int(length * 60_000),
        level=Level.PRIORITY,
    )
    return Plan(scope="u-xa", version=1, issued=T, expires=after(9999), horizon=after(600), broadcasts=(cast,))


def look(*rules: Policy, plans: tuple[Plan, ...] = (), now: float = 0, held: AlertStart | None = None) -> Timeline:
    agenda = agenda_of(plans, [held or alert()])
    return compute(agenda, merge(rules), {}, clock=TRUSTED, now=after(now), kind=DeviceKind.SPEAKER)


def told(timeline: Timeline) -> Verdict:
    return timeline.verdicts[FLOOD]


NIGHT = (Window(from_minute=600, to_minute=660),)


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ({"windows": NIGHT}, "exempt from hours of u-xa: allowed only 10:00-11:00 (Asia/Ho_Chi_Minh)"),
        (
            {"blackouts": (Blackout(first=datetime(2026, 11, 3).date(), last=datetime(2026, 11, 3).date()),)},  # noqa: DTZ001
            "exempt from blackout of u-xa: blacked out from 2026-11-03 to 2026-11-03",
        ),
        ({"max_minutes_a_day": 1}, "exempt from minutes of u-xa: 1 minutes a day are not enough on 2026-11-03"),
        ({"max_slots_a_day": 0}, "exempt from slots of u-xa: 0 slots a day are used up on 2026-11-03"),
        (
            {"volume_caps": (VolumeCap(from_minute=0, to_minute=1440, max_volume=30),)},
            "exempt from the volume cap of 30",
        ),
        (
            {"windows": NIGHT, "volume_caps": (VolumeCap(from_minute=0, to_minute=1440, max_volume=30),)},
            "exempt from hours of u-xa: allowed only 10:00-11:00 (Asia/Ho_Chi_Minh); exempt from the volume cap of 30",
        ),
    ],
)
def test_an_alert_sounds_whatever_a_policy_forbids_and_says_so(rules: dict[str, object], text: str) -> None:
    timeline = look(policy(**rules))

    assert [(s.begin, s.volume) for s in timeline.segments] == [(T, 90)]
    assert (told(timeline).outcome, told(timeline).because, told(timeline).detail) == (Outcome.PLAYED, "complete", text)


def test_an_alert_that_breaks_no_rule_claims_no_exemption() -> None:
    caps = (VolumeCap(from_minute=0, to_minute=1440, max_volume=90),)

    verdict = told(look(policy(max_minutes_a_day=2, max_slots_a_day=1, volume_caps=caps)))

    assert (verdict.outcome, verdict.detail) == (Outcome.PLAYED, "")


def test_a_ceiling_is_no_cap_an_alert_is_exempt_from() -> None:
    agenda = agenda_of((), [alert()])
    rules = merge((), Ceilings(max_volume=50))

    timeline = compute(agenda, rules, {}, clock=TRUSTED, now=T, kind=DeviceKind.SPEAKER)

    assert [s.volume for s in timeline.segments] == [50]
    assert told(timeline).detail == ""


def test_an_alert_that_sounds_already_says_the_same_when_it_is_looked_at_again() -> None:
    rules = merge([policy(windows=NIGHT)])
    agenda = agenda_of((), [alert()])
    sounding = {FLOOD: Past((Stretch(T),))}

    again = compute(agenda, rules, sounding, clock=TRUSTED, now=after(1), kind=DeviceKind.SPEAKER)

    assert told(again).detail == told(look(policy(windows=NIGHT))).detail != ""


def test_what_the_alert_cuts_has_used_its_minutes_before_the_alert_is_judged() -> None:
    rules = policy(max_minutes_a_day=4)
    late = alert(issued=after(3), duration_ms=120_000)

    timeline = look(rules, plans=(bulletin(0, 4),), held=late)

    assert told(timeline).detail.startswith("exempt from minutes of u-xa")


def test_a_drill_and_a_bulletin_are_exempt_from_nothing() -> None:
    timeline = look(policy(windows=NIGHT), plans=(bulletin(20, 1),), held=alert(status="drill"))

    assert {v.outcome for v in timeline.verdicts.values()} == {Outcome.SKIPPED}
    assert {v.reason for v in timeline.verdicts.values()} == {Reason.POLICY}
    assert not any("exempt" in v.detail for v in timeline.verdicts.values())
