"""The province's identity provider, as this program asks it: its own addresses alone, in little time, little data.

What it says of itself is read when it is first needed and anew every hour; its keys also when a token names one that is
not known, at most every half minute, so that it can turn keys. While it is away nothing else here waits for it.
"""

import asyncio
import logging
import ssl
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote_plus

import httpx
import msgspec
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.jwk import KeySet

from controller.accounts.oidc import rules as oidc_rules
from controller.accounts.oidc import tokens as oidc_tokens
from controller.accounts.oidc.rules import (
    Discovered,
    Flow,
    OidcProviderAway,
    OidcProviderWrong,
    OidcRefused,
    Told,
)
from controller.accounts.oidc.tokens import KeyUnknown
from controller.runtime import outgoing
from controller.runtime.clock import Clock
from controller.runtime.outgoing import OutgoingRefused
from controller.runtime.settings import Settings, SettingsInvalid

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024
WITHIN_S = 5.0
_FRESH_S = 3600.0
_AGAIN_S = 30.0
_PAUSE_S = 5.0
"""After it was found away it is not asked for so long: who waits, waits once."""
_FAULT = 500
_TOO_MANY = 429
_OK = 200
_PLAIN = {"Accept": "application/json", "Accept-Encoding": "identity"}


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str | None = None


class OidcProvider:
    """Of one process; `close` it at the end. `secret` None: we are a public client."""

    def __init__(self, settings: Settings, clock: Clock, *, issuer: str, client_id: str) -> None:
        self.issuer, self.client_id = oidc_rules.require_issuer(issuer), client_id
        self._secret = _secret(settings.oidc_client_secret_file)
        self._acr, self._amr = settings.oidc_strong_acr, settings.oidc_strong_amr
        self._clock = clock
        self._http = outgoing.client(verify=_tls(settings.oidc_ca), timeout=WITHIN_S, private=settings.private_networks)
        self._said: tuple[float, Discovered] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._away: tuple[float, str] | None = None
        self._asking = asyncio.Lock()

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    async def describe(self) -> Discovered:
        """What it says of itself.

        Raises:
            OidcProviderAway, OidcProviderWrong: not now, or not what we take.
        """
        async with self._asking:
            known = self._said
            if known is not None and self._clock.monotonic() < known[0] + _FRESH_S:
                return known[1]
            raw = await self._ask("GET", oidc_rules.discovery_url(self.issuer))
            said = oidc_rules.discovered(raw, self.issuer)
            oidc_rules.method(said, secret=self._secret is not None)
            self._said, self._keys = (self._clock.monotonic(), said), None
            return said

    def address(self, said: Discovered, flow: Flow, redirect_uri: str, *, anew: bool) -> str:
        """Where to send a browser; `anew`: the person has to prove again who they are there."""
        more = {"prompt": "login", "max_age": "0"} if anew else {"max_age": "43200"}
        address: str = prepare_grant_uri(
            said.authorization_endpoint,
            client_id=self.client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope="openid",
            state=flow.state,
            nonce=flow.nonce,
            code_challenge=create_s256_code_challenge(flow.verifier),
            code_challenge_method="S256",
            **more,
        )
        return address

    async def who(self, said: Discovered, code: str, flow: Flow, redirect_uri: str) -> Told:
        """Who signed on, by the code that the browser brought back.

        Raises:
            OidcProviderAway, OidcProviderWrong: not now.
            OidcRefused: nobody, for us, in this sign-on.
        """
        tokens = await self._exchange(said, code, flow, redirect_uri)
        try:
            claims = self._claims(said, await self._known_keys(said), tokens, flow)
        except KeyUnknown:
            claims = self._claims(said, await self._known_keys(said, anew=True), tokens, flow)
        return oidc_rules.told(claims, client_id=self.client_id, acr=self._acr, amr=self._amr)

    def _claims(self, said: Discovered, keys: KeySet, tokens: _Tokens, flow: Flow) -> Mapping[str, object]:
        return oidc_tokens.claims(
            tokens.id_token,
            keys,
            said.algorithms,
            issuer=self.issuer,
            client_id=self.client_id,
            nonce=flow.nonce,
            access_token=tokens.access_token,
            now=self._clock.now(),
        )

    async def _known_keys(self, said: Discovered, *, anew: bool = False) -> KeySet:
        async with self._asking:
            known = self._keys
            age = None if known is None else self._clock.monotonic() - known[0]
            if known is not None and age is not None and age < (_AGAIN_S if anew else _FRESH_S):
                return known[1]
            keys = oidc_tokens.key_set(await self._ask("GET", said.jwks_uri))
            self._keys = self._clock.monotonic(), keys
            return keys

    async def _exchange(self, said: Discovered, code: str, flow: Flow, redirect_uri: str) -> _Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": flow.verifier,
        }
        way = oidc_rules.method(said, secret=self._secret is not None)
        headers = {}
        if way == "client_secret_basic":
            headers["Authorization"] = _basic(self.client_id, self._secret or "")
        else:
            form["client_id"] = self.client_id
        if way == "client_secret_post":
            form["client_secret"] = self._secret or ""
        raw = await self._ask("POST", said.token_endpoint, form=form, headers=headers)
        try:
            return msgspec.json.decode(raw, type=_Tokens)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise OidcProviderWrong(f"{self.issuer} answers without an ID token") from error

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        if self._away is not None and self._clock.monotonic() < self._away[0] + _PAUSE_S:
            raise _away(self.issuer, self._away[1])
        try:
            async with (
                asyncio.timeout(WITHIN_S),
                self._http.stream(method, url, data=form, headers={**_PLAIN, **(headers or {})}) as answer,
            ):
                self._require_fine(answer, exchange=form is not None)
                return await self._body(answer)
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, TimeoutError) as error:
            told = str(error) or type(error).__name__
            if form is None:  # what a browser brought back may make the provider stumble: it stops nobody else
                self._away = self._clock.monotonic(), told
            log.warning(
                "the identity provider %s is away: %s; people sign in with what they have here", self.issuer, told
            )
            raise _away(self.issuer, told) from error
        except OutgoingRefused as error:
            raise OidcProviderWrong(str(error)) from error

    def _require_fine(self, answer: httpx.Response, *, exchange: bool) -> None:
        status = answer.status_code
        if status >= _FAULT or status == _TOO_MANY:
            raise httpx.HTTPError(f"it answers {status}")
        if exchange and httpx.codes.is_client_error(status):
            raise OidcRefused(f"the provider does not take the code: {status}")
        if status != _OK:
            raise OidcProviderWrong(f"{self.issuer} answers {status} at {answer.url.path}; nothing else is followed")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise OidcProviderWrong(f"{self.issuer} compresses its answer, which was not asked for")

    async def _body(self, answer: httpx.Response) -> bytes:
        body = b""
        async for part in answer.aiter_raw():
            body += part
            if len(body) > MOST_BYTES:
                raise OidcProviderWrong(f"{self.issuer} answers with more than {MOST_BYTES} bytes")
        return body


