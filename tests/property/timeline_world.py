"""A small world for the timeline's properties: random documents, and a runner that does what it is told."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import strategies as st

from loa_protocol.documents.device import ClockReport, ClockState, DeviceKind
from loa_protocol.documents.emergency import AlertCancel, AlertStart
from loa_protocol.documents.plan import (
    BoardItem,
    Broadcast,
    ChimeSegment,
    Content,
    ContentSegment,
    OnLate,
    OnPreempt,
    Plan,
    Segments,
    Withdrawn,
)
from loa_protocol.documents.policy import Blackout, Policy, VolumeCap, Window
from loa_protocol.ids import Level
from loa_protocol.policy import EffectivePolicy, merge
from loa_protocol.receipts import Occurrence
from loa_protocol.spoken import every_ref
from loa_protocol.timeline import (
    Agenda,
    Item,
    Past,
    Phase,
    StopOrder,
    Stretch,
    Timeline,
    agenda_of,
    compute,
)

T0 = datetime(2026, 11, 2, 22, 0, tzinfo=UTC)  # 05:00 on Tuesday 3 November in Vietnam
STEP = timedelta(seconds=30)
SPAN = 240  # steps: two hours
END = T0 + timedelta(hours=6)
TRUSTED = ClockReport(state=ClockState.TRUSTED, error_ms=5)
GRACE = timedelta(seconds=2)

ticks = st.integers(0, SPAN)
instants = ticks.map(lambda n: T0 + n * STEP)
lengths = st.integers(1, 60).map(lambda n: n * 30_000)


tongues = st.sampled_from([(), ("vi",), ("tay", "vi"), ("vi", "tay"), ("km",)])


def sound(length_ms: int) -> Content:
    """A sound of that length, named by it: `s-<length>`."""
    return Content(root=f"{length_ms:064x}", bytes=1, chunk_bytes=16_384, media_type="audio/ogg", duration_ms=length_ms)


@st.composite
def spoken(draw: st.DrawFn) -> tuple[Segments, int]:
    """Something with variants, and how long the longest of its devices needs."""
    other_ms, tay_ms, vi_ms = draw(st.tuples(lengths, lengths, lengths))
    variants = {"tay": f"s-{tay_ms}", "vi": f"s-{vi_ms}"}
    return (ContentSegment(ref=f"s-{other_ms}", variants=variants),), max(other_ms, tay_ms + vi_ms)


plain = lengths.map(lambda length_ms: ((ChimeSegment(name="ding", duration_ms=1000),), length_ms))


@st.composite
def broadcasts(draw: st.DrawFn, *, board: bool = False) -> Broadcast:
    start = draw(instants)
    segments, length_ms = draw(plain | plain | spoken())
    level = draw(st.sampled_from([Level.NORMAL, Level.NORMAL, Level.PRIORITY]))
    shown = BoardItem(until=start + draw(st.integers(1, 60)) * STEP, text="x")
    return Broadcast(
        id=f"b-{draw(st.integers(0, 7))}",
        rev=draw(st.integers(0, 2)),
        start=start,
        latest_start=start + draw(st.sampled_from([0, 1, 10, 40, 80])) * STEP,
        issued=draw(st.none() | st.just(T0)),
        duration_ms=0 if board and draw(st.booleans()) else length_ms,
        level=level,
        authority=draw(st.integers(0, 2)),
        segments=segments,
        on_preempt=draw(st.sampled_from(list(OnPreempt))),
        on_late=draw(st.sampled_from([OnLate.BEGIN, OnLate.BEGIN, OnLate.REST])),
        volume=draw(st.integers(0, 100)),
        board=shown if board else None,
        stagger=draw(st.booleans()),
    )


@st.composite
def plans(draw: st.DrawFn, *, board: bool = False) -> Plan:
    named = tuple(draw(st.lists(broadcasts(board=board), min_size=2, max_size=6, unique_by=lambda b: b.id)))
    return Plan(
        scope=draw(st.sampled_from(["u-a", "u-b", "g-c"])),
        version=draw(st.integers(1, 3)),
        issued=T0,
        expires=T0 + draw(st.sampled_from([60, 120, 100_000])) * STEP,
        horizon=END,
        broadcasts=named,
        manifest=manifest(named),
        withdrawn=tuple(
            Withdrawn(id=f"b-{n}", rev=rev)
            for n, rev in draw(st.dictionaries(st.integers(0, 7), st.integers(0, 2), max_size=1)).items()
        ),
    )


def manifest(named: Iterable[Broadcast]) -> dict[str, Content]:
    """What a plan says of everything in it."""
    return {ref: sound(int(ref[2:])) for one in named for ref in every_ref(one.segments)}


@st.composite
def alerts(draw: st.DrawFn) -> AlertStart:
    issued = draw(instants)
    return AlertStart(
        id=f"a-{draw(st.integers(0, 2))}",
        sequence=draw(st.integers(0, 1)),
        scope="u-a",
        status=draw(st.sampled_from(["actual", "actual", "actual", "drill"])),
        event="flood",
        issued=issued,
        start_before=issued + draw(st.integers(0, 30)) * STEP,
        ends=issued + draw(st.integers(1, 60)) * STEP,
        duration_ms=draw(st.integers(1, 6)) * 30_000,
        repeat_every_ms=draw(st.sampled_from([0, 60_000, 300_000])),
        max_repeats=draw(st.integers(1, 4)),
        board_text=draw(st.sampled_from(["", "flood"])),
        volume=draw(st.integers(0, 100)),
    )


minutes = st.integers(280, 480)
weekdays = st.sampled_from([(2,), (1, 2, 3), (1, 2, 3, 4, 5, 6, 7), (6,)])


@st.composite
def policies(draw: st.DrawFn, *, budgets: bool = True) -> Policy:
    spans = [draw(st.sampled_from([(280, 480), (300, 400), (330, 360)]))] if draw(st.integers(0, 3)) else []
    spans += [sorted(pair) for pair in draw(st.lists(st.tuples(minutes, minutes), max_size=1))]
    caps = [sorted(pair) for pair in draw(st.lists(st.tuples(minutes, minutes), max_size=2))]
    return Policy(
        scope=draw(st.sampled_from(["u-a", "u-b", "d-x"])),
        version=1,
        issued=T0,
        expires=END,
        windows=tuple(
            Window(from_minute=a, to_minute=b, weekdays=draw(st.sampled_from([(2,), (1, 2, 3), (6,)])))
            for a, b in spans
        ),
        max_slots_a_day=draw(st.none() | st.integers(0, 4)) if budgets else None,
        max_minutes_a_day=draw(st.none() | st.integers(5, 60)) if budgets else None,
        volume_caps=tuple(VolumeCap(from_minute=a, to_minute=b, max_volume=30) for a, b in caps),
        blackouts=(Blackout(first=T0.date(), last=T0.date()),) if draw(st.integers(0, 20)) == 20 else (),
    )


@st.composite
def stop_orders(draw: st.DrawFn, at: datetime) -> StopOrder:
    return StopOrder(
        issued=at,
        until=at + draw(st.sampled_from([0, 0, 10, 120])) * STEP,
        received=at,
        broadcast=draw(st.none() | st.none() | st.sampled_from(["b-0", "b-1", "a-0"])),
        by_plan_key=draw(st.booleans()),
    )


@dataclass(frozen=True)
class World:
    """Everything a device holds at one time."""

    plans: tuple[Plan, ...] = ()
    alerts: tuple[AlertStart, ...] = ()
    cancels: tuple[AlertCancel, ...] = ()
    stops: tuple[StopOrder, ...] = ()
    policies: tuple[Policy, ...] = ()
    clock: ClockReport = TRUSTED
    kind: DeviceKind = DeviceKind.SPEAKER
    stagger_ms: int = 0
    turn: int = 0
    languages: tuple[str, ...] = ()

    @property
    def agenda(self) -> Agenda:
        return agenda_of(self.plans, self.alerts, self.cancels, languages=self.languages)

    @property
    def policy(self) -> EffectivePolicy:
        return merge(self.policies)

    def timeline(self, now: datetime, history: dict[Occurrence, Past] | None = None) -> Timeline:
        return compute(
            self.agenda,
            self.policy,
            history or {},
            stops=self.stops,
            clock=self.clock,
            now=now,
            kind=self.kind,
            stagger_ms=self.stagger_ms,
            turn=self.turn,
        )


@st.composite
def worlds(draw: st.DrawFn, *, board: bool = False, stops: bool = True, budgets: bool = True) -> World:
    return World(
        plans=tuple(draw(st.lists(plans(board=board), min_size=1, max_size=3))),
        alerts=tuple(draw(st.lists(alerts(), max_size=3))),
        cancels=tuple(
            AlertCancel(id=f"a-{n}", scope="u-a", issued=T0) for n in draw(st.sets(st.integers(0, 9), max_size=1))
        ),
        stops=tuple(draw(st.lists(stop_orders(T0), max_size=1))) if stops else (),
        policies=tuple(draw(st.lists(policies(budgets=budgets), max_size=2))),
        kind=DeviceKind.BOARD if board else DeviceKind.SPEAKER,
        stagger_ms=draw(st.sampled_from([0, 0, 700])),
        turn=draw(st.sampled_from([0, 0, 0, 1, 3])),
        languages=draw(tongues),
    )


def additions(world: World, more: World) -> World:
    """What a device holds after the documents of `more` arrived too; the policy is replaced if there is a new one."""
    return replace(
        world,
        plans=world.plans + more.plans,
        alerts=world.alerts + more.alerts,
        cancels=world.cancels + more.cancels,
        stops=world.stops + more.stops,
        policies=more.policies or world.policies,
    )


@dataclass
class Runner:
    """Plays exactly what the timeline says, and keeps the journal that an honest device would."""

    world: World
    now: datetime
    history: dict[Occurrence, Past] = field(default_factory=dict)
    items: dict[Occurrence, Item] = field(default_factory=dict)
    timeline: Timeline = field(init=False)

    def __post_init__(self) -> None:
        self.timeline = self.world.timeline(self.now, self.history)
        self._obey()

    def go_to(self, now: datetime) -> None:
        """Let time pass; wakes when the timeline asks for it."""
        while self.timeline.wake is not None and self.timeline.wake < now:
            self.look(self.timeline.wake)
        self.look(now)

    def look(self, now: datetime, world: World | None = None) -> None:
        """One look at the clock, with what has changed by then."""
        self._live_until(now)
        self.world, self.now = world or self.world, now
        self.timeline = self.world.timeline(now, self.history)
        self._obey()

    def _live_until(self, now: datetime) -> None:
        """The last timeline came true up to `now`."""
        for segment in self.timeline.segments:
            if segment.begin < now:
                past = self.history.get(segment.occurrence, Past(item=segment.item))
                known = past.stretches[:-1] if past.playing else past.stretches
                stretch = Stretch(segment.begin, segment.end if segment.end <= now else None, segment.offset_ms)
                self.history[segment.occurrence] = replace(past, stretches=(*known, stretch), at=segment.begin)
                self.items[segment.occurrence] = segment.item
        for verdict in self.timeline.verdicts.values():
            if verdict.at <= now:
                self._end(verdict.occurrence, verdict.outcome, verdict.reason)

    def _obey(self) -> None:
        """Silence what may not go on, and write what is settled."""
        sounding = {s.occurrence for s in self.timeline.segments if s.begin <= self.now < s.end}
        for occurrence, past in self.history.items():
            if past.playing and occurrence not in sounding:
                last = replace(past.stretches[-1], end=self.now)
                self.history[occurrence] = replace(past, stretches=(*past.stretches[:-1], last))
        for verdict in self.timeline.verdicts.values():
            if verdict.phase is Phase.DONE:
                self._end(verdict.occurrence, verdict.outcome, verdict.reason)

    def _end(self, occurrence: Occurrence, outcome: object, reason: object) -> None:
        past = self.history.get(occurrence, Past(at=self.now))
        if past.outcome is None:
            assert not past.playing, f"{occurrence} is called over while it sounds"
            self.history[occurrence] = replace(past, outcome=outcome, reason=reason)

    @property
    def sounded(self) -> list[tuple[datetime, datetime, Occurrence]]:
        """Everything that has sounded so far, in the order of time."""
        return sorted(
            ((s.begin, s.end or self.now, key) for key, past in self.history.items() for s in past.stretches),
            key=lambda one: one[:2],
        )


def shape(timeline: Timeline, after: datetime) -> list[tuple[object, ...]]:
    """What a timeline says will sound after an instant."""
    return [(s.occurrence, s.begin, s.end, s.offset_ms, s.volume) for s in timeline.segments if s.end > after]


def fates(timeline: Timeline) -> dict[Occurrence, tuple[object, object]]:
    """Outcome and reason of everything."""
    return {key: (verdict.outcome, verdict.reason) for key, verdict in timeline.verdicts.items()}


def overlapping(spans: Iterable[tuple[datetime, datetime, Occurrence]]) -> list[tuple[object, ...]]:
    """Neighbours that sound at once."""
    ordered = sorted(spans, key=lambda one: one[:2])
    return [(a, b) for a, b in pairwise(ordered) if b[0] < a[1]]
