"""A province's identity provider (OpenID Connect) on loopback: real HTTP, real keys, and lies to order.

It follows the protocol by itself (codes once, PKCE, client secret), so that a client which does not is refused here.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.fakes.authenticator import Key, b64

CLIENT = "loa"
SECRET = "bí mật của ứng dụng"  # noqa: S105 - of tests alone
_DISCOVERY = "/.well-known/openid-configuration"
_TRICKLE_S = 0.05
Reply = tuple[int, dict[str, str], bytes]


def new_key(algorithm: str) -> Key:
    """A fresh signing key."""
    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


def jwk(key: Key, kid: str) -> dict[str, str]:
    """Its public half as JWK (RFC 7517)."""
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {"kty": "RSA", "kid": kid, "use": "sig", "n": b64(numbers.n.to_bytes(256, "big")), "e": "AQAB"}
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64(key.public_key().public_bytes_raw())}
    point = key.public_key().public_numbers()
    x, y = b64(point.x.to_bytes(32, "big")), b64(point.y.to_bytes(32, "big"))
    return {"kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y}


def jws(key: Key, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A compact signed token (RFC 7515); `alg` of the header is only said, the key's own algorithm signs."""
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{text}.{b64(_signature(key, text.encode()))}"


def _signature(key: Key, data: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@dataclass
class IdentityProvider:
    """`claims` and `header` change what ID tokens say (None takes away), `description` what discovery says.

    `token` makes the whole ID token instead; `replies` answer a path instead; `asked` are all requests; a `public`
    client has no secret.
    """

    algorithm: str = "ES256"
    url: str = ""
    now: Callable[[], float] = time.time
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    description: dict[str, Any] = field(default_factory=dict)
    token: Callable[[dict[str, Any], dict[str, Any]], str] | None = None
    replies: dict[str, Reply] = field(default_factory=dict)
    trickle: threading.Event | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    kid: str = "k1"
    public: bool = False

    def __post_init__(self) -> None:
        self.key = new_key(self.algorithm)
        self.keys = [jwk(self.key, self.kid)]

    def turn_key(self, kid: str) -> None:
        """Sign with another key from now on; the old one is published no more."""
        self.kid, self.key = kid, new_key(self.algorithm)
        self.keys = [jwk(self.key, kid)]

    def log_in(self, address: str, subject: str = "nguyen.thi.lan") -> str:
        """A person proves here who they are; gives the address to which their browser is sent back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert (query["response_type"], query["code_challenge_method"], query["client_id"]) == ("code", "S256", CLIENT)
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = query | {"subject": subject}
        back = {"code": code, "state": query["state"], "iss": self.url}
        return f"{query['redirect_uri']}?{urlencode(back)}"

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> Reply:
        """To one request."""
        self.asked.append((method, path))
        if path in self.replies:
            return self.replies[path]
        if path == _DISCOVERY:
            return _json(200, self._described())
        if path == "/keys":
            return _json(200, {"keys": self.keys})
        if (method, path) == ("POST", "/token"):
            return self._exchange(headers, body)
        return _json(404, {"error": "not_found"})

    def _described(self) -> dict[str, Any]:
        said = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.algorithm],
            "authorization_response_iss_parameter_supported": True,
            **self.description,
        }
        return {name: value for name, value in said.items() if value is not None}

    def _exchange(self, headers: Any, body: bytes) -> Reply:
        given = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        asked = self.codes.pop(given.get("code", ""), None)
        known = given.get("client_id") == CLIENT if self.public else _basic(headers) == (CLIENT, SECRET)
        if not known:
            return _json(401, {"error": "invalid_client"})
        challenge = b64(hashlib.sha256(given.get("code_verifier", "").encode()).digest())
        if asked is None or challenge != asked["code_challenge"] or given.get("redirect_uri") != asked["redirect_uri"]:
            return _json(400, {"error": "invalid_grant"})
        token = self.id_token(asked)
        return _json(200, {"access_token": "x", "token_type": "Bearer", "expires_in": 300, "id_token": token})

    def id_token(self, asked: dict[str, str]) -> str:
        """What it says of who logged in."""
        now = int(self.now())
        claims = {
            "iss": self.url,
            "sub": asked["subject"],
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.kid, **self.header}
        header = {name: value for name, value in header.items() if value is not None}
        return self.token(header, claims) if self.token else jws(self.key, header, claims)


def _basic(headers: Any) -> tuple[str, str]:
    """RFC 6749 2.3.1: both parts are form-encoded before they are put together."""
    kind, _, rest = headers.get("Authorization", "").partition(" ")
    if kind != "Basic":
        return "", ""
    name, _, secret = base64.b64decode(rest).decode().partition(":")
    return _form(name), _form(secret)


def _form(text: str) -> str:
    return parse_qs(f"x={text}", keep_blank_values=True)["x"][0]


def _json(status: int, value: Any) -> Reply:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, provider: IdentityProvider) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.provider = provider


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path = urlsplit(self.path).path
        status, headers, told = self.server.provider.answer(self.command, path, self.headers, body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        with suppress(OSError):  # the client had enough
            self._send(told)

    def _send(self, told: bytes) -> None:
        trickle = self.server.provider.trickle
        if trickle is None:
            self.wfile.write(told)
            return
        for sign in told:
            self.wfile.write(bytes([sign]))
            self.wfile.flush()
            if trickle.wait(_TRICKLE_S):
                return

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""


@contextmanager
def identity_provider(algorithm: str = "ES256", **options: Any) -> Iterator[IdentityProvider]:
    """It, listening until the end. With `trickle` it sends an answer's body byte by byte until the event is set."""
    made = IdentityProvider(algorithm, **options)
    server = _Server(made)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        if made.trickle is not None:
            made.trickle.set()
        server.shutdown()
        thread.join()
        server.server_close()
