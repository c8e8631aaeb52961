"""How a device relays: times and levels of its profile. Unknown fields refuse to start."""

from typing import Annotated

import msgspec
from msgspec import Meta

Network = Annotated[str, Meta(min_length=2, max_length=60)]


class RelayRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a stream counts as lost, and when as back.

    `silence_dbfs` is the RMS of 100 ms, before any gain; `buffer_s` is how much of the stream is kept against a
    stumbling line, and so how late it is heard; `stall_s` is how long a connection may say nothing.
    """

    silence_dbfs: Annotated[float, Meta(ge=-90, le=-20)] = -50.0
    silence_s: Annotated[float, Meta(ge=0.5, le=120)] = 8.0
    retry_s: Annotated[float, Meta(ge=0.5, le=600)] = 10.0
    back_s: Annotated[float, Meta(ge=0.5, le=60)] = 3.0
    stall_s: Annotated[float, Meta(ge=0.5, le=60)] = 5.0
    buffer_s: Annotated[float, Meta(ge=1, le=20)] = 4.0
    open_ahead_s: Annotated[float, Meta(ge=1, le=60)] = 10.0
    crossfade_ms: Annotated[int, Meta(ge=20, le=400)] = 300
