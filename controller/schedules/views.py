"""What the API says of programmes."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel

from controller.api.models import View
from controller.policies.answers import ObjectionView
from controller.schedules.composing import Slot
from controller.schedules.effects import Touch, Urgent
from controller.schedules.making import Cast
from controller.schedules.service import Saved
from controller.schedules.slots.filling import Waiting
from controller.schedules.tables import ProgrammeChange, ProgrammeRevision
from controller.timelines.service import Displaced
from controller.timelines.views import DisplacedView, displaced_view

SHOWN = 200


class ProgrammeView(View):
    """A programme; `head` is the revision to name when saving it."""

    id: str
    unit: str
    title: str
    revision: int
    retired_at: datetime | None


class EffectiveView(BaseModel):
    """A revision that is in force from a local day on."""

    revision: int
    effective_from: date


class WholeProgrammeView(ProgrammeView):
    """A programme with its document as of a day, changes of that and later days included."""

    effective: list[EffectiveView]
    document: dict[str, Any]


class HistoryView(BaseModel):
    """One save: a `revision` from a day on, or a `change` of one occurrence."""

    revision: int
    kind: str
    made_at: datetime
    note: str
    effective_from: date | None = None
    change: dict[str, Any] | None = None


class NoteView(View):
    """Something a person should know."""

    code: str
    vi: str
    en: str


class EffectView(View):
    """How many broadcasts were touched, and how many devices they reach."""

    added: int
    changed: int
    withdrawn: int
    devices: int


class TouchView(View):
    """A broadcast that is touched; `before`: its start until now."""

    id: str
    session: str
    occurrence: str
    title: str
    what: str
    start: datetime
    before: datetime | None
    scopes: list[str]


class UrgentView(BaseModel):
    """What is touched and starts within a minute: `connected` devices hear of it in time, `away` ones cannot."""

    occurrences: list[TouchView]
    devices: int
    connected: int
    away: int


class SavedView(BaseModel):
    """What a save did; `revision` is the new head, `violations` what the rules of the air say of it (see policies)."""

    revision: int
    notes: list[NoteView]
    effect: EffectView
    urgent: UrgentView | None
    violations: list[ObjectionView]


class SlotWaitingView(BaseModel):
    """An item of a slot, as long as it lasts where it lasts longest.

    `reason`: why it is left out (not_yet, over, longer_than_slot, no_room).
    """

    id: str
    title: str
    level: str
    duration_ms: int
    reason: str | None = None


class SlotView(BaseModel):
    """A slot, filled: `fallback` is the sound that is sent because nothing waits."""

    title: str
    of: str
    length_ms: int
    spare_ms: int
    over_ms: int
    fallback: str | None
    chosen: list[SlotWaitingView]
    left_out: list[SlotWaitingView]


class OccurrenceView(BaseModel):
    """A session at one time: planned length, what there is of it, what is left or too much; `silent`: not broadcast.

    `missing` are sounds that are named and not there; `changed`: a change of this occurrence only is in it.
    """

    id: str
    session: str
    occurrence: str
    title: str
    start: datetime
    level: str
    volume: int
    to: list[str]
    revision: int
    changed: bool
    note: str
    length_ms: int
    sound_ms: int
    spare_ms: int
    over_ms: int
    silent: bool
    missing: list[str]
    slots: list[SlotView]


class PreviewView(SavedView):
    """What a save would do: the first of the broadcasts it touches, those of them as they would be filled."""

    touches: list[TouchView]
    occurrences: list[OccurrenceView]
    displaced: list[DisplacedView]


class ScopeReachView(View):
    """A scope's plan: its newest version, whether a newer one is being signed, and who holds it."""

    scope: str
    version: int
    waiting: bool
    devices: int
    hold: int
    lacking: int
    away: int


def saved_view(saved: Saved) -> SavedView:
    """The answer to a save."""
    return SavedView(
        revision=saved.revision,
        notes=[NoteView.model_validate(one) for one in saved.notes],
        effect=EffectView.model_validate(saved.effect),
        urgent=None if saved.urgent is None else _urgent_view(saved.urgent),
        violations=[ObjectionView.model_validate(one) for one in saved.objections[:SHOWN]],
    )


def preview_view(saved: Saved, displaced: Sequence[Displaced]) -> PreviewView:
    """The answer to a preview."""
    shown = saved.touches[:SHOWN]
    ids = {one.id for one in shown}
    casts = [one for one in saved.made.casts if one.occurrence.id in ids]
    return PreviewView(
        **saved_view(saved).model_dump(),
        touches=_touch_views(shown),
        occurrences=[occurrence_view(one) for one in casts],
        displaced=[displaced_view(one) for one in displaced[:SHOWN]],
    )


def _urgent_view(urgent: Urgent) -> UrgentView:
    counts = {"devices": urgent.devices, "connected": urgent.connected, "away": urgent.away}
    return UrgentView(occurrences=_touch_views(urgent.touches[:SHOWN]), **counts)


def _touch_views(touches: Iterable[Touch]) -> list[TouchView]:
    return [TouchView.model_validate(one) for one in touches]


def history_view(one: ProgrammeRevision | ProgrammeChange) -> HistoryView:
    """One save."""
    if isinstance(one, ProgrammeRevision):
        begin = date.fromisoformat(one.effective_from)
        return HistoryView(
            revision=one.number, kind="revision", made_at=one.made_at, note=one.note, effective_from=begin
        )
    note = str(one.change.get("note", ""))
    return HistoryView(revision=one.number, kind="change", made_at=one.made_at, note=note, change=one.change)


def occurrence_view(cast: Cast) -> OccurrenceView:
    """One occurrence, composed."""
    occurrence, composed = cast.occurrence, cast.composed
    session = occurrence.session
    return OccurrenceView(
        id=occurrence.id,
        session=session.id,
        occurrence=occurrence.key[2],
        title=session.title,
        start=occurrence.start,
        level=session.level,
        volume=session.volume,
        to=list(session.to) or [f"u-{occurrence.revision.document.unit}"],
        revision=occurrence.revision.number,
        changed=occurrence.change is not None,
        note="" if occurrence.change is None else occurrence.change.note,
        length_ms=composed.length_ms,
        sound_ms=composed.sound_ms,
        spare_ms=composed.spare_ms,
        over_ms=composed.over_ms,
        silent=composed.silent,
        missing=list(composed.missing),
        slots=[_slot_view(slot) for slot in composed.slots],
    )


def _slot_view(slot: Slot) -> SlotView:
    return SlotView(
        title=slot.title,
        of=slot.of,
        length_ms=slot.length_ms,
        spare_ms=slot.filling.spare_ms,
        over_ms=slot.filling.over_ms,
        fallback=slot.fallback,
        chosen=[_waiting_view(item) for item in slot.filling.chosen],
        left_out=[_waiting_view(item, str(reason)) for item, reason in slot.filling.left_out],
    )


def _waiting_view(item: Waiting, reason: str | None = None) -> SlotWaitingView:
    return SlotWaitingView(
        id=item.id, title=item.title, level=str(item.level), duration_ms=item.longest_ms, reason=reason
    )
