"""Sign-on at a province's identity provider (OpenID Connect), what it is held to. Pure.

The settings name one issuer; nothing is fetched but from its own origin, and nothing it says of others is believed.
A sign-in finds a person by a stored link of issuer and subject, never by a mail address, and makes nobody. It counts
as two factors only where the settings say by which `acr` or `amr` the provider tells so, and it does.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import msgspec

from controller.accounts.encoded import encoded
from loa_protocol.errors import LoaError

ALGORITHMS = ("RS256", "ES256", "EdDSA", "Ed25519")
LIFE = timedelta(minutes=10)
LEEWAY = timedelta(seconds=60)
OLDEST = timedelta(minutes=10)
"""An ID token is from this sign-in: it was not issued longer ago."""
SOME_TIME = timedelta(days=1)
ANEW = timedelta(minutes=5)
"""Who is asked to prove it again has done so within this time."""
LONGEST_SUBJECT = 255
_PORTS = {"https": 443, "http": 80}
_METHODS = ("client_secret_basic", "client_secret_post")


class Purpose(StrEnum):
    """What somebody signs on at the provider for."""

    SIGN_IN = "sign-in"
    PROVE = "prove"
    LINK = "link"


class OidcNotSetUp(LoaError):
    """There is no identity provider."""

    code = "oidc_not_set_up"


class OidcProviderWrong(LoaError):
    """What the identity provider says of itself cannot be used."""

    code = "oidc_provider_wrong"


class OidcProviderAway(LoaError):
    """The identity provider does not answer."""

    code = "oidc_provider_away"


class OidcRefused(LoaError):
    """A sign-on proves nothing; `reason` is for the log."""

    code = "oidc_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(
            "the sign-on was not accepted; begin again, or sign in another way",
            vi="đăng nhập một lần không thành công; hãy làm lại từ đầu hoặc đăng nhập bằng cách khác",
        )
        self.reason = reason


class OidcNotLinked(LoaError):
    """Nobody here is linked with who signed on."""

    code = "oidc_not_linked"


class OidcLinkTaken(LoaError):
    """Who signed on is linked with somebody else, or the person with another."""

    code = "oidc_link_taken"


class OidcLinkUnknown(LoaError):
    """The person has no link with the provider."""

    code = "oidc_link_unknown"


class Discovered(msgspec.Struct, frozen=True):
    """What a provider says of itself (OpenID Connect Discovery 1.0), as far as we need it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Those of its algorithms that we take."""
        return tuple(one for one in ALGORITHMS if one in self.id_token_signing_alg_values_supported)


@dataclass(frozen=True, slots=True)
class Told:
    """What an ID token says of who signed on; `signed_in_at`: when they last proved it there, if it says so."""

    subject: str
    strong: bool
    signed_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class Back:
    """What a browser brings back from the provider."""

    state: str
    code: str | None = None
    issuer: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """The secrets of one sign-on, all made of the one that only the browser keeps; `verifier` is of RFC 7636."""

    state: str
    nonce: str
    verifier: str


def flow(secret: bytes) -> Flow:
    """Of a browser's secret."""
    return Flow(*(encoded(hmac.digest(secret, part, hashlib.sha256)) for part in (b"state", b"nonce", b"verifier")))


def require_issuer(issuer: str) -> str:
    """An issuer as the settings may name it.

    Raises:
        OidcProviderWrong: it is no https address (http only on this machine) without query and fragment.
    """
    try:
        parts = urlsplit(issuer)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    fine = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
    plain = _plain(issuer) and not any(sign in issuer for sign in "?#@")
    if not (fine and host and plain and port != 0):
        raise OidcProviderWrong(
            f"the issuer {issuer} is no address of the form https://host/path (http:// only on this machine);"
            " correct LOA_OIDC_ISSUER"
        )
    return issuer


def discovery_url(issuer: str) -> str:
    """Where an issuer describes itself."""
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address.

    Raises:
        OidcProviderWrong: it is none.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise OidcProviderWrong(f"“{url}” is no address") from None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or not _plain(url):
        raise OidcProviderWrong(f"“{url}” is no address")
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]


