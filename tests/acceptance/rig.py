"""The whole system as real processes: a broker, the controller, agents. Everything on loopback, ended by pid.

`System` furnishes one commune and gives tests the API client, the processes to kill, and what was captured.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from loa_cli.client import ApiUnreachable, Client, locate
from loa_cli.provisioning import Bundle, make_key, write_bundle
from tests.fakes.databases import with_schema

LOOPBACK = "127.0.0.1"
COMMUNE = "xa-an-binh"
_IOTCORE = """
import sys
from iotcore import IotCoreBroker
IotCoreBroker(listen="127.0.0.1", port=int(sys.argv[1]), max_payload_size=400_000).run_forever()
"""


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(done: Callable[[], Any], what: str, limit_s: float = 30.0) -> Any:
    """Poll until `done()` is true; fails the test with `what` otherwise."""
    deadline = time.monotonic() + limit_s
    while not (value := done()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit_s} s: {what}")
        time.sleep(0.05)
    return value


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


@dataclass
class Process:
    """One child with its log; it may be killed and started again."""

    name: str
    command: Sequence[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    child: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        """Run it; `environment` is added for this run only."""
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **self.environment, **environment},
            )

    @property
    def pid(self) -> int:
        """Process id of the running child."""
        assert self.child is not None
        return self.child.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.child is not None and self.child.poll() is None

    def kill(self) -> None:
        """`kill -9`, as a power cut: its own children must notice by themselves."""
        assert self.child is not None
        if self.alive:
            os.kill(self.child.pid, signal.SIGKILL)
        self.child.wait()

    def wait_dead(self, limit_s: float = 30.0) -> None:
        """Until it has ended by itself (a failpoint)."""
        assert self.child is not None
        self.child.wait(limit_s)

    def end(self) -> None:
        """Ask it to end, then make it."""
        if self.child is None or not self.alive:
            return
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(8)
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()

    def tail(self, lines: int = 20) -> str:
        """The last lines it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""


def lone_agent(
    folder: Path,
    port: int,
    trust: bytes,
    *,
    device: str = "loa-1",
    profile: str = "demo-speaker",
    output: dict[str, Any] | None = None,
    module: Sequence[str] = ("loa_cli", "agent"),
    environment: dict[str, str] | None = None,
) -> tuple[Bundle, Process]:
    """The bundle and the process, not started, of an agent whose broker listens at `port` on loopback."""
    bundle = Bundle(folder / "device")
    make_key(bundle)
    write_bundle(
        bundle,
        device_id=device,
        broker={"host": LOOPBACK, "port": port},
        trust=trust.decode(),
        profile=profile,
        output=output or {"kind": "file", "path": str(folder / "captured")},
    )
    command = [sys.executable, "-m", *module, "--config", str(bundle.config)]
    return bundle, Process("agent", command, folder / "agent.log", dict(environment or {}))


def broker_process(kind: str, folder: Path, port: int) -> Process:
    """A broker of its own: `iotcore` or `mosquitto`, on loopback, without persistence."""
    if kind == "iotcore":
        command = [sys.executable, "-c", _IOTCORE, str(port)]
    else:
        config = folder / "mosquitto.conf"
        config.write_text(
            f"listener {port} {LOOPBACK}\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n"
        )
        command = ["/usr/sbin/mosquitto", "-c", str(config)]
    return Process(f"broker-{kind}", command, folder / f"broker-{kind}.log")


