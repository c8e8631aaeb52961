"""What a device played and will play, and why something did not: answers for the past, the timeline for what comes.

Rules: a receipt is what happened, whatever was planned; where an answer is still awaited nothing is claimed; from now
on the devices' own timeline is asked, with what the device has answered today as its history.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from controller.broadcasts.tables import BroadcastRow
from controller.bulletins import missed
from controller.bulletins.missed import Missed
from controller.delivery import drafts
from controller.devices.service import require as require_device
from controller.policies import store as policies
from controller.policies.words import Sentence
from controller.runtime.years import nearest
from controller.timelines import rules, store, words
from controller.timelines.rules import Listener, Loss, Scene
from controller.timelines.store import Answered
from controller.units import store as units
from loa_protocol.documents.device import DeviceKind
from loa_protocol.documents.plan import Broadcast
from loa_protocol.errors import LoaError
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import Past, Phase, Stretch, Timeline, Verdict

LONGEST = timedelta(days=31)
_DAY = timedelta(days=1)
_MS = timedelta(milliseconds=1)


class TimelineTooLong(LoaError):
    """The span asked for is empty or longer than a month."""

    code = "timeline_too_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One broadcast on one device. `source`: receipt, awaited or forecast; `begin`…`end`: when it sounds, if it does.

    `planned`…`planned_end`: when it was to sound there, or to be shown.
    Of source `bulletin` it is no broadcast: `bulletin` was to be heard and was not approved in time. `by`: id and title
    of what it lost to; `whose`: the scope whose rule decided.
    """

    broadcast: str
    title: str
    level: str
    planned: datetime
    planned_end: datetime
    source: str
    outcome: str | None
    reason: str | None
    because: str
    sentence: Sentence
    begin: datetime | None = None
    end: datetime | None = None
    volume: int | None = None
    by: str | None = None
    by_title: str | None = None
    whose: str | None = None
    detail: str = ""
    bulletin: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a device plays or played at an instant, what had a claim on it and lost, and what comes next."""

    device: str
    at: datetime
    playing: Entry | None
    others: Sequence[Entry]
    following: Entry | None


async def timeline(
    session: AsyncSession, device_id: str, begin: datetime, end: datetime, *, now: datetime
) -> list[Entry]:
    """Everything that was or is due on a device in [begin, end), in the order of its planned start.

    Raises:
        DeviceUnknown, TimelineTooLong: what is wrong.
    """
    device = await require_device(session, device_id)
    if not timedelta() < end - begin <= LONGEST:
        raise TimelineTooLong(f"a timeline covers up to {LONGEST.days} days; ask for a shorter span")
    listener = (await store.listeners(session, [device]))[0]
    answers = await store.answers(session, device_id, min(begin, now - _DAY), min(end, now))
    answered = {row.id for row, one in answers}
    entries = [_past(row, one, answers, listener) for row, one in answers if row.start >= begin]
    entries += [_missed(one) for one in await missed.of_scopes(session, listener.scopes, begin, end)]
    if end > now:
        found = await _forecast(session, listener, answers, now, end)
        entries += [one for one in found if one.broadcast not in answered and begin <= one.planned < end]
    return sorted(entries, key=lambda one: (one.planned, one.broadcast))


async def explain(session: AsyncSession, device_id: str, at: datetime, *, now: datetime) -> Explanation:
    """Why a device plays what it plays at an instant, or nothing.

    Raises:
        DeviceUnknown: there is none.
    """
    entries = await timeline(session, device_id, at - _DAY, at + _DAY, now=now)
    playing = next((one for one in entries if _covers(one, at)), None)
    late = timedelta(hours=1)
    others = [
        one
        for one in entries
        if one is not playing and one.planned <= at < max(one.end or one.planned, one.planned_end, one.planned + late)
    ]
    following = next((one for one in entries if one.planned > at and one.begin is not None), None)
    return Explanation(device_id, at, playing, others, following)


@dataclass(frozen=True, slots=True)
class Displaced:
    """An item that loses to others, and on which devices. `own`: the change itself brought it."""

    loss: Loss
    title: str
    by: str | None
    by_title: str
    devices: Sequence[str]
    own: bool = False


async def displaced(
    session: AsyncSession,
    *,
    scopes: Iterable[str],
    stood: Mapping[str, Sequence[Broadcast]],
    fresh: frozenset[str],
    now: datetime,
    until: datetime,
) -> list[Displaced]:
    """What broadcasts lose until then by a change that this session already sees, and what of it has to give way.

    `stood` is, by scope, what the change replaced or took away, as it was; `fresh` are the ids it brought.
    """
    listeners, after = await _audience(session, scopes, now, until)
    manifest = await store.manifest(session, (one for held in stood.values() for one in held))
    before = rules.with_changes(after, stood, fresh, now=now, manifest=manifest)
    brought = frozenset(Occurrence(id=one) for one in fresh)
    changed = brought.union(Occurrence(id=one.id) for held in stood.values() for one in held)
    found: dict[tuple[bool, str, datetime], Displaced] = {}
    for alike, devices in after.classes(listeners, before.varying).items():
        was, then = (one.foresee(alike, now=now, until=until) for one in (before, after))
        _gather(found, after, rules.losses(was, then, changed), devices)
        _gather(found, after, rules.yielding(then, after.agenda(alike).items, changed), devices, own=True)
    return _in_order(found)


async def conflicts(
    session: AsyncSession, programme_id: str, *where: ColumnElement[bool], now: datetime, until: datetime
) -> list[Displaced]:
    """Which of a programme's broadcasts until then do not play whole and at their time, and where.

    `where`: conditions on the devices of which whoever asks may be told.
    """
    scopes, ids = await store.of_programme(session, programme_id, now, until)
    listeners, scene = await _audience(session, scopes, now, until, *where)
    own = [Occurrence(id=one) for one in ids]
    found: dict[tuple[bool, str, datetime], Displaced] = {}
    for alike, devices in scene.classes(listeners).items():
        coming = scene.foresee(alike, now=now, until=until)
        _gather(found, scene, rules.yielding(coming, scene.agenda(alike).items, own), devices, own=True)
    return _in_order(found)


async def _audience(
    session: AsyncSession, scopes: Iterable[str], now: datetime, until: datetime, *where: ColumnElement[bool]
) -> tuple[list[Listener], Scene]:
    listeners = await store.listeners(session, await units.devices_of_scopes(session, scopes, *where))
    heard = frozenset(scope for one in listeners for scope in one.scopes)
    return listeners, await store.scene(session, now - _DAY, until, now=now, scopes=heard)


def _gather(
    found: dict[tuple[bool, str, datetime], Displaced],
    scene: Scene,
    losses: Iterable[Loss],
    devices: Sequence[str],
    *,
    own: bool = False,
) -> None:
    """Add a class's losses to those of other classes, one for each item and time."""
    for loss in losses:
        key = (own, loss.item.occurrence.id, loss.begin)
        held = found.get(key)
        by = loss.verdict.by if loss.verdict is not None else None
        title, winner = _title(scene, loss.item.occurrence), "" if by is None else _title(scene, by)
        everyone = [*(held.devices if held else ()), *devices]
        found[key] = Displaced(loss, title, by.id if by is not None else None, winner, everyone, own)


