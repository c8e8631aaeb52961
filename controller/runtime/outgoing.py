"""Where this program connects by HTTP: to addresses that were judged a moment before, never by a redirect or a proxy.

Who may be asked at all is the caller's own list of hosts. This is about where such a name leads at the moment of the
request: it is looked up once, the connection goes to what was judged, and a certificate is still checked against the
name. Permitted are public addresses, those of networks that the setting `private_networks` names, and what an operator
has written down as an address himself: an address instead of a name, or `localhost`.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence

import httpx

from loa_protocol.errors import LoaError
from loa_protocol.networks import Address, Network, permitted

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
_LOOPBACK_NAME = "localhost"
_LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_PORTS = {"https": 443, "http": 80}
_MOST_TRIED = 3


class OutgoingRefused(LoaError):
    """A listed name leads to this machine or to a network of its own that nobody has named."""

    code = "outgoing_refused"


def client(
    *,
    verify: ssl.SSLContext | bool = True,
    timeout: httpx.Timeout | float,
    private: Iterable[str] = (),
    lookup: Lookup | None = None,
) -> httpx.AsyncClient:
    """A client that connects so; `private`: networks of the setting. Its requests raise OutgoingRefused, too."""
    transport = JudgingTransport(verify=verify, private=private, lookup=lookup)
    return httpx.AsyncClient(transport=transport, timeout=timeout, follow_redirects=False, trust_env=False)


class JudgingTransport(httpx.AsyncBaseTransport):
    """Judges, then connects to the judged address."""

    def __init__(
        self, *, verify: ssl.SSLContext | bool = True, private: Iterable[str] = (), lookup: Lookup | None = None
    ) -> None:
        # No connection is kept: one that was made for a name must not serve another name of the same address.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=verify, limits=limits, trust_env=False)
        self._private = tuple(ipaddress.ip_network(one) for one in private)
        self._lookup = lookup or _look_up

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            OutgoingRefused: its host leads only where nothing is sent.
            httpx.HTTPError: it cannot be sent, or is not answered.
        """
        host = request.url.host
        if _address(host) is not None:
            return await self._inner.handle_async_request(request)
        failure: httpx.ConnectError | None = None
        for address in (await self._judged(request.url))[:_MOST_TRIED]:
            try:
                return await self._inner.handle_async_request(_directed(request, address))
            except httpx.ConnectError as error:
                failure = error
        raise failure or httpx.ConnectError(f"{host} has no address", request=request)

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._inner.aclose()

    async def _judged(self, url: httpx.URL) -> list[str]:
        named = _LOOPBACK if url.host.lower() == _LOOPBACK_NAME else self._private
        found = await self._lookup(url.host, url.port or _PORTS[url.scheme])
        good = [one for one in dict.fromkeys(found) if permitted(ipaddress.ip_address(one), named)]
        if found and not good:
            raise OutgoingRefused(
                f"{url.host} leads to {found[0]}, which is not public; name its network in LOA_PRIVATE_NETWORKS if it"
                " is right"
            )
        return good


def _directed(request: httpx.Request, address: str) -> httpx.Request:
    """The same request (its Host, and the name its certificate must have), to this address."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


async def _look_up(host: str, port: int) -> Sequence[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(f"there is no server called {host} ({error})") from error
    return [str(entry[4][0]).partition("%")[0] for entry in found]
