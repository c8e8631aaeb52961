"""MQTT 3.1.1 as bytes: the packets a client needs, written and read. Pure.

Source: OASIS MQTT Version 3.1.1, chapters 2 and 3. Rules: a packet may be split or joined at any byte; what cannot be
a packet of a server ends the connection; QoS 2 is neither sent nor asked for.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from loa_protocol.errors import LoaError

MAX_PACKET_BYTES = 1024 * 1024
"""Larger than anything this protocol sends; a server that announces more is not believed."""
PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"
_CONNACK, _PUBLISH, _PUBACK, _SUBACK, _UNSUBACK, _PINGRESP = 2, 3, 4, 9, 11, 13
_CONTINUES = 0x80
_ID_BYTES = 2
_LENGTH_BYTES = 4
_MAX_ID = 0xFFFF


class PacketMalformed(LoaError):
    """A server sent bytes that are not MQTT 3.1.1; the connection is given up."""

    code = "packet_malformed"


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for a client that vanishes; retained, QoS 1."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Connack:
    """The server's answer to a connect; 0 is accepted."""

    code: int


@dataclass(frozen=True, slots=True)
class Publish:
    """A message; `packet_id` is 0 for QoS 0."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    packet_id: int


@dataclass(frozen=True, slots=True)
class Answered:
    """The server has done what packet `packet_id` asked; `codes` of a subscription: 0 and 1 granted, 128 refused."""

    packet_id: int
    codes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Pong:
    """The server is there."""


Packet = Connack | Publish | Answered | Pong
_PONG = Pong()


def connect(client_id: str, *, keepalive_s: int, will: Will | None = None) -> bytes:
    """The first packet: a clean session."""
    flags = 0x02 if will is None else 0x02 | 0x04 | 0x08 | 0x20
    body = b"\x00\x04MQTT\x04" + bytes([flags]) + keepalive_s.to_bytes(2, "big") + _text(client_id)
    if will is not None:
        body += _text(will.topic) + len(will.payload).to_bytes(2, "big") + will.payload
    return _packet(0x10, body)


def publish(topic: str, payload: bytes, *, packet_id: int = 0, retain: bool = False) -> bytes:
    """QoS 1 with a packet id, QoS 0 without."""
    body = _text(topic) + (packet_id.to_bytes(2, "big") if packet_id else b"") + payload
    return _packet(0x30 | (0x02 if packet_id else 0) | (0x01 if retain else 0), body)


def puback(packet_id: int) -> bytes:
    """A message of QoS 1 has arrived."""
    return b"\x40\x02" + packet_id.to_bytes(2, "big")


def subscribe(packet_id: int, topics: Iterable[tuple[str, int]]) -> bytes:
    """Ask for (topic, QoS), in this order."""
    asked = b"".join(_text(topic) + bytes([qos]) for topic, qos in topics)
    return _packet(0x82, packet_id.to_bytes(2, "big") + asked)


def unsubscribe(packet_id: int, topics: Iterable[str]) -> bytes:
    """Ask for these no more."""
    return _packet(0xA2, packet_id.to_bytes(2, "big") + b"".join(map(_text, topics)))


def next_id(packet_id: int) -> int:
    """Packet ids go round, without 0."""
    return packet_id % _MAX_ID + 1


class Reader:
    """Turns the bytes of one connection into packets."""

    __slots__ = ("_have", "_need", "_parts")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 2

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that are complete now.

        Raises:
            PacketMalformed: nothing that follows can be understood.
        """
        if self._parts or len(data) < self._need:
            self._parts.append(data)
            self._have += len(data)
            if self._have < self._need:
                return []  # a large packet is put together once, when it is whole
            data = b"".join(self._parts)
            self._parts.clear()
        found: list[Packet] = []
        at, end = 0, len(data)
        while True:
            begin, length = _header(data, at)
            if begin + length > end or not begin:
                break
            found.append(_read(data, at, begin, begin + length))
            at = begin + length
        self._have = end - at
        self._need = max(2, begin + length - at) if begin else self._have + 1
        if self._have:
            self._parts.append(data[at:])
        return found


def _header(data: bytes, at: int) -> tuple[int, int]:
    """Where the body of the packet at `at` begins, and its length; (0, 0) while that cannot be told."""
    length, shift = 0, 0
    for place in range(at + 1, min(at + 1 + _LENGTH_BYTES, len(data))):
        byte = data[place]
        length |= (byte & 0x7F) << shift
        if byte < _CONTINUES:
            if length > MAX_PACKET_BYTES:
                raise PacketMalformed(f"the broker announces a packet of {length} bytes; {MAX_PACKET_BYTES} at most")
            return place + 1, length
        shift += 7
    if shift >= 7 * _LENGTH_BYTES:
        raise PacketMalformed("the broker sent a length of more than four bytes; it does not speak MQTT 3.1.1")
    return 0, 0


def _read(data: bytes, at: int, begin: int, end: int) -> Packet:
    kind, flags, length = data[at] >> 4, data[at] & 0x0F, end - begin
    if kind == _PUBLISH:
        return _read_publish(data, flags, begin, end)
    if kind == _CONNACK and length == _ID_BYTES:
        return Connack(data[begin + 1])
    if kind in {_PUBACK, _UNSUBACK} and length == _ID_BYTES:
        return Answered(int.from_bytes(data[begin:end], "big"))
    if kind == _SUBACK and length > _ID_BYTES:
        return Answered(int.from_bytes(data[begin : begin + _ID_BYTES], "big"), tuple(data[begin + _ID_BYTES : end]))
    if kind == _PINGRESP and not length:
        return _PONG
    raise PacketMalformed(f"the broker sent a packet of kind {kind} and {length} bytes, which no server sends")


def _read_publish(data: bytes, flags: int, begin: int, end: int) -> Publish:
    qos = flags >> 1 & 3
    named = begin + 2 + int.from_bytes(data[begin : begin + 2], "big")
    body = named + 2 if qos else named
    packet_id = int.from_bytes(data[named:body], "big")
    if body > end or qos > 1 or bool(packet_id) != bool(qos):
        raise PacketMalformed("the broker sent a message that is cut short, of QoS 2, or without its packet id")
    try:
        topic = str(data[begin + 2 : named], "utf-8")
    except UnicodeDecodeError as error:
        raise PacketMalformed("the broker sent a topic that is not UTF-8") from error
    return Publish(topic, data[body:end], qos, bool(flags & 1), packet_id)


def _packet(first: int, body: bytes) -> bytes:
    length, encoded = len(body), bytearray()
    while True:
        length, digit = length >> 7, length & 0x7F
        encoded.append(digit | 0x80 if length else digit)
        if not length:
            return bytes([first]) + encoded + body


def _text(value: str) -> bytes:
    raw = value.encode()
    return len(raw).to_bytes(2, "big") + raw
