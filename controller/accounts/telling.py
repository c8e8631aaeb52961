"""What accounts say in the audit where no row tells it: who signed in or out, who failed, who was locked out.

No names and no addresses in the facts; the address of a sign-in stands where it can be erased with its person.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts.sessions import Caller
from controller.accounts.tables import SignedIn
from controller.audit.recording import record
from controller.audit.rules import Who
from controller.people.acting import Via
from controller.people.tables import Person


class Event(StrEnum):
    """What happened."""

    SET_UP = "set-up"
    SIGN_IN = "sign-in"
    SECOND_FACTOR = "sign-in: second factor"
    PROOF = "sign-in: proof"
    SIGN_OUT = "sign-out"
    LOCKED = "sign-in: locked"
    INVITATION_USED = "invitation used"
    LINKED = "linked with the provincial sign-on"


def tell(
    session: AsyncSession,
    event: Event,
    person: Person,
    now: datetime,
    *,
    row: SignedIn | None = None,
    outcome: str = "done",
    caller: Caller | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Say it in this transaction; `row` is the session it was done in or that it began."""
    via = "nobody" if row is None else str(Via.SESSION)
    told: dict[str, Any] = {**(facts or {})}
    if row is not None:
        told |= {"how": row.how, "strong": row.strong}
    record(
        session,
        str(event),
        by=Who(via=via, person=person.id if row is not None else "", credential=row.id if row is not None else ""),
        now=now,
        outcome=outcome,
        about={"person_id": person.id},
        units=(person.unit_id,),
        facts=told,
        private={"address": caller.address} if caller is not None and caller.address else None,
        subject=person.id,
    )
