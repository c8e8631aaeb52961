"""What makes a request for a broadcast a sound one, and the instants that follow from it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from loa_protocol.documents.plan import BoardItem, OnPreempt, Segments
from loa_protocol.errors import LoaError
from loa_protocol.ids import Level
from loa_protocol.spoken import pass_ms

NOW_LEAD = timedelta(seconds=3)
"""What "now" means: time for the plan and the content to reach connected devices."""
LATEST_PLANNED = timedelta(days=14)


class BroadcastInvalid(LoaError):
    """The request cannot become a broadcast; the message says which part of it."""

    code = "broadcast_invalid"


class StartInPast(LoaError):
    """The start instant has passed."""

    code = "start_in_past"


class EmergencyNeedsAlert(LoaError):
    """An emergency is released as an alert by approvers, never scheduled."""

    code = "emergency_needs_alert"


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound of the library; `ref` is the rendition that devices fetch."""

    asset: str
    ref: str
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastRequest:
    """What an operator asks for. `at` None is now; `to` are scopes; times in seconds; images and videos are assets.

    `variants`: language → the sound for devices that list it; `asset_id` is for those that list none of them.
    """

    title: str
    to: Sequence[str]
    asset_id: str | None = None
    variants: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None
    level: Level = Level.NORMAL
    volume: int = 70
    repeats: int = 1
    chime: bool = False
    late_s: int = 300
    on_preempt: OnPreempt = OnPreempt.RESUME
    stagger: bool = True
    board_text: str | None = None
    board_image: str | None = None
    board_video: str | None = None
    board_layout: str = "page"
    board_dwell_ms: int = 5000
    board_s: int = 60

    @property
    def shows(self) -> bool:
        """Whether it has anything for boards."""
        return bool(self.board_text or self.board_image or self.board_video)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The instants of a broadcast; `ends` is the latest at which a device may still be busy with it."""

    start: datetime
    latest_start: datetime
    ends: datetime


def timing(request: BroadcastRequest, *, duration_ms: int, now: datetime) -> Timing:
    """Start, latest start and latest end of a request.

    Raises:
        StartInPast: `at` has passed by more than a second.
        BroadcastInvalid: `at` lies beyond the horizon of plans.
    """
    start = request.at or now + NOW_LEAD
    if start < now - timedelta(seconds=1):
        raise StartInPast(
            f"“{request.title}” should start at {start.isoformat()}, which has passed; choose a later start"
        )
    if start > now + LATEST_PLANNED:
        raise BroadcastInvalid(
            f"“{request.title}” starts more than {LATEST_PLANNED.days} days ahead; plans reach no further"
        )
    latest = start + timedelta(seconds=request.late_s)
    ends = latest + timedelta(milliseconds=duration_ms)
    if request.shows:
        ends = max(ends, board_until(request, start))
    return Timing(start=start, latest_start=latest, ends=ends)


def board_until(request: BroadcastRequest, start: datetime) -> datetime:
    """When a board takes the text down."""
    return start + timedelta(seconds=request.board_s)


def board_item(request: BroadcastRequest, start: datetime, refs: Mapping[str, str]) -> BoardItem | None:
    """What boards show; `refs`: asset → the rendition that they fetch, of its images and videos."""
    if not request.shows:
        return None
    return BoardItem(
        until=board_until(request, start),
        text=request.board_text or "",
        image=None if request.board_image is None else refs[request.board_image],
        video=None if request.board_video is None else refs[request.board_video],
        layout=request.board_layout,
        dwell_ms=request.board_dwell_ms,
    )


@dataclass(frozen=True, slots=True)
class Silence:
    """What a stop demands: nothing starts before `until`; only this broadcast where one is named."""

    until: datetime
    broadcast_id: str | None = None


def silence_after(standing: Silence | None, asked: Silence, *, now: datetime) -> Silence:
    """What a scope's one stop document must say when `asked` comes while `standing` may be in force.

    A scope holds one stop, and a device that is away sees only the newest: a later stop therefore never shortens or
    narrows one that still stands. Two stops of different broadcasts cannot stand side by side: the newer one counts.
    """
    if standing is None or standing.until <= now:
        return asked
    if standing.broadcast_id not in {None, asked.broadcast_id}:
        return asked
    return Silence(max(standing.until, asked.until), standing.broadcast_id and asked.broadcast_id)


def require_sound_request(request: BroadcastRequest) -> None:
    """Everything that can be said without looking anything up.

    Raises:
        BroadcastInvalid, EmergencyNeedsAlert: what is wrong.
    """
    if request.level is Level.EMERGENCY:
        raise EmergencyNeedsAlert("an emergency is not scheduled: it is released as an alert by its approvers")
    if not request.to:
        raise BroadcastInvalid(f"“{request.title}” has no target; name at least one unit, group or device")
    if request.asset_id is None and not request.shows:
        raise BroadcastInvalid(f"“{request.title}” has neither sound nor anything for boards; give at least one")
    if request.variants and request.asset_id is None:
        raise BroadcastInvalid(
            f"“{request.title}” has sounds for some languages only; name the one for devices that speak none of them"
        )


def length_ms(segments: Segments, sounds: Iterable[Sound], repeats: int, classes: Iterable[Sequence[str]]) -> int:
    """Length of all repeats on the device that needs longest; `classes`: the languages its devices speak."""
    lengths = {sound.ref: sound for sound in sounds}
    passes = [pass_ms(segments, lengths, languages) for languages in classes] or [pass_ms(segments, lengths, ())]
    return max((once_ms for once_ms in passes if once_ms is not None), default=0) * repeats
