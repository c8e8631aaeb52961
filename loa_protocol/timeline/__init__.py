"""One timeline, computed by the same pure code on both sides: what sounds or shows when, and a verdict for every item.

The answer depends on the set of documents, the journal, the policy, the clock and `now` alone, in whatever order they
came; computing again later, with a history that followed the segments, gives the remaining ones again.

Rules, in the order in which they decide about an item:

1. The journal: what has a receipt is over. What began in an earlier boot is `interrupted(power_cut)`, and nothing that
   began begins again, except that what was cut in this boot follows its `on_preempt`.
2. Not for this kind of device; withdrawn, cancelled or dropped; stopped; no usable clock (see `standing`).
3. Policy, for all but alerts: the planned time must lie in the allowed hours on every device, however late it starts,
   and so must what would really sound, within the day's minutes and slots. Judged at every begin; what already sounds
   is silenced where a newer policy or a moved end leaves the allowed time: `partial(policy)`.
4. The channel (see `sound`): classes, order, latest_start; a late one sounds whole, or its rest if it says so.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from loa_protocol.documents.device import ClockReport, DeviceKind
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.policy import EffectivePolicy
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline.answers import BoardWindow, Phase, Segment, Timeline, Verdict
from loa_protocol.timeline.board import share_board
from loa_protocol.timeline.history import Past, Stretch, history_of
from loa_protocol.timeline.items import (
    TURN_GAP_MS,
    Agenda,
    Class,
    Item,
    agenda_of,
    alert_items,
    item_of,
    turn_length_ms,
)
from loa_protocol.timeline.sound import SoundSweep
from loa_protocol.timeline.standing import Standing, StopOrder, as_begun, decided, stop_order

__all__ = [
    "TURN_GAP_MS",
    "Agenda",
    "BoardWindow",
    "Class",
    "Item",
    "Past",
    "Phase",
    "Segment",
    "StopOrder",
    "Stretch",
    "Timeline",
    "Verdict",
    "agenda_of",
    "alert_items",
    "compute",
    "history_of",
    "item_of",
    "stop_order",
    "turn_length_ms",
]


def compute(
    agenda: Agenda,
    policy: EffectivePolicy,
    history: Mapping[Occurrence, Past],
    *,
    clock: ClockReport,
    now: datetime,
    kind: DeviceKind,
    stops: Iterable[StopOrder] = (),
    stagger_ms: int = 0,
    turn: int = 0,
    horizon: timedelta | None = None,
    clockless: tuple[datetime, datetime] | None = None,
) -> Timeline:
    """What this device plays from `now` on.

    Items due at or after now + `horizon` are left out; every other one, and everything under way, gets one verdict.
    `stagger_ms` and `turn` are the assignment's; `clockless` = (from, until) in this boot without a usable clock.
    """
    standing = Standing(
        policy=policy,
        history=history,
        stops=tuple(stops),
        clock=clock,
        now=now,
        kind=kind,
        stagger=timedelta(milliseconds=stagger_ms) if kind is DeviceKind.SPEAKER else timedelta(),
        turn=turn if kind is DeviceKind.SPEAKER else 0,
        clockless=clockless,
    )
    verdicts: dict[Occurrence, Verdict] = {}
    open_items: list[Item] = []
    for item in _items(agenda, standing, horizon):
        verdict = decided(item, agenda, standing)
        if verdict is None:
            open_items.append(item)
        else:
            verdicts[item.occurrence] = verdict
    verdicts.update(_orphans(agenda, standing))
    if kind is DeviceKind.BOARD:
        windows, shared = share_board(open_items, standing)
        return _timeline((), tuple(windows), verdicts | shared, now)
    sweep = SoundSweep(standing, agenda.items)
    sweep.run(open_items, frozenset(item.occurrence for item in open_items))
    segments = tuple(segment for segment in sweep.segments if segment.end > now)
    return _timeline(segments, (), verdicts | sweep.verdicts, now)


def _items(agenda: Agenda, standing: Standing, horizon: timedelta | None) -> Iterable[Item]:
    """The items within the horizon, those that have begun as they were then."""
    end = None if horizon is None else standing.now + horizon
    for item in agenda.items.values():
        past = standing.history.get(item.occurrence)
        if past is not None:
            yield as_begun(item, past)
        elif end is None or standing.due(item) < end:
            yield item
    for occurrence, past in standing.history.items():
        if past.outcome is None and past.item is not None and occurrence not in agenda.items:
            yield past.item


def _orphans(agenda: Agenda, standing: Standing) -> dict[Occurrence, Verdict]:
    """What began and nothing speaks of any more: it must not sound, and still needs its one answer."""
    verdicts = {}
    for occurrence, past in standing.history.items():
        if past.outcome is not None or past.item is not None or occurrence in agenda.items:
            continue
        at = past.at or (past.stretches[0].begin if past.stretches else standing.now)
        reason = Reason.WITHDRAWN if past.stretches else Reason.POWER_CUT
        because = "no_document" if past.stretches else "began_before_a_power_cut"
        verdicts[occurrence] = Verdict(occurrence, Phase.DONE, Outcome.INTERRUPTED, reason, standing.now, at, because)
    return verdicts


def _timeline(
    segments: tuple[Segment, ...],
    windows: tuple[BoardWindow, ...],
    verdicts: Mapping[Occurrence, Verdict],
    now: datetime,
) -> Timeline:
    spans = [(one.begin, one.end) for one in segments] + [(one.begin, one.end) for one in windows]
    edges = [instant for span in spans for instant in span]
    edges += [verdict.at for verdict in verdicts.values() if verdict.phase is not Phase.DONE]
    return Timeline(segments, windows, verdicts, min((at for at in edges if at > now), default=None))