def discovered(raw: bytes, issuer: str) -> Discovered:
    """What the provider says of itself, if it is the one of the settings and stays on its own origin.

    Raises:
        OidcProviderWrong: it is not, or speaks of what we do not take.
    """
    try:
        said = msgspec.json.decode(raw, type=Discovered)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise OidcProviderWrong(f"what {issuer} says of itself is no description of a provider: {error}") from error
    if said.issuer != issuer:
        raise OidcProviderWrong(f"at {issuer} answers another issuer, {said.issuer!r}; correct LOA_OIDC_ISSUER")
    ends = (said.authorization_endpoint, said.token_endpoint, said.jwks_uri, said.end_session_endpoint)
    for url in ends:
        if url is not None and origin(url) != origin(issuer):
            raise OidcProviderWrong(f"{issuer} sends us on to {url}; only addresses of the issuer itself are asked")
    if not said.algorithms:
        raise OidcProviderWrong(f"{issuer} signs with none of {', '.join(ALGORITHMS)}; set one of them there")
    return said


def method(said: Discovered, *, secret: bool) -> str:
    """How we say who we are when we fetch a token.

    Raises:
        OidcProviderWrong: the provider takes none of our ways.
    """
    ways = _METHODS if secret else ("none",)
    found = next((one for one in ways if one in said.token_endpoint_auth_methods_supported), None)
    if found is None and secret:
        raise OidcProviderWrong(f"{said.issuer} takes no client secret as {' or '.join(_METHODS)}")
    return found or "none"


def require_same_provider(said: Discovered, issuer: str | None) -> None:
    """Who sent the browser back is who it was sent to (RFC 9207).

    Raises:
        OidcRefused: another, or nobody where the provider always says so.
    """
    wanted = said.issuer if issuer is not None or said.authorization_response_iss_parameter_supported else None
    if issuer != wanted:
        raise OidcRefused(f"the answer is of {issuer}, asked was {said.issuer}")


def require_code(flow: Flow, back: Back) -> str:
    """The code that a browser brings back in the sign-on that it began.

    Raises:
        OidcRefused: another's, or none.
    """
    if not hmac.compare_digest(flow.state.encode(), back.state.encode()):
        raise OidcRefused("the state is not of this browser's sign-on")
    if back.error is not None or back.code is None:
        raise OidcRefused(f"the provider says {back.error!r}")
    return back.code


def proved_at(told: Told, now: datetime) -> datetime:
    """When somebody proved to the provider who they are; long ago, where it does not say."""
    return now - SOME_TIME if told.signed_in_at is None else min(told.signed_in_at, now)


def told(claims: Mapping[str, Any], *, client_id: str, acr: Collection[str], amr: Collection[str]) -> Told:
    """What is left to look at once signature, issuer, audience, nonce and times of an ID token were found good.

    Raises:
        OidcRefused: it is for others besides us, or names nobody.
    """
    audience, authorised = claims.get("aud"), claims.get("azp", client_id)
    if audience not in (client_id, [client_id]) or authorised != client_id:
        raise OidcRefused(f"the token is for {audience!r}, asked for by {authorised!r}")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        raise OidcRefused("the token names nobody")
    return Told(subject, _strong(claims, acr, amr), _instant(claims.get("auth_time")))


def _strong(claims: Mapping[str, Any], acr: Collection[str], amr: Collection[str]) -> bool:
    ways = claims.get("amr")
    said = [one for one in ways if isinstance(one, str)] if isinstance(ways, list) else []
    level = claims.get("acr")
    return (isinstance(level, str) and level in acr) or not set(amr).isdisjoint(said)


def _instant(value: Any) -> datetime | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _plain(url: str) -> bool:
    """No spaces, control characters or backslashes, over which parsers disagree."""
    return url.isascii() and url.isprintable() and not any(sign in url for sign in ' \\"<>')


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
