"""Many megabytes of content on slow lines: a stop does not wait behind them, on either side of the broker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from controller.broadcasts import service as broadcasts
from controller.runtime.server import Controller
from controller.runtime.waiting import ended
from edge_agent.config import BrokerAddress
from edge_agent.session import Identity, Session
from loa_protocol import topics
from loa_protocol.topics import Family
from tests.acceptance.rig import broker_process, free_port
from tests.fakes.assets import until
from tests.fakes.content_receiver import OWN, STOP, receiver
from tests.fakes.running_controller import Running, eventually, listens, running
from tests.fakes.slow_line import slow_line
from tests.fakes.stored_content import stored_content
from tests.fakes.wire_device import connected

pytestmark = pytest.mark.broker
LINE_BYTES_PER_S = 64_000
Tell = Callable[[str], None]


@pytest.fixture(params=[pytest.param("iotcore", marks=pytest.mark.long), "mosquitto"])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[int]:
    """A broker of its own; gives its port."""
    port = free_port()
    process = broker_process(request.param, tmp_path, port)
    process.start()
    try:
        await eventually(partial(asyncio.to_thread, listens, port), "the broker listens")
        yield port
    finally:
        await asyncio.to_thread(process.end)


async def _stop(system: Running, broadcast: str) -> float:
    """Stop it; gives the instant at which that was asked for."""
    began_s = asyncio.get_running_loop().time()
    async with system.controller.db.transaction() as session:
        await broadcasts.stop(session, now=system.clock.now(), broadcast_id=broadcast)
    system.controller.wake()
    return began_s


async def test_content_for_a_slow_broker_is_bounded_and_holds_up_no_stop(
    broker: int, tmp_path: Path, tell: Tell
) -> None:
    async with (
        slow_line(broker, LINE_BYTES_PER_S, down=False) as line,
        running(tmp_path, brokers=(f"mqtt://127.0.0.1:{line.port}",)) as system,
        connected("loa-1", system.commune.signers["loa-1"], await system.trust(), broker) as device,
    ):
        assert system.controller._sender is not None
        (outflow,) = system.controller._sender.outflows.values()
        content = await stored_content(system, 8_000_000)
        topic = topics.content(content.index.root)
        await device.client.subscribe(topic)
        broadcast = await system.broadcast(asset_id=content.asset_id, board_text=None)
        await device.until(lambda: sum(t == topic for t, _ in device.arrived) > 3, "content flows")
        began_s = await _stop(system, broadcast)

        await device.next_document(Family.STOP)

        took_s = asyncio.get_running_loop().time() - began_s
        tell(f"a stop beside 8 MB of content on a line of 64 kB/s to the broker: {took_s:.2f} s")
        assert took_s < 2.0
        assert 0 < outflow.under_way_bytes <= system.controller.settings.content_window_bytes
        assert outflow.queue.passing


async def test_a_restarted_controller_begins_no_second_pass_and_a_restarted_device_asks_for_the_rest_only(
    broker: int, tmp_path: Path
) -> None:
    """Both end in the middle of the first pass; the disk of the device knows what it has."""
    given = {"brokers": (f"mqtt://127.0.0.1:{broker}",), "mobile_bytes_per_s": 160_000}
    async with running(tmp_path, watched=False, **given) as system:
        content = await stored_content(system, 400_000)
        shared, count = topics.content(content.index.root), content.index.chunk_count
        async with receiver(tmp_path / "device", broker, content, system) as device:
            await system.broadcast(asset_id=content.asset_id, board_text=None)
            await device.until(lambda: device.came(shared) > 8, "the first part of the pass")
            await system.controller.stop()
        held = device.came(shared) - 1
        assert 8 <= held < count
        restarted = await asyncio.to_thread(Controller, system.controller.settings, system.clock)
        await restarted.start()
        try:
            async with receiver(tmp_path / "device", broker, content, system) as device:
                await device.until(lambda: device.fetcher.ready(content.index.root), "the whole of it")
        finally:
            await restarted.stop()

        assert device.came(shared) == 0
        assert device.came(OWN) == count - held


async def test_a_device_on_a_line_slower_than_its_class_still_hears_a_stop_soon(
    broker: int, tmp_path: Path, tell: Tell
) -> None:
    """The pass is four times as fast as the line: the device finds out, leaves it, and asks for little at a time."""
    async with (
        running(tmp_path, brokers=(f"mqtt://127.0.0.1:{broker}",)) as system,
        slow_line(broker, LINE_BYTES_PER_S, down=True) as line,
    ):
        content = await stored_content(system, 8_000_000)
        async with receiver(tmp_path / "device", line.port, content, system) as device:
            shared = topics.content(content.index.root)
            broadcast = await system.broadcast(asset_id=content.asset_id, board_text=None)
            await device.until(lambda: device.came(shared) > 2, "content flows")
            first_s = await _stop(system, broadcast)
            await device.until(lambda: device.came(STOP) == 1, "the stop, behind the content")
            behind_s = device.arrived[-1][1] - first_s
            await device.until(lambda: device.came(OWN) > 0, "it asks for little at a time")
            other = await system.broadcast(asset_id=content.asset_id, board_text=None)
            second_s = await _stop(system, other)
            await device.until(lambda: device.came(STOP) == 2, "the second stop")

        alone_s = device.arrived[-1][1] - second_s
        tell(f"a stop on a line of 64 kB/s: {behind_s:.2f} s while a pass of 256 kB/s floods it, {alone_s:.2f} s after")
        assert behind_s < 8.0
        assert alone_s < 2.5
        assert line.passed_bytes < 2_000_000


@pytest.mark.parametrize("kind", ["iotcore", "mosquitto"])
async def test_the_question_that_measures_a_lag_brings_nothing_twice(kind: str, tmp_path: Path) -> None:
    port = free_port()
    process = broker_process(kind, tmp_path, port)
    process.start()
    arrived: list[bytes] = []

    async def take(_topic: str, payload: bytes) -> None:
        arrived.append(payload)

    try:
        await eventually(partial(asyncio.to_thread, listens, port), "the broker listens")
        session = Session(
            BrokerAddress(host="127.0.0.1", port=port), Identity("loa-1", "b-1"), check_times=lambda: True
        )
        session.want([], [OWN])
        living = asyncio.create_task(session.run(take, _nothing))
        await session.connected.wait()
        for _ in range(5):
            await session.probe(OWN)
        for payload in (b"one", b"two", b"end"):
            assert await session.publish(OWN, payload)
        await until(lambda: b"end" in arrived)

        assert arrived == [b"one", b"two", b"end"]
        await ended([living])
    finally:
        await asyncio.to_thread(process.end)


async def _nothing() -> None:
    """Nothing is said at a connection."""
