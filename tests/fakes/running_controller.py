"""A whole controller in the test's own event loop, with its embedded broker and a furnished commune."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx

from controller.runtime.clock import SystemClock
from controller.runtime.keys import newest_envelope
from controller.runtime.server import Controller
from controller.runtime.settings import Settings
from loa_protocol.trust import Trust, pin
from tests.acceptance.rig import Process, broker_process, free_port
from tests.fakes.commune import Commune
from tests.fakes.databases import with_schema
from tests.fakes.postgres import PostgresServer
from tests.fakes.wire_device import WITHIN_S, WireDevice, connected


class ShiftedClock(SystemClock):
    """The machine's clock, moved by as much as a test likes."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead.total_seconds()


broker_kind: ContextVar[str] = ContextVar("broker_kind", default="embedded")
"""Which broker `running` takes: `embedded`, or `mosquitto` as a process of its own."""
database_url: ContextVar[str | None] = ContextVar("database_url", default=None)
"""Which database `running` takes; None is SQLite in the controller's own folder."""


@contextmanager
def surroundings(broker: str, request: pytest.FixtureRequest) -> Iterator[None]:
    """Both brokers and both databases, in two pairs: the embedded broker with SQLite, Mosquitto with PostgreSQL."""
    token = broker_kind.set(broker)
    server: PostgresServer | None = request.getfixturevalue("postgres") if broker == "mosquitto" else None
    url = server.database() if server is not None else None
    database = database_url.set(url)
    yield
    database_url.reset(database)
    broker_kind.reset(token)
    if server is not None and url is not None:
        server.drop(url)


@dataclass
class Running:
    """The controller, its commune, and devices to connect."""

    controller: Controller
    clock: ShiftedClock
    commune: Commune
    mosquitto: Process | None = None
    mosquitto_port: int = 0
    lives: dict[str, WireDevice] = field(default_factory=dict)

    @property
    def port(self) -> int:
        broker = self.controller.broker
        return broker.port if broker is not None else self.mosquitto_port

    async def kill_broker(self) -> None:
        """As a power cut; Mosquitto is started again, the embedded one must come back by itself."""
        if self.mosquitto is not None:
            await asyncio.to_thread(self.mosquitto.kill)
            self.mosquitto.start()
            await eventually(partial(asyncio.to_thread, listens, self.port), "the broker listens")
            return
        assert self.controller.broker is not None
        child = self.controller.broker._broker._process  # type: ignore[union-attr]
        child.kill()
        await asyncio.to_thread(child.wait)

    async def trust(self) -> Trust:
        async with self.controller.db.reading() as session:
            raw = await newest_envelope(session)
        assert raw is not None
        return pin(raw)

    @asynccontextmanager
    async def device(self, device_id: str = "loa-1") -> AsyncIterator[WireDevice]:
        """Connect a registered device; connecting again goes on with what it held."""
        signer = self.commune.signers[device_id]
        async with connected(device_id, signer, await self.trust(), self.port, self.lives.get(device_id)) as device:
            self.lives[device_id] = device
            yield device

    async def broadcast(self, **changes: Any) -> str:
        made = await self.commune.broadcast(**changes)
        self.controller.wake()
        return made


async def eventually(done: Callable[[], Awaitable[Any]], what: str, limit_s: float = WITHIN_S) -> Any:
    """Ask the database until it says so: what is waited for happens in other tasks."""
    deadline = asyncio.get_running_loop().time() + limit_s
    while not (value := await done()):
        assert asyncio.get_running_loop().time() < deadline, f"not within {limit_s} s: {what}"
        await asyncio.sleep(0.02)
    return value


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _data_dir(folder: Path) -> Path:
    return with_schema(folder / "controller") if database_url.get() is None else folder / "controller"


@asynccontextmanager
async def running(
    folder: Path, devices: Sequence[str] = ("loa-1", "loa-2"), *, watched: bool = True, **given: Any
) -> AsyncIterator[Running]:
    """Started, furnished, and ended whatever happens. `watched`: a test fails where our code blocks the loop."""
    mosquitto, port = None, 0
    if broker_kind.get() == "mosquitto":
        port = free_port()
        mosquitto = broker_process("mosquitto", folder, port)
        mosquitto.start()
        await eventually(partial(asyncio.to_thread, listens, port), "the broker listens")
        given = {"brokers": (f"mqtt://127.0.0.1:{port}",), **given}
    if database_url.get() is not None:
        given = {"database_url": database_url.get(), **given}
    clock = ShiftedClock()
    settings = Settings(
        **{
            "data_dir": _data_dir(folder),
            "first_pass_delay_s": 0.2,
            "host_acts_for_people": True,
            **given,
        }
    )
    controller = await asyncio.to_thread(Controller, settings, clock)  # programs make it before their loop runs
    try:
        await controller.start()
        async with asyncio.timeout(WITHIN_S):
            await controller.connected()
        commune = Commune(controller.db, clock)  # type: ignore[arg-type]
        await commune.furnish(devices)
        controller.wake()
        with blockbuster_ctx("controller") if watched else nullcontext():
            yield Running(controller, clock, commune, mosquitto, port)
    finally:
        await controller.stop()
        if mosquitto is not None:
            await asyncio.to_thread(mosquitto.end)
