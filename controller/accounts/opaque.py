"""Secrets that mean nothing by themselves: 256 random bits behind a prefix that says of what they are.

Only their SHA-256 is stored: with so much chance in them nothing slower is needed.
"""

import hashlib
import secrets
from enum import StrEnum

_BYTES = 32


class Prefix(StrEnum):
    """What a secret is of; scanners of leaked secrets can look for it."""

    SESSION = "loas_"
    INTEGRATION = "loai_"
    LINK = "loal_"


def new(prefix: Prefix) -> str:
    """A fresh secret."""
    return prefix + secrets.token_urlsafe(_BYTES)


def digest(secret: str) -> str:
    """What is stored of it and looked for: SHA-256 in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()
