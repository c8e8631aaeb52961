"""All queries about notices, their sendings, browsers' subscriptions and webhooks."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controller.notices.rules import SendingState
from controller.notices.tables import Notice, PushSubscription, Sending, Webhook
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


async def newest(
    session: AsyncSession,
    *where: ColumnElement[bool],
    person_id: str | None,
    about: str | None,
    state: SendingState | None,
    limit: int,
) -> Sequence[Notice]:
    """The latest first; `state`: those that have a sending in it."""
    query = select(Notice).where(*where).order_by(Notice.created_at.desc(), Notice.id.desc()).limit(limit)
    if person_id is not None:
        query = query.where(Notice.person_id == person_id)
    if about is not None:
        query = query.where(Notice.about == about)
    if state is not None:
        query = query.where(Notice.id.in_(select(Sending.notice_id).where(Sending.state == str(state))))
    return (await session.scalars(query)).all()


async def sendings(session: AsyncSession, notices: Collection[str]) -> dict[str, list[Sending]]:
    """What became of these notices, by notice."""
    found: dict[str, list[Sending]] = {}
    query = select(Sending).where(Sending.notice_id.in_(notices)).order_by(Sending.id)
    for row in await session.scalars(query):
        found.setdefault(row.notice_id, []).append(row)
    return found


async def browser_at(session: AsyncSession, endpoint_sha256: str) -> PushSubscription | None:
    """The browser at an endpoint, held for a change."""
    query = select(PushSubscription).where(PushSubscription.endpoint_sha256 == endpoint_sha256).with_for_update()
    return (await session.scalars(query)).one_or_none()


async def browsers_of(session: AsyncSession, person_id: str) -> int:
    """How many browsers of a person are told."""
    query = select(func.count()).select_from(PushSubscription).where(PushSubscription.person_id == person_id)
    return await session.scalar(query) or 0


async def webhook(session: AsyncSession, unit_id: str) -> Webhook | None:
    """The unit's own."""
    return await session.get(Webhook, unit_id)


async def set_webhook(session: AsyncSession, unit_id: str, url: str, by: str | None, now: datetime) -> Webhook:
    """Make or replace the unit's own."""
    row = await session.merge(Webhook(unit_id=unit_id, url=url, made_at=now, made_by=by))
    await session.flush()
    return row


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
