"""The workflow of a bulletin against a model that remembers everything: what is on the air was rightly approved."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from controller.bulletins import rules
from controller.bulletins.reminders import due, next_due
from controller.bulletins.rules import (
    LEAD,
    Approval,
    BulletinMovedOn,
    BulletinStateWrong,
    NotApprover,
    OwnBulletin,
    Standing,
    State,
    Step,
)
from tests.property.effort import examples

T0 = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
PEOPLE = ("lan", "hung", "mai", "tu")
APPROVERS = frozenset({"hung", "mai", "lan"})
people = st.sampled_from(PEOPLE)
ends = st.one_of(st.none(), st.integers(1, 30))


class Workflow(RuleBasedStateMachine):
    """Anybody tries anything; the model keeps who wrote which revision and which approvals were let through."""

    @initialize(author=people, until=ends)
    def write(self, author: str, until: int | None) -> None:
        self.now = T0
        self.standing: Standing = rules.FIRST
        self.writers = {1: author}
        self.until = {1: self._until(until)}
        self.signed: dict[int, Approval] = {}
        self.withdrawn = False
        self.self_approval = False

    def _until(self, minutes: int | None) -> datetime | None:
        return None if minutes is None else self.now + timedelta(minutes=minutes)

    @rule(who=people, guess=st.integers(-1, 0), until=ends)
    def edit(self, who: str, guess: int, until: int | None) -> None:
        before = self.standing
        if guess:
            with pytest.raises(BulletinMovedOn):
                rules.edited(before, before.head + guess)
            return
        after, step = rules.edited(before, before.head)
        assert after.approved == before.approved, "an edit changes what is on the air"
        assert after.head == before.head + 1
        assert after.state in {State.DRAFT, State.IN_REVIEW}
        assert (step is Step.REOPENED) == (before.state in {State.WITHDRAWN, State.EXPIRED})
        self.writers[after.head], self.until[after.head] = who, self._until(until)
        self.standing, self.withdrawn = after, False

    @rule()
    def submit(self) -> None:
        self._try(State.DRAFT, lambda: rules.submitted(self.standing))

    @rule(back=st.sampled_from([0, 0, 1]))
    def give_back(self, back: int) -> None:
        if back and self.standing.state is State.IN_REVIEW:
            with pytest.raises(BulletinMovedOn):
                rules.returned(self.standing, self.standing.head - back)
            return
        self._try(State.IN_REVIEW, lambda: rules.returned(self.standing))

    def _try(self, state: State, step: Callable[[], Standing]) -> None:
        before = self.standing
        if before.state is not state:
            with pytest.raises(BulletinStateWrong):
                step()
            return
        self.standing = step()
        assert self.standing.approved == before.approved

    @rule(who=people, principal=st.one_of(st.none(), people), back=st.sampled_from([0, 0, 0, 1]))
    def approve(self, who: str, principal: str | None, back: int) -> None:
        standing, head = self.standing, self.standing.head
        by = Approval(who, principal, may=who in APPROVERS)
        writers = frozenset(self.writers.values())
        own = who in writers or principal in writers
        refusals: list[type[Exception]] = []
        if back:
            refusals.append(BulletinMovedOn)
        elif standing.state is not State.IN_REVIEW:
            refusals.append(BulletinStateWrong)
        elif not by.may:
            refusals.append(NotApprover)
        elif own and not self.self_approval:
            refusals.append(OwnBulletin)
        call = lambda: rules.approved(  # noqa: E731 - called in both branches
            standing, head - back, by=by, writers=writers, self_approval=self.self_approval
        )
        if refusals:
            with pytest.raises(refusals[0]):
                call()
            return
        made = call()
        assert made.by_rule == own
        self.signed[head] = by
        self.standing = made.standing
        assert self.standing == Standing(State.APPROVED, head, head)

    @rule(who=people, principal=st.one_of(st.none(), people))
    def place(self, who: str, principal: str | None) -> None:
        before, by = self.standing, Approval(who, principal, may=who in APPROVERS)
        writers = frozenset(self.writers.values())
        own = who in writers or principal in writers
        by_rule = rules.may_decide(by, writers, self_approval=self.self_approval)
        assert (by_rule is not None) == (by.may and (self.self_approval or not own))
        assert by_rule in {None, own}
        if before.state in {State.WITHDRAWN, State.EXPIRED}:
            with pytest.raises(BulletinStateWrong):
                rules.placed(before, at_once=by_rule is not None)
            return
        self.standing = rules.placed(before, at_once=by_rule is not None)
        assert (self.standing.head, self.standing.approved) == (before.head, before.approved)
        reviewed = before.state is State.APPROVED and by_rule is None
        assert self.standing.state is (State.IN_REVIEW if reviewed else before.state)

    @rule()
    def withdraw(self) -> None:
        if self.standing.state in {State.WITHDRAWN, State.EXPIRED}:
            with pytest.raises(BulletinStateWrong):
                rules.withdrawn(self.standing)
            return
        self.standing, self.withdrawn = rules.withdrawn(self.standing), True

    @rule(minutes=st.integers(1, 20))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        approved = self.standing.approved
        after = rules.expired(
            self.standing,
            head_until=self.until[self.standing.head],
            approved_until=None if approved is None else self.until[approved],
            now=self.now,
        )
        self.standing = after or self.standing
        approved = self.standing.approved
        end = None if approved is None else self.until[approved]
        assert end is None or end > self.now, "what is over is on the air"

    @rule(on=st.booleans())
    def change_the_rule(self, on: bool) -> None:
        self.self_approval = on

    @invariant()
    def what_is_on_the_air_was_rightly_approved(self) -> None:
        approved = self.standing.approved
        if approved is None:
            return
        by = self.signed[approved]
        assert by.may
        assert by.person in APPROVERS

    @invariant()
    def nothing_withdrawn_or_expired_is_on_the_air(self) -> None:
        if self.withdrawn or self.standing.state in {State.WITHDRAWN, State.EXPIRED}:
            assert self.standing.approved is None

    @invariant()
    def an_approved_head_is_what_is_on_the_air(self) -> None:
        if self.standing.state is State.APPROVED:
            assert self.standing.approved == self.standing.head


TestWorkflow = Workflow.TestCase
TestWorkflow.settings = settings(examples(50), stateful_step_count=30)


@given(
    before=st.lists(st.integers(1, 1440), max_size=5),
    seconds=st.lists(st.integers(0, 60), min_size=1, max_size=200),
    ahead=st.integers(1, 120),
)
@examples(200)
def test_each_reminder_is_sent_at_most_once_and_the_last_one_in_time_always(
    before: list[int], seconds: list[int], ahead: int
) -> None:
    start, now = T0 + timedelta(minutes=ahead), T0
    sent: set[int] = set()
    told: list[int] = []
    for step in seconds:
        now += timedelta(seconds=step)
        found = due(start, before, sent, now)
        assert found.anything == (now >= next_due(start, before, sent)), "what is looked at when nothing is due"
        if found.too_late:
            assert now >= start - LEAD
            break
        sent.update(found.passed_min)
        told += [found.told_min] if found.told_min is not None else []

    passed = {minutes for minutes in before if now >= start - timedelta(minutes=minutes)}
    assert len(set(told)) == len(told)
    assert told == sorted(told, reverse=True)
    if not due(start, before, sent, now).too_late:
        assert sent == passed
        assert told[-1:] == ([min(passed)] if passed else [])


@given(state=st.sampled_from(State), head=st.integers(1, 9), on_air=st.booleans())
def test_a_source_approves_only_what_waits_and_takes_back_whatever_is_not(
    state: State, head: int, on_air: bool
) -> None:
    before = Standing(state, head, head if on_air else None)

    after = rules.taken_back_by_source(before)

    assert after == (None if state is State.WITHDRAWN else Standing(State.WITHDRAWN, head))
    if state is State.DRAFT:
        assert rules.approved_by_source(before) == Standing(State.APPROVED, head, head)
    else:
        with pytest.raises(BulletinStateWrong):
            rules.approved_by_source(before)
