"""Puts entries at the end of the chain. What does not depend on their sequence is written before the lock is taken."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from controller.audit.collecting import Private
from controller.audit.rules import Changed, Entry, Who, canonical, linked
from controller.audit.tables import AuditEntry, AuditHead, AuditPrivate, AuditUnit
from loa_protocol.audit_head import Head
from loa_protocol.errors import LoaError


class AuditBroken(LoaError):
    """The audit's chain cannot go on."""

    code = "audit_broken"


@dataclass(slots=True)
class Draft:
    """An entry before it has its place in the chain."""

    id: str
    at: datetime
    who: Who
    action: str
    outcome: str = "done"
    count: int = 1
    request: str = ""
    about: dict[str, str] = field(default_factory=dict)
    units: frozenset[str] = frozenset()
    changes: list[Changed] = field(default_factory=list)
    more: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    private: list[Private] = field(default_factory=list)

    @property
    def concerned(self) -> tuple[str, ...]:
        """Every unit that sees it."""
        return tuple(sorted(self.units.union(*(change.units for change in self.changes))))

    def at_place(self, sequence: int) -> Entry:
        """As it is chained."""
        return Entry(
            sequence=sequence,
            id=self.id,
            at=self.at,
            who=self.who,
            action=self.action,
            outcome=self.outcome,
            count=self.count,
            request=self.request,
            about=self.about,
            units=self.concerned,
            changes=tuple(self.changes),
            more=self.more,
            facts=self.facts,
        )


def append(session: Session, drafts: list[Draft]) -> Head:
    """Append in this order; the head's row stays locked until the commit, so that nothing may be locked after it.

    Raises:
        AuditBroken: the row that says where the chain ends is gone.
    """
    _beside(session, drafts)
    connection = session.connection()
    locked = select(AuditHead.sequence, AuditHead.hash).where(AuditHead.id == 1).with_for_update()
    found = connection.execute(locked).first()
    if found is None:
        raise AuditBroken("the audit's head is missing: somebody changed the database; restore it from a backup")
    head = Head(found.sequence, found.hash)
    rows = []
    for draft in drafts:
        raw = canonical(draft.at_place(head.sequence + 1))
        previous, head = head.hash, Head(head.sequence + 1, linked(head.hash, raw))
        rows.append(_row(draft, raw, previous, head))
    connection.execute(insert(AuditEntry), rows)
    connection.execute(update(AuditHead).where(AuditHead.id == 1).values(sequence=head.sequence, hash=head.hash))
    return head


def _row(draft: Draft, raw: bytes, previous: str, head: Head) -> dict[str, Any]:
    return {
        "sequence": head.sequence,
        "id": draft.id,
        "at": draft.at,
        "person_id": draft.who.person,
        "action": draft.action,
        "raw": raw,
        "previous": previous,
        "hash": head.hash,
    }


def _beside(session: Session, drafts: list[Draft]) -> None:
    connection = session.connection()
    units = [{"entry_id": draft.id, "unit_id": unit} for draft in drafts for unit in draft.concerned]
    if units:
        connection.execute(insert(AuditUnit), units)
    private = [
        {
            "commitment": one.commitment,
            "entry_id": draft.id,
            "subject": one.subject,
            "salt": one.salt,
            "value": msgspec.json.encode(one.value, order="sorted"),
        }
        for draft in drafts
        for one in draft.private
    ]
    if private:
        connection.execute(insert(AuditPrivate), private)
