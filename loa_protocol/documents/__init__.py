"""The documents of the protocol, by feature."""

from loa_protocol.documents.base import Versioned, Wire

__all__ = ["Versioned", "Wire"]
