"""Take any signed document apart, for people and programs; verifies where a trust list is given."""

from typing import Any

import msgspec

from loa_protocol import content
from loa_protocol.documents.trust import TrustKey
from loa_protocol.envelope import Envelope, b64decode, digest, kind_of, open_payload, parse
from loa_protocol.errors import LoaError
from loa_protocol.keys import witnesses
from loa_protocol.kinds import KINDS
from loa_protocol.receipts import ReceiptBatch, decode_entry
from loa_protocol.trust import Trust, pin, read_array


def inspect_bytes(raw: bytes, trust: bytes | None = None) -> list[dict[str, Any]]:
    """What an envelope, an array of envelopes or a content frame says.

    Raises:
        DocumentInvalid: it is none of them.
    """
    if raw.startswith(content.MAGIC):
        return [_frame(raw)]
    held = pin(trust) if trust is not None else None
    stripped = raw.strip()
    parts = read_array(stripped) if stripped.startswith(b"[") else (stripped,)
    return [_envelope(part, held) for part in parts]


def _frame(raw: bytes) -> dict[str, Any]:
    frame = content.unpack(raw)
    return {
        "frame": frame.kind.name.lower(),
        "root": frame.root,
        "number": frame.i,
        "of": frame.n,
        "bytes": len(frame.data),
    }


def _envelope(raw: bytes, trust: Trust | None) -> dict[str, Any]:
    envelope = parse(raw)
    kind, compressed = kind_of(envelope.payload_type)
    document = open_payload(envelope, KINDS[kind])
    shown = msgspec.to_builtins(document)
    if isinstance(document, ReceiptBatch):
        shown["entries"] = [msgspec.to_builtins(decode_entry(entry)) for entry in document.entries]
    return {
        "kind": kind,
        "bytes": len(raw),
        "compressed": compressed,
        "payload_bytes": len(b64decode(envelope.payload)),
        "digest": digest(envelope),
        "signatures": [_signature(envelope, index, trust) for index in range(len(envelope.signatures))],
        "document": shown,
    }


def _signature(envelope: Envelope, index: int, trust: Trust | None) -> dict[str, Any]:
    signature = envelope.signatures[index]
    shown: dict[str, Any] = {"keyid": signature.keyid, "alg": signature.alg}
    if trust is None:
        return shown
    keys: dict[str, TrustKey] = trust.current.keys
    alone = msgspec.structs.replace(envelope, signatures=(signature,))
    try:
        found = witnesses(alone, keys, trust.current.approval)
    except LoaError:
        found = ()
    roles = [str(role) for role, held in trust.current.roles.items() if signature.keyid in held.keys]
    return {**shown, "verified": bool(found), "roles": roles}
