"""The clock on the device: carried by the running machine, over a reboot only by an RTC, never by a wall clock."""

from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.clock import BUILT, ClockKeeper
from loa_protocol.documents.device import ClockState, TimeAnswer
from tests.fakes.agent_world import DEVICE, NOW, FakeSystem

HOUR_MS = 3_600_000


def keeper(folder: Path, system: FakeSystem, *, has_rtc: bool = False) -> ClockKeeper:
    made = ClockKeeper(folder / "clock.json", system, has_rtc=has_rtc)
    made.load(NOW - timedelta(days=30))
    return made


def answer(clock: ClockKeeper, system: FakeSystem, *, round_trip_ms: float = 10) -> None:
    sent = system.mono_ns
    system.pass_ms(round_trip_ms)
    clock.answered(sent_ns=sent, received_ns=system.mono_ns, now=NOW)


def test_before_any_answer_it_is_untrusted_and_not_before_the_trust_list(tmp_path: Path) -> None:
    reading = keeper(tmp_path, FakeSystem()).read()

    assert reading.state is ClockState.UNTRUSTED
    assert reading.now == NOW - timedelta(days=30)
    assert reading.now > BUILT


def test_a_restarted_process_of_the_same_boot_carries_on(tmp_path: Path) -> None:
    system = FakeSystem()
    clock = keeper(tmp_path, system)
    answer(clock, system)
    system.pass_ms(HOUR_MS)
    clock.save()
    before = clock.read()
    system.pass_ms(5000)

    again = keeper(tmp_path, system).read()

    assert again.state is ClockState.TRUSTED
    assert again.source == "carried"
    assert abs((again.now - before.now).total_seconds() - 5) < 0.001
    assert before.error_ms is not None
    assert again.error_ms is not None
    assert before.error_ms <= again.error_ms <= before.error_ms + 2


def test_what_was_carried_becomes_plausible_a_day_after_it_was_disciplined(tmp_path: Path) -> None:
    system = FakeSystem()
    clock = keeper(tmp_path, system)
    answer(clock, system)
    for _ in range(3):
        system.pass_ms(9 * HOUR_MS)
        clock.save()
        clock = keeper(tmp_path, system)

    assert clock.read().state is ClockState.PLAUSIBLE


@pytest.mark.parametrize("changed", ["boot", "slept_ns"])
def test_after_a_reboot_or_a_sleep_nothing_is_carried(tmp_path: Path, changed: str) -> None:
    system = FakeSystem()
    clock = keeper(tmp_path, system)
    answer(clock, system)
    clock.save()
    setattr(system, changed, "boot-2" if changed == "boot" else 60_000_000_000)

    again = keeper(tmp_path, system).read()

    assert again.state is ClockState.UNTRUSTED
    assert again.now >= NOW


def test_an_rtc_carries_over_a_reboot_and_is_plausible_only(tmp_path: Path) -> None:
    system = FakeSystem()
    clock = keeper(tmp_path, system, has_rtc=True)
    answer(clock, system)
    clock.save()
    system.boot, system.mono_ns = "boot-2", 5_000_000_000
    system.wall_now = NOW + timedelta(hours=2)

    reading = keeper(tmp_path, system, has_rtc=True).read()

    assert (reading.state, reading.source) == (ClockState.PLAUSIBLE, "rtc")
    assert reading.now == NOW + timedelta(hours=2)
    assert reading.schedules_play


def test_an_rtc_that_stopped_is_not_believed(tmp_path: Path) -> None:
    system = FakeSystem()
    clock = keeper(tmp_path, system, has_rtc=True)
    answer(clock, system)
    clock.save()
    system.boot, system.wall_now = "boot-2", NOW - timedelta(days=3)

    assert keeper(tmp_path, system, has_rtc=True).read().state is ClockState.UNTRUSTED


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "clock.json").write_text("{")

    assert keeper(tmp_path, FakeSystem()).read().state is ClockState.UNTRUSTED
    assert (tmp_path / "clock.json.damaged").exists()


def test_instants_and_monotonic_time_are_inverse(tmp_path: Path) -> None:
    system = FakeSystem()
    clock = keeper(tmp_path, system)
    answer(clock, system)
    instant = NOW + timedelta(hours=3)

    assert abs((clock.utc_of(clock.mono_of(instant)) - instant).total_seconds()) < 1e-5


def test_the_time_without_a_clock_is_told_once_there_is_one(tmp_path: Path) -> None:
    system = FakeSystem()
    clock = keeper(tmp_path, system)
    assert clock.clockless() is None
    system.pass_ms(60_000)
    answer(clock, system)

    span = clock.clockless()

    assert span is not None
    assert abs((span[1] - span[0]).total_seconds() - 60) < 0.1


async def test_only_an_answer_to_a_waiting_question_counts_and_only_once(tmp_path: Path) -> None:
    import msgspec

    from edge_agent.uplink.time_questions import TimeQuestions

    system = FakeSystem()
    clock = keeper(tmp_path, system)
    asked: list[str] = []

    async def publish(_topic: str, payload: bytes) -> bool:
        asked.append(msgspec.json.decode(payload)["nonce"])
        return True

    questions = TimeQuestions(clock, device_id=DEVICE, publish=publish)
    await questions._ask()

    def answered(nonce: str) -> TimeAnswer:
        return TimeAnswer(scope=f"d-{DEVICE}", nonce=nonce, now=NOW)

    assert questions.answered(answered("0" * 32)) is None
    assert clock.read().state is ClockState.UNTRUSTED
    assert questions.answered(answered(asked[0])) is True
    assert questions.answered(answered(asked[0])) is None
    assert clock.read().state is ClockState.TRUSTED