def _in_order(found: Mapping[tuple[bool, str, datetime], Displaced]) -> list[Displaced]:
    return [found[key] for key in sorted(found, key=lambda one: (one[0], one[2], one[1]))]


async def _forecast(
    session: AsyncSession,
    listener: Listener,
    answers: Sequence[tuple[BroadcastRow, Answered]],
    now: datetime,
    end: datetime,
) -> list[Entry]:
    scene = await store.scene(session, now - _DAY, end, now=now, scopes=listener.scopes)
    alike = next(iter(scene.classes([listener])))
    said = _history(answers)
    history = {**rules.supposed(scene.agenda(alike), alike, now), **said}
    found = scene.foresee(alike, now=now, until=end, history=history)
    names = await policies.names(session, alike.scopes.intersection(scene.policies))
    guessed = {occurrence for occurrence, past in history.items() if past.outcome and occurrence not in said}
    open_ones = [verdict for occurrence, verdict in found.verdicts.items() if occurrence not in said]
    entries = [_coming(scene, verdict, found, names, listener) for verdict in open_ones]
    return [_awaited(one) if Occurrence(id=one.broadcast) in guessed else one for one in entries]


def _history(answers: Iterable[tuple[BroadcastRow, Answered]]) -> dict[Occurrence, Past]:
    """What the device has said; what it has not answered yet is left to supposition."""
    history = {}
    for row, one in answers:
        if one.row.outcome is not None:
            span = _sounded(one)
            heard = () if span is None else (Stretch(*span),)
            history[Occurrence(id=row.id)] = Past(heard, Outcome(one.row.outcome), at=one.row.started or row.start)
    return history


def _sounded(one: Answered) -> tuple[datetime, datetime] | None:
    """From when to when it sounded."""
    if one.row.started is None or not one.row.played_ms:
        return None
    begin = nearest(one.row.started)
    return begin, begin + one.row.played_ms * _MS


