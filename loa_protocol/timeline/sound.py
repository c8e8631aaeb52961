"""The one sound channel of a loudspeaker: an event-driven sweep from `now` on, O(n log n).

At every instant the highest class that is due sounds; only a higher class cuts. Within a class what was cut goes on
first, then (authority, start, issued, id) decides. Nothing ends later than latest_start + duration: a begin after
latest_start, a resumption that would end after that, and a restart after latest_start are refused.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush

from loa_protocol.documents.plan import OnLate, OnPreempt
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.policy import GRACE, Meter, Violation, earliest
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline.answers import Segment, Verdict
from loa_protocol.timeline.history import Past, Stretch
from loa_protocol.timeline.items import Class, Item
from loa_protocol.timeline.standing import Standing

TAIL_MS = 50  # a cut this close to the end left nothing worth resuming
_MS = timedelta(milliseconds=1)
_HIGHEST_FIRST = tuple(sorted(Class, reverse=True))


Span = tuple[datetime, datetime]
"""From, until."""


@dataclass(slots=True)
class Turn:
    """An item on its way through the channel; `offset_ms` is where its sound goes on.

    `heard` is what sounded of it until it was cut. While it sounds: `begin`, `end`, how far it is `counted`.
    """

    item: Item
    due: datetime
    latest: datetime
    offset_ms: int = 0
    heard: list[Span] = field(default_factory=list)
    clipped: Violation | None = None
    exemption: str = ""
    begin: datetime = field(init=False)
    end: datetime = field(init=False)
    counted: datetime = field(init=False)

    @property
    def rest(self) -> timedelta:
        """What is left to sound."""
        return timedelta(milliseconds=max(0, self.item.duration_ms - self.offset_ms))

    def moved(self, at: datetime) -> None:
        """Set `offset_ms` for sound that begins at `at`."""
        if self.item.on_late is OnLate.REST:
            self.offset_ms = max(0, (at - self.due) // _MS)
        elif self.item.on_preempt is OnPreempt.RESTART:
            self.offset_ms = 0

    @property
    def limit(self) -> datetime:
        """The last instant at which it may begin, or begin again."""
        if self.item.on_late is OnLate.REST and self.heard:
            return self.due + self.item.duration - TAIL_MS * _MS
        begun_again = self.heard and self.item.on_preempt is OnPreempt.RESUME
        return self.latest + (timedelta(milliseconds=self.offset_ms) if begun_again else timedelta())


class SoundSweep:
    """One computation; `segments` and `verdicts` are its answer after `run`."""

    def __init__(self, standing: Standing, known: Mapping[Occurrence, Item]) -> None:
        self._standing = standing
        self._known = known
        self._now = standing.now
        self._meter = Meter(standing.policy)
        self._busy: list[tuple[datetime, datetime, Occurrence, Class | None]] = []
        self._pending: list[Turn] = []
        self._waiting: dict[Class, list[tuple[tuple[object, ...], Turn]]] = {cls: [] for cls in Class}
        self._running: Turn | None = None
        self.segments: list[Segment] = []
        self.verdicts: dict[Occurrence, Verdict] = {}

    def run(self, items: list[Item], live: frozenset[Occurrence]) -> None:
        """Share out the channel among `items`; `live` are those of them that have begun and not ended."""
        self._remember(live)
        for item in items:
            self._enter(item)
        self._pending.sort(key=lambda turn: (turn.due, turn.item.order), reverse=True)
        self._clip_running()
        at: datetime | None = self._now
        while at is not None:
            while self._pending and self._pending[-1].due <= at:
                self._wait(self._pending.pop())
            if self._running is not None and self._running.end <= at:
                self._finish(self._running)
            self._give_turn(at)
            at = self._next()

    def _remember(self, live: frozenset[Occurrence]) -> None:
        """Count what sounded before, and keep it to tell who stood in the way."""
        heard = [
            (stretch.begin, stretch.end or self._now, occurrence, index > 0, stretch.end is None and occurrence in live)
            for occurrence, past in self._standing.history.items()
            for index, stretch in enumerate(past.stretches)
        ]
        for begin, end, occurrence, continues, sounding in sorted(heard, key=lambda h: (h[0], h[1], h[2].id)):
            if sounding or end <= begin:
                continue
            self._busy.append((begin, end, occurrence, self._class(occurrence)))
            if occurrence.kind != "alert":
                self._meter.add(begin, end, continues=continues)

    def _class(self, occurrence: Occurrence) -> Class | None:
        """The class of something that sounded; None where no document tells any more."""
        item = self._standing.history[occurrence].item or self._known.get(occurrence)
        return item.cls if item is not None else None

    def _enter(self, item: Item) -> None:
        standing = self._standing
        turn = Turn(item, standing.due(item), standing.latest(item))
        past = standing.history.get(item.occurrence)
        if past is None:
            self._pending.append(turn)
        elif past.playing:
            self._carry_on(turn, past)
        else:
            self._recall(turn, past)

    def _carry_on(self, turn: Turn, past: Past) -> None:
        """It sounds now. Of two that claim so the one that would have won goes on, the other counts as cut."""
        stretch = past.stretches[-1]
        turn.heard, turn.offset_ms = self._heard(past.stretches[:-1]), stretch.offset_ms
        turn.begin = turn.counted = stretch.begin
        turn.end = max(self._now, stretch.begin + turn.rest)
        self._exempt(turn, turn.begin, turn.end)
        other = self._running
        self._running = turn
        if other is not None:
            loser = max(turn, other, key=lambda one: (-one.item.cls, one.item.order))
            self._running = other if loser is turn else turn
            self._break_off(loser, self._now)
            self._after_cut(loser, self._now, self._running.item.occurrence)

    def _recall(self, turn: Turn, past: Past) -> None:
        """It was cut earlier in this boot."""
        last = past.stretches[-1]
        turn.heard, turn.offset_ms = self._heard(past.stretches), last.offset_ms + last.sounded_ms(self._now)
        end = turn.heard[-1][1]
        if turn.rest <= TAIL_MS * _MS:
            self._complete(turn, end)
        else:
            self._after_cut(turn, end, None)

    def _heard(self, stretches: Iterable[Stretch]) -> list[Span]:
        return [(stretch.begin, stretch.end or self._now) for stretch in stretches]

    def _clip_running(self) -> None:
        """A policy that came, or an end that moved, while it sounds: silence where the policy begins to forbid."""
        turn = self._running
        if turn is None or turn.item.exempt:
            return
        turn.clipped = self._forbids(turn, turn.begin, turn.end)
        if turn.clipped is not None:
            turn.end = max(self._now, turn.clipped.at)

    def _wait(self, turn: Turn) -> None:
        heappush(self._waiting[turn.item.cls], ((not turn.heard, *turn.item.order), turn))

    def _give_turn(self, at: datetime) -> None:
        """Let the first of the highest class begin, over whatever is lower."""
        for cls in _HIGHEST_FIRST:
            if self._running is not None and self._running.item.cls >= cls:
                return
            while self._waiting[cls]:
                turn = heappop(self._waiting[cls])[1]
                self._count(at)
                turn.moved(at)
                refusal = self._refusal(turn, at)
                if refusal is None:
                    self._begin(turn, at)
                    return
                self.verdicts[turn.item.occurrence] = refusal

    def _next(self) -> datetime | None:
        ends = self._running.end if self._running is not None else None
        due = self._pending[-1].due if self._pending else None
        if ends is None or due is None:
            return ends or due
        return min(ends, due)

    def _begin(self, turn: Turn, at: datetime) -> None:
        if self._running is not None:
            self._break_off(self._running, at)
            self._after_cut(self._running, at, turn.item.occurrence)
        turn.begin = turn.counted = at
        turn.end = at + turn.rest
        self._running = turn

    def _count(self, at: datetime) -> None:
        """Bring the meter up to `at`, so that whoever is judged now sees what the running one has used."""
        turn = self._running
        if turn is None or turn.counted >= at:
            return
        if turn.item.occurrence.kind != "alert":
            self._meter.add(turn.counted, at, continues=bool(turn.heard))
        turn.counted = at

    def _break_off(self, turn: Turn, at: datetime) -> None:
        """Silence: what sounded becomes a segment."""
        begin, item = turn.begin, turn.item
        if at > begin:
            volume = self._standing.policy.volume_over(begin, at, item.volume, exempt=item.exempt)
            self._busy.append((begin, at, item.occurrence, item.cls))
            self.segments.append(Segment(item.occurrence, begin, at, turn.offset_ms, volume, item.cls, item))
            turn.heard.append((begin, at))
        turn.offset_ms += (at - begin) // _MS

    def _finish(self, turn: Turn) -> None:
        end = turn.end
        self._count(end)
        self._running = None
        self._break_off(turn, end)
        if turn.clipped is not None:
            self._settle(turn, Outcome.PARTIAL, Reason.POLICY, end, turn.clipped.rule, detail=_text(turn.clipped))
        else:
            self._complete(turn, end)

    def _complete(self, turn: Turn, end: datetime) -> None:
        """Its end has sounded; what follows the clock may have lost something before."""
        lost = turn.item.duration - sum((until - begin for begin, until in turn.heard), timedelta())
        if turn.item.on_late is OnLate.REST and lost > GRACE:
            self._lost(turn, end)
        else:
            self._settle(turn, Outcome.PLAYED, None, end, "complete")

    def _lost(self, turn: Turn, end: datetime) -> None:
        """Only the rest of it sounded: say what took the beginning or the middle."""
        if len(turn.heard) > 1:
            by = self._in_the_way(turn.heard[0][1], turn.item.cls)
            self._settle(turn, Outcome.PARTIAL, Reason.PREEMPTED, end, "only_the_rest", by=by)
            return
        by = self._in_the_way(turn.due, turn.item.cls)
        reason = Reason.TOO_LATE if by in {None, turn.item.occurrence} else Reason.CONFLICT
        self._settle(turn, Outcome.PARTIAL, reason, end, "only_the_rest", by=by)

    def _after_cut(self, turn: Turn, at: datetime, by: Occurrence | None) -> None:
        """Follow `on_preempt`; whoever may go on waits at the head of its class."""
        if turn.item.on_preempt is OnPreempt.DROP:
            self._settle(
                turn,
                Outcome.PREEMPTED,
                Reason.PREEMPTED,
                at,
                "cut_and_dropped",
                by=by or self._in_the_way(at, turn.item.cls),
            )
        elif not self._standing.may_begin(turn.item):
            self._settle(turn, Outcome.PREEMPTED, Reason.CLOCK, max(at, turn.limit), "clock_untrusted")
        else:
            self._wait(turn)

    def _refusal(self, turn: Turn, at: datetime) -> Verdict | None:
        """Why it cannot begin, or begin again, at `at`."""
        item, first = turn.item, not turn.heard
        expires = item.expires + self._standing.shift(item)
        if first and not item.exempt:
            planned = self._standing.policy.allows(item.start, item.start + item.duration)
            if planned is not None:
                return self._refused(turn, Reason.POLICY, turn.due, planned.rule, detail=_text(planned))
        if at > turn.limit and turn.limit < expires:
            return self._too_late(turn)
        if at >= expires:
            since = turn.due if first else turn.heard[-1][1]
            return self._refused(turn, Reason.EXPIRED, max(since, expires), "plan_expired")
        if item.exempt:
            self._exempt(turn, at, at + turn.rest)
            return None
        forbidden = self._forbids(turn, at, at + turn.rest)
        if forbidden is not None:
            return self._refused(turn, Reason.POLICY, at, forbidden.rule, detail=_text(forbidden))
        return None

    def _exempt(self, turn: Turn, begin: datetime, end: datetime) -> None:
        """Keep which rules an alert sounds in spite of: its receipt says so."""
        if not turn.item.exempt or turn.exemption:
            return
        policy, wanted = self._standing.policy, turn.item.volume
        broken = self._forbids(turn, begin, end)
        texts = [] if broken is None else [f"exempt from {broken.rule} of {_text(broken)}"]
        capped = policy.volume_over(begin, end, wanted)
        if capped < policy.volume_over(begin, end, wanted, exempt=True):
            texts.append(f"exempt from the volume cap of {capped}")
        turn.exemption = "; ".join(texts)

    def _forbids(self, turn: Turn, begin: datetime, end: datetime) -> Violation | None:
        """Hours are read as planned, without the stagger, but in its turn; minutes and slots as they pass."""
        shift = self._standing.shift(turn.item)
        hours = self._standing.policy.allows(begin - shift, end - shift)
        meter = self._meter.violation(begin, end, continues=bool(turn.heard))
        return earliest(v for v in (hours, meter) if v is not None)

    def _too_late(self, turn: Turn) -> Verdict:
        if turn.heard:
            at = max(turn.limit, turn.heard[-1][1])
            by = self._in_the_way(at, turn.item.cls)
            return self._refused(turn, Reason.PREEMPTED, at, "cut_too_long", by=by)
        by = self._in_the_way(turn.limit, turn.item.cls)
        if by is not None:
            return self._refused(turn, Reason.CONFLICT, turn.limit, "lost_its_place", by=by)
        if self._standing.was_clockless(turn.limit):
            return self._refused(turn, Reason.CLOCK, turn.limit, "clock_untrusted")
        return self._refused(turn, Reason.TOO_LATE, turn.limit, "came_too_late")

    def _refused(
        self, turn: Turn, reason: Reason, at: datetime, because: str, *, by: Occurrence | None = None, detail: str = ""
    ) -> Verdict:
        """Skipped if nothing of it sounded, else it stays cut: by its rival, or by the policy."""
        cut = Outcome.PARTIAL if reason is Reason.POLICY else Outcome.PREEMPTED
        outcome = cut if turn.heard else Outcome.SKIPPED
        return self._standing.verdict(turn.item, outcome, reason, at, because, by=by, detail=detail)

    def _settle(
        self,
        turn: Turn,
        outcome: Outcome,
        reason: Reason | None,
        at: datetime,
        because: str,
        *,
        by: Occurrence | None = None,
        detail: str = "",
    ) -> None:
        self.verdicts[turn.item.occurrence] = self._standing.verdict(
            turn.item, outcome, reason, at, because, by=by, detail=detail or turn.exemption
        )

    def _in_the_way(self, instant: datetime, cls: Class) -> Occurrence | None:
        """What sounded at that instant and could not be cut by `cls`."""
        index = bisect_right(self._busy, instant, key=lambda one: one[0]) - 1
        if index < 0:
            return None
        _, end, occurrence, other = self._busy[index]
        return occurrence if end >= instant and (other is None or other >= cls) else None


def _text(violation: Violation) -> str:
    return f"{violation.scope}: {violation.detail}"
