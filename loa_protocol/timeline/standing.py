"""Where a device stands when it computes: clock, stops, history; and what that alone decides about an item.

- Schedules begin while the clock is trusted, or plausible within 60 s; alerts while it is trusted or plausible at all.
  What sounds goes on in any clock. Time running out on a clock that cannot be believed settles nothing.
- A stop ends what is under way and skips what was due before `until` (or before it arrived, where that is later, but
  at most `STOP_TRAVEL` after it was issued). Signed by the plan key it does not touch an alert issued after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from loa_protocol.documents.device import ClockReport, ClockState, DeviceKind
from loa_protocol.documents.emergency import Stop
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.policy import GRACE, EffectivePolicy
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline.answers import Phase, Verdict
from loa_protocol.timeline.history import Past
from loa_protocol.timeline.items import Agenda, Item

MAX_CLOCK_ERROR_MS = 60_000
STOP_TRAVEL = timedelta(minutes=2)
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOrder:
    """A verified stop; `received` is when the device first accepted it, `by_plan_key` who signed it."""

    issued: datetime
    until: datetime
    received: datetime
    broadcast: str | None = None
    by_plan_key: bool = True

    @property
    def reach(self) -> datetime:
        """What was due before this instant is stopped."""
        return max(self.until, min(self.received, self.issued + STOP_TRAVEL))

    def silences(self, item: Item) -> bool:
        """Whether it speaks of this item."""
        meant = self.broadcast in {None, item.occurrence.id} and item.start < self.reach
        return meant and not (item.exempt and self.by_plan_key and item.issued > self.issued)


def stop_order(stop: Stop, *, received: datetime, by_plan_key: bool) -> StopOrder:
    """The order in a stop document. Keep `received` with the document: a redelivery does not renew it."""
    return StopOrder(
        issued=stop.issued, until=stop.until, received=received, broadcast=stop.broadcast, by_plan_key=by_plan_key
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything but the items. `clockless`: when the device was on in this boot and had no usable clock."""

    policy: EffectivePolicy
    history: Mapping[Occurrence, Past]
    stops: tuple[StopOrder, ...]
    clock: ClockReport
    now: datetime
    kind: DeviceKind
    stagger: timedelta = timedelta()
    turn: int = 0
    clockless: tuple[datetime, datetime] | None = None

    def due(self, item: Item) -> datetime:
        """When it begins on this device at the earliest."""
        return item.start + self.lag(item)

    def lag(self, item: Item) -> timedelta:
        """How much later than planned this device sounds it, so as to keep apart from its neighbours."""
        return self.shift(item) + self.turn * timedelta(milliseconds=item.turn_ms)

    def shift(self, item: Item) -> timedelta:
        """The part of the lag that is too small for rules about hours; that of turns is not."""
        return self.stagger if item.stagger else timedelta()

    def latest(self, item: Item) -> datetime:
        """When it may begin at the latest; real starts slip, so `GRACE` is forgiven."""
        return item.latest_start + self.lag(item) + GRACE

    def may_begin(self, item: Item) -> bool:
        """Whether the clock is good enough for it."""
        if self.clock.state is ClockState.TRUSTED:
            return True
        plausible = self.clock.state is ClockState.PLAUSIBLE
        known = self.clock.error_ms is not None and self.clock.error_ms <= MAX_CLOCK_ERROR_MS
        return plausible and (known or item.exempt)

    @property
    def believed(self) -> datetime:
        """The instant that has certainly passed."""
        if self.clock.state is ClockState.TRUSTED:
            return self.now
        if self.clock.state is ClockState.PLAUSIBLE and self.clock.error_ms is not None:
            slack = self.clock.error_ms if self.clock.error_ms > MAX_CLOCK_ERROR_MS else 0
            return self.now - timedelta(milliseconds=slack)
        return NEVER

    def was_clockless(self, at: datetime) -> bool:
        """Whether `at` passed while the device had no usable clock."""
        return self.clockless is not None and self.clockless[0] <= at <= self.clockless[1]

    def verdict(
        self,
        item: Item,
        outcome: Outcome,
        reason: Reason | None,
        at: datetime,
        because: str,
        *,
        by: Occurrence | None = None,
        detail: str = "",
        settled: bool = False,
    ) -> Verdict:
        """One verdict; unless it is `settled` already, it is so once `at` has passed."""
        past = self.history.get(item.occurrence)
        phase = Phase.WAITING
        passed = self.believed if past is None else self.now  # what has begun runs on monotonic time
        if settled or at <= passed:
            phase = Phase.DONE
        elif past is not None:
            phase = Phase.PLAYING if past.playing else Phase.PAUSED
        return Verdict(item.occurrence, phase, outcome, reason, at, self.due(item), because, by, detail)


