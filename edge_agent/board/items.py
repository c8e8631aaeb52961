"""What a board is given to show and what it answers about it. Instants are CLOCK_MONOTONIC nanoseconds."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

from loa_protocol.errors import LoaError

SHORTEST_DWELL_MS = 500
READ_BACK_DIFFERS = "board_read_back_differs"
IMAGE_MISSING = "board_image_missing"
VIDEO_UNSUPPORTED = "board_video_unsupported"
"""What an item may lack: its image has not come yet; this board shows no videos."""


class BoardItemInvalid(LoaError):
    """An item that no board could show: its window is empty or its pages would flicker."""

    code = "board_item_invalid"


class Ending(StrEnum):
    """Why the board is done with an item."""

    WINDOW_OVER = "window_over"
    WITHDRAWN = "withdrawn"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardItem:
    """An image, a text or both for the window [start_ns, end_ns).

    A higher `rank` takes the whole board, equal ranks take turns. The image is the first page. `dwell_ms` is how long
    each page stands; a scrolled text has its turn when it has passed once. `lacks`: codes of what was asked for and is
    not shown.
    """

    occurrence: str
    rank: int
    text: str
    start_ns: int
    end_ns: int
    layout: Literal["page", "scroll"] = "page"
    dwell_ms: int = 5000
    image: Path | None = None
    lacks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.dwell_ms < SHORTEST_DWELL_MS:
            raise BoardItemInvalid(
                f"{self.occurrence}: pages of {self.dwell_ms} ms cannot be read; give at least {SHORTEST_DWELL_MS} ms"
            )
        if self.end_ns <= self.start_ns:
            raise BoardItemInvalid(f"{self.occurrence}: the window ends before it starts; correct its end")

    @property
    def order(self) -> tuple[int, str]:
        """Who has the first turn among equals."""
        return self.start_ns, self.occurrence


@dataclass(frozen=True, slots=True)
class FrameEvidence:
    """The newest proof for one page (0 for a scroll): which pixels were meant and which the board said it held."""

    page: int
    intended_sha256: str
    read_back_sha256: str | None

    @property
    def proven(self) -> bool:
        """The board held exactly what was meant."""
        return self.read_back_sha256 == self.intended_sha256


@dataclass(frozen=True, slots=True)
class PageFailure:
    """A page that could not be shown, or not proven, `times` times; `code` is the fault's."""

    page: int
    code: str
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemResult:
    """Everything a receipt needs. `shown_ms` is the time the board really held the item's frames.

    `left_out`: symbols that the font has not; `lacks`: codes of what else was asked for and not shown.
    """

    item: BoardItem
    ending: Ending
    frames_shown: int
    first_frame_ns: int | None
    last_frame_ns: int | None
    shown_ms: int
    pages: int
    evidence: tuple[FrameEvidence, ...]
    failures: tuple[PageFailure, ...]
    brightness_percent: int | None
    left_out: tuple[str, ...]
    lacks: tuple[str, ...] = ()

    @property
    def read_back_sha256(self) -> str | None:
        """Digest of the newest page the board proved to hold, if it proved any."""
        return next((one.read_back_sha256 for one in reversed(self.evidence) if one.proven), None)

    @property
    def complete(self) -> bool:
        """Every page was on the board and the newest proof of each is good."""
        return len(self.evidence) == self.pages > 0 and all(one.proven for one in self.evidence)


@dataclass(slots=True)
class Showing:
    """The account kept of one item while the board is not done with it; `due_ns`: when its page has stood long."""

    item: BoardItem
    begun: bool = False
    page: int = 0
    due_ns: int | None = None
    pages: int = 0
    frames_shown: int = 0
    first_frame_ns: int | None = None
    last_frame_ns: int | None = None
    shown_ns: int = 0
    brightness_percent: int | None = None
    left_out: tuple[str, ...] = ()
    undrawn: tuple[str, ...] = ()
    evidence: dict[int, FrameEvidence] = field(default_factory=dict)
    failures: Counter[tuple[int, str]] = field(default_factory=Counter)

    def redrawn(self) -> None:
        """Its pages are others now: it begins with the first one, and each is to be proven anew."""
        self.page, self.due_ns = 0, None
        self.evidence.clear()

    def shown(self, at_ns: int, brightness_percent: int) -> None:
        """Count a frame the board has taken."""
        self.frames_shown += 1
        self.first_frame_ns = at_ns if self.first_frame_ns is None else self.first_frame_ns
        self.last_frame_ns = at_ns
        self.brightness_percent = brightness_percent

    def prove(self, page: int, intended: str, read_back: str | None) -> None:
        """Keep the newest proof of a page, newest last; a difference is a failure of its own."""
        self.evidence.pop(page, None)
        self.evidence[page] = FrameEvidence(page, intended, read_back)
        if read_back is not None and read_back != intended:
            self.failed(page, READ_BACK_DIFFERS)

    def failed(self, page: int, code: str) -> None:
        """Count a failure of a page."""
        self.failures[page, code] += 1

    def result(self, ending: Ending) -> ItemResult:
        """Close the account."""
        return ItemResult(
            item=self.item,
            ending=ending,
            frames_shown=self.frames_shown,
            first_frame_ns=self.first_frame_ns,
            last_frame_ns=self.last_frame_ns,
            shown_ms=self.shown_ns // 1_000_000,
            pages=self.pages,
            evidence=tuple(self.evidence.values()),
            failures=tuple(PageFailure(page, code, times) for (page, code), times in sorted(self.failures.items())),
            brightness_percent=self.brightness_percent,
            left_out=self.left_out,
            lacks=(*self.item.lacks, *self.undrawn),
        )
