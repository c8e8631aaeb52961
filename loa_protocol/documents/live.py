"""Live voice sessions. Reserved on the wire now, built with the live issue."""

from typing import Annotated

from msgspec import Meta

from loa_protocol.documents.base import Versioned
from loa_protocol.ids import Id, Level, Volume


class LiveSession(Versioned, frozen=True, kw_only=True, omit_defaults=True):
    """`live.start` when `running`, else `live.stop`. Frames are signed with the session's own Ed25519 key (base64)."""

    session: Id
    running: bool
    level: Level = Level.NORMAL
    volume: Volume = 70
    public: Annotated[str, Meta(max_length=60)] = ""
    alert: Id | None = None
