"""Writes the audit: one entry for each transaction in which a request changed something, in that very transaction.

A request is known from `Requests` (a middleware) on; whatever transaction runs for it collects what it changes, and
appends its entry as the last thing before the commit, under the lock of the chain's head. No route can forget it. Work
by the clock says `as_loa` where it changes what belongs to people. What is no change of rows (a sign-in) says `record`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction

from controller.audit import appending
from controller.audit.appending import Draft
from controller.audit.asking import NOBODY, Asked, asked, who_of
from controller.audit.collecting import Gathered, Private, told
from controller.audit.owners import Owners
from controller.audit.rules import Who, withheld
from controller.audit.values import plain
from controller.people.acting import Actor
from controller.runtime.database import Transaction
from controller.runtime.ids import new_id
from loa_protocol import failpoints

__all__ = ["LOA", "NOBODY", "as_loa", "forget", "record"]

_KEY = "loa.audit"
LOA = Who(via="loa")
"""The controller by itself: what the clock or a source brings about."""


@dataclass(slots=True)
class _Recorder:
    """What one transaction is going to say. `work` is work without a request, which says nothing unless it wrote."""

    request: Asked | None
    work: Draft | None = None
    said: list[Draft] = field(default_factory=list)
    gathered: Gathered = field(default_factory=Gathered)
    held: list[Gathered] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)


def as_loa(
    session: AsyncSession,
    action: str,
    now: datetime,
    *,
    about: Mapping[str, str] | None = None,
    cause: str = "",
    by: Who = LOA,
) -> None:
    """What told rows this transaction changes is recorded as the controller's own doing, unless a request does it.

    `cause`: the request that brought it about, where one did; `by`: somebody else without a request, as a command run
    on the controller's machine.
    """
    if asked.get() is not None:
        return  # the request says it
    draft = Draft(id=new_id(now), at=now, who=by, action=action, request=cause, about=dict(about or {}))
    session.sync_session.info[_KEY] = _Recorder(None, work=draft)


def record(
    session: AsyncSession,
    action: str,
    *,
    by: Actor | Who | None,
    now: datetime,
    outcome: str = "done",
    about: Mapping[str, str] | None = None,
    units: Iterable[str] = (),
    facts: Mapping[str, Any] | None = None,
    private: Mapping[str, str] | None = None,
    subject: str | None = None,
    count: int = 1,
) -> None:
    """Say something in the audit in this transaction, also where no row tells it: signed in, locked out.

    In a request it takes the place of the entry the request would make, and tells its changes. `private` are texts that
    can be erased with the person `subject`; `facts` cannot: no names or addresses of people. `units` see the entry.
    """
    sync = session.sync_session
    recorder = _recorder(sync)
    if recorder is None:
        recorder = sync.info[_KEY] = _Recorder(asked.get())
    kept = {name: Private.of(value, subject) for name, value in (private or {}).items()}
    request = recorder.request.id if recorder.request is not None else ""
    recorder.said.append(
        Draft(
            id=new_id(now),
            at=now,
            who=by if isinstance(by, Who) else NOBODY if by is None else who_of(by),
            action=action,
            outcome=outcome,
            count=count,
            request=request,
            about=dict(about or {}),
            units=frozenset(units),
            facts={name: plain(value) for name, value in (facts or {}).items()}
            | {name: withheld(one.commitment) for name, one in kept.items()},
            private=[*kept.values()],
        )
    )


def forget(session: AsyncSession, subject: str) -> None:
    """Keep nothing erasable of a person in what this transaction says: they are being erased."""
    recorder = _recorder(session.sync_session)
    if recorder is not None:
        recorder.forgotten.add(subject)


def _recorder(session: Session) -> _Recorder | None:
    """Of a transaction that is recorded: every one of a request is."""
    found: _Recorder | None = session.info.get(_KEY)
    if found is None and (request := asked.get()) is not None:
        found = session.info[_KEY] = _Recorder(request)
    return found


@event.listens_for(Transaction, "after_flush")
def _flushed(session: Session, _context: object) -> None:
    recorder = _recorder(session)
    if recorder is not None:
        recorder.gathered.flushed(session)


@event.listens_for(Transaction, "do_orm_execute")
def _executing(state: ORMExecuteState) -> Any:
    if not (state.is_insert or state.is_update or state.is_delete):
        return None
    recorder = _recorder(state.session)
    return None if recorder is None else recorder.gathered.executed(state)


@event.listens_for(Transaction, "after_transaction_create")
def _began(session: Session, transaction: SessionTransaction) -> None:
    recorder = _recorder(session)
    if transaction.nested and recorder is not None:
        recorder.held.append(recorder.gathered.copied())


@event.listens_for(Transaction, "after_rollback")
def _undone(session: Session) -> None:
    """What was done since a savepoint is as if it had not been."""
    recorder = _recorder(session)
    if session.in_nested_transaction() and recorder is not None and recorder.held:
        recorder.gathered = recorder.held[-1].copied()


@event.listens_for(Transaction, "after_transaction_end")
def _ended(session: Session, transaction: SessionTransaction) -> None:
    recorder = session.info.get(_KEY)
    if transaction.nested and recorder is not None and recorder.held:
        recorder.held.pop()


@event.listens_for(Transaction, "before_commit")
def _committing(session: Session) -> None:
    """The entries, as the last thing; nothing may be written after them."""
    if session.in_nested_transaction():
        return
    session.flush()
    recorder = _recorder(session)
    if recorder is None:
        return
    drafts = _drafts(session, recorder)
    if drafts:
        appending.append(session, drafts)
        failpoints.reach("controller.audit.before_commit")
    session.info.pop(_KEY)


def _drafts(session: Session, recorder: _Recorder) -> list[Draft]:
    """What is to be said; the first of it tells the changes."""
    gathered, drafts = recorder.gathered, recorder.said
    if not drafts and recorder.work is not None:
        drafts = [recorder.work] if gathered.rows or gathered.more else []
    elif not drafts and gathered.wrote:
        drafts = [_of_request(recorder.request)]
    if drafts:
        owners = Owners(session)
        first = drafts[0]
        first.changes = [told(row, owners.of(row.table, row.seen), first.private) for row in gathered.rows.values()]
        first.more = dict(gathered.more)
        for draft in drafts:
            draft.private = [one for one in draft.private if one.subject not in recorder.forgotten]
    return drafts


def _of_request(request: Asked | None) -> Draft:
    if request is None:
        raise AssertionError("what is recorded is a request's, or work that was named")
    now = request.now
    return Draft(
        id=new_id(now), at=now, who=request.who, action=request.action, request=request.id, about=request.about
    )
