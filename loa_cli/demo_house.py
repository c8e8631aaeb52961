"""The demo's controller before it serves: its API and its ingest in this process, by a clock that we move.

So a week can be lived in seconds: everything goes through the same routes and the same ingest as ever, dated when it is
said to have happened. No broker and no device is connected meanwhile.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from controller.accounts.host_token import obtain_token
from controller.api.app import create_app
from controller.delivery.directory import Directory
from controller.delivery.uplink import Uplink
from controller.receipts.ingest import Ingest
from controller.runtime.jobs import Jobs
from controller.runtime.mqtt import Arrival, BrokerAddress, Link
from controller.runtime.server import Controller
from controller.runtime.settings import Role, Settings
from loa_cli.client import ApiRefused
from loa_cli.processes import DemoFailed
from loa_protocol import topics
from loa_protocol.topics import Family

ANSWER_S = 30
"""How long a broadcast of the demo waits for answers: who watches wants to see how it ended."""
_NOWHERE = "mqtt://127.0.0.1:9"
_POLL_S = 0.005
_UPLOAD_S = 120.0
_NEVER_S = 30 * 86_400.0


class MovedClock:
    """A clock that stands until it is moved, never back."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """The instant it was moved to."""
        return self._at

    def monotonic(self) -> float:
        """Seconds that never step; the machine's, for whoever waits."""
        return time.monotonic()

    def move_to(self, at: datetime) -> None:
        """It is later."""
        self._at = max(self._at, at)


@dataclass(frozen=True, slots=True)
class House:
    """Asks the API as the host, or for a person; tells the ingest what devices say."""

    controller: Controller
    clock: MovedClock
    _http: httpx.AsyncClient
    _ingest: Ingest
    _uplink: Uplink
    _link: Link
    _jobs: Jobs

    async def get(self, path: str) -> Any:
        """A JSON answer."""
        return await self._ask("GET", path)

    async def post(self, path: str, body: dict[str, Any], *, by: str = "") -> Any:
        """A write, for the person `by`."""
        return await self._ask("POST", path, by, json=body)

    async def put(self, path: str, body: dict[str, Any], *, by: str = "") -> Any:
        """A whole new version, for the person `by`."""
        return await self._ask("PUT", path, by, json=body)

    async def upload(self, file: Path, title: str, unit: str, *, by: str = "") -> str:
        """Take a sound in; gives its id."""
        sent = {"file": (file.name, await asyncio.to_thread(file.read_bytes))}
        told = await self._ask("POST", "/media", by, files=sent, data={"title": title}, params={"unit": unit})
        return str(told["id"])

    async def move_to(self, at: datetime) -> None:
        """It is later, and what the ledger does by the clock has happened; on another day the day's work, too."""
        another_day = at.date() != self.clock.now().date()
        self.clock.move_to(at)
        if another_day:
            await self._jobs.watch_bulletins()
            await self._jobs.plan_ahead()
        await self._jobs.tick()

    async def hear(self, said: Sequence[tuple[Family, str, bytes]]) -> None:
        """What devices say: (family, device id, signed bytes); returns when all of it is committed.

        Raises:
            DemoFailed: something of it was dropped.
        """
        for family, device, raw in said:
            self._ingest.offer(Arrival(topics.up(family, device), raw, False, self._link), family, device, self._uplink)
        while self._ingest.in_hand:  # noqa: ASYNC110 - it tells nobody when it is done
            await asyncio.sleep(_POLL_S)
        if self._uplink.dropped:
            raise DemoFailed(f"the ingest dropped what simulated devices said: {dict(self._uplink.dropped)}")

    async def _ask(self, method: str, path: str, by: str = "", **options: Any) -> Any:
        headers = {"Idempotency-Key": str(uuid.uuid4())} | ({"X-Loa-Person": by} if by else {})
        answer = await self._http.request(method, path, headers=headers, **options)
        if not answer.is_success:
            raise ApiRefused(answer.json())
        return answer.json() if answer.content else None


@asynccontextmanager
async def house(data_dir: Path, at: datetime) -> AsyncIterator[House]:
    """A controller in its own data folder with its own database, in which it is `at`."""
    settings = Settings(
        data_dir=data_dir,
        database_url=f"sqlite:///{data_dir / 'loa.db'}",
        brokers=(_NOWHERE,),
        roles=frozenset({Role.API, Role.JOBS}),
        host_acts_for_people=True,
        answer_deadline_s=ANSWER_S,
        horizon_days=3,
        jobs_at_once=2,
        job_lease_s=_NEVER_S,  # days pass while a job works
    )
    clock = MovedClock(at)
    controller = await asyncio.to_thread(Controller, settings, clock)
    token = await asyncio.to_thread(obtain_token, data_dir)
    app = create_app(controller, token)
    ingest = Ingest(
        db=controller.db,
        directory=Directory(controller.db, clock),
        keys=controller.keys,
        clock=clock,
        changes=controller.changes,
        redelivered=lambda: None,
    )
    uplink, link = Uplink({}), Link(BrokerAddress("127.0.0.1", 9), "past")
    jobs = Jobs(controller.db, clock, controller.changes, settings, controller.wake)
    async with app.router.lifespan_context(app), _http(app, token) as http:
        hearing = asyncio.create_task(ingest.run(uplink), name="past-ingest")
        try:
            yield House(controller, clock, http, ingest, uplink, link, jobs)
        finally:
            hearing.cancel()
            with suppress(asyncio.CancelledError):
                await hearing


def _http(app: Any, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://127.0.0.1/api/v1",
        headers={"Authorization": f"Bearer {token}"},
        timeout=_UPLOAD_S,
    )
