"""Topics of the wire: built and taken apart here only.

Downward documents are retained and addressed to exact scopes; upward topics carry the shard of their device.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from loa_protocol.errors import LoaError
from loa_protocol.ids import shard_of

PREFIX = "loa/v1"
TRUST = f"{PREFIX}/trust"


class TopicUnknown(LoaError):
    """No such topic in this version of the protocol."""

    code = "topic_unknown"


class Family(StrEnum):
    """What a topic carries, without the address in it."""

    TRUST = "trust"
    APPROVERS = "approvers"
    POLICY = "policy"
    ASSIGNMENT = "assignment"
    PLAN = "plan"
    ALERT = "alert"
    RELEASE = "release"
    STOP = "stop"
    SESSION = "session"
    COMMAND = "command"
    ACK = "ack"
    REPLY = "reply"
    DEVICE_CONTENT = "device-content"
    CONTENT = "content"
    LIVE = "live"
    PRESENCE = "presence"
    STATE = "state"
    RECEIPTS = "receipts"
    WANT = "want"
    HEALTH = "health"
    UP_REPLY = "up-reply"


SCOPED = (Family.APPROVERS, Family.POLICY, Family.PLAN, Family.ALERT, Family.RELEASE, Family.STOP, Family.SESSION)
_DEVICE = {
    "assignment": Family.ASSIGNMENT,
    "command": Family.COMMAND,
    "ack": Family.ACK,
    "reply": Family.REPLY,
    "content": Family.DEVICE_CONTENT,
}
_UP = {
    "presence": Family.PRESENCE,
    "state": Family.STATE,
    "receipts": Family.RECEIPTS,
    "want": Family.WANT,
    "health": Family.HEALTH,
    "reply": Family.UP_REPLY,
}
_ID = re.compile(r"[a-z0-9-]{1,40}\Z")
_SCOPE = re.compile(r"[ugd]-[a-z0-9-]{1,40}\Z")
_ROOT = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Address:
    """A topic taken apart. `subject` is the scope, device id, content root or session it names ("" for trust)."""

    family: Family
    subject: str


def scoped(family: Family, scope: str) -> str:
    """Topic of a document that speaks to a scope."""
    return f"{PREFIX}/{family}/{scope}"


def to_device(family: Family, device_id: str) -> str:
    """Topic of something for one device only."""
    leaf = "content" if family is Family.DEVICE_CONTENT else str(family)
    return f"{PREFIX}/device/{device_id}/{leaf}"


def content(root: str) -> str:
    """Topic of an asset's chunks."""
    return f"{PREFIX}/content/{root}"


def up(family: Family, device_id: str) -> str:
    """Topic a device writes to."""
    leaf = "reply" if family is Family.UP_REPLY else str(family)
    return f"{PREFIX}/up/{shard_of(device_id)}/{device_id}/{leaf}"


def uplink_filter(shard: str = "+") -> str:
    """What an ingest process subscribes to: one shard, or all."""
    return f"{PREFIX}/up/{shard}/#"


def parse(topic: str) -> Address:
    """Take a topic apart.

    Raises:
        TopicUnknown: it is none of ours, an id in it is malformed, or the shard is not the device's.
    """
    parts = topic.removeprefix(f"{PREFIX}/").split("/")
    address = _address(parts) if topic.startswith(f"{PREFIX}/") else None
    if address is None:
        raise TopicUnknown(f"topic {topic[:120]!r} is not part of {PREFIX}")
    return address


def _address(parts: list[str]) -> Address | None:  # noqa: PLR0911 - one return per form of topic reads best
    match parts:
        case ["trust"]:
            return Address(Family.TRUST, "")
        case ["content", root] if _ROOT.match(root):
            return Address(Family.CONTENT, root)
        case ["live", session] if _ID.match(session):
            return Address(Family.LIVE, session)
        case [family, scope] if family in SCOPED and _SCOPE.match(scope):
            return Address(Family(family), scope)
        case ["device", device, leaf] if leaf in _DEVICE and _ID.match(device):
            return Address(_DEVICE[leaf], device)
        case ["up", shard, device, leaf] if leaf in _UP and _ID.match(device) and shard == shard_of(device):
            return Address(_UP[leaf], device)
        case _:
            return None
