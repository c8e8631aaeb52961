"""The one MQTT connection of the device: survives whatever happens to the network and the broker.

Rules: MQTT 3.1.1, a clean session (nothing is expected of the broker's memory), client id = device id, a retained will
on `presence`, exact topics only, full-jitter reconnects from 0.2 s to 60 s. Certificate times are checked by our own
clock and only while it can be believed: a system clock of 1970 must not keep the device off the network.
"""

import asyncio
import contextlib
import logging
import random
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import aiomqtt
import msgspec

from edge_agent.config import BrokerAddress
from edge_agent.mailbox import Mailbox
from edge_agent.waiting import happens
from loa_protocol import topics
from loa_protocol.documents.device import Presence
from loa_protocol.topics import Family

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 60.0
STABLE_S = 10.0
RESUBSCRIBE_S = 30.0
_KEEPALIVE_S = 20
_ANSWER_WITHIN_S = 10.0
_PROBE_WITHIN_S = 60.0
_RECEIVE_BUFFER_BYTES = 128 * 1024
_SUBSCRIBE_AT_ONCE = 50
_REFUSED = 0x80
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL; Python gives it no name

MessageHandler = Callable[[str, bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who connects: `boot` names this life of the agent."""

    device_id: str
    boot: str


def tls_context(address: BrokerAddress, *, check_times: bool) -> ssl.SSLContext | None:
    """TLS with the pinned CA and the device's own certificate; blocks on the disk."""
    if address.tls is None:
        return None
    context = ssl.create_default_context(cafile=address.tls.ca)
    context.load_cert_chain(address.tls.cert, address.tls.key)
    if not check_times:
        context.verify_flags |= _NO_CHECK_TIME
    return context


def pause_s(failures: int, chance: float) -> float:
    """How long to wait before the next attempt: full jitter, `chance` in 0..1."""
    return chance * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0**failures)


class Session:
    """Connects, subscribes to what is wanted now, and publishes while connected."""

    def __init__(self, address: BrokerAddress, identity: Identity, *, check_times: Callable[[], bool]) -> None:
        self._address, self._identity, self._check_times = address, identity, check_times
        self._client: aiomqtt.Client | None = None
        self._wanted: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._outgoing: set[asyncio.Task[None]] = set()
        self.connected = asyncio.Event()
        self.connections = 0

    def want(self, documents: Iterable[str], content: Iterable[str]) -> None:
        """Subscribe to exactly these topics, in this order: documents with QoS 1, content with QoS 0."""
        wanted = dict.fromkeys(documents, 1) | dict.fromkeys(content, 0)
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> bool:
        """Whether the broker has it; False at once while there is no connection, and when it breaks."""
        client = self._client
        if client is None or not self.connected.is_set():
            return False
        task = asyncio.ensure_future(client.publish(topic, payload, qos, retain, timeout=_ANSWER_WITHIN_S))
        self._outgoing.add(task)
        try:
            await asyncio.wait({task})
        finally:
            self._outgoing.discard(task)
            task.cancel()
        return not task.cancelled() and task.exception() is None

    async def probe(self, topic: str) -> None:
        """Return when the broker has answered what went out last; at once while there is no connection.

        Subscribing again to a topic without retained messages changes nothing, and its answer stands in the broker's
        line behind everything it still holds for us.
        """
        client = self._client
        if client is not None and self.connected.is_set():
            with contextlib.suppress(aiomqtt.MqttError):
                await client.subscribe(topic, qos=0, timeout=_PROBE_WITHIN_S)

    async def run(self, on_message: MessageHandler, on_connected: Callable[[], Awaitable[None]]) -> None:
        """Stay connected until cancelled."""
        loop, failures = asyncio.get_running_loop(), 0
        while True:
            born_s = loop.time()
            try:
                await self._live(on_message, on_connected)
            except (aiomqtt.MqttError, OSError, ssl.SSLError, ValueError) as error:
                log.warning("%s: no connection to the broker: %s; trying again", self._identity.device_id, error)
            failures = 0 if loop.time() - born_s > STABLE_S else failures + 1
            await asyncio.sleep(pause_s(failures, random.random()))  # noqa: S311 - spreads load, guards nothing

    async def _live(self, on_message: MessageHandler, on_connected: Callable[[], Awaitable[None]]) -> None:
        """One connection, from the handshake to its end."""
        context = await asyncio.to_thread(tls_context, self._address, check_times=self._check_times())
        async with self._new_client(context) as client:
            self._client = client
            self.connections += 1
            work = [
                asyncio.create_task(self._keep_subscribed(client), name="subscriptions"),
                asyncio.create_task(self._listen(client, on_message, on_connected), name="messages"),
            ]
            try:
                done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            except asyncio.CancelledError:
                await self._say_goodbye(client)
                raise
            finally:
                self._let_go()
                for task in work:
                    task.cancel()
                await asyncio.gather(*work, return_exceptions=True)

    async def _listen(
        self, client: aiomqtt.Client, on_message: MessageHandler, on_connected: Callable[[], Awaitable[None]]
    ) -> None:
        await client.publish(self._presence_topic, self._presence(online=True), 1, retain=True)
        self.connected.set()
        log.info("%s: connected to %s", self._identity.device_id, self._address.host)
        await on_connected()
        async for message in client.messages:
            if isinstance(message.payload, bytes | bytearray):
                await on_message(str(message.topic), bytes(message.payload))

    def _new_client(self, context: ssl.SSLContext | None) -> aiomqtt.Client:
        return aiomqtt.Client(
            self._address.host,
            self._address.port,
            identifier=self._identity.device_id,
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=True,
            will=aiomqtt.Will(self._presence_topic, self._presence(online=False), 1, retain=True),
            keepalive=_KEEPALIVE_S,
            timeout=_ANSWER_WITHIN_S,
            tls_context=context,
            queue_type=Mailbox,
            socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)],
        )

    def _let_go(self) -> None:
        self.connected.clear()
        self._client = None
        for task in self._outgoing:
            task.cancel()

    async def _say_goodbye(self, client: aiomqtt.Client) -> None:
        with contextlib.suppress(aiomqtt.MqttError):
            await client.publish(self._presence_topic, self._presence(online=False), 1, retain=True, timeout=1.0)

    async def _keep_subscribed(self, client: aiomqtt.Client) -> None:
        """Follow what is wanted; what the broker refuses is asked for again later."""
        held: dict[str, int] = {}
        while True:
            self._changed.clear()
            wanted = dict(self._wanted)
            gone = [topic for topic in held if topic not in wanted]
            fresh = [(topic, qos) for topic, qos in wanted.items() if topic not in held]
            if gone:
                await client.unsubscribe(gone)
            for at in range(0, len(fresh), _SUBSCRIBE_AT_ONCE):
                part = fresh[at : at + _SUBSCRIBE_AT_ONCE]
                codes = await client.subscribe(part)
                held.update({topic: qos for (topic, qos), code in zip(part, codes, strict=False) if _granted(code)})
            held = {topic: qos for topic, qos in held.items() if topic in wanted}
            await happens(self._changed, RESUBSCRIBE_S if len(held) < len(wanted) else None)

    @property
    def _presence_topic(self) -> str:
        return topics.up(Family.PRESENCE, self._identity.device_id)

    def _presence(self, *, online: bool) -> bytes:
        return msgspec.json.encode(Presence(online=online, boot=self._identity.boot))


def _granted(code: object) -> bool:
    value = getattr(code, "value", code)
    return isinstance(value, int) and value < _REFUSED
