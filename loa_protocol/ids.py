"""Identifiers and scalar types of the wire.

Ids are ours and permanent; official codes are attributes elsewhere. A scope names who a document speaks to:
`u-<unit>`, `g-<group>` or `d-<device>`.
"""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

# `$` would also match before a trailing newline; `(?![\s\S])` is the end of the text in Python and in JavaScript.
_END = r"(?![\s\S])"

Id = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,40}" + _END)]
Scope = Annotated[str, Meta(pattern=r"^[ugd]-[a-z0-9-]{1,40}" + _END)]
Sha256Hex = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}" + _END)]
Instant = Annotated[datetime, Meta(tz=True)]
Millis = Annotated[int, Meta(ge=0, le=366 * 24 * 3600 * 1000)]
Version = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Volume = Annotated[int, Meta(ge=0, le=100)]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*" + _END, max_length=20)]


class Level(StrEnum):
    """How urgent a bulletin is (Circular 39/2020/TT-BTTTT); `emergency` travels as an alert, never in a plan."""

    NORMAL = "normal"
    PRIORITY = "priority"
    EMERGENCY = "emergency"


def device_scope(device_id: str) -> str:
    """The scope that is one device."""
    return f"d-{device_id}"


def unit_scope(unit_id: str) -> str:
    """The scope that is one unit of the tree."""
    return f"u-{unit_id}"


def shard_of(device_id: str) -> str:
    """First two hex digits of SHA-256(device id): which ingest shard its uplink belongs to."""
    return hashlib.sha256(device_id.encode()).hexdigest()[:2]
