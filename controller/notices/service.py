"""Use cases of notices: tell people in the transaction of what they are told of, and forget them.

`tell` only writes the outbox; the dispatcher (role `jobs`) sends after the commit. Nothing that rolls back is told, and
what is committed is sent at least once on every channel a person has, as long as it is of use.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.notices import store
from controller.notices.rules import Channel, Message, SendingState, one_line
from controller.notices.tables import PushSubscription, Sending
from controller.people.tables import Person
from controller.runtime.ids import new_id

__all__ = ["Message", "forget", "forget_addresses", "tell"]

LEFT = "person_left"


async def tell(session: AsyncSession, to: Iterable[str], message: Message, now: datetime) -> int:
    """Tell each of these people once, on every channel they have; gives how many had not been told before.

    Who has left is not told. Who has no channel finds it in the list of notices only.
    """
    people = await store.recipients(session, to)
    browsers = await store.subscriptions(session, [one.id for one in people])
    told = 0
    for person in people:
        notice_id = new_id(now)
        if not await store.add(session, _notice(notice_id, person, message, now)):
            continue
        told += 1
        mine = [one for one in browsers if one.person_id == person.id]
        session.add_all(
            Sending(
                id=new_id(now),
                notice_id=notice_id,
                channel=channel,
                subscription_id=subscription,
                state=SendingState.WAITING,
                attempts=0,
                due_at=now,
            )
            for channel, subscription in _ways(person, mine)
        )
    await session.flush()
    return told


def _notice(notice_id: str, person: Person, message: Message, now: datetime) -> dict[str, object]:
    return {
        "id": notice_id,
        "person_id": person.id,
        "dedupe": message.dedupe(person.id),
        "kind": message.kind,
        "about": message.about,
        "subject": one_line(message.subject)[:300],
        "text": message.text,
        "path": message.path,
        "created_at": now,
        "useful_until": now + message.useful_for,
    }


def _ways(person: Person, browsers: Iterable[PushSubscription]) -> list[tuple[Channel, str | None]]:
    ways: list[tuple[Channel, str | None]] = [(Channel.MAIL, None)] if person.email else []
    if person.webhook:
        ways.append((Channel.WEBHOOK, None))
    return [*ways, *((Channel.PUSH, one.id) for one in browsers)]


async def forget_addresses(session: AsyncSession, person_id: str) -> None:
    """The person has left: their browsers go, and what waits for them is not sent."""
    await store.give_up(session, person_id, LEFT)
    browsers = await store.subscriptions(session, [person_id])
    await store.forget_subscriptions(session, [one.id for one in browsers], LEFT)


async def forget(session: AsyncSession, person_id: str) -> None:
    """Drop every notice of a person."""
    await store.forget(session, person_id)
