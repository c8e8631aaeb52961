"""From where the API may be reached: this machine; or everywhere, behind a proxy that speaks https to people.

The controller itself speaks plain http, so that beyond this machine it answers only what a proxy we trust says came
over https.
"""

import ipaddress
from urllib.parse import urlsplit

from controller.runtime.settings import Settings
from loa_protocol.errors import LoaError


class ListenRefused(LoaError):
    """The API would listen where passwords could be read on the way."""

    code = "listen_refused"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_safe(settings: Settings) -> None:
    """Go on only if nobody else can listen in.

    Raises:
        ListenRefused: what is missing.
    """
    public = urlsplit(settings.public_url or "")
    if public.scheme == "http" and not is_loopback(public.hostname or ""):
        raise ListenRefused(
            f"people would open {settings.public_url} unencrypted, their passwords with it; put a proxy with https in"
            " front and correct LOA_PUBLIC_URL"
        )
    if settings.host_acts_for_people and not _alone(settings):
        raise ListenRefused(
            "LOA_HOST_ACTS_FOR_PEOPLE is for demonstrations and tests: whoever has a sign-in link is let in with it, so"
            " that the API listens on this machine only, without LOA_PUBLIC_URL and LOA_TRUSTED_PROXIES; remove one of"
            " them"
        )
    if is_loopback(settings.http_host):
        return
    missing = [
        name
        for name, there in (
            ("LOA_PUBLIC_URL=https://…", (settings.public_url or "").startswith("https://")),
            ("LOA_TRUSTED_PROXIES", bool(settings.trusted_proxies)),
        )
        if not there
    ]
    if missing:
        raise ListenRefused(
            f"the API does not listen on {settings.http_host} without {' and '.join(missing)}: passwords would travel"
            " unencrypted; put a proxy with https in front and name it, or keep 127.0.0.1"
        )


def _alone(settings: Settings) -> bool:
    """Whether nobody but this machine is meant to come."""
    return is_loopback(settings.http_host) and settings.public_url is None and not settings.trusted_proxies
