"""What an answer means for people, how far a broadcast came on a device, and who shall hear it again. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from loa_protocol.outcomes import Outcome, Reason

RETRIED_WITHIN = timedelta(hours=12)
"""What was said in the morning is no news in the evening."""
MOST_RETRIED = 500


class Kind(StrEnum):
    """What an answer means: heard whole, not (whole), not known, or not there yet."""

    GOOD = "good"
    WRONG = "wrong"
    UNSURE = "unsure"
    WAITING = "waiting"


OF_OUTCOME: Mapping[str | None, Kind] = {
    None: Kind.WAITING,
    **{str(one): Kind.WRONG for one in Outcome},
    str(Outcome.PLAYED): Kind.GOOD,
    str(Outcome.UNKNOWN): Kind.UNSURE,
}
RANKS: Mapping[str | None, int] = {
    Outcome.FAILED: 0,
    Outcome.INTERRUPTED: 0,
    Outcome.SKIPPED: 1,
    Outcome.PARTIAL: 1,
    Outcome.PREEMPTED: 1,
    Outcome.UNKNOWN: 2,
    None: 3,
    Outcome.PLAYED: 4,
}
"""What needs somebody stands first."""
_CURABLE = frozenset(
    {
        Reason.TOO_LATE,
        Reason.CONFLICT,
        Reason.CLOCK,
        Reason.CONTENT_MISSING,
        Reason.CONTENT_BAD,
        Reason.OUTPUT_FAILED,
        Reason.RELAY_FAILED,
        Reason.PLAYER_DIED,
        Reason.POWER_CUT,
        Reason.EXPIRED,
    }
)
"""Of what was skipped: what another try may bring. Rules of the air, stops and withdrawals are no faults."""


class Step(StrEnum):
    """How far one step of the way is: done, not done, not known, or not needed here."""

    DONE = "done"
    NOT_DONE = "not_done"
    NOT_KNOWN = "not_known"
    NOT_NEEDED = "not_needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Of a broadcast to one device, in this order."""

    sent: Step
    received: Step
    content: Step
    began: Step
    played: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a broadcast on a device.

    `published`: a plan was sent since it was made; `holds`: the device says that it holds the newest plans, None where
    it says nothing; `lacks`: it says that some content is missing; `needs`: there is content.
    """

    outcome: str | None
    reason: str | None
    started: bool
    published: bool
    holds: bool | None
    lacks: bool | None
    needs: bool


def way(one: Standing) -> Way:
    """How far it came: what the device itself answered first, else what is known from elsewhere."""
    answered = one.outcome is not None and one.outcome != Outcome.UNKNOWN
    reached = answered or one.started
    heard = one.started or one.outcome in {Outcome.PLAYED, Outcome.PARTIAL}
    return Way(
        sent=Step.DONE if reached or one.published else Step.NOT_DONE,
        received=Step.DONE if reached else _told(one.holds),
        content=_content(one, heard=heard),
        began=Step.DONE if heard else _ended(one, answered=answered),
        played=Step.DONE if one.outcome == Outcome.PLAYED else _ended(one, answered=answered),
    )


def _content(one: Standing, *, heard: bool) -> Step:
    if not one.needs:
        return Step.NOT_NEEDED
    if one.reason in {Reason.CONTENT_MISSING, Reason.CONTENT_BAD}:
        return Step.NOT_DONE
    if heard:
        return Step.DONE
    return _told(None if one.lacks is None else not one.lacks)


def _ended(one: Standing, *, answered: bool) -> Step:
    return Step.NOT_DONE if answered or one.outcome is None else Step.NOT_KNOWN


def _told(value: bool | None) -> Step:
    return Step.NOT_KNOWN if value is None else (Step.DONE if value else Step.NOT_DONE)


def holds(have: Mapping[str, int] | None, newest: Mapping[str, int]) -> bool | None:
    """Whether a device that has these versions holds the newest of all these topics that it listens to."""
    if not have:
        return None
    held = [have[topic] >= version for topic, version in newest.items() if topic in have]
    return all(held) if held else False


def curable(outcome: str | None, reason: str | None) -> bool:
    """Whether it went wrong in a way that another try may mend; who may have played it does not hear it twice."""
    if outcome in {Outcome.FAILED, Outcome.INTERRUPTED}:
        return True
    return outcome == Outcome.SKIPPED and reason in _CURABLE


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a broadcast is not played again: a stable word, and sentences."""

    word: str
    vi: str
    en: str


OPEN = Hindrance("still_open", "lượt phát chưa kết thúc; hãy chờ các cụm trả lời", "it is not over; wait for answers")
WITHDRAWN = Hindrance("withdrawn", "lượt phát đã được thu hồi", "it was withdrawn")
LONG_AGO = Hindrance(
    "long_ago",
    f"lượt phát kết thúc đã quá {RETRIED_WITHIN // timedelta(hours=1)} giờ; hãy soạn bản tin mới nếu vẫn cần",
    "it ended too long ago; write a new bulletin if it is still needed",
)
RELAYED = Hindrance(
    "relay", "chương trình tiếp sóng không phát lại được: đài kia đang phát nội dung khác", "a relay is not repeated"
)
GONE = Hindrance("content_gone", "âm thanh của lượt phát không còn trong kho", "its sound is no longer kept")
UNDER_WAY = Hindrance("under_way", "đang phát lại cho các cụm này rồi", "it is being played again already")
NOT_YOURS = Hindrance(
    "not_yours",
    "chỉ đơn vị đã đặt lượt phát này mới cho phát lại được",
    "only the unit that placed it may have it played again",
)
NOBODY = Hindrance(
    "nobody", "không có cụm nào bị lỗi mà phát lại giúp được", "no device failed in a way that another try may mend"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is asked of a broadcast before it is played again; `retried`: such a try is under way."""

    closed: bool
    cancelled: bool
    ended: datetime
    segments: Sequence[Mapping[str, Any]]
    kept: bool
    retried: bool
    devices: int


def hindrance(one: Past, now: datetime) -> Hindrance | None:
    """Why it makes no sense to play it again; None: it does."""
    reasons: Iterable[tuple[bool, Hindrance]] = (
        (not one.closed, OPEN),
        (one.cancelled, WITHDRAWN),
        (one.retried, UNDER_WAY),
        (not one.devices, NOBODY),
        (now - one.ended > RETRIED_WITHIN, LONG_AGO),
        (any(part.get("type") == "relay" for part in one.segments), RELAYED),
        (not one.kept, GONE),
    )
    return next((why for holds_here, why in reasons if holds_here), None)
