"""A bulletin's row as the rules see it, and as whom a person decides on it today."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.bulletins import rules, store, unit_rules
from controller.bulletins.rules import Approval, Standing, State
from controller.bulletins.tables import Bulletin
from controller.people import approving


def standing(row: Bulletin) -> Standing:
    """A row as the rules see it."""
    return Standing(State(row.state), row.head, row.approved_revision)


def move_to(row: Bulletin, after: Standing) -> None:
    """Write down what the rules made of it."""
    row.state, row.head, row.approved_revision = str(after.state), after.head, after.approved


async def stand(session: AsyncSession, row: Bulletin, person: str, now: datetime) -> Approval:
    """As whom this person decides: in his own right, else for somebody who did not write it, else for anybody."""
    today = approving.local_day(now)
    found = await approving.approvers(session, row.unit_id, today)
    mine = [one.for_person for one in found if one.person.id == person]
    principals = [None if one is None else one.id for one in mine]
    if not principals:
        away = await approving.absent(session, person, row.unit_id, today)
        return Approval(person, may=False, why_not=away.vi if away else "")
    writers = await store.writers(session, row.id)
    best = min(principals, key=lambda one: (one in writers, one is not None, one or ""))
    return Approval(person, best)


async def placer(session: AsyncSession, row: Bulletin, person: str, now: datetime) -> tuple[Approval, bool | None]:
    """As whom a person asks for a place, and whether he may approve it too: None no, else by the unit's rule or not."""
    ruled = await unit_rules.effective(session, row.unit_id)
    standing = await stand(session, row, person, now)
    writers = await store.writers(session, row.id)
    return standing, rules.may_decide(standing, writers, self_approval=ruled.self_approval)
