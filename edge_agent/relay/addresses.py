"""Which addresses a stream may come from.

Rules: only http and https, no user names; a name is looked up once and the connection goes to an address that was
judged; of the addresses that are not public, only those of a network the device's profile names.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from edge_agent.relay.errors import RelayAddressRefused, RelayUnreachable
from loa_protocol.networks import Address, permitted

Lookup = Callable[[str, int], Sequence[str]]

_PORTS = {"http": 80, "https": 443}
_URL_MAX = 500


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads; `host` is a name or an address without brackets, `target` what is asked for."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The value of a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def place_of(url: str) -> Place:
    """Take a URL apart.

    Raises:
        RelayAddressRefused: it is no URL of an HTTP stream.
    """
    if len(url) > _URL_MAX or not url.isascii() or any(sign <= " " for sign in url):
        raise RelayAddressRefused("the stream's address is too long or has signs that do not belong there; correct it")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise RelayAddressRefused(f"the stream's address is no URL ({error}); correct it") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise RelayAddressRefused(f"only http and https streams are relayed, not {parts.scheme or 'this'}; correct it")
    if parts.username is not None or parts.password is not None:
        raise RelayAddressRefused("the stream's address holds a user name; ask the station for a public one")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], target)


class Guard:
    """Judges addresses; `allow` are networks such as `192.168.10.5/32` that are permitted although not public.

    Raises:
        ValueError: one of `allow` is no network.
    """

    def __init__(self, allow: Sequence[str] = ()) -> None:
        self._allow = tuple(ipaddress.ip_network(text) for text in allow)

    def permits(self, address: Address) -> bool:
        """Whether a stream may be fetched from there."""
        return permitted(address, self._allow)

    def choose(self, place: Place, lookup: Lookup | None = None) -> list[str]:
        """The addresses of a place that may be connected to.

        Raises:
            RelayUnreachable: the name is not known.
            RelayAddressRefused: it is known, but leads only where nothing may be fetched from.
        """
        found = [ipaddress.ip_address(text) for text in (lookup or _look_up)(place.host, place.port)]
        good = [str(address) for address in dict.fromkeys(found) if self.permits(address)]
        if not good:
            raise RelayAddressRefused(
                f"{place.host} is on this machine or its own network, from which nothing is relayed unless relay_allow "
                "in the device's profile names it"
            )
        return good


def _look_up(host: str, port: int) -> Sequence[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RelayUnreachable(f"there is no server called {host} ({error}); check the address and the line") from error
    # A scope ("fe80::1%eth0") belongs to a link-local address, which is refused as such.
    return [str(entry[4][0]).partition("%")[0] for entry in found]
