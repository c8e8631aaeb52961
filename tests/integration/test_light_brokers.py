"""The thin MQTT client on the real brokers, Mosquitto and the embedded one."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from edge_agent.light import mqtt
from edge_agent.light.link import Link
from tests.acceptance.rig import LOOPBACK, broker_process, free_port, wait_for

pytestmark = pytest.mark.broker
WITHIN_S = 30.0


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


@pytest.fixture(scope="module", params=["mosquitto", "iotcore"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    taken = free_port()
    process = broker_process(request.param, tmp_path_factory.mktemp("broker"), taken)
    process.start()
    try:
        wait_for(lambda: listens(taken), "the broker listens")
        yield taken
    finally:
        process.end()


@dataclass
class Listener:
    """An owner that writes down what happens."""

    arrived_there: asyncio.Queue[tuple[str, bytes]] = field(default_factory=asyncio.Queue)
    up: asyncio.Event = field(default_factory=asyncio.Event)
    down: asyncio.Event = field(default_factory=asyncio.Event)
    granted: asyncio.Event = field(default_factory=asyncio.Event)
    refused: int = 0

    def link_up(self, _link: Link) -> None:
        self.up.set()

    def link_down(self, _link: Link, _error: Exception | None) -> None:
        self.down.set()

    def arrived(self, topic: str, payload: bytes, _at_ns: int) -> None:
        self.arrived_there.put_nowait((topic, payload))

    def subscribed(self, refused: int) -> None:
        self.refused = refused
        self.granted.set()

    async def next(self) -> tuple[str, bytes]:
        async with asyncio.timeout(WITHIN_S):
            return await self.arrived_there.get()


@asynccontextmanager
async def client(port: int, name: str, *topics: tuple[str, int]) -> AsyncIterator[tuple[Listener, Link]]:
    listener = Listener()
    link = Link(listener, name, mqtt.Will(f"light/{name}/will", b"gone"))
    await asyncio.get_running_loop().create_connection(lambda: link, LOOPBACK, port)
    async with asyncio.timeout(WITHIN_S):
        await listener.up.wait()
        if topics:
            link.subscribe(topics)
            await listener.granted.wait()
    try:
        yield listener, link
    finally:
        link.close()
        async with asyncio.timeout(WITHIN_S):
            await listener.down.wait()


@pytest.mark.parametrize("qos", [0, 1])
async def test_a_message_goes_round_whole_whatever_its_size(port: int, qos: int) -> None:
    payloads = [b"", b"x", bytes(range(256)) * 8, bytes(200_000)]
    async with (
        client(port, f"hears-{qos}", (f"light/round/{qos}", qos)) as (hears, _),
        client(port, f"says-{qos}") as (_, says),
    ):
        for payload in payloads:
            says.publish(f"light/round/{qos}", payload, qos=qos)
        got = [await hears.next() for _ in payloads]

    assert got == [(f"light/round/{qos}", payload) for payload in payloads]
    assert hears.refused == 0


async def test_hundreds_of_messages_in_one_stream_arrive_in_order(port: int) -> None:
    async with client(port, "hears", ("light/many", 1)) as (hears, _), client(port, "says") as (_, says):
        for number in range(400):
            says.publish("light/many", b"%d" % number, qos=1)
        got = [int((await hears.next())[1]) for _ in range(400)]

    assert got == list(range(400))


async def test_a_retained_message_waits_for_who_comes_later(port: int) -> None:
    async with client(port, "early", ("light/kept", 1)) as (early, link):
        link.publish("light/kept", b"still there", retain=True)
        await early.next()

    async with client(port, "late", ("light/kept", 1)) as (late, _):
        assert await late.next() == ("light/kept", b"still there")


async def test_a_broken_connection_leaves_its_will_and_a_goodbye_leaves_none(port: int) -> None:
    wills = [("light/torn/will", 1), ("light/polite/will", 1)]
    async with client(port, "watches", *wills) as (watches, _):
        async with client(port, "polite"):
            pass
        async with client(port, "torn") as (_, torn):
            torn.abort()

        assert await watches.next() == ("light/torn/will", b"gone")
        assert watches.arrived_there.empty()


async def test_what_is_not_listened_to_any_more_does_not_come(port: int) -> None:
    async with client(port, "hears-less", ("light/a", 1), ("light/b", 1)) as (hears, link):
        link.unsubscribe(["light/a"])
        link.publish("light/a", b"one")
        link.publish("light/b", b"two")

        assert await hears.next() == ("light/b", b"two")


async def test_a_connection_that_answers_no_ping_is_given_up(port: int) -> None:
    async with client(port, "pings", ("light/ping", 0)) as (listener, link):
        link.ping()
        link.publish("light/ping", b"comes after the answer", qos=0)
        await listener.next()
        assert link._alive
        link._alive = False  # as if the answer had not come

        link.ping()

        async with asyncio.timeout(WITHIN_S):
            await listener.down.wait()
        assert not link.up
