"""What devices sign and the controller checks: state and receipt batches, one key per device."""

from typing import TypeVar

from loa_protocol.documents import KINDS, Wire
from loa_protocol.documents.trust import TrustKey
from loa_protocol.envelope import Signer, kind_of, open_payload, parse, seal
from loa_protocol.errors import LoaError
from loa_protocol.keys import witnesses

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
    envelope = parse(raw)
    found, _ = kind_of(envelope.payload_type)
    if found != kind or KINDS[kind] is not model:
        raise UplinkRefused(f"device {device_id} sent a {found} where a {kind} belongs")
    names = {signature.keyid: key for signature in envelope.signatures}
    if not witnesses(envelope, names):
        raise UplinkRefused(f"a {kind} in the name of {device_id} is not signed by that device's key")
    document = open_payload(envelope, model)
    if getattr(document, "device", None) != device_id:
        raise UplinkRefused(f"device {device_id} sent a {kind} that names another device")
    return document