def _past(
    row: BroadcastRow, one: Answered, answers: Sequence[tuple[BroadcastRow, Answered]], listener: Listener
) -> Entry:
    """What a device answered, or that it has not."""
    owed, receipt = one.row, one.receipt
    rival = _rival(row, owed.reason, answers)
    sentence = words.AWAITED
    if owed.outcome is not None:
        sentence = words.HEARD if owed.reason is None else words.REASONS[owed.reason]
    detail = receipt.detail if receipt is not None else ""
    begin, end = _sounded(one) or (None, None)
    planned = nearest(receipt.planned) if receipt is not None else row.start
    return Entry(
        broadcast=row.id,
        title=row.title,
        level=row.level,
        planned=planned,
        planned_end=_planned_end(drafts.wire_broadcast(row), planned, listener),
        source="awaited" if owed.outcome is None else "receipt",
        outcome=owed.outcome,
        reason=owed.reason,
        because="" if owed.outcome is None else "journal",
        sentence=sentence.with_(detail=detail, by=rival.title if rival else "", whose=""),
        begin=begin,
        end=end,
        volume=receipt.volume if receipt is not None else None,
        by=rival.id if rival else None,
        by_title=rival.title if rival else None,
        detail=detail,
    )


def _missed(one: Missed) -> Entry:
    """A bulletin that was to be heard, and that nobody approved in time."""
    return Entry(
        broadcast="",
        title=one.title,
        level=one.level,
        planned=one.start,
        planned_end=one.start,
        source="bulletin",
        outcome=str(Outcome.SKIPPED),
        reason=one.reason,
        because=one.reason,
        sentence=words.STOOD_IN if one.stood_in else words.NOT_APPROVED,
        bulletin=one.bulletin,
    )


def _rival(
    row: BroadcastRow, reason: str | None, answers: Sequence[tuple[BroadcastRow, Answered]]
) -> BroadcastRow | None:
    """What sounded when this one should have, by the receipts of both."""
    if reason not in {"conflict", "preempted"}:
        return None
    last = row.latest_start + row.duration_ms * _MS
    for other, one in answers:
        span = _sounded(one)
        if other.id != row.id and span is not None and span[0] <= last and row.start < span[1]:
            return other
    return None


def _coming(scene: Scene, verdict: Verdict, found: Timeline, names: Mapping[str, str], listener: Listener) -> Entry:
    """What the timeline says of one occurrence that is to come."""
    occurrence = verdict.occurrence
    broadcast = scene.broadcast(occurrence)
    begin, _ = rules.begins(found).get(occurrence, (None, None))
    sound = [part for part in found.segments if part.occurrence == occurrence]
    ends = [part.end for part in sound] + [one.end for one in found.windows if one.occurrence == occurrence]
    whole = verdict.outcome is Outcome.PLAYED
    sounding = verdict.phase is Phase.PLAYING
    coming = words.coming(broadcast.segments if broadcast is not None else (), listener.languages)
    sentence = (words.SOUNDING if sounding else coming) if whole else words.BECAUSE[verdict.because]
    by = scene.broadcast(verdict.by) if verdict.by is not None else None
    scope, _, detail = verdict.detail.partition(": ")
    ruled = verdict.reason is Reason.POLICY
    return Entry(
        broadcast=occurrence.id,
        title=broadcast.title if broadcast is not None else "",
        level=str(broadcast.level) if broadcast is not None else "",
        planned=verdict.planned,
        planned_end=_planned_end(broadcast, verdict.planned, listener),
        source="forecast",
        outcome=str(verdict.outcome),
        reason=None if verdict.reason is None else str(verdict.reason),
        because=verdict.because,
        sentence=sentence.with_(by=by.title if by else "", whose=names.get(scope, scope), detail=detail),
        begin=begin,
        end=max(ends, default=None),
        volume=sound[0].volume if sound else None,
        by=verdict.by.id if verdict.by else None,
        by_title=by.title if by else None,
        whose=scope if ruled else None,
        detail=verdict.detail,
    )


def _planned_end(broadcast: Broadcast | None, planned: datetime, listener: Listener) -> datetime:
    """Until when it was to sound on a device, or to be shown, had nothing kept it from that."""
    if broadcast is None:
        return planned
    if listener.kind is DeviceKind.BOARD:
        return broadcast.board.until if broadcast.board is not None else planned
    return planned + broadcast.duration_ms * _MS


def _awaited(entry: Entry) -> Entry:
    """It was due, and nothing is claimed of it."""
    return replace(entry, source="awaited", outcome=None, reason=None, because="", sentence=words.AWAITED)


def _covers(entry: Entry, at: datetime) -> bool:
    return entry.begin is not None and entry.end is not None and entry.begin <= at < entry.end


def _title(scene: Scene, occurrence: Occurrence) -> str:
    broadcast = scene.broadcast(occurrence)
    return broadcast.title if broadcast is not None else ""
