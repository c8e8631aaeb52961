"""Who may approve for a unit on a day. Pure.

The unit's own approvers decide; where nobody was ever put there, those of the nearest unit above that has any. Who is
on leave does not approve: their deputy does, for them. One hop only: a deputy who is away, or has left, has no deputy
of their own here, and a unit whose approvers are all away without a deputy has nobody, which is said and not mended
by the unit above.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Role(StrEnum):
    """What a person may do at a unit and below it."""

    OPERATOR = "operator"
    APPROVER = "approver"
    CONTRIBUTOR = "contributor"
    TECHNICIAN = "technician"
    ADMINISTRATOR = "administrator"
    MONITOR = "monitor"
    AUDITOR = "auditor"
    INTEGRATION = "integration"


@dataclass(frozen=True, slots=True)
class Held:
    """A role that is not revoked, at a unit; both days included."""

    person_id: str
    unit_id: str
    begins: date
    ends: date | None = None

    def holds(self, on: date) -> bool:
        """Whether it is in force that day."""
        return self.begins <= on and (self.ends is None or on <= self.ends)


@dataclass(frozen=True, slots=True)
class Away:
    """A leave that is not cancelled; both days included."""

    person_id: str
    first_day: date
    last_day: date
    deputy_id: str | None = None

    def holds(self, on: date) -> bool:
        """Whether it is that day."""
        return self.first_day <= on <= self.last_day


@dataclass(frozen=True, slots=True, order=True)
class Stand:
    """Who approves: by right of their own, or `for_id`."""

    person_id: str
    for_id: str | None = None


def approvers(
    chain: Sequence[str], held: Iterable[Held], away: Iterable[Away], *, here: Collection[str], on: date
) -> tuple[Stand, ...]:
    """Everybody who may approve at `chain[0]` that day, those by their own right first.

    `chain` is the unit and all above it, narrowest first; `held` are approvers' roles; `here` are the people who have
    not left. A person may stand for several, and appears once for each of them.
    """
    in_force = [one for one in held if one.holds(on) and one.person_id in here]
    level = next((unit for unit in chain if any(one.unit_id == unit for one in in_force)), None)
    holders = {one.person_id for one in in_force if one.unit_id == level}
    leaves = {one.person_id: one for one in away if one.holds(on)}
    own = sorted(holders - leaves.keys())
    deputies = [
        Stand(deputy, absent)
        for absent in sorted(holders & leaves.keys())
        if (deputy := leaves[absent].deputy_id) is not None and deputy in here and deputy not in leaves
    ]
    return (*(Stand(one) for one in own), *sorted(deputies, key=lambda one: (one.person_id, one.for_id or "")))


def independent(stands: Iterable[Stand], writers: Collection[str]) -> tuple[Stand, ...]:
    """Those who decide on what these people wrote: none of them, nor somebody who stands in for one of them."""
    return tuple(one for one in stands if one.person_id not in writers and one.for_id not in writers)


def stand_of(stands: Iterable[Stand], person_id: str) -> Stand | None:
    """As whom this person approves, by their own right if they have it."""
    found = [one for one in stands if one.person_id == person_id]
    return min(found, key=lambda one: (one.for_id is not None, one.for_id or ""), default=None)
