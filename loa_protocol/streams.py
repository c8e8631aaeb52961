"""What an address of a stream must be: devices fetch from no other, so that no programme is saved with one. Pure.

Rules: only http and https, in ASCII, no user names.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

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
        ValueError: it is no URL of an HTTP stream.
    """
    if len(url) > _URL_MAX or not url.isascii() or any(sign <= " " for sign in url):
        raise ValueError("the stream's address is too long or has signs that do not belong there; correct it")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"the stream's address is no URL ({error}); correct it") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"only http and https streams are relayed, not {parts.scheme or 'this'}; correct it")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the stream's address holds a user name; ask the station for a public one")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], target)