def as_begun(item: Item, past: Past) -> Item:
    """What has begun stays as it was; a change moves only its end. A plan that no longer names it says nothing.

    The device's languages may change meanwhile; what sounds goes on in those it began with.
    """
    if past.item is None:
        return item
    same = item.languages in {(), past.item.languages}
    return replace(past.item, duration_ms=item.duration_ms if same else past.item.duration_ms, board=item.board)


def decided(item: Item, agenda: Agenda, standing: Standing) -> Verdict | None:
    """The verdict that needs no look at other items; None where the sound or the board has to be shared out."""
    past = standing.history.get(item.occurrence)
    if past is not None and past.outcome is not None:
        at = past.at or (past.stretches[-1].end if past.stretches else None) or standing.now
        return standing.verdict(item, past.outcome, past.reason, at, "journal", settled=True)
    if not item.concerns(standing.kind):
        due = standing.due(item)
        return standing.verdict(item, Outcome.SKIPPED, Reason.NOT_FOR_DEVICE, due, "not_for_device")
    if past is not None:
        return _under_way(item, past, agenda, standing)
    return _not_begun(item, agenda, standing)


def _not_begun(item: Item, agenda: Agenda, standing: Standing) -> Verdict | None:
    if item.occurrence in agenda.gone:
        return standing.verdict(item, Outcome.SKIPPED, Reason.WITHDRAWN, standing.due(item), "withdrawn")
    if (stop := _stop(item, standing, begun=False)) is not None:
        at = max(standing.due(item), stop.received)
        return standing.verdict(item, Outcome.SKIPPED, Reason.STOPPED, at, "stop")
    if not standing.may_begin(item):
        text = f"the clock is {standing.clock.state}"
        return standing.verdict(
            item, Outcome.SKIPPED, Reason.CLOCK, _closing(item, standing), "clock_untrusted", detail=text
        )
    return None


def _under_way(item: Item, past: Past, agenda: Agenda, standing: Standing) -> Verdict | None:
    """What began and has no receipt yet."""
    speaker = standing.kind is DeviceKind.SPEAKER
    at = past.at or standing.now
    if speaker and not past.stretches:
        return standing.verdict(
            item, Outcome.INTERRUPTED, Reason.POWER_CUT, at, "began_before_a_power_cut", settled=True
        )
    if item.occurrence in agenda.gone:
        return standing.verdict(item, Outcome.INTERRUPTED, Reason.WITHDRAWN, standing.now, "withdrawn")
    if _stop(item, standing, begun=True) is not None:
        return standing.verdict(item, Outcome.PARTIAL, Reason.STOPPED, standing.now, "stop")
    return None


def _stop(item: Item, standing: Standing, *, begun: bool) -> StopOrder | None:
    """The first stop that speaks of the item and came before its chance to begin was gone anyway."""
    chance = _closing(item, standing)
    found = (stop for stop in standing.stops if stop.silences(item) and (begun or stop.issued <= chance))
    return min(found, key=lambda stop: (stop.received, stop.issued, stop.until), default=None)


def _closing(item: Item, standing: Standing) -> datetime:
    """When the last chance to begin passes: a board shows what is left of its window."""
    return item.until if standing.kind is DeviceKind.BOARD else standing.latest(item)
