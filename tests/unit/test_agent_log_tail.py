"""The agent's own log, as it is told: numbered, bounded, harmless, and told more of only while somebody looks."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import upkeep as upkeep_module
from edge_agent.clock import ClockKeeper
from edge_agent.log_tail import KEPT, LogTail
from edge_agent.refusals import Refusals
from edge_agent.upkeep import HEALTH_EVERY_S, Upkeep
from loa_protocol.documents.device import LOG_LINES, Health, LogLine
from loa_protocol.lines import one_line
from tests.fakes.agent_world import DEVICE, NOW, FakeSystem

log = logging.getLogger("edge_agent.somewhere")
MINUTE_MS = 60_000


@pytest.fixture
def system() -> FakeSystem:
    return FakeSystem()


@pytest.fixture
def tail(system: FakeSystem) -> Iterator[LogTail]:
    clock = ClockKeeper(Path("/nowhere/clock.json"), system)
    clock.answered(sent_ns=system.mono_ns, received_ns=system.mono_ns, now=NOW)
    made = LogTail(clock)
    with made.listening():
        yield made


def texts(tail: LogTail) -> list[str]:
    return [one.text for one in tail.untold()]


def tell(tail: LogTail) -> list[int]:
    """As a report does that goes out."""
    lines = tail.untold()
    tail.told(lines)
    return [one.number for one in lines]


def test_lines_are_numbered_and_dated_by_the_devices_own_clock(tail: LogTail, system: FakeSystem) -> None:
    log.warning("%s waits", "một")
    system.pass_ms(1500)
    log.error("hai")

    assert tail.untold() == (
        LogLine(number=1, at=NOW, level="warning", text="một waits"),
        LogLine(number=2, at=NOW + timedelta(seconds=1.5), level="error", text="hai"),
    )


def test_warnings_are_told_once_and_what_is_only_information_not_at_all(tail: LogTail) -> None:
    log.info("nói nhỏ")
    log.warning("chú ý")
    logging.getLogger("loa_protocol.x").critical("hỏng")
    logging.getLogger("asyncio").error("của người khác")

    assert texts(tail) == ["chú ý", "hỏng"]
    assert tell(tail) == [2, 3]
    assert tell(tail) == []


def test_what_did_not_go_out_is_told_by_the_next_report(tail: LogTail) -> None:
    log.warning("chú ý")

    assert texts(tail) == texts(tail) == ["chú ý"]


def test_who_looks_sees_the_newest_forty_whatever_was_told_and_then_what_comes(tail: LogTail) -> None:
    for number in range(1, 61):
        log.log(logging.WARNING if number > 50 else logging.INFO, "dòng %d", number)
    told = tell(tail)
    tail.show()

    shown = tell(tail)
    log.info("mới")

    assert told == list(range(51, 61))
    assert shown == list(range(21, 61))
    assert tell(tail) == [61]
    assert tell(tail) == []


def test_it_goes_back_by_itself_after_five_minutes(tail: LogTail, system: FakeSystem) -> None:
    tail.show()
    system.pass_ms(5 * MINUTE_MS - 1)
    log.info("còn xem")
    assert (tail.shown, tell(tail)) == (True, [1])
    log.info("không gửi nữa")
    system.pass_ms(1)
    log.info("cũng không")
    log.warning("nhưng cảnh báo thì có")

    assert (tail.shown, tell(tail)) == (False, [4])


def test_what_is_too_much_for_one_report_comes_in_the_next_ones(tail: LogTail) -> None:
    tail.show()
    for number in range(100):
        log.info("dòng %d", number)

    reports = [tell(tail) for _ in range(4)]

    assert [len(one) for one in reports] == [LOG_LINES, LOG_LINES, 20, 0]
    assert sorted(chain.from_iterable(reports)) == list(range(1, 101))
    assert reports[0][-1] == 100


def test_only_the_newest_are_kept(tail: LogTail) -> None:
    for number in range(KEPT + 50):
        log.warning("dòng %d", number)
    told = [number for _ in range(10) for number in tell(tail)]

    assert sorted(told) == list(range(51, KEPT + 51))
    assert len(tail._told) <= KEPT


def test_nothing_that_may_be_secret_or_that_moves_a_cursor_is_told(tail: LogTail) -> None:
    log.warning("https://lan:mat-khau@dai.example/live?khoa=bi-mat is down\nx\x1b[2J\u202eabc\0")
    log.warning("d" * 5000)
    log.error("the cache failed", exc_info=OSError(5, "không đọc được\r\nthẻ nhớ"))

    first, second, third = texts(tail)
    assert first == "https://dai.example/live is down x [2J abc"
    assert second == "d" * 300
    assert third == "the cache failed: OSError: [Errno 5] không đọc được  thẻ nhớ"


@given(st.text())
def test_a_line_is_one_line(text: str) -> None:
    line = one_line(text)

    assert len(line.splitlines()) <= 1
    assert len(line) <= len(text)
    assert line.isprintable()
    assert one_line(line) == line


def test_what_cannot_be_written_ends_nothing(tail: LogTail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.warning("%d", "không phải số")
    log.warning("sau đó")

    assert texts(tail) == ["sau đó"]


def test_it_hears_information_even_where_standard_error_is_told_less(system: FakeSystem) -> None:
    ours = logging.getLogger("edge_agent")
    before = ours.level
    quiet = LogTail(ClockKeeper(Path("/nowhere/clock.json"), system))
    ours.setLevel(logging.ERROR)
    try:
        with quiet.listening():
            quiet.show()
            log.info("nghe")
        log.info("không nghe")
        assert ours.level == logging.ERROR
    finally:
        ours.setLevel(before)

    assert texts(quiet) == ["nghe"]


class Ended(Exception):
    """The test has seen enough."""


async def reported(
    tail: LogTail, system: FakeSystem, seconds: int, happens: dict[int, Any], monkeypatch: pytest.MonkeyPatch
) -> dict[int, list[str]]:
    """Second → lines of the report that went out in it, of an upkeep whose seconds pass at once."""
    monkeypatch.setattr(upkeep_module, "SECOND_S", 0)
    found: dict[int, list[str]] = {}
    second = 0

    async def each_second() -> None:
        nonlocal second
        second += 1
        system.pass_ms(1000)
        if second > seconds:
            raise Ended
        happens.get(second, lambda: None)()

    async def health() -> Health:
        return Health(device=DEVICE, uptime_s=second, log=tail.untold())

    async def publish(_topic: str, raw: bytes, *, qos: int) -> bool:
        assert qos == 0
        found[second] = [one.text for one in msgspec.json.decode(raw, type=Health).log]
        return True

    async def nothing(*_: Any, **__: Any) -> Any:
        return {}, ()

    parts: dict[str, Any] = dict.fromkeys(("notebook", "journal", "holdings"), None)
    made = Upkeep(
        device_id=DEVICE,
        session=SimpleNamespace(publish=publish, connected=asyncio.Event()),
        reports=SimpleNamespace(health=health, diagnose=nothing),
        tail=tail,
        refusals=Refusals(),
        clock=SimpleNamespace(monotonic_ns=system.mono_ns),
        reactions=SimpleNamespace(prune=nothing),
        each_second=each_second,
        **parts,
    )

    def show() -> None:
        tail.show()
        made.health_is_due()

    happens |= {at: show for at, what in happens.items() if what == "show"}
    with pytest.raises(Ended):
        await made.run()
    return found


async def test_reports_are_sent_every_two_seconds_only_while_somebody_looks_and_something_is_new(
    tail: LogTail, system: FakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    happens: dict[int, Any] = {
        3: lambda: log.info("trước"),
        10: "show",
        13: lambda: log.info("một"),
        14: lambda: log.info("hai"),
        21: lambda: log.info("ba"),
        330: lambda: log.info("quá muộn"),
    }

    found = await reported(tail, system, 400, happens, monkeypatch)

    every_minute = {second: [] for second in range(HEALTH_EVERY_S, 401, HEALTH_EVERY_S)}
    assert found == every_minute | {10: ["trước"], 14: ["một", "hai"], 22: ["ba"]}
