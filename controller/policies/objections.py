"""What is said to whoever saves something: which rule is against it, whose, on how many devices, and when it may be.

Pure. Equal troubles of several classes of devices are one objection.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from controller.policies import words
from controller.policies.rules import Airing, Trouble
from controller.policies.times import Nearest
from controller.policies.words import Sentence
from loa_protocol.policy import CEILING_SCOPE


class Effect(StrEnum):
    """What an objection means for what was to be saved, or for what is planned already (`silenced`)."""

    REFUSED = "refused"
    LEFT_OUT = "left_out"
    NOTED = "noted"
    SILENCED = "silenced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """One rule against one broadcast, on `devices` of the `of` loudspeakers that it reaches.

    `scope` and `whose` name whose rule it is, `at` is the first instant it forbids, `lowered` the volume that is left.
    `fell`: the planned broadcast that would be skipped in its stead; `before` and `after`: the nearest times allowed.
    """

    key: str
    title: str
    start: datetime
    rule: str
    effect: Effect
    scope: str
    whose: str
    at: datetime
    devices: int
    of: int
    vi: str
    en: str
    fell: str = ""
    fell_title: str = ""
    lowered: int | None = None
    before: datetime | None = None
    after: datetime | None = None


def offering(one: Objection, found: Nearest) -> Objection:
    """The same, with the times that would do."""
    told = words.times(found, words.DEFAULT_ZONE)
    return replace(one, before=found.before, after=found.after, vi=f"{one.vi}; {told.vi}", en=f"{one.en}; {told.en}")


class Gathering:
    """Troubles of all classes, equal ones counted together; `reached`: loudspeakers by proposal."""

    def __init__(self) -> None:
        self.reached: Counter[str] = Counter()
        self._devices: Counter[tuple[str, str, str, str, str]] = Counter()
        self._first: dict[tuple[str, str, str, str, str], Trouble] = {}

    def add(self, devices: int, reached: Iterable[Airing], troubles: Iterable[Trouble]) -> None:
        """What one class says."""
        self.reached.update({one.key: devices for one in reached})
        for one in troubles:
            scope = one.part.scope if one.part is not None else CEILING_SCOPE
            key = (one.key, one.rule, scope, one.detail, one.fell)
            self._devices[key] += devices
            self._first.setdefault(key, one)

    def objections(
        self, airings: Mapping[str, Airing], names: Mapping[str, str], effect: Callable[[Trouble, int], Effect]
    ) -> list[Objection]:
        """In the order of the broadcasts' starts."""
        found = [
            _objection(trouble, airings, names, effect(trouble, self._devices[key]), self._devices[key])
            for key, trouble in self._first.items()
        ]
        found = [replace(one, of=self.reached[one.key]) for one in found]
        return sorted(found, key=lambda one: (one.start, one.key, one.effect, one.rule, one.scope, one.fell))


def _objection(
    trouble: Trouble, airings: Mapping[str, Airing], names: Mapping[str, str], effect: Effect, devices: int
) -> Objection:
    one, fell = airings[trouble.key], airings.get(trouble.fell)
    scope = trouble.part.scope if trouble.part is not None else CEILING_SCOPE
    whose = names.get(scope, scope)
    rule = words.why(trouble, Sentence(*words.CEILINGS) if scope == CEILING_SCOPE else Sentence(whose, whose))
    told = words.objection(rule, one, fell, devices)
    return Objection(
        key=one.key,
        title=one.title,
        start=one.start,
        rule=trouble.rule,
        effect=effect,
        scope=scope,
        whose=words.CEILINGS[0] if scope == CEILING_SCOPE else whose,
        at=trouble.at,
        devices=devices,
        of=devices,
        vi=told.vi,
        en=told.en,
        fell=trouble.fell,
        fell_title=fell.title if fell is not None else "",
        lowered=trouble.lowered,
    )
