"""What a placement is, when it makes sense, and the broadcast that it becomes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from controller.broadcasts.rules import LATEST_PLANNED, BroadcastRequest
from controller.bulletins.document import LONGEST_BOARD_TEXT, Document
from controller.bulletins.tables import Placement
from controller.bulletins.words import local, local_en
from loa_protocol.errors import LoaError

STANDING = frozenset({"reserved", "placed"})
NOT_APPROVED = "not_approved"
MOST = 100
"""Placements of one bulletin."""


class PlacementState(StrEnum):
    """What became of a placement."""

    RESERVED = "reserved"
    PLACED = "placed"
    SKIPPED = "skipped"
    OVER = "over"
    WITHDRAWN = "withdrawn"


class PlacementInvalid(LoaError):
    """A bulletin cannot be placed like this; the message says why."""

    code = "placement_invalid"


class PlacementUnknown(LoaError):
    """The bulletin has no such placement."""

    code = "placement_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPlacement:
    """Where: the slots of unit `slot`, or the scopes `to` at `start` (None: at once when it is approved)."""

    slot: str | None = None
    to: Sequence[str] = field(default_factory=tuple)
    start: datetime | None = None
    late_s: int = 300
    volume: int = 70
    repeats: int = 1
    chime: bool = True
    board_s: int = 60
    fallback_asset: str | None = None


def require_time(text: Document, start: datetime, soonest: datetime, now: datetime) -> None:
    """Somebody can still decide on it, plans reach that far, and it is valid then.

    Raises:
        PlacementInvalid: not so.
    """
    if start <= soonest:
        raise PlacementInvalid(
            f"“{text.title}” should go on air at {local_en(start)}, too soon to be decided; choose a later start,"
            " or none: then it goes on air when it is approved",
            vi=f"“{text.title}” phát lúc {local(start)} thì không kịp duyệt; hãy chọn giờ muộn hơn, hoặc bỏ trống giờ"
            " để phát ngay khi duyệt",
        )
    if start > now + LATEST_PLANNED:
        raise PlacementInvalid(
            f"a start lies at most {LATEST_PLANNED.days} days ahead; place it again when it is closer",
            vi=f"giờ phát cách nay nhiều nhất {LATEST_PLANNED.days} ngày; hãy đặt lại khi gần hơn",
        )
    require_valid(text, start)


def require_valid(text: Document, start: datetime) -> None:
    """It is valid at a start.

    Raises:
        PlacementInvalid: it is not.
    """
    begun = text.valid_from is None or text.valid_from <= start
    if not begun or (text.valid_until is not None and start >= text.valid_until):
        raise PlacementInvalid(
            f"“{text.title}” is not valid at {local_en(start)}; choose a start within its validity, or change that",
            vi=f"“{text.title}” không có hiệu lực lúc {local(start)}; hãy chọn giờ trong thời hạn, hoặc sửa thời hạn",
        )


def request_of(one: Placement, text: Document, now: datetime) -> BroadcastRequest:
    """The broadcast that a placement at a time becomes; boards show every language's text, the home language first.

    What shall go on air at once does so when it begins to be valid.
    """
    home, boards = text.home, text.boards
    waits = text.valid_from is not None and text.valid_from > now
    words = "\n\n".join(dict.fromkeys(board.text for board in boards))
    return BroadcastRequest(
        title=text.title,
        to=one.scopes,
        asset_id=home.audio if home is not None else None,
        variants=text.sounds,
        at=text.valid_from if one.start is None and waits else one.start,
        level=text.level,
        volume=one.volume,
        repeats=one.repeats,
        chime=one.chime,
        late_s=one.late_s,
        board_text=(words if len(words) <= LONGEST_BOARD_TEXT else boards[0].text) if boards else None,
        board_image=next((one.image for one in text.pictured if one.image is not None), None),
        board_video=next((one.video for one in text.pictured if one.video is not None), None),
        board_layout=boards[0].layout if boards else "page",
        board_dwell_ms=boards[0].dwell_ms if boards else 5000,
        board_s=one.board_s,
    )
