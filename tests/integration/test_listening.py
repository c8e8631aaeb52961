"""The HTTP server on a socket: what it tells of itself, what it bounds, and whom it does not wait for."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Event, Thread

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from controller.api.limits import MOST_BYTES, RequestLimits
from controller.runtime import listening

pytestmark = pytest.mark.timeout(60)


async def _who(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    size = len(await Request(scope, receive).body())
    await JSONResponse({"client": scope["client"][0], "scheme": scope["scheme"], "bytes": size})(scope, receive, send)


@contextmanager
def _served(*proxies: str) -> Iterator[tuple[str, int]]:
    listener = listening.listen("127.0.0.1", 0)
    server = listening.server_of(RequestLimits(_who), proxies)
    ready = Event()
    began = server.startup

    async def told(sockets: list[socket.socket] | None = None) -> None:
        await began(sockets)
        ready.set()

    server.startup = told  # type: ignore[method-assign]
    thread = Thread(target=lambda: server.run(sockets=[listener]))
    thread.start()
    assert ready.wait(20)
    try:
        yield listener.getsockname()
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[str, int]]:
    """A server whom nobody may forward for."""
    with _served() as place:
        yield place


def _said(place: tuple[str, int], text: bytes) -> bytes:
    """All that comes back until the server hangs up."""
    with closing(socket.create_connection(place, 20)) as line:
        line.sendall(text)
        heard = b""
        while block := line.recv(65_536):
            heard += block
        return heard


def test_the_server_says_nothing_about_itself(place: tuple[str, int]) -> None:
    answer = httpx.get(f"http://{place[0]}:{place[1]}/")

    assert "server" not in answer.headers
    assert "x-powered-by" not in answer.headers


def test_nobody_says_for_whom_he_asks_unless_the_settings_name_him(place: tuple[str, int]) -> None:
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    direct = httpx.get(f"http://{place[0]}:{place[1]}/", headers=forged).json()
    with _served("127.0.0.1") as trusting:
        proxied = httpx.get(f"http://{trusting[0]}:{trusting[1]}/", headers=forged).json()

    assert (direct["client"], direct["scheme"]) == ("127.0.0.1", "http")
    assert (proxied["client"], proxied["scheme"]) == ("203.0.113.9", "https")


@pytest.mark.parametrize("opening", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "])
def test_who_connects_and_says_little_is_let_go(
    place: tuple[str, int], opening: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening.PromptRequests, "head_s", 0.05)

    assert _said(place, opening) == b""


def test_after_an_answer_the_next_head_has_its_time_too(
    place: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening.PromptRequests, "head_s", 1.0)

    heard = _said(place, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HT")

    assert heard.count(b"HTTP/1.1 200") == 1


def test_a_head_that_is_too_large_is_refused(place: tuple[str, int]) -> None:
    heard = _said(place, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: " + b"a" * (2 * listening.HEAD_BYTES))

    assert heard.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Content-Length: x\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ],
)
def test_a_request_whose_end_can_be_read_in_two_ways_is_refused(place: tuple[str, int], framing: bytes) -> None:
    heard = _said(place, b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + framing + b"\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n")

    assert heard.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501"))
    assert heard.count(b"HTTP/1.1 ") == 1


def test_chunks_count_where_a_length_is_named_too(place: tuple[str, int]) -> None:
    framing = b"Content-Length: 400\r\nTransfer-Encoding: chunked\r\n"
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + framing

    heard = _said(place, head + b"\r\n3\r\nabc\r\n0\r\n\r\n")

    assert b'"bytes":3' in heard


def test_a_client_that_announces_too_much_is_refused_and_let_go(place: tuple[str, int]) -> None:
    heard = _said(place, b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % (MOST_BYTES + 1))

    assert heard.startswith(b"HTTP/1.1 413")


def test_the_bounds_of_the_server_are_named() -> None:
    config = listening.server_of(_who).config

    assert config.limit_concurrency == listening.MOST_CONNECTIONS
    assert config.timeout_keep_alive == listening.IDLE_S
    assert config.h11_max_incomplete_event_size == listening.HEAD_BYTES
    assert not config.server_header
    assert not config.proxy_headers


async def test_a_small_answer_is_not_held_back_until_the_last_one_is_acknowledged() -> None:
    waits_for_acks: list[bool] = []

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        waits_for_acks.append(not connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async with await asyncio.start_server(answer, sock=listening.listen("127.0.0.1", 0)) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await reader.read()
        writer.close()

    assert waits_for_acks == [False]