class System:
    """Broker, controller and agents in `folder`; `broker` is `embedded`, `iotcore` or `mosquitto`.

    `database` is a URL; without one it is SQLite in the controller's folder.
    """

    def __init__(
        self, folder: Path, broker: str = "embedded", answer_deadline_s: int = 30, database: str | None = None
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.data_dir = folder / "controller"
        self.broker_port = free_port()
        self.http_port = free_port()
        self.broker = None if broker == "embedded" else broker_process(broker, folder, self.broker_port)
        command = [sys.executable, "-m", "loa_cli", "serve", "--data-dir", str(self.data_dir)]
        command += ["--port", str(self.http_port), "--answer-deadline-s", str(answer_deadline_s)]
        if self.broker is None:
            command += ["--broker-port", str(self.broker_port)]
        else:
            command += ["--broker", f"mqtt://{LOOPBACK}:{self.broker_port}"]
        environment = {"LOA_HOST_ACTS_FOR_PEOPLE": "true"}
        if database is not None:
            environment["LOA_DATABASE_URL"] = database
        self.controller = Process("controller", command, folder / "controller.log", environment)
        self.agents: dict[str, Process] = {}
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """The API."""
        assert self._client is not None
        return self._client

    def start(self) -> None:
        """Broker and controller, and the units of a commune."""
        if "LOA_DATABASE_URL" not in self.controller.environment:
            with_schema(self.data_dir)
        self.start_broker()
        self.start_controller()
        self.client.post("/units", {"id": "tinh", "name": "Tỉnh", "kind": "province"})
        self.client.post("/units", {"id": COMMUNE, "name": "Xã An Bình", "kind": "commune", "parent_id": "tinh"})

    def start_broker(self) -> None:
        """The broker, where it is a process of its own."""
        if self.broker is not None:
            self.broker.start()
            wait_for(lambda: _listens(self.broker_port), "the broker listens")

    def start_controller(self, **environment: str) -> None:
        """The controller; returns when its API answers."""
        self.controller.start(**environment)
        wait_for(self.serving, f"the API answers; log:\n{self.controller.tail()}")

    def serving(self) -> bool:
        """Whether the API answers."""
        if not self.controller.alive:
            raise AssertionError(f"the controller ended:\n{self.controller.tail()}")
        if not _listens(self.http_port):
            return False
        try:
            client = locate(self.data_dir, f"http://{LOOPBACK}:{self.http_port}", None)
        except ApiUnreachable:
            return False
        try:
            client.get("/health")
        except ApiUnreachable:
            client.close()
            return False
        if self._client is not None:
            self._client.close()
        self._client = client
        return True

    def add_agent(
        self,
        device: str,
        *,
        kind: str = "speaker",
        unit: str = COMMUNE,
        output: dict[str, Any] | None = None,
        **environment: str,
    ) -> Process:
        """Register a device, provision it and start its agent."""
        bundle = Bundle(self.folder / "devices" / device)
        key = make_key(bundle)
        profile = "demo-speaker" if kind == "speaker" else "generic-png-board"
        body = {"id": device, "name": device, "kind": kind, "unit_id": unit, "public_key": key, "profile": profile}
        self.client.post("/devices", body)
        write_bundle(
            bundle,
            device_id=device,
            broker={"host": LOOPBACK, "port": self.broker_port},
            trust=json.dumps(self.client.get("/provisioning")["trust"]),
            profile=profile,
            output=output or {"kind": "file", "path": str(self.capture(device))},
        )
        command = [sys.executable, "-m", "loa_cli", "agent", "--config", str(bundle.config)]
        process = Process(device, command, self.folder / f"{device}.log", environment)
        self.agents[device] = process
        process.start()
        return process

    def capture(self, device: str) -> Path:
        """Where a device's captured sound or pictures lie."""
        return self.folder / "captured" / device

    def wait_ready(self, limit_s: float = 40.0) -> None:
        """Until every device is online and holds all it needs."""

        def ready() -> bool:
            for process in self.agents.values():
                if not process.alive:
                    raise AssertionError(f"{process.name} ended:\n{process.tail()}")
            return all(row["online"] and row["ready"] for row in self.client.get("/devices"))

        wait_for(ready, "all devices are ready", limit_s)

    def device(self, device: str) -> dict[str, Any]:
        """One device as the API shows it."""
        return next(row for row in self.client.get("/devices") if row["id"] == device)

    def ledger(self, broadcast_id: str) -> dict[str, Any]:
        """The answers so far."""
        view: dict[str, Any] = self.client.get(f"/broadcasts/{broadcast_id}/ledger")
        return view

    def wait_closed(self, broadcast_id: str, limit_s: float = 60.0) -> dict[str, Any]:
        """The ledger once every device has answered."""
        view = wait_for(lambda: _closed(self.ledger(broadcast_id)), f"broadcast {broadcast_id} closes", limit_s)
        assert sum(view["outcomes"].values()) == view["expected"]
        return dict(view)

    def findings(self) -> list[dict[str, Any]]:
        """What the controller found odd."""
        return list(self.client.get("/findings"))

    def end(self) -> None:
        """End everything."""
        for process in [*self.agents.values(), self.controller, *([self.broker] if self.broker else [])]:
            process.end()
        if self._client is not None:
            self._client.close()


def _closed(view: dict[str, Any]) -> dict[str, Any] | None:
    return view if view["closed"] else None


@contextmanager
def running(
    folder: Path, broker: str = "embedded", answer_deadline_s: int = 30, database: str | None = None
) -> Iterator[System]:
    """A started system, ended whatever happens."""
    system = System(folder, broker, answer_deadline_s, database)
    try:
        system.start()
        yield system
    finally:
        system.end()


def captured(folder: Path) -> np.ndarray:
    """Everything a device sent to its file output, all runs in order, float mono."""
    return np.concatenate([read_wav(path)[1] for path in sorted(folder.rglob("*.wav"))] or [np.zeros(0)])


def read_wav(path: Path) -> tuple[int, np.ndarray]:
    """Rate in Hz and samples in -1..1 of a mono 16-bit WAV."""
    with wave.open(str(path), "rb") as opened:
        rate = opened.getframerate()
        frames = opened.readframes(opened.getnframes())
    return rate, np.frombuffer(frames, dtype="<i2").astype(np.float64) / 32768


def make_tone(path: Path, *, seconds: float = 1.0, hz: float = 1000.0, rate: int = 48_000) -> Path:
    """A WAV of a steady tone with an abrupt onset."""
    at = np.arange(int(seconds * rate)) / rate
    samples = (0.3 * np.sin(2 * np.pi * hz * at) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(rate)
        opened.writeframes(samples.tobytes())
    return path


def bursts(
    samples: np.ndarray, rate: int = 48_000, floor: float = 0.003, gap_s: float = 0.3
) -> list[tuple[float, float]]:
    """(begin, end) in seconds of everything audible, parted by at least `gap_s` of silence."""
    loud = np.flatnonzero(np.abs(samples) > floor)
    if loud.size == 0:
        return []
    cuts = np.flatnonzero(np.diff(loud) > gap_s * rate)
    begins = np.concatenate([[loud[0]], loud[cuts + 1]])
    ends = np.concatenate([loud[cuts], [loud[-1]]])
    return [(float(b) / rate, float(e) / rate) for b, e in zip(begins, ends, strict=True)]
