"""A bounded HTTP reader: one GET, its head within a deadline and a size, its body as it comes.

Rules: every address is judged before it is connected to, after a redirect too; no proxy, no cookie, no packed body;
an https address never leads to an http one; ICY answers and metadata inside the sound are understood and thrown away.
"""

import re
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from urllib.parse import urljoin

from edge_agent.relay.addresses import Guard, Place, place_of
from edge_agent.relay.errors import RelayAddressRefused, RelayNotAStream, RelayStalled, RelayUnreachable

_HEAD_BYTES = 16 * 1024
_HEAD_LINES = 100
_LINE_BYTES = 1024
_NO_TIME_S = 0.001
_RECEIVE_BYTES = 16 * 1024
_REDIRECTS_MAX = 5
_ADDRESSES_MAX = 4
_OK = 200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_STATUS = re.compile(rb"(?:HTTP/1\.[01]|ICY) ([0-9]{3})(?: [^\r\n]*)?")
_ICY_UNIT = 16
_ICY_INTERVAL_MAX = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long is waited, in seconds: for connection and head together, and for the next bytes of a body."""

    opening_s: float = 8.0
    stall_s: float = 5.0


class Readable(Protocol):
    """Bytes as they come."""

    def read(self, most: int) -> bytes:
        """Between one and `most` bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: the address that gave it at last, its media type without parameters, its body.

    Until `listen` is called the body stands under the deadline of the head.
    """

    url: str
    media_type: str
    body: Readable
    listen: Callable[[], None]
    close: Callable[[], None]


def fetch(url: str, guard: Guard, patience: Patience) -> Answer:
    """Ask for a URL and follow its redirects.

    Raises:
        RelayAddressRefused: it, or what it leads to, may not be fetched from.
        RelayUnreachable: there is no good answer.
        RelayNotAStream: the answer cannot be a stream.
        RelayStalled: the server does not finish its answer in time.
    """
    deadline_s = time.monotonic() + patience.opening_s
    for _ in range(_REDIRECTS_MAX + 1):
        line = _Line(_connect(place_of(url), guard, deadline_s), deadline_s)
        try:
            status, head = _ask(line, place_of(url))
            if status not in _REDIRECTS:
                return _answer(url, status, head, line, patience)
        except BaseException:
            line.close()
            raise
        line.close()
        url = _redirected(url, head)
    raise RelayUnreachable(f"the stream's server redirects more than {_REDIRECTS_MAX} times; ask for its real address")


def _redirected(url: str, head: dict[str, str]) -> str:
    target = urljoin(url, head.get("location", ""))
    if url.startswith("https:") and not target.startswith("https:"):
        raise RelayAddressRefused("the server leads from https to an address that is not; name that one if it is meant")
    return target


def _answer(url: str, status: int, head: dict[str, str], line: "_Line", patience: Patience) -> Answer:
    if status != _OK:
        raise RelayUnreachable(f"the stream's server answers {status}; check the address with the station")
    if head.get("content-encoding", "identity").lower() != "identity":
        raise RelayNotAStream(f"the server packs the stream ({head['content-encoding'][:40]}), which is not relayed")
    body: Readable = line
    if head.get("transfer-encoding", "").lower() == "chunked":
        body = _Chunked(line)
    if "icy-metaint" in head:
        body = _WithoutMetadata(body, head["icy-metaint"])
    media_type = head.get("content-type", "").partition(";")[0].strip().lower()
    return Answer(url, media_type, body, partial(line.be_patient, patience.stall_s), line.close)


def _connect(place: Place, guard: Guard, deadline_s: float) -> socket.socket:
    failure: OSError | None = None
    for address in guard.choose(place)[:_ADDRESSES_MAX]:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            break
        try:
            return _secured(socket.create_connection((address, place.port), left_s), place)
        except OSError as error:
            failure = error
    raise RelayUnreachable(f"{place.host} does not answer ({failure or 'too slow'}); trying again") from failure


def _secured(plain: socket.socket, place: Place) -> socket.socket:
    if place.scheme == "http":
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=place.host)
    except BaseException:
        plain.close()
        raise


def _ask(line: "_Line", place: Place) -> tuple[int, dict[str, str]]:
    line.send(
        f"GET {place.target} HTTP/1.1\r\nHost: {place.authority}\r\nUser-Agent: loa-agent\r\n"
        "Accept: audio/*, */*;q=0.5\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
    )
    first, *rest = line.head()
    status = _STATUS.fullmatch(first)
    if status is None:
        raise RelayUnreachable("what answers at the stream's address is no web server; check host and port")
    head: dict[str, str] = {}
    for raw in rest:
        name, _, value = raw.decode("latin-1").partition(":")
        head.setdefault(name.strip().lower(), value.strip())
    return int(status[1]), head


class _Line:
    """A connection and what was received too much of it."""

    def __init__(self, connection: socket.socket, deadline_s: float) -> None:
        self._connection = connection
        self._deadline_s: float | None = deadline_s
        self._held = b""

    def close(self) -> None:
        """Hang up."""
        with suppress(OSError):
            self._connection.close()

    def send(self, text: str) -> None:
        """Send all of it.

        Raises:
            RelayUnreachable: the server has hung up.
        """
        try:
            self._connection.sendall(text.encode("ascii"))
        except OSError as error:
            raise RelayUnreachable(f"the stream's server hung up ({error}); trying again") from error

    def be_patient(self, stall_s: float) -> None:
        """From now on there is no deadline; the next bytes may take this long."""
        self._deadline_s = None
        self._connection.settimeout(stall_s)

    def read(self, most: int) -> bytes:
        """What has come, or comes next.

        Raises:
            RelayStalled: nothing comes.
        """
        if not self._held:
            self._held = self._receive()
        taken, self._held = self._held[:most], self._held[most:]
        return taken

    def head(self) -> list[bytes]:
        """The lines before the first empty one.

        Raises:
            RelayUnreachable: it is too long, or the server hangs up in it.
        """
        lines: list[bytes] = []
        size = 0
        while line := self.line():
            size += len(line)
            if size > _HEAD_BYTES or len(lines) >= _HEAD_LINES:
                raise RelayUnreachable("the stream's server says too much before the stream; it is not listened to")
            lines.append(line)
        if not lines:
            raise RelayUnreachable("the stream's server says nothing; trying again")
        return lines

    def line(self) -> bytes:
        """One line without its end.

        Raises:
            RelayUnreachable: it has no end.
        """
        while b"\n" not in self._held:
            if len(self._held) > _HEAD_BYTES:
                raise RelayUnreachable("the stream's server says too much before the stream; it is not listened to")
            more = self._receive()
            if not more:
                raise RelayUnreachable("the stream's server hung up before the stream; trying again")
            self._held += more
        line, _, self._held = self._held.partition(b"\n")
        return line.rstrip(b"\r")

    def _receive(self) -> bytes:
        try:
            if self._deadline_s is not None:
                self._connection.settimeout(max(_NO_TIME_S, self._deadline_s - time.monotonic()))
            return self._connection.recv(_RECEIVE_BYTES)
        except TimeoutError as error:
            raise RelayStalled("nothing comes from the stream's server any more; trying again") from error
        except OSError as error:
            raise RelayUnreachable(f"the line to the stream's server broke ({error}); trying again") from error


class _Chunked:
    """A chunked body, joined."""

    def __init__(self, line: _Line) -> None:
        self._line = line
        self._left = 0
        self._over = False

    def read(self, most: int) -> bytes:
        """The next bytes of a chunk.

        Raises:
            RelayNotAStream: the chunks are malformed.
        """
        if self._over:
            return b""
        if not self._left:
            self._left = self._size()
            if not self._left:
                self._over = True
                return b""
        taken = self._line.read(min(most, self._left))
        self._left -= len(taken)
        self._over = not taken
        if taken and not self._left:
            self._line.line()
        return taken

    def _size(self) -> int:
        text = self._line.line()
        number = text.partition(b";")[0].strip()
        if len(text) > _LINE_BYTES or not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", number):
            raise RelayNotAStream("the server's chunks are malformed; ask the station for another address")
        return int(number, 16)


class _WithoutMetadata:
    """A body without the titles that SHOUTcast and Icecast put between the sound, every `interval` bytes."""

    def __init__(self, body: Readable, interval: str) -> None:
        if not re.fullmatch(r"[0-9]{1,8}", interval) or not 0 < int(interval) <= _ICY_INTERVAL_MAX:
            raise RelayNotAStream("the server's metadata interval makes no sense; ask for another address")
        self._body, self._interval = body, int(interval)
        self._left = self._interval

    def read(self, most: int) -> bytes:
        """The next bytes of sound."""
        if not self._left:
            length = self._body.read(1)
            skip = length[0] * _ICY_UNIT if length else 0
            while skip and (skipped := self._body.read(skip)):
                skip -= len(skipped)
            self._left = self._interval
        taken = self._body.read(min(most, self._left))
        self._left -= len(taken)
        return taken
