"""The connection: what passes what, how long it waits, and that it comes back by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, Self

import aiomqtt
import pytest

from edge_agent import session as session_module
from edge_agent.config import BrokerAddress
from edge_agent.mailbox import Mailbox
from edge_agent.reactions import document_topics
from edge_agent.session import FIRST_PAUSE_S, LONGEST_PAUSE_S, Identity, Session, pause_s
from loa_protocol import topics

ROOT = "ab" * 32


def message(topic: str, size: int = 10) -> Any:
    return SimpleNamespace(topic=topic, payload=b"x" * size)


def drained(box: Mailbox) -> list[str]:
    return [str(box.get_nowait().topic) for _ in range(box.qsize())]


async def test_a_stop_passes_documents_and_documents_pass_content() -> None:
    box = Mailbox()
    for topic in (f"loa/v1/content/{ROOT}", "loa/v1/plan/u-1", "loa/v1/device/a/content", "loa/v1/stop/u-1"):
        box.put_nowait(message(topic))

    assert drained(box) == [
        "loa/v1/stop/u-1",
        "loa/v1/plan/u-1",
        f"loa/v1/content/{ROOT}",
        "loa/v1/device/a/content",
    ]


async def test_a_flood_of_content_or_documents_never_fills_the_memory_and_costs_no_stop() -> None:
    box = Mailbox()
    box.put_nowait(message("loa/v1/stop/u-1"))
    for number in range(3000):
        box.put_nowait(message(f"loa/v1/content/{ROOT}", 256 * 1024))
        box.put_nowait(message(f"loa/v1/plan/u-{number}", 200 * 1024))

    held = [box.get_nowait() for _ in range(box.qsize())]

    assert sum(len(one.payload) for one in held) <= 16 << 20
    assert held[0].topic == "loa/v1/stop/u-1"
    assert held[-1].topic == f"loa/v1/content/{ROOT}"
    assert "loa/v1/plan/u-2999" in [one.topic for one in held]


def test_pauses_grow_from_a_fifth_of_a_second_to_a_minute_with_full_jitter() -> None:
    assert [pause_s(n, 1.0) for n in (0, 1, 2)] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pause_s(100, 1.0) == LONGEST_PAUSE_S
    assert pause_s(100, 0.0) == 0.0


def test_the_rules_of_the_air_are_subscribed_to_before_what_they_bind() -> None:
    wanted = document_topics("loa-1", ("d-loa-1", "u-xa-1"))

    assert wanted[0] == topics.TRUST
    assert wanted.index("loa/v1/policy/u-xa-1") < wanted.index("loa/v1/plan/d-loa-1")
    assert wanted.index("loa/v1/stop/u-xa-1") < wanted.index("loa/v1/policy/d-loa-1")
    assert not [topic for topic in wanted if "+" in topic or "#" in topic]


class FakeBroker:
    """What aiomqtt would reach: counts connections, may refuse them or let go."""

    def __init__(self) -> None:
        self.wills: list[Any] = []
        self.published: list[tuple[str, bytes, bool]] = []
        self.subscribed: list[tuple[str, int]] = []
        self.unsubscribed: list[str] = []
        self.refuse = 0
        self.break_off = asyncio.Event()
        self.arrivals: asyncio.Queue[Any] = asyncio.Queue()

    def client(self, *_: object, **options: Any) -> "FakeClient":
        assert options["protocol"] is aiomqtt.ProtocolVersion.V311
        assert options["clean_session"] is True
        self.wills.append(options["will"])
        return FakeClient(self)


class FakeClient:
    """One connection."""

    def __init__(self, broker: FakeBroker) -> None:
        self.broker = broker

    async def __aenter__(self) -> Self:
        if self.broker.refuse:
            self.broker.refuse -= 1
            raise aiomqtt.MqttError("refused")
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def publish(self, topic: str, payload: bytes, _qos: int = 0, retain: bool = False, **_: object) -> None:
        self.broker.published.append((topic, payload, retain))

    async def subscribe(self, wanted: list[tuple[str, int]]) -> tuple[int, ...]:
        self.broker.subscribed += wanted
        return tuple(qos for _, qos in wanted)

    async def unsubscribe(self, gone: list[str]) -> None:
        self.broker.unsubscribed += gone

    @property
    async def messages(self) -> Any:
        while True:
            arriving = asyncio.ensure_future(self.broker.arrivals.get())
            breaking = asyncio.ensure_future(self.broker.break_off.wait())
            done, _ = await asyncio.wait({arriving, breaking}, return_when=asyncio.FIRST_COMPLETED)
            if arriving in done:
                breaking.cancel()
                yield arriving.result()
                continue
            arriving.cancel()
            self.broker.break_off.clear()
            raise aiomqtt.MqttError("gone")


Running = Callable[[], Awaitable[None]]


@pytest.fixture
async def joined(monkeypatch: pytest.MonkeyPatch) -> Any:
    broker = FakeBroker()
    monkeypatch.setattr(session_module.aiomqtt, "Client", broker.client)
    monkeypatch.setattr(session_module, "pause_s", lambda _failures, _chance: 0.0)
    session = Session(BrokerAddress(host="x"), Identity("loa-1", "boot-1"), check_times=lambda: False)
    place = SimpleNamespace(broker=broker, session=session, taken=asyncio.Queue(), connections=asyncio.Queue())

    async def take(topic: str, payload: bytes) -> None:
        place.taken.put_nowait((topic, payload))

    async def connected() -> None:
        place.connections.put_nowait(session.connections)

    session.want(["loa/v1/trust"], [f"loa/v1/content/{ROOT}"])
    place.task = asyncio.create_task(session.run(take, connected))
    yield place
    place.task.cancel()
    await asyncio.gather(place.task, return_exceptions=True)


async def test_it_connects_again_after_refusals_and_breaks_and_subscribes_anew(joined: Any) -> None:
    assert await joined.connections.get() == 1
    joined.broker.refuse = 3
    joined.broker.break_off.set()

    assert await joined.connections.get() == 2

    await asyncio.sleep(0)
    assert [topic for topic, _ in joined.broker.subscribed].count("loa/v1/trust") == 2
    assert dict(joined.broker.subscribed) == {"loa/v1/trust": 1, f"loa/v1/content/{ROOT}": 0}


async def test_presence_is_retained_and_the_will_says_offline(joined: Any) -> None:
    await joined.connections.get()

    topic, payload, retain = joined.broker.published[0]
    will = joined.broker.wills[0]
    assert (b'"online":true' in payload, retain) == (True, True)
    assert (will.topic, b'"online":false' in will.payload, will.retain) == (topic, True, True)


async def test_asked_to_end_it_says_offline_itself(joined: Any) -> None:
    await joined.connections.get()

    joined.task.cancel()
    await asyncio.gather(joined.task, return_exceptions=True)

    assert b'"online":false' in joined.broker.published[-1][1]


async def test_what_is_wanted_no_more_is_unsubscribed(joined: Any) -> None:
    await joined.connections.get()
    await asyncio.sleep(0)

    joined.session.want(["loa/v1/trust", "loa/v1/plan/u-1"], [])
    for _ in range(5):
        await asyncio.sleep(0)

    assert joined.broker.unsubscribed == [f"loa/v1/content/{ROOT}"]
    assert ("loa/v1/plan/u-1", 1) in joined.broker.subscribed


async def test_without_a_connection_publishing_says_so_at_once() -> None:
    session = Session(BrokerAddress(host="x"), Identity("loa-1", "boot-1"), check_times=lambda: False)

    assert await session.publish("t", b"x") is False


async def test_messages_are_handed_on_in_order(joined: Any) -> None:
    await joined.connections.get()
    for number in range(3):
        joined.broker.arrivals.put_nowait(SimpleNamespace(topic=f"t/{number}", payload=b"%d" % number))

    taken = [await joined.taken.get() for _ in range(3)]

    assert taken == [("t/0", b"0"), ("t/1", b"1"), ("t/2", b"2")]
