"""What the documents ask a device to play: plans and alerts merged into one agenda of items.

- Of a broadcast the highest `rev` counts, of equal ones the newest version; absence from a plan says nothing, so pass
  every unexpired plan that is held, older versions too. Withdrawn with a `rev` at least as high: it is gone.
- A plan never makes an alert, whatever level it claims.
- Of an alert the highest sequence counts; a cancel is final. Repeat k is due `k` periods after `issued`, so that late
  horns fall into step; the first one sounds at once. An update is a new series that begins at once: index =
  sequence x 1000 + k; the older series is gone, also the repeat of it that sounds.
  That an alert arrives after its `start_before` is for acceptance to refuse: what is given here was accepted in time.
- Drills are PRIORITY and bound by the policy: only an actual alert is exempt.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

import msgspec

from loa_protocol import spoken
from loa_protocol.documents.device import DeviceKind
from loa_protocol.documents.emergency import AlertCancel, AlertShape, AlertStart
from loa_protocol.documents.plan import BoardItem, Broadcast, OnLate, OnPreempt, Plan, RelaySegment
from loa_protocol.ids import Level
from loa_protocol.policy import Part
from loa_protocol.receipts import Occurrence

LONGEST_ALERT = {AlertShape.SINGLE: timedelta(minutes=30), AlertShape.CAMPAIGN: timedelta(hours=72)}
SERIES = 1000
TURN_GAP_MS = 3000
"""Between turns: the end of one has travelled a kilometre before the next begins."""
_LEAST_PERIOD = timedelta(seconds=1)


class Class(IntEnum):
    """Who may cut whom: only a higher one."""

    NORMAL = 1
    PRIORITY = 2
    ALERT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One occurrence as the documents want it; `duration_ms` 0: nothing sounds, `board` None: nothing shows.

    `version` and `scope` name the plan it came from; `expires`: it does not begin then or later. `turn_ms`: how much
    later the next turn begins; 0: it takes no turns. What has begun keeps it, whatever a change does to its end.
    `languages`: those by which the device sounds its own variants, () where there are none.
    """

    occurrence: Occurrence
    cls: Class
    start: datetime
    latest_start: datetime
    expires: datetime
    issued: datetime
    duration_ms: int
    authority: int = 0
    volume: int = 70
    on_preempt: OnPreempt = OnPreempt.RESUME
    on_late: OnLate = OnLate.BEGIN
    stagger: bool = False
    turn_ms: int = 0
    languages: tuple[str, ...] = ()
    board: BoardItem | None = None
    scope: str = ""
    version: int = 0
    rev: int = 0

    @property
    def duration(self) -> timedelta:
        """Length of the sound of all its repeats."""
        return timedelta(milliseconds=self.duration_ms)

    @property
    def exempt(self) -> bool:
        """Only an alert is exempt from policy."""
        return self.cls is Class.ALERT

    @property
    def order(self) -> tuple[int, datetime, datetime, str, str, int]:
        """Who goes first within a class."""
        key = self.occurrence
        return (self.authority, self.start, self.issued, key.id, key.kind, key.index)

    @property
    def until(self) -> datetime:
        """When what it shows goes away; its start where nothing shows."""
        return self.board.until if self.board is not None else self.start

    def concerns(self, kind: DeviceKind) -> bool:
        """Whether a device of that kind has a part in it."""
        return self.duration_ms > 0 if kind is DeviceKind.SPEAKER else self.board is not None


@dataclass(frozen=True, slots=True)
class Agenda:
    """All a device was asked for. `gone` are occurrences that were taken back; some of them may be in no held plan."""

    items: Mapping[Occurrence, Item] = field(default_factory=dict)
    gone: frozenset[Occurrence] = frozenset()


def agenda_of(
    plans: Iterable[Plan] = (),
    alerts: Iterable[AlertStart] = (),
    cancels: Iterable[AlertCancel] = (),
    *,
    languages: Sequence[str] = (),
    dropped: Iterable[Occurrence] = (),
    timezone: str = "Asia/Ho_Chi_Minh",
) -> Agenda:
    """Merge everything a device holds; the order of the arguments' members does not matter.

    `languages` are the assignment's. `dropped` names what lost its document another way, e.g. its key was revoked.
    `timezone` reads an alert's hours.
    """
    items, gone = _broadcasts(tuple(plans), languages)
    cancelled = {cancel.id for cancel in cancels}
    for alert in _by_id(alerts):
        for item, old in _repeats(alert, timezone):
            items[item.occurrence] = item
            if old or item.occurrence.id in cancelled:
                gone.add(item.occurrence)
    return Agenda(items, frozenset(gone).union(dropped))


