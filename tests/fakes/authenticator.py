"""A security key in software: it makes real registrations and assertions of Web Authentication, as JSON for the API.

Written from the W3C's text (authenticator data, COSE keys, attestation "none"), with an encoder of CBOR of its own, so
that the library which checks answers meets something it did not make. Faults are arguments: each is one lie.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

ES256, EDDSA, RS256 = -7, -8, -257
PRESENT, VERIFIED, MAY_BE_BACKED_UP, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40
_SHORT, _BYTE, _WORD = 24, 1 << 8, 1 << 16
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _MAP = 0, 1, 2, 3, 5

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def b64(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Of `b64`."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def cbor(value: Any) -> bytes:
    """The canonical encoding (RFC 8949) of whole numbers, bytes, texts and maps, which is all that keys use."""
    match value:
        case int():
            return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
        case bytes():
            return _head(_BYTES, len(value)) + value
        case str():
            return _head(_TEXT, len(value.encode())) + value.encode()
        case dict():
            return _head(_MAP, len(value)) + b"".join(cbor(key) + cbor(one) for key, one in value.items())
    raise TypeError(type(value).__name__)


def _head(major: int, number: int) -> bytes:
    if number < _SHORT:
        return bytes([major << 5 | number])
    if number < _BYTE:
        return bytes([major << 5 | 24, number])
    if number < _WORD:
        return bytes([major << 5 | 25]) + number.to_bytes(2, "big")
    return bytes([major << 5 | 26]) + number.to_bytes(4, "big")


def new_key(algorithm: int) -> Key:
    """A fresh private key."""
    if algorithm == ES256:
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == EDDSA:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def cose(key: Key, algorithm: int | None = None) -> bytes:
    """Its public half as COSE (RFC 9052); `algorithm`: what it claims to be for."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        curve = {"secp256r1": 1, "secp384r1": 2, "secp521r1": 3}[key.curve.name]
        wide = (key.curve.key_size + 7) // 8
        coordinates = {-2: point.x.to_bytes(wide, "big"), -3: point.y.to_bytes(wide, "big")}
        return cbor({1: 2, 3: algorithm or ES256, -1: curve, **coordinates})
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return cbor({1: 1, 3: algorithm or EDDSA, -1: 6, -2: key.public_key().public_bytes_raw()})
    numbers = key.public_key().public_numbers()
    modulus = numbers.n.to_bytes((key.key_size + 7) // 8, "big")
    return cbor({1: 3, 3: algorithm or RS256, -1: modulus, -2: numbers.e.to_bytes(3, "big")})


def signed(key: Key, data: bytes) -> bytes:
    """A signature as assertions carry it."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(hashes.SHA256()))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def client_data(kind: str, challenge: str, origin: str, **more: Any) -> bytes:
    """What the browser says it was asked, by whom."""
    return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False} | more).encode()


@dataclass
class Authenticator:
    """One passkey of one account; `origin` is the page it believes to be on."""

    origin: str
    algorithm: int = ES256
    counter: int = 0
    rp_id: str = ""
    handle: bytes = b""

    def __post_init__(self) -> None:
        self.key = new_key(self.algorithm)
        self.id = secrets.token_bytes(32)

    def data(self, rp_id: str, flags: int, attested: bytes = b"") -> bytes:
        """Authenticator data."""
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big") + attested

    def create(
        self,
        options: Mapping[str, Any],
        *,
        origin: str | None = None,
        rp_id: str | None = None,
        flags: int = PRESENT | VERIFIED,
        kind: str = "webauthn.create",
        claims: int | None = None,
        attests: bool = False,
        **client: Any,
    ) -> dict[str, Any]:
        """As `navigator.credentials.create()` and `toJSON()` give it; `attests`: the key signs itself ("packed")."""
        self.rp_id, self.handle = options["rp"]["id"], unb64(options["user"]["id"])
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cose(self.key, claims)
        data = self.data(rp_id or self.rp_id, flags | ATTESTED, attested)
        said = client_data(kind, options["challenge"], origin or self.origin, **client)
        attestation: dict[str, Any] = {"fmt": "none", "attStmt": {}, "authData": data}
        if attests:
            proof = signed(self.key, data + hashlib.sha256(said).digest())
            attestation |= {"fmt": "packed", "attStmt": {"alg": self.algorithm, "sig": proof}}
        response = {
            "clientDataJSON": b64(said),
            "attestationObject": b64(cbor(attestation)),
            "transports": ["internal"],
        }
        return self._answer(response)

    def get(
        self,
        options: Mapping[str, Any],
        *,
        origin: str | None = None,
        rp_id: str | None = None,
        flags: int = PRESENT | VERIFIED,
        kind: str = "webauthn.get",
        key: Key | None = None,
        handle: bytes | None = None,
        steps: int = 1,
        **client: Any,
    ) -> dict[str, Any]:
        """As `navigator.credentials.get()` and `toJSON()` give it; the counter goes on by `steps`."""
        self.counter += steps
        data = self.data(rp_id or self.rp_id, flags)
        said = client_data(kind, options["challenge"], origin or self.origin, **client)
        response = {
            "clientDataJSON": b64(said),
            "authenticatorData": b64(data),
            "signature": b64(signed(key or self.key, data + hashlib.sha256(said).digest())),
            "userHandle": b64(self.handle if handle is None else handle),
        }
        return self._answer(response)

    def _answer(self, response: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": b64(self.id),
            "rawId": b64(self.id),
            "type": "public-key",
            "response": dict(response),
            "clientExtensionResults": {},
            "authenticatorAttachment": "platform",
        }
