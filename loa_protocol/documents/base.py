"""What every document shares: frozen, strict in type, ignorant of fields it does not know."""

import msgspec

from loa_protocol.ids import Instant, Scope, Version


class Wire(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of everything sent: unknown fields are ignored, so that a new controller can talk to an old device."""


class Versioned(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """A retained document: the newest version of a scope replaces all older ones."""

    scope: Scope
    version: Version
    issued: Instant
    expires: Instant
