"""How bulletins look in answers of the API, and how they are sent to it."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field as Limits

from controller.api.models import Body, IdField, ScopeField, UtcField, View
from controller.broadcasts.tables import BroadcastRow
from controller.bulletins.schema import DocumentField
from controller.bulletins.tables import Bulletin, BulletinStep, Placement, PlacementMiss
from controller.people.tables import Person

Why = Annotated[str, Limits(max_length=500)]
Reason = Annotated[str, Limits(min_length=1, max_length=500)]
Revision = Annotated[int, Limits(ge=1, le=2**31 - 1)]
Minutes = Annotated[int, Limits(ge=1, le=24 * 60)]


class NewBulletinBody(Body):
    """A bulletin to write; `document`: title, level, field, essential, agency, validity, variants by language."""

    unit: IdField
    document: DocumentField
    source: Annotated[str, Limits(pattern="^(own|province|ministry|cap)$")] = "own"
    source_ref: Annotated[str, Limits(max_length=200)] | None = None
    note: Why = ""


class EditBody(Body):
    """A new revision, made from `expected_revision`."""

    document: DocumentField
    expected_revision: Revision
    note: Why = ""


class SubmitBody(Body):
    """Why it goes to review, if there is something to say."""

    why: Why = ""


class ApproveBody(Body):
    """The revision that was read; `despite`: codes of the stops of its readiness that do not hold the approver."""

    revision: Revision
    despite: Annotated[list[Annotated[str, Limits(max_length=60)]], Limits(max_length=20, default_factory=list)]
    why: Why = ""


class ReturnBody(Body):
    """What its author is to change; `revision`: the one that was read."""

    why: Reason
    revision: Revision | None = None


class WithdrawBody(Body):
    """Why it comes off the air."""

    why: Reason


class PlacementBody(Body):
    """The slots of unit `slot`; or scopes `to` at `start`, or at once when it is approved. Times in seconds."""

    slot: IdField | None = None
    to: Annotated[list[ScopeField], Limits(max_length=500, default_factory=list)]
    start: UtcField | None = None
    late_s: Annotated[int, Limits(ge=0, le=86_400)] = 300
    volume: Annotated[int, Limits(ge=0, le=100)] = 70
    repeats: Annotated[int, Limits(ge=1, le=20)] = 1
    chime: bool = True
    board_s: Annotated[int, Limits(ge=1, le=86_400)] = 60
    fallback_asset: IdField | None = None


class RulesBody(Body):
    """What a unit says about its bulletins; null leaves it to the units above it."""

    self_approval: bool | None = None
    remind_before_min: Annotated[list[Minutes], Limits(max_length=10)] | None = None
    fallback_asset: IdField | None = None
    expected_revision: Revision | None = None
    why: Reason


class BulletinView(View):
    """A bulletin in a list; `languages` in the order of its variants."""

    id: str
    unit_id: str
    author_id: str | None
    source: str
    source_ref: str | None
    state: str
    revision: int
    approved_revision: int | None
    title: str
    level: str
    field: str
    essential: bool
    languages: list[str]
    valid_from: datetime | None
    valid_until: datetime | None
    created_at: datetime
    changed_at: datetime


class StepView(View):
    """Who did what, when and why; `for_person`: whom a deputy stood in for; `by_rule`: approved by its own writer.

    `despite`: stops of the pre-flight list that the approver took upon himself.
    """

    number: int
    step: str
    revision: int
    person_id: str | None
    person: str
    for_person_id: str | None
    for_person: str
    by_rule: bool
    despite: list[str]
    at: datetime
    why: str


class RevisionView(View):
    """What a bulletin said."""

    number: int
    document: DocumentField
    made_by: str | None
    made_at: datetime
    note: str


class HistoryView(View):
    """Everything that was decided and written, steps in order, revisions newest first."""

    steps: list[StepView]
    revisions: list[RevisionView]


class MissView(View):
    """A start that passed without the bulletin, and what stood in for it."""

    start: datetime
    reason: str
    programme_id: str | None
    session_id: str | None
    occurrence: str | None
    fallback_asset: str | None
    fallback_broadcast_id: str | None
    fallback_slot_item_id: str | None
    fallback_error: str | None


class PlacementView(View):
    """Where and when a bulletin shall go on air, and what became of it."""

    id: str
    kind: str
    state: str
    slot_unit_id: str | None
    scopes: list[str]
    start: datetime | None
    late_s: int
    volume: int
    repeats: int
    chime: bool
    board_s: int
    fallback_asset: str | None
    revision: int | None
    slot_item_id: str | None
    broadcast_id: str | None
    made_by: str | None
    made_at: datetime
    ended_at: datetime | None
    misses: Annotated[list[MissView], Limits(default_factory=list)]


class WholeView(BulletinView):
    """A bulletin with what its newest and its approved revision say, and where it goes."""

    document: DocumentField
    approved_document: DocumentField | None
    placements: list[PlacementView]


class StoppedView(View):
    """A session of a programme that stops, or stopped, because a bulletin is taken out of it."""

    broadcast_id: str
    title: str
    start: datetime


class WithdrawnView(WholeView):
    """A bulletin that was taken back; `stopped`: sessions that were stopped whole for it."""

    stopped: list[StoppedView]


class PointView(View):
    """One thing to know before it goes on air; `weight`: stop or warning."""

    code: str
    weight: str
    vi: str
    en: str
    language: str
    placement: str


class ReadinessView(View):
    """The pre-flight list; `ready`: nothing on it stops it."""

    revision: int
    ready: bool
    points: list[PointView]


class DoubtView(View):
    """A device that has not said that it let go."""

    device_id: str
    name: str
    unit_id: str
    online: bool


class WithdrawalView(View):
    """Who has let go of what was taken back; `doubtful` are at most 200 of the `unconfirmed`.

    `would_stop`: sessions that would be stopped whole if it were taken back now; `stopped`: those that were.
    """

    devices: int
    confirmed: int
    unconfirmed: int
    until: datetime | None
    vi: str
    en: str
    doubtful: list[DoubtView]
    would_stop: list[StoppedView]
    stopped: list[StoppedView]


class OutcomeView(View):
    """Of one place: where it is, in words; Σ `outcomes` + `waiting` = `expected`."""

    placement_id: str
    place: str
    expected: int
    waiting: int
    outcomes: dict[str, int]


class RulesView(View):
    """A revision of what a unit says about its bulletins."""

    unit_id: str
    number: int
    self_approval: bool | None
    remind_before_min: list[int] | None
    fallback_asset: str | None
    made_by: str | None
    made_at: datetime
    why: str


class UnitRulesView(View):
    """What holds at a unit, with every revision of what it says itself; `revision` is the newest, null without any."""

    self_approval: bool
    self_approval_of: str | None
    remind_before_min: list[int]
    fallback_asset: str | None
    revision: int | None
    history: list[RulesView]


def fields_of(row: Bulletin) -> dict[str, Any]:
    """What a view of a bulletin shows of its row."""
    shown = {name: getattr(row, name) for name in BulletinView.model_fields if name not in {"revision", "languages"}}
    return {**shown, "revision": row.head, "languages": row.languages.split()}


def stopped_view(row: BroadcastRow) -> StoppedView:
    """A session that stops."""
    return StoppedView(broadcast_id=row.id, title=row.title, start=row.start)


def step_view(row: BulletinStep, people: dict[str, Person]) -> StepView:
    """A step, with names."""

    def name(key: str | None) -> str:
        return people[key].name if key is not None and key in people else ""

    shown = {field: getattr(row, field) for field in StepView.model_fields if field not in {"person", "for_person"}}
    return StepView.model_validate({**shown, "person": name(row.person_id), "for_person": name(row.for_person_id)})


def placement_view(row: Placement, misses: list[PlacementMiss]) -> PlacementView:
    """A placement with what it missed."""
    told = [MissView.model_validate(one) for one in misses if one.placement_id == row.id]
    return PlacementView.model_validate(row).model_copy(update={"misses": told})
