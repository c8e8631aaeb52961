"""What may happen to a bulletin, and what is on the air after it. Pure.

- A bulletin is its numbered revisions. `head` is the newest; `approved` is the one that may be broadcast, None if none.
- An approval names the revision that was read: of any other it is refused.
- Nobody approves what he wrote, or what the person wrote for whom he stands in, unless the unit's rule `self_approval`
  says so; the approval then says that it was so.
- An edit makes a new head and re-opens the review. What was approved stays on the air until the new head is approved.
- A new place re-opens the review of what is approved, unless whoever asks for it may approve it.
- A withdrawn or expired bulletin has nothing on the air; an edit makes a draft of it again.
- What a source system handed down is approved, changed and taken back by its source alone, and reviewed by nobody here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from controller.bulletins.words import STATES
from loa_protocol.errors import LoaError

LEAD = timedelta(seconds=30)
"""So long before its start it is decided whether a placement plays: what stands in for it must still reach devices."""
REMIND_BEFORE_MIN = (60, 15)
"""When author and approvers are told that something is not approved, unless the unit's rules say otherwise."""


class State(StrEnum):
    """Where the head of a bulletin stands."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Step(StrEnum):
    """What was done; every one is kept with who, when and why."""

    CREATED = "created"
    EDITED = "edited"
    REOPENED = "reopened"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    PLACED = "placed"
    UNPLACED = "unplaced"
    SKIPPED = "skipped"


class BulletinStateWrong(LoaError):
    """A step does not fit the state of the bulletin."""

    code = "bulletin_state_wrong"


class BulletinMovedOn(LoaError):
    """The bulletin has another revision than the one that was read: somebody was faster."""

    code = "bulletin_moved_on"


class NotApprover(LoaError):
    """The person may not approve for this unit on this day."""

    code = "not_approver"


class OwnBulletin(LoaError):
    """Somebody would approve what he wrote himself."""

    code = "own_bulletin"


class BulletinOfSource(LoaError):
    """Somebody here would change or decide on what a source system handed down."""

    code = "bulletin_of_source"


@dataclass(frozen=True, slots=True)
class Standing:
    """A bulletin as the rules see it."""

    state: State
    head: int
    approved: int | None = None


NOT_TODAY = "hôm nay bạn không có quyền duyệt ở đơn vị này"
FIRST = Standing(State.DRAFT, 1)
"""A bulletin that was just written."""


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approves: `for_person` is the one a deputy stands in for; `may`: he is an approver of the unit today.

    `why_not`: in Vietnamese, where something is known about why he may not.
    """

    person: str
    for_person: str | None = None
    may: bool = True
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Approved:
    """What an approval makes of a bulletin; `by_rule`: only `self_approval` allowed it."""

    standing: Standing
    by_rule: bool


def require_head(standing: Standing, revision: int) -> None:
    """The revision somebody read is still the newest.

    Raises:
        BulletinMovedOn: it is not.
    """
    if standing.head != revision:
        raise BulletinMovedOn(
            f"the bulletin is at revision {standing.head} now, not {revision}; read it again and decide on that one",
            vi=f"bản tin đã được sửa thành bản {standing.head}; hãy đọc lại rồi quyết định",
            revision=standing.head,
        )


def edited(standing: Standing, expected: int) -> tuple[Standing, Step]:
    """A new head.

    Raises:
        BulletinMovedOn: it was made from another revision.
    """
    require_head(standing, expected)
    over = standing.state in {State.WITHDRAWN, State.EXPIRED}
    reviewed = standing.state in {State.IN_REVIEW, State.APPROVED}
    after = replace(standing, head=standing.head + 1, state=State.IN_REVIEW if reviewed else State.DRAFT)
    return after, Step.REOPENED if over else Step.EDITED


def placed(standing: Standing, *, at_once: bool) -> Standing:
    """A place is asked for; `at_once`: by somebody who may approve it. Else an approved one is reviewed with it.

    Raises:
        BulletinStateWrong: it is over.
    """
    _require(standing, {State.DRAFT, State.IN_REVIEW, State.APPROVED}, "placed")
    reviewed = standing.state is State.APPROVED and not at_once
    return replace(standing, state=State.IN_REVIEW) if reviewed else standing


