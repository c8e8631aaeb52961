"""Delivery's decisions: what a plan holds, what is sent again and to whom, in which order."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from controller.delivery import rules
from controller.delivery.content_rules import CREDIT_S, Allowance, Pace, shared_pace
from controller.delivery.redelivery import FIRST_PAUSE_S, LONGEST_PAUSE_S, Redelivery
from controller.runtime.changes import REREAD, Changes
from controller.runtime.settings import Role, Settings, SettingsInvalid
from controller.runtime.urgency import Urgency
from loa_protocol.documents.device import LinkClass
from loa_protocol.documents.plan import BoardItem, Broadcast, Content, ContentSegment, RelaySegment
from loa_protocol.topics import Family

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


def _broadcast(name: str = "b-1", *, in_s: float = 60, **changes: object) -> Broadcast:
    start = NOW + timedelta(seconds=in_s)
    fields = {"id": name, "start": start, "latest_start": start + timedelta(seconds=30), "duration_ms": 10_000}
    return Broadcast(**{**fields, **changes})  # type: ignore[arg-type]


def _content(name: str) -> Content:
    return Content(root=name * 64, bytes=10, chunk_bytes=16_384, media_type="audio/ogg")


def test_a_version_is_the_unix_millisecond_and_always_above_the_last() -> None:
    milliseconds = int(NOW.timestamp() * 1000)

    assert rules.next_version(0, NOW) == milliseconds
    assert rules.next_version(milliseconds, NOW) == milliseconds + 1
    assert rules.next_version(milliseconds + 5, NOW) == milliseconds + 6


def test_a_broadcast_ends_when_the_latest_starter_ends_or_its_window_closes() -> None:
    sound = _broadcast()
    board = _broadcast(board=BoardItem(until=NOW + timedelta(hours=1), text="x"))

    assert rules.ends(sound) == NOW + timedelta(seconds=100)
    assert rules.ends(board) == NOW + timedelta(hours=1)
    assert rules.ends(sound, last_turn=2) == NOW + timedelta(seconds=100 + 2 * 13)


def test_a_plan_names_only_content_its_broadcasts_need() -> None:
    relay = RelaySegment(url="http://a", duration_ms=5, fallback="r-2")
    plan = rules.plan_of(
        "u-x",
        version=1,
        now=NOW,
        broadcasts=[
            _broadcast(segments=(ContentSegment(ref="r-1"), relay)),
            _broadcast("b-2", in_s=-200, segments=(ContentSegment(ref="r-3"),)),
        ],
        cancelled=[],
        contents={name: _content(str(at)) for at, name in enumerate(("r-1", "r-2", "r-3"))},
        horizon=timedelta(days=1),
    )

    assert set(plan.manifest) == {"r-1", "r-2"}


def test_variants_in_other_languages_bring_their_content_too() -> None:
    spoken = ContentSegment(ref="r-1", variants={"tay": "r-2", "vi": "r-1"})
    plan = rules.plan_of(
        "u-xa",
        version=1,
        now=NOW,
        broadcasts=[_broadcast(segments=(spoken,))],
        cancelled=[],
        contents={name: _content(str(at)) for at, name in enumerate(("r-1", "r-2", "r-3"))},
        horizon=timedelta(days=1),
    )

    assert set(plan.manifest) == {"r-1", "r-2"}


def test_a_plan_reaches_to_its_horizon_and_no_further() -> None:
    horizon = timedelta(days=3)
    broadcasts = [_broadcast("in", in_s=3 * 86_400 - 1), _broadcast("out", in_s=3 * 86_400)]

    plan = rules.plan_of("u-x", version=1, now=NOW, broadcasts=broadcasts, cancelled=[], contents={}, horizon=horizon)

    assert [one.id for one in plan.broadcasts] == ["in"]
    assert plan.expires - plan.issued == timedelta(days=14)


def test_horizons_are_tried_from_the_longest_down_to_72_hours() -> None:
    assert list(rules.HORIZONS) == sorted(rules.HORIZONS, reverse=True)
    assert rules.HORIZONS[0] == timedelta(days=14)
    assert rules.HORIZONS[-1] == timedelta(hours=72)


def test_stops_go_before_trust_before_assignments_before_plans() -> None:
    families = [Family.PLAN, Family.ASSIGNMENT, Family.TRUST, Family.STOP]

    assert sorted(families, key=rules.urgency) == [Family.STOP, Family.TRUST, Family.ASSIGNMENT, Family.PLAN]
    assert max(rules.urgency(family) for family in families) < Urgency.CONTENT


def test_a_device_lacks_what_it_has_older_or_not_at_all() -> None:
    have = {"same": 2, "older": 1, "newer": 9}
    newest = {"same": 2, "older": 2, "newer": 3, "missing": 1}

    assert rules.lacking(have, newest) == ["missing", "older"]


def test_a_lacking_document_is_published_at_once_and_then_after_growing_pauses() -> None:
    redelivery, newest = Redelivery(), {"t": 1}
    times = [second for second in range(4000) if redelivery.due(["t"], newest, float(second))]

    assert times[:4] == [0, 5, 15, 35]
    assert all(later - earlier <= LONGEST_PAUSE_S for earlier, later in itertools.pairwise(times))


def test_a_new_version_does_not_wait_for_the_pause_of_the_old_one() -> None:
    redelivery = Redelivery()
    redelivery.due(["t"], {"t": 1}, 0.0)

    assert redelivery.due(["t"], {"t": 2}, 0.1) == ["t"]
    assert redelivery.due(["t"], {"t": 2}, 0.1 + FIRST_PAUSE_S - 0.01) == []


def test_what_goes_to_all_is_as_slow_as_the_slowest_that_listens_but_not_slower_than_the_floor() -> None:
    paces: dict[LinkClass, float] = {"fibre": 2000, "mobile": 250, "narrow": 6}

    assert shared_pace({"fibre"}, paces, 100) == 2000
    assert shared_pace({"fibre", "mobile"}, paces, 100) == 250
    assert shared_pace({"fibre", "mobile", "narrow"}, paces, 100) == 250
    assert shared_pace({"fibre", "mobile"}, paces, 500) == 500
    assert shared_pace({"narrow"}, paces, 100) is None
    assert shared_pace((), paces, 100) == 250


def test_a_device_may_ask_a_few_times_at_once_and_then_every_five_seconds() -> None:
    allowance = Allowance()
    served = [second / 10 for second in range(200) if allowance.take("a", "r", second / 10)]

    assert served[:4] == [0.0, 0.1, 0.2, 0.3]
    assert served[4:] == [5.0, 10.0, 15.0]
    assert allowance.take("a", "other", 19.9)
    assert allowance.take("b", "r", 19.9)


def test_content_keeps_its_pace() -> None:
    pace, now_s = Pace(1000), 100.0
    for _ in range(50):
        now_s += pace.delay_s(100, now_s)

    assert now_s == pytest.approx(100.0 + (50 - 1) * 0.1 - CREDIT_S, abs=0.01)


async def test_who_reads_first_and_watches_then_is_told_what_came_in_between() -> None:
    hub = Changes(queued=4)
    old, strange = hub.mark, Changes().mark
    for number in range(3):
        hub.publish("device", {"device": f"loa-{number}"})
    mark = hub.mark
    hub.publish("device", {"device": "loa-3"})
    hub.publish("device", {"device": "loa-4"})

    assert await _told(hub, mark) == ["loa-3", "loa-4"]
    assert await _told(hub, hub.mark) == await _told(hub, None) == []
    assert await _told(hub, old) == await _told(hub, strange) == await _told(hub, "") == [REREAD]


async def _told(hub: Changes, since: str | None) -> list[str]:
    async with hub.subscribe(since) as changes:
        hub.publish("last", {})
        found = []
        async for change in changes:
            if change.kind == "last":
                return found
            found.append(change.data.get("device", change.kind))
    raise AssertionError("it ended")


async def test_a_watcher_that_is_too_slow_is_told_to_read_again() -> None:
    changes = Changes(queued=3)
    async with changes.subscribe() as followed:
        for number in range(5):
            changes.publish("ledger", {"n": number})
        changes.close()
        seen = [change async for change in followed]

    assert seen == []

    async with changes.subscribe() as followed:
        for number in range(5):
            changes.publish("ledger", {"n": number})
        first, second = await anext(followed), await anext(followed)

    assert (first.kind, second.data) == ("reread", {"n": 4})


@pytest.mark.parametrize(
    "given",
    [
        {"no_such_setting": 1},
        {"broker_port": 70_000},
        {"brokers": ()},
        {"roles": "planner,dancer"},
        {"answer_deadline_s": -1},
    ],
)
def test_a_wrong_setting_refuses_to_start(given: dict[str, object]) -> None:
    with pytest.raises(SettingsInvalid):
        Settings(**given)


def test_a_misspelt_variable_refuses_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOA_HTPP_PORT", "80")

    with pytest.raises(SettingsInvalid, match="LOA_HTPP_PORT"):
        Settings()


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOA_BROKERS", "mqtt://a:1, mqtts://b")
    monkeypatch.setenv("LOA_ROLES", "planner,jobs")
    monkeypatch.setenv("LOA_FAILPOINT", "controller.ack.after")

    settings = Settings()

    assert settings.brokers == ("mqtt://a:1", "mqtts://b")
    assert settings.roles == {Role.PLANNER, Role.JOBS}
    assert not settings.embedded_broker


def test_a_broker_that_is_not_mqtt_is_refused() -> None:
    from controller.runtime.mqtt import parse_address

    for url in ("http://a", "mqtt://", "a:1883", "mqtt://a:port"):
        with pytest.raises(SettingsInvalid):
            parse_address(url, Settings())
