"""What devices sign and the controller checks: state and receipt batches, one key per device."""

from typing import TypeVar

from loa_protocol.documents import Wire
from loa_protocol.documents.trust import TrustKey
from loa_protocol.envelope import Envelope, Signer, kind_of, open_payload, parse, payload_of, seal
from loa_protocol.errors import LoaError
from loa_protocol.keys import witnesses
from loa_protocol.kinds import KINDS
from loa_protocol.receipts import ChainBroken, Line, ReceiptBatch, read_batch

U = TypeVar("U", bound=Wire)


class UplinkRefused(LoaError):
    """A message from a device was dropped and counted."""

    code = "uplink_refused"


def seal_uplink(kind: str, document: Wire, signer: Signer) -> bytes:
    """Sign with the device's key."""
    return seal(kind, document, [signer])


def open_uplink(raw: bytes, *, kind: str, model: type[U], device_id: str, key: TrustKey) -> U:
    """Verify and read a message of `device_id`.

    Raises:
        UplinkRefused: another kind, another device's name in it, or not signed by `key`.
        DocumentInvalid: not an envelope or not a document of the model.
    """
    if KINDS[kind] is not model:
        raise UplinkRefused(f"a {kind} is not a {model.__name__}; this is a fault of ours, report it")
    document = open_payload(_signed(raw, kind, device_id, key), model)
    _require_name(document, kind, device_id)
    return document


def open_receipts(raw: bytes, *, device_id: str, key: TrustKey) -> tuple[ReceiptBatch, tuple[Line | ChainBroken, ...]]:
    """As `open_uplink` for a batch of receipts, and read its entries; one without a place in the chain is its error.

    Raises:
        UplinkRefused, DocumentInvalid: as `open_uplink`.
    """
    batch, lines = read_batch(payload_of(_signed(raw, "receipts", device_id, key)))
    _require_name(batch, "receipts", device_id)
    return batch, lines


def _signed(raw: bytes, kind: str, device_id: str, key: TrustKey) -> Envelope:
    envelope = parse(raw)
    found, _ = kind_of(envelope.payload_type)
    if found != kind:
        raise UplinkRefused(f"device {device_id} sent a {found} where a {kind} belongs")
    names = {signature.keyid: key for signature in envelope.signatures}
    if not witnesses(envelope, names):
        raise UplinkRefused(f"a {kind} in the name of {device_id} is not signed by that device's key")
    return envelope


def _require_name(document: Wire, kind: str, device_id: str) -> None:
    if getattr(document, "device", None) != device_id:
        raise UplinkRefused(f"device {device_id} sent a {kind} that names another device")
