"""Who may do what where, against a model that walks the tree: grants, revocations, days, leaves, deputies, moves.

The one function that decides and the condition that lists are filtered by come from the same grants; they are asked
about every unit, after every step, and must say the same as the model, in a real database.
"""

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access import rules, store
from controller.access.may import May
from controller.access.rules import GIVES, STRONG, Permission, Reach, RoleHeld
from controller.devices.tables import Device
from controller.people import leaves
from controller.people import service as people
from controller.people.acting import Actor, Via
from controller.people.rules import Held, Role
from controller.people.tables import Grant, Leave, Person
from controller.runtime.database import Base, Database
from controller.units import service as units
from controller.units.tables import Unit
from tests.fakes.commune import T0
from tests.property.effort import examples

DAY = T0.date()
PEOPLE = ("lan", "hung")
COMPARED = (Permission.KNOW, Permission.WRITE, Permission.APPROVE, Permission.PEOPLE)
"""One of each kind: what reaches upwards, what a role alone permits, and what counts only with two factors."""
DAYS = st.integers(-2, 3).map(lambda days: DAY + timedelta(days=days))
HELD = st.builds(
    RoleHeld, st.sampled_from(Role), st.builds(Held, st.just("lan"), st.sampled_from("abc"), DAYS, st.none() | DAYS)
)


@given(st.lists(HELD, max_size=6), st.sampled_from(Permission), DAYS, st.booleans())
def test_a_role_that_is_not_held_that_day_gives_nothing(
    held: list[RoleHeld], permission: Permission, on: date, strong: bool
) -> None:
    found = rules.roots(held, permission, on=on, strong=strong)

    for one in held:
        counts = one.held.begins <= on and (one.held.ends is None or on <= one.held.ends)
        if counts and permission in GIVES[one.role] and (strong or one.role not in STRONG):
            assert one.held.unit_id in found
    assert found <= {one.held.unit_id for one in held}


@given(st.lists(HELD, max_size=6), st.sampled_from(Permission), DAYS)
def test_a_second_factor_takes_nothing_away(held: list[RoleHeld], permission: Permission, on: date) -> None:
    weak = rules.roots(held, permission, on=on, strong=False)

    assert weak <= rules.roots(held, permission, on=on, strong=True)


def test_who_holds_nothing_may_do_nothing() -> None:
    assert not Reach().has(("a", "b"), "a")
    assert all(not rules.roots((), one, on=DAY, strong=True) for one in Permission)


def test_only_who_writes_or_releases_changes_what_is_heard() -> None:
    placing = {role for role in Role if Permission.PLACE in GIVES[role]}
    approving = {role for role in Role if Permission.APPROVE in GIVES[role]}
    looking = {Permission.KNOW, Permission.SEE}

    assert placing == {Role.OPERATOR}
    assert approving == {Role.APPROVER}
    assert GIVES[Role.MONITOR] == looking
    assert GIVES[Role.CONTRIBUTOR] == looking | {Permission.WRITE}
    assert {Role.APPROVER, Role.ADMINISTRATOR} == STRONG


@dataclass
class Model:
    """What the machine remembers: the tree, who holds what, and who is away."""

    parents: dict[str, str | None] = field(default_factory=dict)
    grants: dict[str, tuple[str, Role, str, date, date | None]] = field(default_factory=dict)
    away: dict[str, tuple[str, date, date, str | None]] = field(default_factory=dict)

    def chain(self, unit: str) -> list[str]:
        found: list[str] = []
        at: str | None = unit
        while at is not None:
            found.append(at)
            at = self.parents[at]
        return found

    def roots(self, person: str, permission: Permission, strong: bool) -> set[str]:
        """Units where somebody has a permission by a role of their own, or as a deputy of an approver on leave."""
        found = set()
        for holder, role, unit, begins, ends in self.grants.values():
            mine = holder == person or (role is Role.APPROVER and self._stands_in(person, holder))
            counts = begins <= DAY and (ends is None or ends >= DAY) and (strong or role not in STRONG)
            if mine and counts and permission in GIVES[role]:
                found.add(unit)
        return found

    def _stands_in(self, person: str, holder: str) -> bool:
        return any(
            who == holder and deputy == person and first <= DAY <= last
            for who, first, last, deputy in self.away.values()
        )

    def may(self, person: str, permission: Permission, unit: str, strong: bool) -> bool:
        roots = self.roots(person, permission, strong)
        above = {one for root in roots for one in self.chain(root)} if permission is Permission.KNOW else set()
        return unit in above or not roots.isdisjoint(self.chain(unit))


