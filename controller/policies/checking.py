"""Whether the rules of the air allow what somebody wants to save, and what a changed rule silences of what is planned.

Everything is computed once for each class of loudspeakers that are under the same policies and hear the same. Hours,
dates of a single broadcast, minutes and slots refuse; a volume cap is a note; a blacked-out occurrence of a programme
is left out. Whoever asks holds the locks of the plans he changes (`delivery.store.want`), so that the answer stands.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from controller.policies import rules, store, times
from controller.policies.document import Rules, as_policy
from controller.policies.objections import Effect, Gathering, Objection, offering
from controller.policies.rules import AROUND, BLACKOUT, VOLUME, Airing, Span, Trouble
from controller.policies.times import REACH, Air, Nearest
from loa_protocol.documents.policy import Policy
from loa_protocol.documents.trust import Ceilings
from loa_protocol.errors import LoaError
from loa_protocol.policy import EffectivePolicy, merge

AHEAD = timedelta(days=14)
"""How far ahead plans reach: single broadcasts begin within it, and what a changed policy silences is told."""
MOST_SEARCHED = 600
"""In one save a nearest time is looked for so often at most, each class that a proposal reaches counted."""
MOST_TOLD = 5
"""So many objections are told in the message itself; all of them are in its details."""


class PolicyViolated(LoaError):
    """What should be saved would not sound: the rules of the air forbid it. `details` has every objection."""

    code = "policy_violated"


@dataclass(frozen=True, slots=True)
class _Class:
    """Loudspeakers that are alike: their policy, and what they hear of the planned and the proposed."""

    policy: EffectivePolicy
    turn: int
    devices: int
    planned: tuple[Airing, ...]
    proposed: tuple[Airing, ...]


@dataclass(slots=True)
class _Scene:
    """What was looked up for one question."""

    policies: Mapping[str, Policy]
    ceilings: Ceilings
    crowds: Sequence[store.Crowd]
    planned: Sequence[Airing]
    _merged: dict[frozenset[str], EffectivePolicy] = field(default_factory=dict)

    def classes(self, proposed: Sequence[Airing] = ()) -> list[_Class]:
        """The classes, with equal ones made one."""
        found: dict[tuple[EffectivePolicy, int, tuple[str, ...], tuple[str, ...]], _Class] = {}
        planned, wanted = _by_scope(self.planned), _by_scope(proposed)
        for crowd in self.crowds:
            policy = self.policy(crowd.scopes)
            own, theirs = _heard(planned, crowd.scopes), _heard(wanted, crowd.scopes)
            key = policy, crowd.turn, tuple(one.key for one in own), tuple(one.key for one in theirs)
            devices = crowd.devices + (found[key].devices if key in found else 0)
            found[key] = _Class(policy, crowd.turn, devices, own, theirs)
        return list(found.values())

    def policy(self, scopes: frozenset[str]) -> EffectivePolicy:
        """What binds whoever hears these scopes."""
        named = scopes.intersection(self.policies)
        if named not in self._merged:
            self._merged[named] = merge((self.policies[scope] for scope in sorted(named)), self.ceilings)
        return self._merged[named]


def _by_scope(airings: Iterable[Airing]) -> dict[str, list[Airing]]:
    found: dict[str, list[Airing]] = {}
    for one in airings:
        for scope in one.scopes:
            found.setdefault(scope, []).append(one)
    return found


def _heard(by_scope: Mapping[str, Sequence[Airing]], scopes: frozenset[str]) -> tuple[Airing, ...]:
    found = {one.key: one for scope in scopes & by_scope.keys() for one in by_scope[scope]}
    return tuple(sorted(found.values(), key=lambda one: (one.start, one.key)))


async def _look(
    session: AsyncSession,
    scopes: Collection[str],
    span: Span,
    *,
    policies: Mapping[str, Policy],
    ceilings: Ceilings,
    ignoring: Collection[str] = (),
) -> _Scene:
    """Everything that matters for the loudspeakers that hear the scopes."""
    planned = [one for one in await store.planned(session, scopes, *span) if one.key not in ignoring]
    matter = frozenset(policies).union(scopes, *(one.scopes for one in planned))
    heard_by = await store.audience(session, scopes)
    return _Scene(policies, ceilings, await store.crowds(session, scopes, heard_by, matter), planned)


async def check(
    session: AsyncSession, proposals: Sequence[Airing], *, now: datetime, without: Collection[str] = ()
) -> list[Objection]:
    """What the rules of the air have against the proposals, counted together with everything planned.

    `without`: ids of planned broadcasts that will be gone; one with a proposal's own key is always replaced by it.
    """
    sounding = [one for one in proposals if one.sounds]
    if not sounding:
        return []
    ceilings = await store.ceilings(session)
    if ceilings == Ceilings() and not await store.any_policy(session):
        return []
    scopes = frozenset[str]().union(*(one.scopes for one in sounding))
    policies = await store.binding(session, scopes)
    span = min(one.start for one in sounding) - REACH - AROUND, max(one.end for one in sounding) + REACH + AROUND
    ignoring = {one.key for one in sounding}.union(without)
    scene = await _look(session, scopes, span, policies=policies, ceilings=ceilings, ignoring=ignoring)
    names = await store.names(session, policies)
    return _objections(scene.classes(sounding), sounding, _titles(scene.planned, sounding), names, now)


def require_allowed(objections: Sequence[Objection]) -> None:
    """Let only what nothing refuses pass.

    Raises:
        PolicyViolated: with every objection, in Vietnamese and English.
    """
    refused = [one for one in objections if one.effect is Effect.REFUSED]
    if refused:
        more = len(refused) - MOST_TOLD
        vi, en = [one.vi for one in refused[:MOST_TOLD]], [one.en for one in refused[:MOST_TOLD]]
        if more > 0:
            vi.append(f"và {more} điều nữa")
            en.append(f"and {more} more")
        raise PolicyViolated(". ".join(en) + ".", vi=". ".join(vi) + ".", objections=objections)


async def silenced(
    session: AsyncSession, scope: str, before: Rules | None, after: Rules | None, *, now: datetime
) -> list[Objection]:
    """What is planned and would sound no more if the rules of a scope became others; devices enforce them at once."""
    policies = {one: policy for one, policy in (await store.binding(session, [scope])).items() if one != scope}
    ceilings = await store.ceilings(session)
    was, then = ({**policies, **({scope: as_policy(scope, one)} if one else {})} for one in (before, after))
    scene = await _look(session, [scope], (now - AROUND, now + AHEAD), policies={**was, **then}, ceilings=ceilings)
    old, new = (_Scene(one, ceilings, scene.crowds, scene.planned) for one in (was, then))
    planned, counted = _by_scope(scene.planned), Gathering()
    for crowd in scene.crowds:
        airings = _heard(planned, crowd.scopes)
        troubles = rules.fallen(old.policy(crowd.scopes), new.policy(crowd.scopes), airings, turn=crowd.turn)
        counted.add(crowd.devices, airings, troubles)
    names = await store.names(session, {*policies, scope})
    found = counted.objections(_titles(scene.planned), names, lambda _one, _devices: Effect.SILENCED)
    return [one for one in found if one.start >= now]


def _objections(
    classes: Sequence[_Class],
    proposed: Sequence[Airing],
    titles: Mapping[str, Airing],
    names: Mapping[str, str],
    now: datetime,
) -> list[Objection]:
    counted = Gathering()
    for one in classes:
        counted.add(one.devices, one.proposed, rules.judge(one.policy, one.planned, one.proposed, turn=one.turn))
    own = {one.key: one for one in proposed}

    def effect(trouble: Trouble, devices: int) -> Effect:
        if trouble.rule == VOLUME:
            return Effect.NOTED
        if trouble.rule == BLACKOUT and own[trouble.key].recurring:
            return Effect.LEFT_OUT if devices == counted.reached[trouble.key] else Effect.NOTED
        return Effect.REFUSED

    found = counted.objections(titles, names, effect)
    refused = list(dict.fromkeys(one.key for one in found if one.effect is Effect.REFUSED))
    if not refused:
        return found
    search = _Search(classes, now)
    nearest = {key: search.nearest(own[key]) for key in refused[: search.most]}
    return [
        offering(one, nearest[one.key]) if one.effect is Effect.REFUSED and one.key in nearest else one for one in found
    ]


class _Search:
    """Where else things would suit every class that they reach; what sounds there is found once for all of them."""

    def __init__(self, classes: Sequence[_Class], now: datetime) -> None:
        self._classes = [
            (one, rules.sound(one.policy, one.planned, one.proposed, turn=one.turn))
            for one in classes
            if one.policy.parts
        ]
        self._now = now

    @property
    def most(self) -> int:
        """For how many of them to look."""
        return max(1, MOST_SEARCHED // max(1, len(self._classes)))

    def nearest(self, one: Airing) -> Nearest:
        """The nearest times."""
        lag = timedelta(milliseconds=one.turn_ms)
        airs = {
            Air(alike.policy, sound.without(one.key), alike.turn * lag)
            for alike, sound in self._classes
            if one in alike.proposed
        }
        latest = None if one.recurring else self._now + AHEAD
        return times.nearest(tuple(airs), one.start, one.end - one.start, not_before=self._now, not_after=latest)


def _titles(*many: Sequence[Airing]) -> dict[str, Airing]:
    return {one.key: one for airings in many for one in airings}
