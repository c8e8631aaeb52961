"""Keys: signing with Ed25519, verifying Ed25519 and WebAuthn ES256, and counting people.

A threshold counts distinct people with distinct raw keys: one key under two ids, or two keys of one person, count once.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from loa_protocol import strict_json
from loa_protocol.documents.trust import ApprovalOrigin, TrustKey
from loa_protocol.envelope import Envelope, Signature, b64decode, signed_bytes
from loa_protocol.errors import DocumentInvalid

ED25519 = "ed25519"
WEBAUTHN = "webauthn-es256"
_USER_PRESENT = 0x01
_USER_VERIFIED = 0x04
_FLAGS_AT = 32
_AUTHENTICATOR_DATA_MIN_BYTES = 37


@dataclass(frozen=True, slots=True)
class Ed25519Signer:
    """A private key in memory, under the id by which the trust list knows it."""

    keyid: str
    private: Ed25519PrivateKey

    @classmethod
    def generate(cls, keyid: str = "") -> "Ed25519Signer":
        """A fresh key; without a name its id is the fingerprint of the public key."""
        private = Ed25519PrivateKey.generate()
        return cls(keyid or fingerprint(private.public_key().public_bytes_raw())[:16], private)

    @classmethod
    def from_bytes(cls, raw: bytes, keyid: str = "") -> "Ed25519Signer":
        """From the 32 raw private bytes."""
        private = Ed25519PrivateKey.from_private_bytes(raw)
        return cls(keyid or fingerprint(private.public_key().public_bytes_raw())[:16], private)

    @property
    def public_raw(self) -> bytes:
        """The 32 raw public bytes."""
        return self.private.public_key().public_bytes_raw()

    @property
    def private_raw(self) -> bytes:
        """The 32 raw private bytes."""
        return self.private.private_bytes_raw()

    def trust_key(self, person: str, scopes: tuple[str, ...] = ()) -> TrustKey:
        """How a trust list writes this key down."""
        return TrustKey(alg=ED25519, public=base64.b64encode(self.public_raw).decode(), person=person, scopes=scopes)

    def sign(self, message: bytes) -> Signature:
        """Sign the pre-authentication encoding."""
        return Signature(keyid=self.keyid, alg=ED25519, sig=base64.b64encode(self.private.sign(message)).decode())


def fingerprint(raw_public: bytes) -> str:
    """SHA-256 of the raw public key, hex: what floors are kept by."""
    return hashlib.sha256(raw_public).hexdigest()


@dataclass(frozen=True, slots=True)
class Witness:
    """One verified signature that counts."""

    keyid: str
    person: str
    fingerprint: str


def witnesses(
    envelope: Envelope, keys: Mapping[str, TrustKey], approval: ApprovalOrigin | None = None
) -> tuple[Witness, ...]:
    """The distinct people among `keys` who signed `envelope`; wrong or unknown signatures are passed over."""
    message = signed_bytes(envelope)
    found: list[Witness] = []
    for signature in envelope.signatures:
        key = keys.get(signature.keyid)
        if key is None or key.alg != signature.alg:
            continue
        raw = b64decode(key.public)
        mark = fingerprint(raw)
        if any(mark == w.fingerprint or key.person == w.person for w in found):
            continue
        if _verifies(signature, raw, message, approval):
            found.append(Witness(signature.keyid, key.person, mark))
    return tuple(found)


def _verifies(signature: Signature, raw: bytes, message: bytes, approval: ApprovalOrigin | None) -> bool:
    try:
        if signature.alg == ED25519:
            Ed25519PublicKey.from_public_bytes(raw).verify(b64decode(signature.sig), message)
            return True
        if signature.alg == WEBAUTHN and approval is not None:
            return _webauthn_verifies(signature, raw, message, approval)
    except (InvalidSignature, ValueError, DocumentInvalid):
        return False
    return False


def _webauthn_verifies(signature: Signature, raw: bytes, message: bytes, approval: ApprovalOrigin) -> bool:
    """WebAuthn level 2 §7.2, with the challenge fixed to SHA-256 of what is signed."""
    authenticator = b64decode(signature.authenticator_data or "")
    client_raw = b64decode(signature.client_data_json or "")
    strict_json.require_strict(client_raw)
    client = json.loads(client_raw)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(message).digest()).rstrip(b"=").decode()
    if (
        not isinstance(client, dict)
        or client.get("type") != "webauthn.get"
        or client.get("challenge") != challenge
        or client.get("origin") != approval.origin
        or client.get("crossOrigin", False) is not False
        or len(authenticator) < _AUTHENTICATOR_DATA_MIN_BYTES
        or authenticator[:32] != hashlib.sha256(approval.rp_id.encode()).digest()
    ):
        return False
    needed = _USER_PRESENT | _USER_VERIFIED
    if authenticator[_FLAGS_AT] & needed != needed:
        return False
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    covered = authenticator + hashlib.sha256(client_raw).digest()
    public.verify(b64decode(signature.sig), covered, ec.ECDSA(hashes.SHA256()))
    return True


def raw_point(public: ec.EllipticCurvePublicKey) -> bytes:
    """The 65-byte uncompressed point of a P-256 key, as trust lists hold it."""
    return public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
