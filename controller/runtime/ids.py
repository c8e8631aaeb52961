"""New ids: UUIDv7 (RFC 9562), so that they sort by the instant they were made."""

import secrets
import uuid
from datetime import datetime


def new_id(now: datetime) -> str:
    """A fresh id in lower-case UUID form, 36 characters."""
    milliseconds = int(now.timestamp() * 1000)
    value = (milliseconds << 80) | secrets.randbits(80)
    value = value & ~(0xF << 76) | (7 << 76)
    value = value & ~(0x3 << 62) | (2 << 62)
    return str(uuid.UUID(int=value))
