"""What devices will play by what is planned, computed by the timeline of the devices themselves. Pure.

Rules: devices that hear the same scopes, speak the same languages, are under the same policy and have the same stagger
are of one class and are computed once; scopes of which nothing speaks do not part them, nor do languages where nothing
they hear has variants. A forecast takes it that the clock is good, the content is there and nothing changes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec.structs import replace

from loa_protocol.documents.device import ClockReport, ClockState, DeviceKind
from loa_protocol.documents.plan import Broadcast, Content, Plan
from loa_protocol.documents.policy import Policy
from loa_protocol.documents.trust import Ceilings
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.policy import GRACE, EffectivePolicy, merge
from loa_protocol.receipts import Occurrence
from loa_protocol.spoken import varies
from loa_protocol.timeline import (
    Agenda,
    BoardWindow,
    Item,
    Past,
    Segment,
    StopOrder,
    Stretch,
    Timeline,
    Verdict,
    agenda_of,
    compute,
)

GOOD_CLOCK = ClockReport(state=ClockState.TRUSTED, error_ms=0)
_LONG = timedelta(days=36_500)
HEARD = frozenset({Outcome.PLAYED, Outcome.PARTIAL})


@dataclass(frozen=True, slots=True)
class Listener:
    """What the timeline must know of a device; `scopes` are all it listens to, itself too."""

    device: str
    kind: DeviceKind
    scopes: frozenset[str]
    languages: tuple[str, ...] = ("vi",)
    stagger_ms: int = 0
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Alike:
    """What devices of one class have in common; no `languages` where they make no difference."""

    kind: DeviceKind
    scopes: frozenset[str]
    languages: tuple[str, ...]
    stagger_ms: int
    turn: int = 0


@dataclass(slots=True)
class Scene:
    """What is planned, and the rules of the air, by scope; stops by scope. Answers are kept by what they depend on.

    `manifest` describes the sounds of what has variants: by it devices of different languages have different lengths.
    """

    plans: Mapping[str, Plan]
    policies: Mapping[str, Policy] = field(default_factory=dict)
    ceilings: Ceilings = field(default_factory=Ceilings)
    stops: Mapping[str, Sequence[StopOrder]] = field(default_factory=dict)
    manifest: Mapping[str, Content] = field(default_factory=dict)
    _agendas: dict[tuple[frozenset[str], tuple[str, ...]], Agenda] = field(default_factory=dict)
    _policies: dict[frozenset[str], EffectivePolicy] = field(default_factory=dict)
    _broadcasts: dict[str, Broadcast] | None = None
    _varying: frozenset[str] | None = None

    def classes(self, listeners: Iterable[Listener], varying: frozenset[str] = frozenset()) -> dict[Alike, list[str]]:
        """The devices of each class, in the order in which they came; `varying`: what varies in a scene beside it."""
        speaking = self.plans.keys() | self.policies.keys() | self.stops.keys()
        varying |= self.varying
        found: dict[Alike, list[str]] = {}
        for one in listeners:
            languages = () if one.scopes.isdisjoint(varying) else one.languages
            alike = Alike(one.kind, one.scopes.intersection(speaking), languages, one.stagger_ms, one.turn)
            found.setdefault(alike, []).append(one.device)
        return found

    @property
    def varying(self) -> frozenset[str]:
        """Scopes to which something with variants goes."""
        if self._varying is None:
            self._varying = frozenset(
                scope for scope, plan in self.plans.items() if any(varies(one.segments) for one in plan.broadcasts)
            )
        return self._varying

    def agenda(self, alike: Alike) -> Agenda:
        """All that is asked of devices of a class."""
        key = alike.scopes.intersection(self.plans), alike.languages
        if key not in self._agendas:
            plans = [replace(self.plans[scope], manifest=self.manifest) for scope in sorted(key[0])]
            self._agendas[key] = agenda_of(plans, languages=alike.languages)
        return self._agendas[key]

    def policy(self, scopes: frozenset[str]) -> EffectivePolicy:
        """The rules of the air under these scopes.

        Raises:
            PolicyInvalid: a time zone is unknown here.
        """
        named = scopes.intersection(self.policies)
        if named not in self._policies:
            self._policies[named] = merge((self.policies[scope] for scope in sorted(named)), self.ceilings)
        return self._policies[named]

    def broadcast(self, occurrence: Occurrence) -> Broadcast | None:
        """What an occurrence is in the plans."""
        if self._broadcasts is None:
            self._broadcasts = {one.id: one for plan in self.plans.values() for one in plan.broadcasts}
        return self._broadcasts.get(occurrence.id)

    def foresee(
        self,
        alike: Alike,
        *,
        now: datetime,
        until: datetime,
        history: Mapping[Occurrence, Past] | None = None,
    ) -> Timeline:
        """What a device of the class plays from `now` on, of what is due before `until`.

        Without a history, what was due before `now` counts as heard: so are the minutes of the day.
        """
        agenda = self.agenda(alike)
        if history is None:
            history = supposed(agenda, alike, now)
        return compute(
            agenda,
            self.policy(alike.scopes),
            history,
            clock=GOOD_CLOCK,
            now=now,
            kind=alike.kind,
            stops=[stop for scope in sorted(alike.scopes) for stop in self.stops.get(scope, ())],
            stagger_ms=alike.stagger_ms,
            turn=alike.turn,
            horizon=until - now,
        )


def with_changes(
    scene: Scene,
    added: Mapping[str, Sequence[Broadcast]],
    removed: frozenset[str],
    *,
    now: datetime,
    manifest: Mapping[str, Content] | None = None,
) -> Scene:
    """The scene after a change: `added` by scope take the place of those with their ids, `removed` are gone.

    `manifest` describes the sounds of what is added.
    """
    replaced = removed | {one.id for held in added.values() for one in held}
    plans = {}
    for scope in scene.plans.keys() | added.keys():
        held = scene.plans.get(scope) or empty_plan(scope, now)
        kept = [one for one in held.broadcasts if one.id not in replaced]
        withdrawn = tuple(one for one in held.withdrawn if one.id not in replaced)
        plans[scope] = replace(held, broadcasts=(*kept, *added.get(scope, ())), withdrawn=withdrawn)
    return Scene(plans, scene.policies, scene.ceilings, scene.stops, {**scene.manifest, **(manifest or {})})


def empty_plan(scope: str, now: datetime) -> Plan:
    """A plan that reaches as far as anybody may ask."""
    return Plan(scope=scope, version=1, issued=now, expires=now + _LONG, horizon=now + _LONG)


def supposed(agenda: Agenda, alike: Alike, now: datetime) -> dict[Occurrence, Past]:
    """A history in which everything that was due before `now` sounded as planned; what should sound now, sounds."""
    lag = timedelta(milliseconds=alike.stagger_ms)
    history = {}
    for item in agenda.items.values():
        turns = timedelta(milliseconds=alike.turn * item.turn_ms if alike.kind is DeviceKind.SPEAKER else 0)
        begin = item.start + turns + (lag if item.stagger else timedelta())
        if begin >= now or item.occurrence in agenda.gone or not item.concerns(alike.kind):
            continue
        end = begin + item.duration
        if alike.kind is DeviceKind.BOARD:
            end = item.board.until if item.board is not None else begin
        if end <= now:
            history[item.occurrence] = Past((Stretch(begin, end),), Outcome.PLAYED, item=item, at=begin)
        else:
            history[item.occurrence] = Past((Stretch(begin),), item=item, at=begin)
    return history


@dataclass(frozen=True, slots=True)
class Loss:
    """What a change takes from an item: it was to sound from `begin` on, and now will not, or later (`then`).

    `verdict` is its new one; None if nothing asks for it any more.
    """

    item: Item
    begin: datetime
    then: datetime | None
    verdict: Verdict | None


def losses(before: Timeline, after: Timeline, changed: frozenset[Occurrence]) -> list[Loss]:
    """What plays later, less or not at all after a change of other items (`changed` are those that were changed)."""
    was, now = begins(before), begins(after)
    found = []
    for occurrence, (begin, item) in was.items():
        old, new = before.verdicts.get(occurrence), after.verdicts.get(occurrence)
        if occurrence in changed or old is None or old.outcome not in HEARD:
            continue
        then = now[occurrence][0] if occurrence in now else None
        if new is None or new.outcome is not old.outcome or then is None or then > begin:
            found.append(Loss(item, begin, then, new))
    return sorted(found, key=lambda loss: (loss.begin, loss.item.order))


def yielding(timeline: Timeline, items: Mapping[Occurrence, Item], own: Iterable[Occurrence]) -> list[Loss]:
    """Which of these items do not play whole and at their time because of others.

    What the rules of the air keep from sounding is told where they are asked.
    """
    now, found = begins(timeline), []
    for occurrence in own:
        verdict, item = timeline.verdicts.get(occurrence), items.get(occurrence)
        if verdict is None or item is None or verdict.reason is Reason.POLICY:
            continue
        begin = now[occurrence][0] if occurrence in now else None
        punctual = begin is not None and begin - verdict.planned <= GRACE
        if not (punctual and verdict.outcome is Outcome.PLAYED):
            found.append(Loss(item, verdict.planned, begin, verdict))
    return sorted(found, key=lambda loss: (loss.begin, loss.item.order))


def begins(timeline: Timeline) -> dict[Occurrence, tuple[datetime, Item]]:
    """When each occurrence first sounds or shows."""
    found: dict[Occurrence, tuple[datetime, Item]] = {}
    parts: list[Segment | BoardWindow] = [*timeline.segments, *timeline.windows]
    for part in parts:
        held = found.get(part.occurrence)
        if held is None or part.begin < held[0]:
            found[part.occurrence] = (part.begin, part.item)
    return found
