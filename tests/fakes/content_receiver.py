"""The agent's own connection, cache and fetcher on a real broker, without anything that plays."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from edge_agent.clock import ClockKeeper
from edge_agent.config import BrokerAddress
from edge_agent.content.cache import ContentCache
from edge_agent.content.fetcher import Fetcher, Need
from edge_agent.session import Identity, Session
from loa_protocol import topics
from loa_protocol.topics import Family
from tests.fakes.agent_world import FakeSystem
from tests.fakes.commune import SCOPE
from tests.fakes.running_controller import Running
from tests.fakes.stored_content import StoredContent

STOP = topics.scoped(Family.STOP, SCOPE)
OWN = topics.to_device(Family.DEVICE_CONTENT, "loa-1")


@dataclass
class Receiver:
    """The agent's own connection and fetcher on a line, without anything that plays."""

    session: Session
    fetcher: Fetcher
    content: StoredContent
    arrived: list[tuple[str, float]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, topic: str, payload: bytes) -> None:
        if topic.startswith(f"{topics.PREFIX}/content/") or topic.endswith("/content"):
            await self.fetcher.take(topic, payload)
        async with self.changed:
            self.arrived.append((topic, asyncio.get_running_loop().time()))
            self.changed.notify_all()

    def listen(self) -> None:
        self.session.want([STOP], [OWN, *(topics.content(root) for root in self.fetcher.active)])

    async def until(self, done: Callable[[], object], what: str, limit_s: float = 20.0) -> None:
        async with self.changed:
            try:
                async with asyncio.timeout(limit_s):
                    await self.changed.wait_for(done)
            except TimeoutError:
                pytest.fail(f"not within {limit_s} s: {what}")

    def came(self, topic: str) -> int:
        return sum(one == topic for one, _ in self.arrived)


@asynccontextmanager
async def receiver(folder: Path, port: int, content: StoredContent, system: Running) -> AsyncIterator[Receiver]:
    """A device of class “mobile” on a line."""
    stands = FakeSystem()
    keeper = ClockKeeper(folder / "clock.json", stands)
    keeper.answered(sent_ns=stands.mono_ns, received_ns=stands.mono_ns, now=system.clock.now())
    cache = ContentCache(folder / "content", 64 << 20)
    await asyncio.to_thread(cache.open)
    session = Session(BrokerAddress(host="127.0.0.1", port=port), Identity("loa-1", "b-1"), check_times=lambda: True)

    async def spoiled(root: str) -> None:
        pytest.fail(f"{root} was spoiled")

    fetcher = Fetcher(
        cache,
        device_id="loa-1",
        clock=keeper,
        publish=session.publish,
        changed=lambda: made.listen(),  # noqa: PLW0108 - it is made below
        spoiled=spoiled,
        probe=partial(session.probe, OWN),
    )
    made = Receiver(session, fetcher, content)

    async def connected_() -> None:
        made.listen()

    work = [session.run(made.take, connected_), fetcher.run(), fetcher.watch_lag()]
    tasks = [asyncio.create_task(one) for one in work]
    try:
        fetcher.need([Need(content.described, system.clock.now() + timedelta(seconds=30))])
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await fetcher.close()