def _broadcasts(plans: tuple[Plan, ...], languages: Sequence[str]) -> tuple[dict[Occurrence, Item], set[Occurrence]]:
    best: dict[str, tuple[tuple[int, int, str, datetime], Broadcast, Plan]] = {}
    withdrawn: dict[str, int] = {}
    for plan in plans:
        for one in plan.withdrawn:
            withdrawn[one.id] = max(one.rev, withdrawn.get(one.id, 0))
        for broadcast in plan.broadcasts:
            rank = (broadcast.rev, plan.version, plan.scope, plan.expires)
            known = best.get(broadcast.id)
            if known is None or rank > known[0] or (rank == known[0] and _text(broadcast) > _text(known[1])):
                best[broadcast.id] = (rank, broadcast, plan)
    items = (item_of(broadcast, plan, languages) for _, broadcast, plan in best.values())
    gone = {Occurrence(id=key) for key, rev in withdrawn.items() if key not in best or rev >= best[key][0][0]}
    return {item.occurrence: item for item in items}, gone


def _text(document: Broadcast | AlertStart) -> bytes:
    """Tells apart what no rule does, so that the answer never depends on the order of arrival."""
    return msgspec.json.encode(document)


def item_of(broadcast: Broadcast, plan: Plan, languages: Sequence[str] = ()) -> Item:
    """One broadcast of a plan, as long as a device with these languages sounds it."""
    return Item(
        occurrence=Occurrence(id=broadcast.id),
        cls=Class.NORMAL if broadcast.level is Level.NORMAL else Class.PRIORITY,
        start=broadcast.start,
        latest_start=max(broadcast.start, broadcast.latest_start),
        expires=plan.expires,
        issued=broadcast.issued or broadcast.start,
        duration_ms=spoken.sound_ms(broadcast, plan.manifest, languages),
        authority=broadcast.authority,
        volume=broadcast.volume,
        on_preempt=broadcast.on_preempt,
        on_late=broadcast.on_late,
        stagger=broadcast.stagger,
        turn_ms=turn_length_ms(broadcast),
        languages=tuple(languages) if spoken.varies(broadcast.segments) else (),
        board=broadcast.board,
        scope=plan.scope,
        version=plan.version,
        rev=broadcast.rev,
    )


def turn_length_ms(broadcast: Broadcast) -> int:
    """How long each turn of neighbours lasts, its gap included; 0 where all begin together.

    The same on every device, whatever it sounds itself: neighbours may speak other languages. What follows the clock
    cannot wait for a turn: a relay, or what sounds only its rest when it is late.
    """
    relays = any(isinstance(segment, RelaySegment) for segment in broadcast.segments)
    if not broadcast.stagger or not broadcast.duration_ms or relays or broadcast.on_late is OnLate.REST:
        return 0
    return broadcast.duration_ms + TURN_GAP_MS


def _by_id(alerts: Iterable[AlertStart]) -> Iterator[tuple[AlertStart, ...]]:
    """The documents of each alert id, one per sequence, newest first."""
    held: dict[str, dict[int, AlertStart]] = {}
    for alert in alerts:
        series = held.setdefault(alert.id, {})
        known = series.get(alert.sequence)
        if known is None or (alert.issued, _text(alert)) > (known.issued, _text(known)):
            series[alert.sequence] = alert
    for series in held.values():
        yield tuple(series[n] for n in sorted(series, reverse=True))


def _repeats(series: tuple[AlertStart, ...], timezone: str) -> Iterator[tuple[Item, bool]]:
    """Every repeat of an alert and whether an update has replaced it."""
    newest = series[0]
    for alert in series:
        for item in alert_items(alert, timezone):
            if alert is newest or item.start < newest.issued:
                yield item, alert is not newest


def alert_items(alert: AlertStart, timezone: str = "Asia/Ho_Chi_Minh") -> Iterator[Item]:
    """The repeats of one document that fall into its hours and end by `ends`; a board shows one window for all."""
    ends = min(alert.ends, alert.issued + LONGEST_ALERT[alert.shape])
    duration = timedelta(milliseconds=alert.duration_ms)
    period = max(timedelta(milliseconds=alert.repeat_every_ms), duration, _LEAST_PERIOD)
    hours = Part(alert.scope, timezone, frozenset(alert.hours) or None)
    board = BoardItem(until=ends, text=alert.board_text) if alert.board_text else None
    at, count = alert.issued, 0
    while at < ends and count < (alert.max_repeats if alert.repeat_every_ms else 1):
        if not hours.hours(at, at + timedelta(milliseconds=1)) and (at == alert.issued or at + duration <= ends):
            # The first may begin until `start_before`, a later one as long as it ends before the next is due.
            latest = alert.start_before if at == alert.issued else at + period - duration
            index = alert.sequence * SERIES + count
            yield _alert_item(alert, index, board, start=at, latest_start=max(at, latest), ends=ends)
            board, count = None, count + 1
        at += period


def _alert_item(
    alert: AlertStart, index: int, board: BoardItem | None, *, start: datetime, latest_start: datetime, ends: datetime
) -> Item:
    return Item(
        occurrence=Occurrence(kind="alert", id=alert.id, index=index),
        cls=Class.ALERT if alert.status == "actual" else Class.PRIORITY,
        start=start,
        latest_start=latest_start,
        expires=ends,
        issued=alert.issued,
        duration_ms=alert.duration_ms,
        volume=alert.volume,
        on_preempt=OnPreempt.RESTART,
        board=board,
        scope=alert.scope,
        version=alert.sequence,
        rev=alert.sequence,
    )
