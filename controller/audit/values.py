"""How values of rows stand in an entry: plain JSON, long ones as digest and length. Pure."""

import hashlib
import math
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

import msgspec

LONGEST_CHARACTERS = 500
LONGEST_JSON_BYTES = 2000


def plain(value: Any) -> Any:  # noqa: PLR0911 - a table
    """A column's value as JSON; what is long as `{"sha256": …, "characters" or "bytes": n}`."""
    match value:
        case None | bool() | int():
            return value
        case Enum():
            return plain(value.value)
        case str():
            return _short(value) if len(value) <= LONGEST_CHARACTERS else _digest(value.encode(), characters=len(value))
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case bytes():
            return _digest(value, bytes=len(value))
        case _:
            return _structured(value)


def _short(text: str) -> str:
    """Lone surrogates are in no UTF-8."""
    return text.encode(errors="replace").decode()


def _structured(value: Any) -> Any:
    raw = msgspec.json.encode(value, order="sorted", enc_hook=str)
    return msgspec.json.decode(raw) if len(raw) <= LONGEST_JSON_BYTES else _digest(raw, bytes=len(raw))


def _digest(raw: bytes, **size: int) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(raw).hexdigest(), **size}