class Access(RuleBasedStateMachine):
    """A small land that changes."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.db = Database("sqlite+aiosqlite://")
        self.model = Model()
        self.ids: dict[str, str] = {}
        self.turn = 0
        self.opened = self.db.transaction()
        self.session: AsyncSession = self.run(self.opened.__aenter__())
        self.run(self._furnish())

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    async def _furnish(self) -> None:
        connection = await self.session.connection()
        tables = [one.__table__ for one in (Unit, Person, Grant, Leave, Device)]
        await connection.run_sync(lambda sync: Base.metadata.create_all(sync, tables=tables))
        for unit, parent in (("u0", None), ("u1", "u0"), ("u2", "u1"), ("u3", "u0"), ("u4", "u3")):
            await units.create(self.session, unit_id=unit, name=unit, kind="commune", parent_id=parent)
            self.model.parents[unit] = parent
        for name in PEOPLE:
            self.ids[name] = (await people.create(self.session, name=name, unit_id="u0", now=T0)).id

    def teardown(self) -> None:
        self.run(self._close())
        self.runner.close()

    async def _close(self) -> None:
        await self.session.rollback()
        await self.session.close()
        await self.db.close()

    @rule(
        who=st.sampled_from(PEOPLE),
        role=st.sampled_from(Role),
        unit=st.sampled_from(["u0", "u1", "u2", "u3", "u4"]),
        begins=DAYS,
        days=st.none() | st.integers(0, 3),
    )
    def grant(self, who: str, role: Role, unit: str, begins: date, days: int | None) -> None:
        ends = None if days is None else begins + timedelta(days=days)
        told: dict[str, Any] = {"role": role, "unit_id": unit, "begins": begins, "ends": ends, "by": None, "now": T0}
        row = self.run(people.grant(self.session, self.ids[who], **told))
        self.model.grants[row.id] = (who, role, unit, begins, ends)

    @precondition(lambda self: self.model.grants)
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.grants)))
        who = self.model.grants.pop(key)[0]
        self.run(people.revoke(self.session, self.ids[who], key, by=None, now=T0))

    @rule(who=st.sampled_from(PEOPLE), first=DAYS, days=st.integers(0, 2), stands_in=st.booleans())
    def leave(self, who: str, first: date, days: int, stands_in: bool) -> None:
        last = first + timedelta(days=days)
        taken = [(one[1], one[2]) for one in self.model.away.values() if one[0] == who]
        if any(begin <= last and end >= first for begin, end in taken):
            return
        deputy = next(one for one in PEOPLE if one != who) if stands_in else None
        told: dict[str, Any] = {"first_day": first, "last_day": last, "by": None, "now": T0}
        row = self.run(leaves.take_leave(self.session, self.ids[who], deputy_id=deputy and self.ids[deputy], **told))
        self.model.away[row.id] = (who, first, last, deputy)

    @precondition(lambda self: self.model.away)
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.away)))
        who = self.model.away.pop(key)[0]
        self.run(leaves.cancel_leave(self.session, self.ids[who], key, now=T0))

    @rule(unit=st.sampled_from(["u1", "u2", "u3", "u4"]), parent=st.sampled_from(["u0", "u1", "u2", "u3", "u4"]))
    def move(self, unit: str, parent: str) -> None:
        if unit in self.model.chain(parent):
            return
        self.model.parents[unit] = parent
        self.run(self._moved(unit, parent))

    async def _moved(self, unit: str, parent: str) -> None:
        row = await units.require(self.session, unit)
        row.parent_id = parent
        await self.session.flush()

    @invariant()
    def the_function_and_the_filter_say_what_the_model_says(self) -> None:
        if self.ids:
            self.run(self._compared())

    async def _compared(self) -> None:
        """Another permission each time, of both people."""
        self.turn += 1
        permission = COMPARED[self.turn % len(COMPARED)]
        strong = bool(self.turn // len(COMPARED) % 2)
        for who in PEOPLE:
            roles = await store.roles_of(self.session, self.ids[who], DAY)
            may = May(self._look, Actor(self.ids[who], who, Via.SESSION, strong=strong), roles, DAY)
            wanted = {unit for unit in self.model.parents if self.model.may(who, permission, unit, strong)}
            decided = {unit for unit in self.model.parents if await may.holds(permission, [unit])}
            listed = set(await self.session.scalars(select(Unit.id).where(await may.where(permission, Unit.id))))
            assert decided == listed == wanted, (who, permission, strong)

    def _look(self) -> Any:
        return nullcontext(self.session)


TestAccess = Access.TestCase
TestAccess.settings = settings(examples(5), stateful_step_count=12)
