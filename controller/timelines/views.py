"""What the API says of timelines, and of what loses to what."""

from datetime import datetime

from pydantic import BaseModel

from controller.speech.marks import SpeechView
from controller.timelines.service import Displaced, Entry


class SentenceView(BaseModel):
    """The same sentence in Vietnamese and in English."""

    vi: str
    en: str


class EntryView(BaseModel):
    """One broadcast on one device: what became of it, or will.

    `source`: `receipt` (the device said so), `awaited` (due, and not answered yet), `forecast`, or `bulletin`: it was
    to be heard there and nobody approved it in time, so that there is no `broadcast`. `because` is the
    timeline's word for the rule that decides, `by` what it loses to, `whose` the scope whose rule of the air it is.
    """

    broadcast: str
    title: str
    level: str
    planned: datetime
    source: str
    outcome: str | None
    reason: str | None
    because: str
    why: SentenceView
    begin: datetime | None
    end: datetime | None
    volume: int | None
    by: str | None
    by_title: str | None
    whose: str | None
    detail: str
    bulletin: str | None = None


class TimelineView(BaseModel):
    """What was and is due on a device, by its planned start."""

    device: str
    begin: datetime
    end: datetime
    entries: list[EntryView]


class ExplanationView(BaseModel):
    """What a device plays at an instant, what had a claim on it and does not, and what follows.

    `machine_speech`: whose voice plays where it is a machine's.
    """

    device: str
    at: datetime
    playing: EntryView | None
    others: list[EntryView]
    following: EntryView | None
    machine_speech: list[SpeechView]


class DisplacedView(BaseModel):
    """A broadcast that loses to others: it begins at `then` instead of `begin`, or not at all.

    `own`: it is the change's or the programme's own; `by`: what it loses to; `devices`: on how many.
    """

    broadcast: str
    title: str
    own: bool
    begin: datetime
    then: datetime | None
    because: str
    by: str | None
    devices: int
    vi: str
    en: str


def maybe_view(entry: Entry | None) -> EntryView | None:
    """As `entry_view`, of something that may not be there."""
    return None if entry is None else entry_view(entry)


def entry_view(entry: Entry) -> EntryView:
    """What a timeline says of one broadcast."""
    why = SentenceView(vi=entry.sentence.vi, en=entry.sentence.en)
    return EntryView(why=why, **{name: getattr(entry, name) for name in EntryView.model_fields if name != "why"})


def displaced_view(one: Displaced) -> DisplacedView:
    """What is lost, in a sentence too."""
    loss, count = one.loss, len(one.devices)
    vi, en = "bắt đầu muộn hơn", "begins later"
    if loss.then is None:
        vi, en = "không phát", "does not play"
    elif loss.then == loss.begin:
        vi, en = "không phát trọn vẹn", "does not play whole"
    vi_by, en_by = (f" vì “{one.by_title}”", f" because of “{one.by_title}”") if one.by_title else ("", "")
    return DisplacedView(
        broadcast=loss.item.occurrence.id,
        title=one.title,
        own=one.own,
        begin=loss.begin,
        then=loss.then,
        because=loss.verdict.because if loss.verdict is not None else "",
        by=one.by,
        devices=count,
        vi=f"“{one.title}” sẽ {vi} trên {count} thiết bị{vi_by}.",
        en=f"“{one.title}” {en} on {count} devices{en_by}.",
    )
