"""The mobile signal: what ModemManager's program says, and that nothing it does not say, or does too late, matters."""

import asyncio
import contextlib
import logging
import os
from pathlib import Path

import msgspec
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import modem as modem_module
from edge_agent.modem import Modem, ModemSilent, signal_of
from loa_protocol.documents.device import Health, Signal
from loa_protocol.strict_json import decode
from tests.fakes.agent_world import DEVICE
from tests.fakes.modems import ANSWER, program


def test_the_figures_are_read_off_its_lines() -> None:
    assert signal_of(ANSWER) == Signal(percent=67, technology="lte", operator="Viettel")


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (": Viettel", ": --", Signal(percent=67, technology="lte")),
        (": lte", ": --", Signal(percent=67, operator="Viettel")),
        (
            ": lte",
            ": lte\nmodem.generic.access-technologies.value[2] : 5gnr",
            Signal(percent=67, technology="lte+5gnr", operator="Viettel"),
        ),
        (
            ": Viettel",
            ": Nhà: mạng\t\x1b[1m" + "x" * 99,
            Signal(percent=67, technology="lte", operator=("Nhà: mạng  [1m" + "x" * 99)[:40]),
        ),
        (": lte", ": " + "l" * 99, Signal(percent=67, technology="l" * 20, operator="Viettel")),
        (": 67", ": 100", Signal(percent=100, technology="lte", operator="Viettel")),
        (": 67", ": 0", Signal(percent=0, technology="lte", operator="Viettel")),
    ],
)
def test_what_is_not_known_is_left_out_and_what_is_too_long_is_cut(old: str, new: str, found: Signal) -> None:
    assert old in ANSWER
    assert signal_of(ANSWER.replace(old, new)) == found


@pytest.mark.parametrize("percent", ["--", "", "101", "-1", "6.7", "67 %", "٦٧", "9" * 5000, "0x10"])
def test_without_a_percentage_there_is_no_signal(percent: str) -> None:
    with pytest.raises(ModemSilent):
        signal_of(ANSWER.replace(": 67", f": {percent}"))


@given(st.text() | st.lists(st.sampled_from([*ANSWER.splitlines(), ":", "a:b:c", " : ", "\x85"])).map("\n".join))
def test_nonsense_is_no_signal_or_one_that_may_be_sent(text: str) -> None:
    try:
        found = signal_of(text)
    except ModemSilent:
        return

    health = Health(device=DEVICE, uptime_s=1, signal=found)
    assert decode(msgspec.json.encode(health), Health) == health


def left(folder: Path) -> list[str]:
    """Commands of what still lives of the group whose first process wrote down who it is."""
    group = int((folder / "pid").read_text())
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if one.status() != psutil.STATUS_ZOMBIE and os.getpgid(one.pid) == group:
                found.append(" ".join(one.cmdline()))
    return found


class Asked:
    """A modem whose program is a script, and how often it told of a change."""

    def __init__(self, folder: Path, script: str) -> None:
        self.changes = 0
        self.path = program(folder, script)
        self.modem = Modem(DEVICE, self._changed, [str(self.path), "-m", "any", "-K"])

    def _changed(self) -> None:
        self.changes += 1


async def test_the_program_is_asked_as_a_child(tmp_path: Path) -> None:
    asked = Asked(tmp_path, f"test \"$*\" = '-m any -K' || exit 9\ncat <<'END'\n{ANSWER}\nEND")

    for _ in range(2):
        await asked.modem.ask()

    assert asked.modem.signal == Signal(percent=67, technology="lte", operator="Viettel")
    assert asked.changes == 1


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ('echo "error: couldn\'t find modem" >&2; exit 1', "finds no modem"),
        ("exit 0", "does not say how strong"),
        ("yes 'modem.generic.signal-quality.value : 99'", "did not answer"),
        ("echo modem.generic.signal-quality.value : 50; sleep 60 & exec sleep 60", "did not answer"),
        ("exec >&-; sleep 60", "did not answer"),
    ],
)
async def test_one_that_fails_or_hangs_is_told_of_once_and_left_behind(
    tmp_path: Path, script: str, why: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(modem_module, "WITHIN_S", 1.0)
    caplog.set_level(logging.INFO, "edge_agent.modem")
    asked = Asked(tmp_path, f"echo $$ > {tmp_path}/pid\n{script}")

    async with asyncio.timeout(20):
        for _ in range(2):
            await asked.modem.ask()

    assert asked.modem.signal is None
    assert asked.changes == 0
    assert [why in one.getMessage() for one in caplog.records] == [True]
    assert left(tmp_path) == []


async def test_no_program_is_no_fault_and_one_that_comes_later_is_heard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "edge_agent.modem")
    asked = Asked(tmp_path, f"cat <<'END'\n{ANSWER}\nEND")
    away = asked.path.rename(tmp_path / "away")
    for _ in range(3):
        await asked.modem.ask()
    away.rename(asked.path)

    await asked.modem.ask()

    assert ["cannot be started" in one.getMessage() for one in caplog.records] == [True]
    assert asked.modem.signal is not None
    assert asked.changes == 1


async def test_who_stops_waiting_leaves_no_child_behind(tmp_path: Path) -> None:
    asked = Asked(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 60")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5):
            await asked.modem.run()

    assert left(tmp_path) == []
