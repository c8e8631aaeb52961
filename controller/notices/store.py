"""All queries about notices, their sendings, browsers' subscriptions and webhooks."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controller.notices.rules import SendingState
from controller.notices.tables import Notice, PushSubscription, Sending
from controller.people.tables import Person
from controller.runtime.upsert import insert


async def recipients(session: AsyncSession, people: Iterable[str]) -> list[Person]:
    """Those of them who have not left."""
    query = select(Person).where(Person.id.in_(sorted(set(people))), Person.retired_at.is_(None)).order_by(Person.id)
    return list(await session.scalars(query))


async def add(session: AsyncSession, notice: dict[str, object]) -> bool:
    """Keep a notice unless the person was told already."""
    made = insert(session, Notice).values(**notice).on_conflict_do_nothing(index_elements=[Notice.dedupe])
    return (await session.scalar(made.returning(Notice.id))) is not None


async def subscriptions(session: AsyncSession, people: Collection[str]) -> Sequence[PushSubscription]:
    """Browsers of these people, oldest first."""
    query = select(PushSubscription).where(PushSubscription.person_id.in_(people)).order_by(PushSubscription.id)
    return (await session.scalars(query)).all()


async def forget_subscriptions(session: AsyncSession, ids: Collection[str], why: str) -> None:
    """Drop browsers; what waits for them fails with this code."""
    mine = Sending.subscription_id.in_(ids)
    await session.execute(
        update(Sending)
        .where(mine, Sending.state == SendingState.WAITING)
        .values(state=SendingState.FAILED, error_code=why, lease_owner=None, lease_until=None)
    )
    await session.execute(update(Sending).where(mine).values(subscription_id=None))
    await session.execute(delete(PushSubscription).where(PushSubscription.id.in_(ids)))


async def give_up(session: AsyncSession, person_id: str, why: str) -> None:
    """What waits for a person fails with this code."""
    theirs = select(Notice.id).where(Notice.person_id == person_id)
    await session.execute(
        update(Sending)
        .where(Sending.notice_id.in_(theirs), Sending.state == SendingState.WAITING)
        .values(state=SendingState.FAILED, error_code=why, lease_owner=None, lease_until=None)
    )


async def forget(session: AsyncSession, person_id: str) -> None:
    """Drop every notice of a person."""
    theirs = select(Notice.id).where(Notice.person_id == person_id)
    await session.execute(delete(Sending).where(Sending.notice_id.in_(theirs)))
    await session.execute(delete(Notice).where(Notice.person_id == person_id))
