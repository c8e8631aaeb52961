"""Which addresses a stream may come from.

Rules: what `loa_protocol.streams` takes; a name is looked up once and the connection goes to an address that was
judged; of the addresses that are not public, only those of a network the device's profile names.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence

from edge_agent.relay.errors import RelayAddressRefused, RelayUnreachable
from loa_protocol import streams
from loa_protocol.networks import Address, permitted
from loa_protocol.streams import Place

__all__ = ["Guard", "Lookup", "Place", "place_of"]

Lookup = Callable[[str, int], Sequence[str]]


def place_of(url: str) -> Place:
    """Take a URL apart.

    Raises:
        RelayAddressRefused: it is no URL of an HTTP stream.
    """
    try:
        return streams.place_of(url)
    except ValueError as error:
        raise RelayAddressRefused(str(error)) from error


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
