"""One connection to one broker, kept up for as long as the process lives.

Rules: what is posted goes out by urgency, so that a stop never waits behind plans; what could not be sent while the
broker was away is dropped and said so (False), because documents are published again at every connect and devices ask
again for the rest; handlers never stop the connection. Content has a connection of its own.
"""

import asyncio
import logging
import random
import secrets
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiomqtt

from controller.runtime.settings import Settings, SettingsInvalid
from controller.runtime.urgency import Urgency
from controller.runtime.waiting import heeding

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_STABLE_S = 10.0
_ANSWER_WITHIN_S = 10.0
_KEEPALIVE_S = 20
_DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}
_QUEUED_ARRIVALS = 20_000


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker is; `tls` with a context for mqtts."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"


def parse_address(url: str, settings: Settings) -> BrokerAddress:
    """The broker a setting names; blocks on certificate files.

    Raises:
        SettingsInvalid: not mqtt:// or mqtts://, or its certificates cannot be read.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
        tls = _tls(settings) if parts.scheme == "mqtts" else None
    except (KeyError, ValueError, OSError) as error:
        raise SettingsInvalid(f"broker {url!r} cannot be used ({error}); write mqtt://host:port") from error
    if not parts.hostname:
        raise SettingsInvalid(f"broker {url!r} names no host; write mqtt://host:port")
    return BrokerAddress(parts.hostname, port, tls)


def _tls(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.broker_ca)
    if settings.broker_cert is not None:
        context.load_cert_chain(settings.broker_cert, settings.broker_key)
    return context


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it came; answers go back over `link`."""

    topic: str
    payload: bytes
    retained: bool
    link: "Link"


@dataclass(order=True, slots=True)
class _Outgoing:
    urgency: int
    number: int
    topic: str = field(compare=False)
    payload: bytes = field(compare=False)
    qos: int = field(compare=False)
    retain: bool = field(compare=False)
    done: asyncio.Future[bool] = field(compare=False)


class Link:
    """Connects, subscribes, hands arrivals over and sends what is posted."""

    def __init__(
        self,
        address: BrokerAddress,
        name: str,
        *,
        subscriptions: Sequence[str] = (),
        on_message: Callable[[Arrival], None] | None = None,
        on_connected: Callable[["Link"], None] | None = None,
        inflight: int = 32,
        answer_within_s: float = _ANSWER_WITHIN_S,
    ) -> None:
        self.address, self.name = address, name
        self.connected = asyncio.Event()
        self._subscriptions, self._inflight = tuple(subscriptions), inflight
        self._answer_within_s = answer_within_s
        self._on_message, self._on_connected = on_message, on_connected
        self._identifier = f"loa-{name}-{secrets.token_hex(6)}"
        self._queue: asyncio.PriorityQueue[_Outgoing] = asyncio.PriorityQueue()
        self._count = 0

    def post(
        self, topic: str, payload: bytes, urgency: Urgency, *, qos: int = 1, retain: bool = False
    ) -> asyncio.Future[bool]:
        """Send it in its turn. The future tells whether the broker has it; at once False while there is no broker."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if not self.connected.is_set():
            done.set_result(False)
            return done
        self._count += 1
        self._queue.put_nowait(_Outgoing(urgency, self._count, topic, payload, qos, retain, done))
        return done

    async def run(self) -> None:
        """Stay connected until cancelled."""
        loop, failures, task = asyncio.get_running_loop(), 0, asyncio.current_task()
        while task is not None and not task.cancelling():  # a connection that breaks meanwhile swallows the cancelling
            born_s = loop.time()
            try:
                await self._live()
            except* (aiomqtt.MqttError, OSError) as errors:
                log.warning("%s: no connection to broker %s: %s", self.name, self.address, errors.exceptions[0])
            except* Exception:
                log.exception("%s: the connection to broker %s failed; connecting again", self.name, self.address)
            finally:
                self._let_go()
            failures = 0 if loop.time() - born_s > _STABLE_S else failures + 1
            pause_s = random.random() * min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**failures)  # noqa: S311 - load only
            await asyncio.sleep(pause_s)

    async def _live(self) -> None:
        async with self._client() as client, asyncio.TaskGroup() as tasks:
            client.pending_calls_threshold = 10 * self._inflight
            if self._subscriptions:
                await heeding(client.subscribe([(topic, 1) for topic in self._subscriptions]))
            self.connected.set()
            log.info("%s: connected to broker %s", self.name, self.address)
            for number in range(self._inflight):
                tasks.create_task(self._send(client), name=f"{self.name}-send-{number}")
            if self._on_connected is not None:
                self._on_connected(self)
            await self._listen(client)

    def _client(self) -> aiomqtt.Client:
        return aiomqtt.Client(
            self.address.host,
            self.address.port,
            identifier=self._identifier,
            clean_session=True,
            keepalive=_KEEPALIVE_S,
            timeout=self._answer_within_s,
            tls_context=self.address.tls,
            max_queued_incoming_messages=_QUEUED_ARRIVALS,
            max_inflight_messages=self._inflight,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )

    async def _send(self, client: aiomqtt.Client) -> None:
        while True:
            one = await self._queue.get()
            sent = False
            try:
                await heeding(client.publish(one.topic, one.payload, one.qos, one.retain))
                sent = True
            finally:
                if not one.done.done():
                    one.done.set_result(sent)

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload if isinstance(message.payload, bytes) else b""
            if self._on_message is None:
                continue
            try:
                self._on_message(Arrival(str(message.topic), payload, bool(message.retain), self))
            except Exception:
                log.exception("%s: a message on %s could not be handled; it is dropped", self.name, message.topic)

    def _let_go(self) -> None:
        self.connected.clear()
        while not self._queue.empty():
            waiting = self._queue.get_nowait()
            if not waiting.done.done():
                waiting.done.set_result(False)
