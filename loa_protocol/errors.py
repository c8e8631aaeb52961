"""The one base of every error Loa raises on purpose.

`code` is stable and the same in API bodies, MQTT replies, logs and docs/operations.md. The message says what
happened, to which device or bulletin, and what to do next.
"""

from collections.abc import Mapping
from typing import ClassVar


class LoaError(Exception):
    """Something Loa foresaw; `code` names it, `details` carries the figures of this occurrence."""

    code: ClassVar[str] = "loa_error"

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.details: Mapping[str, object] = details


class DocumentInvalid(LoaError):
    """A text is not a well-formed document of the kind it claims to be."""

    code = "document_invalid"
