"""Where this program connects: to judged addresses only, under the name that was meant, and never where it is led."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from controller.runtime import outgoing
from controller.runtime.outgoing import OutgoingRefused
from tests.fakes.certificates import Authority, client_context

_NOT_PUBLIC = (
    "127.0.0.1",
    "10.0.0.8",
    "169.254.169.254",
    "192.168.1.1",
    "::1",
    "fe80::1",
    "::ffff:10.0.0.8",
    "0.0.0.0",  # noqa: S104 - an address to be refused
)


_OPENS = re.compile(
    r"httpx\.(?:Async)?(?:Client|HTTPTransport)\(|httpx\.(?:get|post|put|request|stream)\(|urlopen|urllib\.request"
    r"|http\.client|import requests|import aiohttp|create_connection\(|open_connection\(|(?:Async)?OAuth2Client"
)


class _Told:
    """A name server that says what it is told to, and how often it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, *_: object) -> Sequence[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


class _Heard:
    """What a server on loopback has heard."""

    def __init__(self) -> None:
        self.port, self.heads = 0, list[bytes]()


@asynccontextmanager
async def _server(answer: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[_Heard]:
    heard = _Heard()

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answered, "127.0.0.1", 0, ssl=tls)
    heard.port = server.sockets[0].getsockname()[1]
    async with server:
        yield heard


_FINE = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize("address", _NOT_PUBLIC)
async def test_a_name_that_leads_to_an_address_that_is_not_public_is_not_asked(address: str) -> None:
    async with _server(_FINE) as heard, outgoing.client(timeout=5, lookup=_Told([address])) as client:
        with pytest.raises(OutgoingRefused, match="LOA_PRIVATE_NETWORKS"):
            await client.get(f"http://gateway.example:{heard.port}/")

    assert not heard.heads


async def test_a_network_that_was_named_is_asked_under_the_name_that_was_meant() -> None:
    lookup = _Told(["10.9.9.9", "127.0.0.1"])
    async with (
        _server(_FINE) as heard,
        outgoing.client(timeout=5, private=["127.0.0.0/30"], lookup=lookup) as client,
    ):
        answer = await client.post(f"http://gateway.example:{heard.port}/hook", content=b"x")

    assert answer.status_code == 204
    assert f"Host: gateway.example:{heard.port}".encode() in heard.heads[0]


async def test_a_name_is_judged_again_at_every_request_and_asked_only_once_for_it() -> None:
    lookup = _Told(["127.0.0.1"], ["169.254.169.254"])
    async with (
        _server(_FINE) as heard,
        outgoing.client(timeout=5, private=["127.0.0.0/8"], lookup=lookup) as client,
    ):
        await client.get(f"http://gateway.example:{heard.port}/")
        with pytest.raises(OutgoingRefused):
            await client.get(f"http://gateway.example:{heard.port}/")

    assert (lookup.asked, len(heard.heads)) == (2, 1)


async def test_an_address_that_was_written_down_itself_is_asked() -> None:
    lookup = _Told([])
    async with _server(_FINE) as heard, outgoing.client(timeout=5, lookup=lookup) as client:
        answer = await client.get(f"http://127.0.0.1:{heard.port}/")

    assert (answer.status_code, lookup.asked) == (204, 0)


async def test_localhost_is_this_machine_and_nothing_else() -> None:
    async with _server(_FINE) as heard:
        async with outgoing.client(timeout=5, lookup=_Told(["127.0.0.1"])) as client:
            fine = await client.get(f"http://localhost:{heard.port}/")
        async with outgoing.client(timeout=5, lookup=_Told(["10.0.0.1"])) as client:
            with pytest.raises(OutgoingRefused):
                await client.get(f"http://localhost:{heard.port}/")

    assert fine.status_code == 204


async def test_nobody_is_led_elsewhere() -> None:
    led = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with _server(led) as heard, outgoing.client(timeout=5) as client:
        answer = await client.post(f"http://127.0.0.1:{heard.port}/", content=b"x")

    assert answer.status_code == 307
    assert len(heard.heads) == 1


async def test_no_proxy_of_the_environment_stands_between(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with _server(_FINE) as heard, outgoing.client(timeout=5) as client:
        answer = await client.get(f"http://127.0.0.1:{heard.port}/")

    assert answer.status_code == 204


@pytest.mark.parametrize(("name", "fine"), [("localhost", True), ("gateway.example", False)])
async def test_the_certificate_must_be_of_the_name_and_not_of_the_address(
    name: str, fine: bool, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "ca")
    pair = authority.issue("server", server=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.cert, pair.key)
    lookup = _Told(["127.0.0.1"])
    async with (
        _server(_FINE, tls) as heard,
        outgoing.client(
            verify=client_context(authority.cert, None), timeout=5, private=["127.0.0.1/32"], lookup=lookup
        ) as client,
    ):
        if fine:
            assert (await client.get(f"https://{name}:{heard.port}/")).status_code == 204
        else:
            with pytest.raises(httpx.ConnectError, match="certificate"):
                await client.get(f"https://{name}:{heard.port}/")


@pytest.mark.parametrize("package", ["controller", "loa_protocol"])
def test_nothing_else_here_opens_http_connections(package: str) -> None:
    root = Path(__file__).parents[2] / package
    openers = {
        str(file.relative_to(root.parent))
        for file in root.rglob("*.py")
        if _OPENS.search(file.read_text(encoding="utf-8"))
    }

    assert openers - {"controller/runtime/outgoing.py"} == set()
