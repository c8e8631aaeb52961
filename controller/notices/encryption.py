"""Web push: a message only the browser can read (RFC 8291), and who sends it (RFC 8292). Pure but for randomness."""

import base64
import json
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from loa_protocol.errors import LoaError

CURVE = ec.SECP256R1()
MOST_BYTES = 3993
"""Of plain text: with salt, key and tag a body of 4096 bytes, which every push service takes."""
TOKEN_LIFE = timedelta(hours=12)
_RECORD_BYTES = 4096
_LAST = b"\x02"
_COORDINATE_BYTES = 32
_AUTH_BYTES = 16


class SubscriptionInvalid(LoaError):
    """The keys of a browser's subscription are not what they should be."""

    code = "subscription_invalid"


@dataclass(frozen=True, slots=True)
class BrowserKeys:
    """`public` is a point of P-256, uncompressed (65 bytes); `auth` is 16 bytes."""

    public: bytes
    auth: bytes


def browser_keys(p256dh: str, auth: str) -> BrowserKeys:
    """The keys of a subscription from base64url.

    Raises:
        SubscriptionInvalid: they are none.
    """
    try:
        keys = BrowserKeys(unpadded(p256dh), unpadded(auth))
        ec.EllipticCurvePublicKey.from_encoded_point(CURVE, keys.public)
    except ValueError as error:
        raise SubscriptionInvalid(f"p256dh or auth is no key ({error}); subscribe the browser again") from error
    if len(keys.auth) != _AUTH_BYTES:
        raise SubscriptionInvalid(f"auth has {len(keys.auth)} bytes, not {_AUTH_BYTES}; subscribe the browser again")
    return keys


def encrypt(text: bytes, to: BrowserKeys, sender: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """The body of a push message (`aes128gcm`, one record); `sender` and `salt` (16 bytes) are used once."""
    ours = point(sender.public_key())
    shared = sender.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, to.public))
    secret = _derive(shared, to.auth, b"WebPush: info\x00" + to.public + ours, 32)
    key = _derive(secret, salt, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\x00", 12)
    head = salt + struct.pack("!IB", _RECORD_BYTES, len(ours)) + ours
    return head + AESGCM(key).encrypt(nonce, text + _LAST, None)


def authorization(key: ec.EllipticCurvePrivateKey, *, audience: str, subject: str | None, now: datetime) -> str:
    """The `Authorization` of a request to a push service at the origin `audience`; `subject` is how we are reached."""
    claims = {"aud": audience, "exp": int((now + TOKEN_LIFE).timestamp()), **({"sub": subject} if subject else {})}
    signed = f"{_part({'typ': 'JWT', 'alg': 'ES256'})}.{_part(claims)}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    raw = r.to_bytes(_COORDINATE_BYTES) + s.to_bytes(_COORDINATE_BYTES)
    return f"vapid t={signed}.{padless(raw)}, k={padless(point(key.public_key()))}"


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key as browsers take it: 65 bytes."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def padless(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unpadded(text: str) -> bytes:
    """From base64url with or without padding.

    Raises:
        ValueError: it is none.
    """
    bare = text.rstrip("=")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def _part(value: dict[str, Any]) -> str:
    return padless(json.dumps(value, separators=(",", ":")).encode())
