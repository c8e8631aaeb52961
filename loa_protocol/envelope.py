"""DSSE v1 envelopes with Ed25519 and WebAuthn (ES256) signatures.

Rules: a signature covers the pre-authentication encoding of type and payload; nothing of the payload is read or
decompressed before signatures were verified; sizes are bounded before anything is parsed.
Source of the format: github.com/secure-systems-lab/dsse, protocol.md of the DSSE project.
"""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec

from loa_protocol import strict_json
from loa_protocol.documents import Wire
from loa_protocol.errors import DocumentInvalid
from loa_protocol.kinds import KINDS

MAX_ENVELOPE_BYTES = 256 * 1024
MAX_PAYLOAD_BYTES = 1024 * 1024
COMPRESS_FROM_BYTES = 2048
MAX_SIGNATURES = 16
_TYPE_PREFIX = "application/vnd.loa."
_TYPE_SUFFIX = ".v1+json"
D = TypeVar("D", bound=Wire)


class TooLarge(DocumentInvalid):
    """More bytes than the protocol allows."""

    code = "oversize"


class Signature(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One signature; the last two fields belong to `webauthn-es256`. Binary values are base64."""

    keyid: str
    alg: str
    sig: str
    authenticator_data: str | None = None
    client_data_json: str | None = msgspec.field(name="clientDataJSON", default=None)


class Envelope(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What travels. `payload` is base64 of the (perhaps compressed) document."""

    payload_type: str
    payload: str
    signatures: tuple[Signature, ...]


class Signer(Protocol):
    """Somebody who can sign: a key in memory, a signer process, a token."""

    @property
    def keyid(self) -> str:
        """Name of the key in the trust list."""

    def sign(self, message: bytes) -> Signature:
        """Sign the pre-authentication encoding."""


def payload_type(kind: str, *, compressed: bool = False) -> str:
    """Media type of a kind of document."""
    return f"{_TYPE_PREFIX}{kind}{_TYPE_SUFFIX}" + ("+zlib" if compressed else "")


def kind_of(type_name: str) -> tuple[str, bool]:
    """Kind and whether it is compressed.

    Raises:
        DocumentInvalid: no kind of this protocol.
    """
    compressed = type_name.endswith("+zlib")
    kind = type_name.removesuffix("+zlib").removeprefix(_TYPE_PREFIX).removesuffix(_TYPE_SUFFIX)
    if kind not in KINDS or payload_type(kind, compressed=compressed) != type_name:
        raise DocumentInvalid(f"payload type {type_name[:100]!r} is not known; the agent may be too old")
    return kind, compressed


def pae(type_name: str, payload: bytes) -> bytes:
    """DSSE pre-authentication encoding: what is signed."""
    encoded = type_name.encode()
    return b"DSSEv1 %d %b %d %b" % (len(encoded), encoded, len(payload), payload)


def b64decode(text: str) -> bytes:
    """Strict base64.

    Raises:
        DocumentInvalid: a character outside the alphabet or wrong padding.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DocumentInvalid(f"not base64: {error}") from error


def seal(kind: str, document: Wire, signers: Sequence[Signer]) -> bytes:
    """Encode, compress where it pays, and sign by all `signers`.

    Raises:
        TooLarge: the result would not fit the wire.
    """
    payload = msgspec.json.encode(document)
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise TooLarge(f"{kind} has {len(payload)} bytes, {MAX_PAYLOAD_BYTES} are allowed", bytes=len(payload))
    compressed = len(payload) >= COMPRESS_FROM_BYTES
    type_name = payload_type(kind, compressed=compressed)
    if compressed:
        payload = zlib.compress(payload, 9)
    message = pae(type_name, payload)
    envelope = Envelope(
        payload_type=type_name,
        payload=base64.b64encode(payload).decode(),
        signatures=tuple(signer.sign(message) for signer in signers),
    )
    raw = msgspec.json.encode(envelope)
    if len(raw) > MAX_ENVELOPE_BYTES:
        raise TooLarge(f"{kind} envelope has {len(raw)} bytes, {MAX_ENVELOPE_BYTES} are allowed", bytes=len(raw))
    return raw


def parse(raw: bytes) -> Envelope:
    """Read an envelope; nothing in it is to be believed yet.

    Raises:
        TooLarge: more than 256 KiB.
        DocumentInvalid: not a strict envelope.
    """
    if len(raw) > MAX_ENVELOPE_BYTES:
        raise TooLarge(f"an envelope of {len(raw)} bytes; {MAX_ENVELOPE_BYTES} are allowed", bytes=len(raw))
    envelope = strict_json.decode_own(raw, Envelope)
    if not 1 <= len(envelope.signatures) <= MAX_SIGNATURES:
        raise DocumentInvalid(f"{len(envelope.signatures)} signatures; 1 to {MAX_SIGNATURES} are allowed")
    return envelope


def signed_bytes(envelope: Envelope) -> bytes:
    """What the envelope's signatures must cover."""
    return pae(envelope.payload_type, b64decode(envelope.payload))


def digest(envelope: Envelope) -> str:
    """Identity of the signed content, whoever signed it: SHA-256 of the pre-authentication encoding, hex."""
    return hashlib.sha256(signed_bytes(envelope)).hexdigest()


def open_payload(envelope: Envelope, model: type[D]) -> D:
    """Decompress and read the payload. Call it only after the signatures were verified.

    Raises:
        TooLarge: more than 1 MiB when decompressed.
        DocumentInvalid: not a strict document of the model.
    """
    return strict_json.decode(payload_of(envelope), model)


def payload_of(envelope: Envelope) -> bytes:
    """The payload's text, decompressed and unread. Call it only after the signatures were verified.

    Raises:
        TooLarge: more than 1 MiB when decompressed.
        DocumentInvalid: it cannot be decompressed.
    """
    _, compressed = kind_of(envelope.payload_type)
    payload = b64decode(envelope.payload)
    return _inflate(payload) if compressed else payload


def _inflate(payload: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        result = inflater.decompress(payload, MAX_PAYLOAD_BYTES + 1)
    except zlib.error as error:
        raise DocumentInvalid(f"the payload cannot be decompressed: {error}") from error
    if len(result) > MAX_PAYLOAD_BYTES:
        raise TooLarge(f"the payload exceeds {MAX_PAYLOAD_BYTES} bytes when decompressed")
    if not inflater.eof or inflater.unused_data:
        raise DocumentInvalid("the compressed payload is truncated or has trailing bytes")
    return result
