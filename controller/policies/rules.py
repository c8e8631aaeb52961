"""What the rules of the air say of what is proposed, before it is saved. Pure.

The devices' own timeline is asked twice, without and with what is proposed, so that the answer is theirs: what is
accepted here is not skipped for its policy there, and what is refused would be, or would make something planned fall.
A time that is offered instead is one at which nothing else sounds and every rule of everybody it reaches allows it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from loa_protocol.documents.device import ClockReport, ClockState, DeviceKind
from loa_protocol.documents.plan import Broadcast, OnLate, OnPreempt
from loa_protocol.ids import Level
from loa_protocol.outcomes import Reason
from loa_protocol.policy import EffectivePolicy, Part
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import Agenda, Class, Item, Timeline, Verdict, compute, turn_length_ms

AROUND = timedelta(days=2)
"""How far from a proposal something may sound and still count with it."""
_GOOD_CLOCK = ClockReport(state=ClockState.TRUSTED, error_ms=0)
_NEVER = datetime(9000, 1, 1, tzinfo=UTC)
VOLUME = "volume"
BLACKOUT = "blackout"
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Airing:
    """One broadcast, planned or proposed. `key` is its id; `recurring`: one of many of a programme.

    `duration_ms` is the sound of all repeats; without `latest_start` it begins at `start` or not at all. `turn_ms`: how
    much later each further turn of neighbouring horns begins.
    """

    key: str
    title: str
    scopes: frozenset[str]
    start: datetime
    duration_ms: int
    latest_start: datetime | None = None
    volume: int = 70
    level: Level = Level.NORMAL
    authority: int = 100
    on_preempt: OnPreempt = OnPreempt.RESUME
    on_late: OnLate = OnLate.BEGIN
    issued: datetime | None = None
    turn_ms: int = 0
    recurring: bool = False

    @property
    def sounds(self) -> bool:
        """Whether the rules of the air bind it: it has sound, and is no alert."""
        return self.duration_ms > 0 and self.level is not Level.EMERGENCY

    @property
    def end(self) -> datetime:
        """When it ends if it begins on time."""
        return self.start + timedelta(milliseconds=self.duration_ms)

    @property
    def item(self) -> Item:
        """As a device's timeline has it."""
        return Item(
            occurrence=Occurrence(id=self.key),
            cls=Class.NORMAL if self.level is Level.NORMAL else Class.PRIORITY,
            start=self.start,
            latest_start=max(self.start, self.latest_start or self.start),
            expires=_NEVER,
            issued=self.issued or self.start,
            duration_ms=self.duration_ms,
            authority=self.authority,
            volume=self.volume,
            on_preempt=self.on_preempt,
            on_late=self.on_late,
            turn_ms=self.turn_ms,
        )


def airing(broadcast: Broadcast, scopes: Iterable[str], *, recurring: bool = False) -> Airing:
    """A broadcast of a plan as the rules of the air see it; `scopes` are where it goes."""
    return Airing(
        key=broadcast.id,
        title=broadcast.title,
        scopes=frozenset(scopes),
        start=broadcast.start,
        duration_ms=broadcast.duration_ms,
        latest_start=broadcast.latest_start,
        volume=broadcast.volume,
        level=broadcast.level,
        authority=broadcast.authority,
        on_preempt=broadcast.on_preempt,
        on_late=broadcast.on_late,
        issued=broadcast.issued,
        turn_ms=turn_length_ms(broadcast),
        recurring=recurring,
    )


@dataclass(frozen=True, slots=True)
class Trouble:
    """A rule that stands against an airing; `fell`: the planned one that would be skipped because of it.

    `part` is whose rule it is, None for the ceiling of the volume; `lowered` the volume it would have.
    """

    key: str
    rule: str
    part: Part | None
    at: datetime
    detail: str
    fell: str = ""
    lowered: int | None = None


def judge(
    policy: EffectivePolicy, planned: Sequence[Airing], proposed: Sequence[Airing], *, turn: int = 0
) -> list[Trouble]:
    """What the rules of one class of devices say; the order of the arguments' members does not matter."""
    sounding = [one for one in proposed if one.sounds]
    troubles: list[Trouble] = []
    counted: list[Airing] = []
    for one in sounding:
        found = _of_its_time(policy, one)
        blacked = [trouble for trouble in found if trouble.rule == BLACKOUT]
        if one.recurring and blacked:
            troubles += blacked
        else:
            counted.append(one)
            troubles += found + _of_its_volume(policy, one)
    keys = {one.key for one in sounding}
    near = [one for one in planned if one.key not in keys and any(_touch(one, other) for other in counted)]
    told = {trouble.key for trouble in troubles if trouble.rule != VOLUME}
    before, after = (_silenced(_sweep(policy, airings, turn)) for airings in (near, [*near, *counted]))
    return troubles + _newly_silenced(policy, before, after, counted, told)