def submitted(standing: Standing) -> Standing:
    """A draft goes to review.

    Raises:
        BulletinStateWrong: it is none.
    """
    _require(standing, {State.DRAFT}, "submitted")
    return replace(standing, state=State.IN_REVIEW)


def returned(standing: Standing, revision: int | None = None) -> Standing:
    """It goes back to its author; `revision` is the one that was read, if the caller says so.

    Raises:
        BulletinStateWrong: it is not in review.
        BulletinMovedOn: another revision was read.
    """
    _require(standing, {State.IN_REVIEW}, "returned")
    if revision is not None:
        require_head(standing, revision)
    return replace(standing, state=State.DRAFT)


def approved(
    standing: Standing, revision: int, *, by: Approval, writers: Iterable[str], self_approval: bool
) -> Approved:
    """The revision that was read goes on the air.

    Raises:
        BulletinStateWrong, BulletinMovedOn: it is not the one in review.
        NotApprover, OwnBulletin: this person may not do it.
    """
    require_head(standing, revision)
    _require(standing, {State.IN_REVIEW}, "approved")
    if not by.may:
        raise not_approver(by.why_not)
    by_rule = may_decide(by, writers, self_approval=self_approval)
    if by_rule is None:
        raise OwnBulletin(
            "whoever wrote a bulletin, or stands in for who wrote it, does not approve it; ask another approver,"
            " or change the unit's bulletin rules",
            vi="người soạn, hoặc người thay người soạn, không tự duyệt; hãy nhờ người duyệt khác",
        )
    return Approved(Standing(State.APPROVED, standing.head, standing.head), by_rule=by_rule)


def may_decide(by: Approval, writers: Iterable[str], *, self_approval: bool) -> bool | None:
    """Whether a person may approve what these wrote: None no, True only by the rule `self_approval`, else False."""
    own = not {by.person, by.for_person}.isdisjoint(writers)
    return own if by.may and (self_approval or not own) else None


def not_approver(why_not: str = "") -> NotApprover:
    """Why somebody decides nothing here; `why_not` in Vietnamese where there is a reason of their own."""
    return NotApprover(
        "you are no approver of this unit today; ask one of its approvers, or their deputies", vi=why_not or NOT_TODAY
    )


def approved_by_source(standing: Standing) -> Standing:
    """What a source handed down goes on the air; it approved its own before.

    Raises:
        BulletinStateWrong: it is no draft.
    """
    _require(standing, {State.DRAFT}, "approved by its source")
    return Standing(State.APPROVED, standing.head, standing.head)


def taken_back_by_source(standing: Standing) -> Standing | None:
    """Its source takes it back, also when its validity is over: it may sound on. None: that was done before."""
    return None if standing.state is State.WITHDRAWN else Standing(State.WITHDRAWN, standing.head)


def withdrawn(standing: Standing) -> Standing:
    """Nothing of it is on the air any more; a draft is given up likewise.

    Raises:
        BulletinStateWrong: it is over already.
    """
    _require(standing, {State.DRAFT, State.IN_REVIEW, State.APPROVED}, "withdrawn")
    return Standing(State.WITHDRAWN, standing.head)


def expired(
    standing: Standing, *, head_until: datetime | None, approved_until: datetime | None, now: datetime
) -> Standing | None:
    """What the passing of time makes of it; None: nothing.

    `head_until`, `approved_until`: the end of validity of these revisions, None is without end. A newer head that is
    still valid stays where it is when what was approved is over.
    """
    if standing.state in {State.WITHDRAWN, State.EXPIRED}:
        return None
    head_over = head_until is not None and now >= head_until
    air_over = standing.approved is not None and approved_until is not None and now >= approved_until
    if head_over and (standing.approved is None or air_over):
        return Standing(State.EXPIRED, standing.head)
    return replace(standing, approved=None) if air_over and standing.approved != standing.head else None


def _require(standing: Standing, states: set[State], word: str) -> None:
    if standing.state not in states:
        wanted = " or ".join(sorted(states))
        raise BulletinStateWrong(
            f"a bulletin is {word} when it is {wanted}; this one is {standing.state}: read it again",
            vi=f"bản tin này {STATES[standing.state]}, không làm được việc này nữa; hãy đọc lại",
            state=str(standing.state),
        )
