"""What a message of a device says: its signature verified, its names compared, everything read once.

Pure computing over `loa_protocol` alone, so that a small process of its own can do it.
"""

from controller.receipts.told import Received
from loa_protocol import strict_json
from loa_protocol.documents import Wire
from loa_protocol.documents.device import CommandReply, DeviceState, Health, Presence
from loa_protocol.documents.trust import TrustKey
from loa_protocol.errors import LoaError
from loa_protocol.topics import Family
from loa_protocol.uplink import open_receipts, open_uplink

_SIGNED: dict[Family, tuple[str, type[Wire]]] = {
    Family.STATE: ("state", DeviceState),
    Family.UP_REPLY: ("command-reply", CommandReply),
}
_PLAIN: dict[Family, type[Wire]] = {Family.HEALTH: Health, Family.PRESENCE: Presence}
MODELS: dict[Family, type[Wire]] = {family: model for family, (_, model) in _SIGNED.items()} | _PLAIN
"""What each family brings, but for receipts."""
FAMILIES = frozenset({Family.RECEIPTS, *MODELS})


class WrongDevice(LoaError):
    """A message tells of another device than the one on whose topic it came."""

    code = "wrong_device"


def read(raw: bytes, family: Family, device_id: str, key: TrustKey) -> Wire | Received:
    """Verify and read what came on the topic of `device_id`.

    Raises:
        UplinkRefused, DocumentInvalid, WrongDevice: it does not count.
    """
    if family is Family.RECEIPTS:
        return Received.of(*open_receipts(raw, device_id=device_id, key=key))
    if family in _SIGNED:
        kind, model = _SIGNED[family]
        return open_uplink(raw, kind=kind, model=model, device_id=device_id, key=key)
    document = strict_json.decode(raw, _PLAIN[family])
    if getattr(document, "device", device_id) != device_id:
        raise WrongDevice(f"on a topic of device {device_id} came a message that names another")
    return document
