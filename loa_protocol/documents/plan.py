"""The plan: what a scope's devices shall play or show over the horizon. Levels `normal` and `priority` only."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from loa_protocol.documents.base import Versioned, Wire
from loa_protocol.ids import Id, Instant, Language, Level, Millis, Sha256Hex, Volume

Rank = Annotated[int, Meta(ge=0, le=1000)]
Variants = Annotated[dict[Language, Id], Meta(max_length=20)]


CHIME_MS = {"opening": 2225, "closing": 2225, "attention": 875}
"""The chimes every agent can sound, with their lengths."""


class OnPreempt(StrEnum):
    """What a broadcast does after a higher class has cut it."""

    RESUME = "resume"
    RESTART = "restart"
    DROP = "drop"


class OnLate(StrEnum):
    """What a broadcast that begins late sounds: all of it, or the rest, so that its end stays (a relay)."""

    BEGIN = "begin"
    REST = "rest"


class ContentSegment(Wire, frozen=True, tag="content"):
    """A stored asset; `ref` is a key of the plan's manifest, and so is every value of `variants`.

    A device sounds, one after another in the order of its own languages, every variant it lists; `ref` where it lists
    none (see `spoken`).
    """

    ref: Id
    variants: Variants = {}


class ChimeSegment(Wire, frozen=True, tag="chime"):
    """A tone every agent synthesises itself, by name."""

    name: Id
    duration_ms: Millis


class RelaySegment(Wire, frozen=True, tag="relay"):
    """Another station's stream for a fixed time; `fallback` is a manifest key.

    `at_ms`: its place in the broadcast, for devices whose variants before it are shorter or longer: the other station
    does not wait.
    """

    url: Annotated[str, Meta(max_length=500)]
    duration_ms: Millis
    fallback: Id | None = None
    at_ms: Millis | None = None


class PauseSegment(Wire, frozen=True, tag="pause"):
    """Silence."""

    duration_ms: Millis


Segment = ContentSegment | ChimeSegment | RelaySegment | PauseSegment
Segments = Annotated[tuple[Segment, ...], Meta(max_length=200)]


class BoardItem(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """What a board shows from the broadcast's start until `until`; pages change every `dwell_ms`.

    `image` and `video` are keys of the plan's manifest. The image is the first page, then come those of `text`, which
    may be empty beside it. What a board cannot show (yet), it says in its receipt.
    """

    until: Instant
    text: Annotated[str, Meta(max_length=4000)]
    layout: Annotated[str, Meta(pattern=r"^(page|scroll)(?![\s\S])")] = "page"
    dwell_ms: Annotated[int, Meta(ge=500, le=600_000)] = 5000
    image: Id | None = None
    video: Id | None = None

    @property
    def refs(self) -> tuple[Id, ...]:
        """Manifest keys of what it shows."""
        return tuple(ref for ref in (self.image, self.video) if ref is not None)


class Broadcast(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """One occurrence with a start instant. `duration_ms` is the sound of all repeats; 0 for a board item alone.

    Where segments have variants `duration_ms` is the longest that a device may need; each has its own length (see
    `spoken`). `authority`: 0 is the centre, larger is lower in the tree; the smaller goes first within a class.
    `issued` is when it was first scheduled (it never changes with a revision or a new signature): of equals, who was
    first goes first.
    """

    id: Id
    rev: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    start: Instant
    latest_start: Instant
    issued: Instant | None = None
    duration_ms: Millis
    level: Level = Level.NORMAL
    authority: Rank = 100
    segments: Segments = ()
    repeats: Annotated[int, Meta(ge=1, le=100)] = 1
    on_preempt: OnPreempt = OnPreempt.RESUME
    on_late: OnLate = OnLate.BEGIN
    volume: Volume = 70
    stagger: bool = True
    title: Annotated[str, Meta(max_length=300)] = ""
    board: BoardItem | None = None


class Withdrawn(Wire, frozen=True, kw_only=True):
    """A broadcast taken back; named until its old end + latest start has passed."""

    id: Id
    rev: Annotated[int, Meta(ge=0, le=1_000_000)]


class Content(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """One asset of the manifest: `root` is the SHA-256 of its chunk index."""

    root: Sha256Hex
    bytes: Annotated[int, Meta(ge=1, le=128 * 1024 * 1024)]
    chunk_bytes: Annotated[int, Meta(ge=16 * 1024, le=256 * 1024)]
    media_type: Annotated[str, Meta(max_length=100)]
    duration_ms: Millis = 0
    loudness_lufs: float | None = None


class Plan(Versioned, frozen=True, kw_only=True, omit_defaults=True):
    """Everything one scope shall play between now and `horizon`; absence of a broadcast says nothing."""

    horizon: Instant
    broadcasts: Annotated[tuple[Broadcast, ...], Meta(max_length=20_000)] = ()
    withdrawn: Annotated[tuple[Withdrawn, ...], Meta(max_length=20_000)] = ()
    manifest: dict[Id, Content] = {}
