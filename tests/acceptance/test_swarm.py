"""`loa swarm`: simulated devices as an operator starts them, registered in bulk, on a real controller."""

import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from loa_cli.client import ApiRefused
from loa_cli.enrolment import enrol, share
from tests.acceptance.rig import COMMUNE, Process, System, running, wait_for

pytestmark = pytest.mark.broker


def swarm(system: System, folder: Path, count: int) -> Process:
    command = [sys.executable, "-m", "loa_cli", "swarm", str(count), "--unit", COMMUNE, "--dir", str(folder / "keys")]
    command += ["--broker-port", str(system.broker_port), "--url", system.client.url]
    command += ["--data-dir", str(system.data_dir)]
    return Process("swarm", command, folder / "swarm.log")


def ready(system: System) -> list[dict[str, Any]]:
    return [row for row in system.client.get("/devices") if row["online"] and row["ready"]]


def lives(system: System) -> set[str]:
    """The boots of those that are ready."""
    return {row["state"]["boot"] for row in ready(system)}


def test_a_swarm_is_registered_once_and_comes_back_with_its_keys(tmp_path: Path) -> None:
    with running(tmp_path / "system") as system:
        living, boots = swarm(system, tmp_path, 8), set[str]()
        for life in (1, 2):
            living.start()
            try:
                wait_for(lambda: len(boots | lives(system)) == 8 * life, f"all are ready; {living.tail()}")  # noqa: B023
                boots |= lives(system)
                assert living.child is not None
                living.child.send_signal(signal.SIGINT)
                living.wait_dead()
            finally:
                living.end()
            assert living.child.returncode == 0, living.tail()
            wait_for(lambda: not ready(system), "their goodbye is heard")
        rows, findings = system.client.get("/devices"), system.findings()

    assert len(rows) == 8
    assert {row["state"]["evidence"] for row in rows} == {"simulated"}
    assert {(tmp_path / "keys" / "devices.json").stat().st_mode & 0o777} == {0o600}
    assert findings == []


def test_devices_are_registered_all_or_none(tmp_path: Path) -> None:
    with running(tmp_path / "system") as system:
        enrol(system.client, tmp_path / "first", share(3, [COMMUNE], "sim"))

        with pytest.raises(ApiRefused) as refused:
            enrol(system.client, tmp_path / "second", share(5, [COMMUNE], "sim"))

        assert refused.value.problem_code == "id_taken"
        assert [row["id"] for row in system.client.get("/devices")] == ["sim-00000", "sim-00001", "sim-00002"]