@dataclass(frozen=True, slots=True)
class Sound:
    """When what sounds on one class of devices: by what is planned alone, and with all that is proposed."""

    parts: tuple[tuple[datetime, datetime, str], ...]

    def without(self, key: str) -> tuple[Span, ...]:
        """When something else than that airing sounds, sorted and apart."""
        return joined((begin, end) for begin, end, own in self.parts if own != key)


def sound(policy: EffectivePolicy, planned: Sequence[Airing], proposed: Sequence[Airing], *, turn: int = 0) -> Sound:
    """What would sound; a proposal that the rules silence does not."""
    sweeps = [_sweep(policy, airings, turn) for airings in (planned, [*planned, *proposed])]
    found = {(part.begin, part.end, part.occurrence.id) for sweep in sweeps for part in sweep.segments}
    return Sound(tuple(sorted(found)))


def fallen(
    before: EffectivePolicy, after: EffectivePolicy, planned: Sequence[Airing], *, turn: int = 0
) -> list[Trouble]:
    """What of the planned a change of policy would silence."""
    if not planned:
        return []
    was, then = (_silenced(_sweep(policy, planned, turn)) for policy in (before, after))
    return [_trouble(after, key, verdict, blamed=key) for key, verdict in then.items() if key not in was]


def _of_its_time(policy: EffectivePolicy, one: Airing) -> list[Trouble]:
    """Every rule that forbids the planned time, hours and dates of every part, not only the first."""
    found = []
    for part in sorted(policy.parts, key=lambda part: (part.scope, part.timezone)):
        for alone in (replace(part, blackouts=frozenset()), Part(part.scope, part.timezone, blackouts=part.blackouts)):
            violation = EffectivePolicy(frozenset({alone})).allows(one.start, one.end)
            if violation is not None:
                found.append(Trouble(one.key, violation.rule, part, violation.at, violation.detail))
    return found


def _of_its_volume(policy: EffectivePolicy, one: Airing) -> list[Trouble]:
    lowered = policy.volume_over(one.start, one.end, one.volume)
    if lowered >= one.volume:
        return []
    capping = [p for p in policy.parts if p.caps and p.cap(one.start, one.end) == lowered]
    part = min(capping, key=lambda p: p.scope, default=None)
    return [Trouble(one.key, VOLUME, part, one.start, f"{one.volume} → {lowered}", lowered=lowered)]


def _touch(planned: Airing, proposed: Airing) -> bool:
    return planned.start < proposed.end + AROUND and proposed.start < planned.end + AROUND


def _sweep(policy: EffectivePolicy, airings: Collection[Airing], turn: int) -> Timeline:
    """What a device with a good clock, in its turn, would do with all of these."""
    items = {one.item.occurrence: one.item for one in airings}
    begin = min((item.start for item in items.values()), default=_NEVER)
    return compute(Agenda(items), policy, {}, clock=_GOOD_CLOCK, now=begin, kind=DeviceKind.SPEAKER, turn=turn)


def _silenced(timeline: Timeline) -> dict[str, Verdict]:
    return {key.id: verdict for key, verdict in timeline.verdicts.items() if verdict.reason is Reason.POLICY}


def _newly_silenced(
    policy: EffectivePolicy,
    before: Mapping[str, Verdict],
    after: Mapping[str, Verdict],
    counted: Sequence[Airing],
    told: Collection[str],
) -> list[Trouble]:
    """What minutes, slots and shifted begins do to the proposals and to what is planned."""
    own = {one.key for one in counted}
    found = []
    for key, verdict in sorted(after.items()):
        if key in told or key in before:
            continue
        blamed = key if key in own else _blamed(counted, verdict.planned)
        found.append(_trouble(policy, key, verdict, blamed=blamed))
    return found


def _blamed(counted: Sequence[Airing], fell_at: datetime) -> str:
    """The proposal that used up what a planned one would have had: the last to begin before it."""
    earlier = [one for one in counted if one.start <= fell_at]
    return max(earlier or counted, key=lambda one: (one.start, one.key)).key


def _trouble(policy: EffectivePolicy, key: str, verdict: Verdict, *, blamed: str) -> Trouble:
    scope, _, detail = verdict.detail.partition(": ")
    part = min((p for p in policy.parts if p.scope == scope), key=lambda p: p.timezone, default=None)
    return Trouble(blamed, verdict.because, part, verdict.at, detail, fell="" if key == blamed else key)


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Sorted spans with those that touch or overlap made one."""
    found: list[Span] = []
    for begin, end in spans:
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif begin < end:
            found.append((begin, end))
    return tuple(found)
