"""Where notices may be sent over HTTP: only to origins an operator has listed. Pure.

A listed origin is `https://host[:port]`, or `host[:port]` for short; `*.host` means every name below that host. Plain
`http://` is only for a gateway on this machine. Names are compared here; where they lead is judged when one is sent
(`runtime/outgoing.py`). Redirects are not followed, so that a listed host cannot lead elsewhere.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from loa_protocol.errors import LoaError

_PORTS = {"https": 443, "http": 80}
_ANY_BELOW = "*."


class NoticeAddressRefused(LoaError):
    """Notices are not sent to an address: it is none, or its host is not listed."""

    code = "notice_address_refused"


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host in lower case, port; of a listed one the host may begin with `*.`."""

    scheme: str
    host: str
    port: int

    def covers(self, other: "Origin") -> bool:
        """Whether `other` is this one, or below it."""
        if (self.scheme, self.port) != (other.scheme, other.port):
            return False
        return other.host == self.host or (self.host.startswith(_ANY_BELOW) and other.host.endswith(self.host[1:]))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


def listed(entry: str) -> Origin:
    """An entry of a list of allowed hosts.

    Raises:
        NoticeAddressRefused: it names no origin, or a plain one beyond this machine.
    """
    parts = urlsplit(entry if "://" in entry else f"https://{entry}")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise NoticeAddressRefused(f"“{entry}” has more than a host; list it as gateway.example or https://host:port")
    return _origin(entry if "://" in entry else f"https://{entry}", entry)


def origin_of(url: str) -> Origin:
    """The origin of an address.

    Raises:
        NoticeAddressRefused: it is no address notices are sent to.
    """
    return _origin(url, url)


def require_allowed(url: str, allowed: Iterable[Origin], setting: str) -> Origin:
    """The origin of an address that is listed.

    Raises:
        NoticeAddressRefused: it is not; the message names the setting that lists.
    """
    origin = origin_of(url)
    if not any(one.covers(origin) for one in allowed):
        raise NoticeAddressRefused(f"{origin} is not among the hosts of {setting}; add it there if it is right")
    return origin


def _origin(url: str, told: str) -> Origin:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise NoticeAddressRefused(f"“{told}” is no address") from None
    if parts.scheme not in _PORTS or not host or parts.username is not None or not _plain(url):
        raise NoticeAddressRefused(f"“{told}” is no address of the form https://host/path without a user or password")
    if parts.scheme == "http" and not _is_loopback(host):
        raise NoticeAddressRefused(f"“{told}” is not encrypted; only a gateway on this machine may use http://")
    return Origin(parts.scheme, host, port or _PORTS[parts.scheme])


def _plain(url: str) -> bool:
    """No spaces, control characters or backslashes, over which parsers disagree."""
    return url.isascii() and url.isprintable() and not any(sign in url for sign in ' \\"<>')


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