def of(settings: Settings, clock: Clock) -> OidcProvider | None:
    """The provider of the settings; None where there is none.

    Raises:
        SettingsInvalid, OidcProviderWrong: settings that cannot be used.
    """
    if settings.oidc_issuer is None:
        return None
    if settings.oidc_client_id is None:
        raise SettingsInvalid("oidc_issuer is set and oidc_client_id is not; set LOA_OIDC_CLIENT_ID")
    return OidcProvider(settings, clock, issuer=settings.oidc_issuer, client_id=settings.oidc_client_id)


def _secret(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text().splitlines()[0]
    except (OSError, IndexError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"oidc_client_secret_file {path}: {error}") from error


def _tls(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ssl.SSLError) as error:
        raise SettingsInvalid(f"oidc_ca {ca}: {error}") from error


def _away(issuer: str, told: str) -> OidcProviderAway:
    return OidcProviderAway(
        f"{issuer} does not answer ({told}); sign in with what you have here, or later",
        vi="hệ thống đăng nhập một lần chưa trả lời; hãy đăng nhập bằng cách khác hoặc thử lại sau",
    )


def _basic(name: str, secret: str) -> str:
    """RFC 6749 2.3.1: both parts are form-encoded first, so that any letter may be in them."""
    return "Basic " + b64encode(f"{quote_plus(name)}:{quote_plus(secret)}".encode()).decode()
