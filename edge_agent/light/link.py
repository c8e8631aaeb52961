"""One MQTT connection as an `asyncio.Protocol`: some kilobytes each, so that one process holds thousands.

Rules: the instant of arrival is taken before anything is read; QoS 1 is acknowledged at once; what is published is
handed to the socket and not followed further, because the protocol above asks for what it misses.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Protocol, cast

from edge_agent.light import mqtt

KEEPALIVE_S = 60
_REFUSED = 0x80


class Owner(Protocol):
    """Whose connection it is."""

    def link_up(self, link: "Link") -> None:
        """The broker has accepted the client."""

    def link_down(self, link: "Link", error: Exception | None) -> None:
        """The connection has ended, or never came to be; said once."""

    def arrived(self, topic: str, payload: bytes, at_ns: int) -> None:
        """A message; `at_ns` is CLOCK_MONOTONIC when its last bytes were read."""

    def subscribed(self, refused: int) -> None:
        """Everything that was asked for is answered; so many were refused."""


class Link(asyncio.Protocol):
    """Begins with the connect packet; `up` once the broker has answered it."""

    __slots__ = ("_alive", "_asked", "_client_id", "_id", "_owner", "_reader", "_refused", "_transport", "_will", "up")

    def __init__(self, owner: Owner, client_id: str, will: mqtt.Will) -> None:
        self._owner, self._client_id, self._will = owner, client_id, will
        self._reader = mqtt.Reader()
        self._transport: asyncio.Transport | None = None
        self._id = 0
        self._asked: set[int] = set()
        self._refused = 0
        self._alive = True
        self.up = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open: introduce ourselves."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(mqtt.connect(self._client_id, keepalive_s=KEEPALIVE_S, will=self._will))

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._transport, self.up = None, False
        self._owner.link_down(self, exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of the broker."""
        at_ns = time.monotonic_ns()
        self._alive = True
        try:
            packets = self._reader.feed(data)
        except mqtt.PacketMalformed:
            self.abort()
            return
        answers = b"".join(
            [mqtt.puback(one.packet_id) for one in packets if isinstance(one, mqtt.Publish) and one.packet_id]
        )
        if answers:
            self._write(answers)
        for packet in packets:
            self._take(packet, at_ns)

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> bool:
        """Hand a message to the socket; False while there is no connection."""
        if not self.up:
            return False
        self._write(mqtt.publish(topic, payload, packet_id=self._next_id() if qos else 0, retain=retain))
        return True

    def subscribe(self, topics: Iterable[tuple[str, int]]) -> None:
        """Ask for (topic, QoS); `subscribed` of the owner follows when all that was asked is answered."""
        packet_id = self._next_id()
        self._asked.add(packet_id)
        self._write(mqtt.subscribe(packet_id, topics))

    def unsubscribe(self, topics: Iterable[str]) -> None:
        """Ask for these no more."""
        self._write(mqtt.unsubscribe(self._next_id(), topics))

    def ping(self) -> None:
        """Keep the connection; one that said nothing since the last ping is given up."""
        if not self._alive:
            self.abort()
            return
        self._alive = False
        self._write(mqtt.PINGREQ)

    def close(self) -> None:
        """Say goodbye: the broker forgets the will."""
        if self._transport is not None:
            self._transport.write(mqtt.DISCONNECT)
            self._transport.close()

    def abort(self) -> None:
        """Break off as a power cut does: the will speaks."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self, packet: mqtt.Packet, at_ns: int) -> None:
        match packet:
            case mqtt.Publish():
                self._owner.arrived(packet.topic, packet.payload, at_ns)
            case mqtt.Answered() if packet.packet_id in self._asked:
                self._asked.discard(packet.packet_id)
                self._refused += sum(code >= _REFUSED for code in packet.codes)
                if not self._asked:
                    self._owner.subscribed(self._refused)
            case mqtt.Connack(code=0):
                self.up = True
                self._owner.link_up(self)
            case mqtt.Connack():
                self.abort()
            case _:
                pass

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _next_id(self) -> int:
        self._id = mqtt.next_id(self._id)
        return self._id
