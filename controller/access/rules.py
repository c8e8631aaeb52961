"""What a role permits, and whether somebody may do something at a unit. Pure; deny by default.

A role holds at its unit and at every unit below. Beyond what a role permits, whoever sees a unit knows what stands
above it: rules, programmes and sounds of units above bind and serve it. Roles that release what is heard or that give
roles count only for who signed in with two factors.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from controller.people.rules import Held, Role


class Permission(StrEnum):
    """What may be done at a unit and below it."""

    KNOW = "know"
    """Read what binds or serves units below, too: units, policies, rules, programmes, library."""
    SEE = "see"
    """Read what happens: devices, broadcasts, receipts, bulletins."""
    WRITE = "write"
    """Bulletins, sounds, readings."""
    PLACE = "place"
    """Put on air and take off: places, broadcasts, programmes, slots."""
    APPROVE = "approve"
    """Let bulletins go on air."""
    STOP = "stop"
    """Silence what sounds."""
    TEND = "tend"
    """Devices: register, set up, group."""
    ADMINISTER = "administer"
    """Units, policies, rules, quotas, gateways."""
    PEOPLE = "people"
    """People and their roles."""
    AUDIT = "audit"
    """Read who did what."""


_LOOK = frozenset({Permission.KNOW, Permission.SEE})
GIVES: Mapping[Role, frozenset[Permission]] = {
    Role.OPERATOR: _LOOK | {Permission.WRITE, Permission.PLACE, Permission.STOP},
    Role.APPROVER: _LOOK | {Permission.APPROVE, Permission.STOP},
    Role.CONTRIBUTOR: _LOOK | {Permission.WRITE},
    Role.TECHNICIAN: _LOOK | {Permission.TEND},
    Role.ADMINISTRATOR: _LOOK
    | {Permission.STOP, Permission.TEND, Permission.ADMINISTER, Permission.PEOPLE, Permission.AUDIT},
    Role.MONITOR: _LOOK,
    Role.AUDITOR: _LOOK | {Permission.AUDIT},
    Role.INTEGRATION: _LOOK | {Permission.WRITE},
}
STRONG = frozenset({Role.APPROVER, Role.ADMINISTRATOR})
"""Roles that count only for who signed in with two factors."""


@dataclass(frozen=True, slots=True)
class RoleHeld:
    """One role of somebody at a unit, with its days."""

    role: Role
    held: Held


def roots(roles: Iterable[RoleHeld], permission: Permission, *, on: date, strong: bool) -> frozenset[str]:
    """The units at which somebody with these roles has the permission that day; it holds there and below."""
    return frozenset(
        one.held.unit_id
        for one in roles
        if permission in GIVES[one.role] and one.held.holds(on) and (strong or one.role not in STRONG)
    )


@dataclass(frozen=True, slots=True)
class Reach:
    """Where somebody has a permission: at `roots` and below; `above` are single units beyond; or everywhere.

    `whole`: every unit is one of `roots` or below one, so that no list needs to look at the tree.
    """

    roots: frozenset[str] = frozenset()
    above: frozenset[str] = frozenset()
    everywhere: bool = False
    whole: bool = False

    def has(self, chain: Collection[str], unit_id: str) -> bool:
        """Whether a unit is in it; `chain` is the unit and all above it. The one function that decides."""
        return self.everywhere or unit_id in self.above or not self.roots.isdisjoint(chain)


EVERYWHERE = Reach(everywhere=True)
