"""What is under way to a broker stays bounded, and what it does not take is not sent again unasked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from controller.delivery.content_outflow import Limits, Outflow
from controller.delivery.content_queue import Asker, Audience
from controller.delivery.content_rules import INDEX, bits_of
from controller.delivery.content_store import Source
from controller.runtime.clock import SystemClock
from controller.runtime.objects import ObjectMissing
from controller.runtime.urgency import Urgency
from loa_protocol import topics
from tests.fakes.assets import Asset, until

ASSET = Asset(7, size=500_000)
FRAME_BYTES = len(ASSET.chunks[0])
WINDOW_BYTES = 3 * FRAME_BYTES


@dataclass
class HeldLink:
    """A broker that acknowledges only when it is told to."""

    connected: asyncio.Event = field(default_factory=asyncio.Event)
    posted: list[tuple[str, bytes, Urgency, int, asyncio.Future[bool]]] = field(default_factory=list)

    def post(self, topic: str, payload: bytes, urgency: Urgency, *, qos: int = 1) -> asyncio.Future[bool]:
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.posted.append((topic, payload, urgency, qos, done))
        return done

    def acknowledge(self, *, taken: bool = True) -> None:
        for *_, done in self.posted:
            if not done.done():
                done.set_result(taken)


class AssetFrames:
    """The frames of one asset; `missing`: the store has lost it."""

    missing = False

    async def source(self, root: str) -> Source | None:
        assert root == ASSET.root
        return Source(ASSET.index, "object")

    async def frame(self, _source: Source, number: int) -> bytes:
        if self.missing:
            raise ObjectMissing("object is not there; restore it")
        return ASSET.frames[number - INDEX]


@asynccontextmanager
async def flowing(frames: Any = None) -> AsyncIterator[tuple[Outflow, HeldLink]]:
    """An outflow at work on a connected link."""
    link = HeldLink()
    link.connected.set()
    outflow = Outflow(link, frames or AssetFrames(), SystemClock(), Limits(1e9, WINDOW_BYTES, 0.0))  # type: ignore[arg-type]
    running = asyncio.create_task(outflow.run())
    try:
        yield outflow, link
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def audience() -> Audience:
    return Audience("u-x", 1e9, SystemClock().monotonic())


async def test_no_more_than_a_window_is_under_way_and_each_acknowledgement_makes_room() -> None:
    async with flowing() as (outflow, link):
        outflow.announce(ASSET.index, audience(), 0.0)
        seen = []
        while len(link.posted) < len(ASSET.frames):
            before = len(link.posted)
            await until(lambda before=before: len(link.posted) > before)
            for _ in range(20):
                await asyncio.sleep(0)
            seen.append(outflow.under_way_bytes)
            link.acknowledge()
        await until(lambda: outflow.under_way_bytes == 0)

        assert max(seen) <= WINDOW_BYTES
        assert [payload for _, payload, *_ in link.posted] == ASSET.frames
        assert {(topic, qos) for topic, _, _, qos, _ in link.posted} == {(topics.content(ASSET.root), 1)}
        assert outflow.sent_bytes == sum(map(len, ASSET.frames))


async def test_a_frame_larger_than_the_window_goes_alone() -> None:
    async with flowing() as (outflow, link):
        outflow._limits = Limits(1e9, FRAME_BYTES // 2, 0.0)
        outflow.announce(ASSET.index, audience(), 0.0)
        await until(lambda: len(link.posted) == 1)
        link.acknowledge()
        await until(lambda: len(link.posted) == 2)
        for _ in range(20):
            await asyncio.sleep(0)

        assert len(link.posted) == 2
        assert outflow.under_way_bytes == FRAME_BYTES


async def test_what_the_broker_did_not_take_waits_for_a_want() -> None:
    async with flowing() as (outflow, link):
        asker = Asker("loa-1", 1e9, 0.0, alone=True)
        outflow.want(asker, ASSET.index, audience(), bits_of([3]), asked_s=SystemClock().monotonic())
        await until(lambda: len(link.posted) == 1)
        link.acknowledge(taken=False)
        await until(lambda: outflow.under_way_bytes == 0)
        assert outflow.sent_frames == 0
        outflow.want(asker, ASSET.index, audience(), bits_of([3]), asked_s=SystemClock().monotonic() + 1.0)

        await until(lambda: len(link.posted) == 2)


async def test_content_that_is_lost_is_let_go_and_the_rest_goes_on() -> None:
    frames = AssetFrames()
    frames.missing = True
    async with flowing(frames) as (outflow, link):
        outflow.announce(ASSET.index, audience(), 0.0)
        await until(lambda: not outflow.queue.passing)
        frames.missing = False
        outflow.announce(ASSET.index, audience(), 0.0)

        await until(lambda: link.posted)


async def test_nothing_goes_out_before_the_broker_is_there() -> None:
    async with flowing() as (outflow, link):
        link.connected.clear()
        await until(lambda: outflow.queue.size == (0, 0, 0))
        outflow.announce(ASSET.index, audience(), 0.0)
        for _ in range(50):
            await asyncio.sleep(0)
        assert link.posted == []
        link.connected.set()

        await until(lambda: link.posted)
