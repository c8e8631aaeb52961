"""Reviewing over HTTP: what waits for who asks, and one bulletin as its approver sees it."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query

from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.models import IdField, UtcField, View
from controller.bulletins import awaiting, reviewing, service
from controller.bulletins.awaiting import Cursor, Waiting
from controller.bulletins.reviewing import Review, Sound, Where
from controller.bulletins.tables import Bulletin
from controller.bulletins.views import BulletinView, fields_of

router = APIRouter(tags=["bulletins"])
SHOWN = 50


class WaitingView(BulletinView):
    """A bulletin that waits. `since`: for how long; `first`: when it should be on air, null where nobody can tell.

    `own`: who asks wrote it, so that somebody else decides; `deputy`: they would decide for somebody who is away.
    """

    unit: str
    author: str
    since: datetime
    first: datetime | None
    own: bool
    deputy: bool

    @classmethod
    def of(cls, one: Waiting) -> Self:
        """One of a queue."""
        told = {name: getattr(one, name) for name in ("unit", "author", "since", "first", "own")}
        return cls(**fields_of(one.row), **told, deputy=one.stand.for_id is not None)


class QueueView(View):
    """What waits for who asks, the longest first; `total` on all pages; `more`: ask on `after` the last one."""

    total: int
    more: bool
    items: list[WaitingView]


class WhereView(View):
    """A place in words' parts: names of its places and how many more, and whom it reaches.

    `start`: when it is heard there first, null: `at_once` when it is approved, or in no session of the next week.
    """

    id: str
    kind: str
    state: str
    names: list[str]
    more: int
    start: datetime | None
    at_once: bool
    speakers: int
    boards: int
    villages: int
    repeats: int
    volume: int

    @classmethod
    def of(cls, one: Where) -> Self:
        """A place."""
        row = one.placement
        told = {name: getattr(one, name) for name in ("more", "start", "at_once", "speakers", "boards", "villages")}
        kept = {name: getattr(row, name) for name in ("id", "kind", "state", "repeats", "volume")}
        return cls(**kept, **told, names=list(one.names))


class SoundView(View):
    """What is heard in a language, by its code and names (vi, en); `codecs`: how `GET /media/{asset}/sound` has it."""

    language: str
    language_vi: str
    language_en: str
    asset: str
    kind: str
    duration_ms: int
    codecs: list[str]

    @classmethod
    def of(cls, one: Sound) -> Self:
        """A sound."""
        vi, en = one.languages
        told = {name: getattr(one, name) for name in ("language", "asset", "kind", "duration_ms")}
        return cls(**told, language_vi=vi, language_en=en, codecs=list(one.codecs))


class DecisionView(View):
    """Whether who asks may approve it; else a stable word and the reason.

    `for_person`: whom they would stand in for; `by_rule`: they wrote it, and the unit allows that.
    """

    may: bool
    for_person: str
    by_rule: bool
    why_not: str
    vi: str
    en: str


class PieceView(View):
    """A run of text; `kind`: same, added or removed."""

    kind: str
    text: str


class DifferenceView(View):
    """A field that says something else than before; `pieces` of texts."""

    field: str
    language: str
    before: str
    after: str
    pieces: list[PieceView]


class ReturnedView(View):
    """When, by whom and why it was given back, and which revision that was."""

    at: datetime
    by: str
    why: str
    revision: int


class ReviewView(View):
    """A bulletin as its approver sees it; `base`: the revision that `changes` is told against, by its `base_step`."""

    id: str
    title: str
    state: str
    level: str
    revision: int
    approved_revision: int | None
    unit_id: str
    unit: str
    author: str
    submitted_at: datetime | None
    submitted_why: str
    first: datetime | None
    decision: DecisionView
    sounds: list[SoundView]
    places: list[WhereView]
    returned: ReturnedView | None
    base: int | None
    base_step: str
    changes: list[DifferenceView]

    @classmethod
    def of(cls, one: Review) -> Self:
        """A review."""
        row, returned = one.row, one.returned
        kept = {name: getattr(row, name) for name in ("id", "title", "state", "level", "approved_revision", "unit_id")}
        told = {name: getattr(one, name) for name in ("unit", "author", "first", "base", "base_step")}
        return cls(
            **kept,
            **told,
            revision=row.head,
            submitted_at=None if one.submitted is None else one.submitted.at,
            submitted_why="" if one.submitted is None else one.submitted.why,
            decision=DecisionView.model_validate(one.decision),
            sounds=[SoundView.of(sound) for sound in one.sounds],
            places=[WhereView.of(place) for place in one.places],
            returned=None
            if returned is None
            else ReturnedView(at=returned.at, by=one.returned_by, why=returned.why, revision=returned.revision),
            changes=[DifferenceView.model_validate(change) for change in one.changes],
        )


@router.get("/reviews")
async def list_reviews(  # noqa: PLR0917 - one a word of the request
    session: Read,
    controller: TheController,
    may: Allowed,
    after: UtcField | None = None,
    after_id: IdField = "0",
    limit: Annotated[int, Query(ge=1, le=SHOWN)] = SHOWN,
) -> QueueView:
    """What who asks may approve today, those of absent approvers whose deputy they are included, the longest first.

    The next page: `after` the `since` and `after_id` the id of the last one.
    """
    mine = await may.where(Permission.APPROVE, Bulletin.unit_id)
    if may.actor.person_id is None:
        return QueueView(total=0, more=False, items=[])
    cursor = None if after is None else Cursor(after, after_id)
    now = controller.clock.now()
    found = await awaiting.waiting(session, may.actor.person_id, mine, now=now, limit=limit, after=cursor)
    return QueueView(total=found.total, more=found.more, items=[WaitingView.of(one) for one in found.items])


@router.get("/bulletins/{bulletin_id}/review")
async def get_review(bulletin_id: IdField, session: Read, controller: TheController, may: Allowed) -> ReviewView:
    """One bulletin for deciding on it: where and when, what is other than before, and whether who asks may decide."""
    row = await service.require(session, bulletin_id)
    permitted = await may.holds(Permission.APPROVE, [row.unit_id])
    now = controller.clock.now()
    found = await reviewing.review(session, row, may.actor.person_id, permitted=permitted, now=now)
    return ReviewView.of(found)
