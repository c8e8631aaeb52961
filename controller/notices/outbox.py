"""Queries of the outbox: what is due, who sends it, what became of it.

What changes a sending under way names its lease: a process that lost it changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controller.notices.port import Address, Browser, Gateway, Letter, Mailbox
from controller.notices.rules import KEPT, LEASE, Channel, SendingState
from controller.notices.tables import Notice, PushSubscription, Sending, Webhook
from controller.people.tables import Person
from controller.units import store as units

_FORGET_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt at a sending by one owner; `letter` is None where the person has no address there any more."""

    id: str
    attempt: int
    owner: str
    person_id: str
    useful_until: datetime
    letter: Letter | None


async def any_due(session: AsyncSession, channel: Channel, now: datetime) -> bool:
    """Whether `claim` would find one; takes no lock."""
    return (await session.scalar(select(Sending.id).where(*_due(channel, now)).limit(1))) is not None


async def claim(session: AsyncSession, channel: Channel, *, owner: str, now: datetime, most: int) -> list[Claim]:
    """Take what is due: what was tried least comes first, so that one dead gateway holds up no other for long."""
    query = (
        select(Sending, Notice, Person)
        .join(Notice, Notice.id == Sending.notice_id)
        .join(Person, Person.id == Notice.person_id)
        .where(*_due(channel, now))
        .order_by(Sending.attempts, Sending.due_at, Sending.id)
        .limit(most)
        .with_for_update(of=Sending, skip_locked=True)
    )
    taken: list[Claim] = []
    for sending, notice, person in await session.execute(query):
        sending.attempts += 1
        sending.lease_owner, sending.lease_until = owner, now + LEASE
        to = await _address(session, sending, person)
        letter = None if to is None else _letter(sending, notice, person, to)
        taken.append(Claim(sending.id, sending.attempts, owner, person.id, notice.useful_until, letter))
    return taken


async def _address(session: AsyncSession, sending: Sending, person: Person) -> Address | None:
    """Where it goes as of now: an address that was corrected is the one to use."""
    match Channel(sending.channel):
        case Channel.MAIL:
            return Mailbox(person.email) if person.email else None
        case Channel.WEBHOOK:
            hook = await nearest_webhook(session, person.unit_id) if person.webhook else None
            return None if hook is None else Gateway(hook.unit_id, hook.url, hook.made_at)
        case Channel.PUSH:
            browser = await session.get(PushSubscription, sending.subscription_id or "")
            return None if browser is None else Browser(browser.id, browser.endpoint, browser.p256dh, browser.auth)


def _letter(sending: Sending, notice: Notice, person: Person, to: Address) -> Letter:
    return Letter(
        id=sending.id,
        to=to,
        person_id=person.id,
        name=person.name,
        language=person.language,
        unit_id=person.unit_id,
        kind=notice.kind,
        about=notice.about,
        subject=notice.subject,
        text=notice.text,
        path=notice.path,
        at=notice.created_at,
        useful_until=notice.useful_until,
    )


async def nearest_webhook(session: AsyncSession, unit_id: str) -> Webhook | None:
    """That of the unit, or of the nearest one above it that has any."""
    chain = await units.chain(session, unit_id)
    rows = {row.unit_id: row for row in await session.scalars(select(Webhook).where(Webhook.unit_id.in_(chain)))}
    return next((rows[unit] for unit in chain if unit in rows), None)


async def sent(session: AsyncSession, claim: Claim, now: datetime) -> bool:
    """It has left; False if it is no longer this attempt's."""
    return await _end(session, claim, state=SendingState.SENT, sent_at=now, error_code=None, error_message=None)


async def failed(session: AsyncSession, claim: Claim, code: str, message: str) -> bool:
    """It is not tried again; False if it is no longer this attempt's."""
    return await _end(session, claim, state=SendingState.FAILED, error_code=code, error_message=message[:1000])


async def again(session: AsyncSession, claim: Claim, at: datetime, code: str, message: str) -> bool:
    """It is tried again at an instant; False if it is no longer this attempt's."""
    return await _end(session, claim, due_at=at, error_code=code, error_message=message[:1000])


async def release(session: AsyncSession, claim: Claim) -> bool:
    """Give it back: this process ends, and whether it has left is not known."""
    return await _end(session, claim)


async def _end(session: AsyncSession, claim: Claim, **values: object) -> bool:
    mine = (
        Sending.id == claim.id,
        Sending.state == SendingState.WAITING,
        Sending.lease_owner == claim.owner,
        Sending.attempts == claim.attempt,
    )
    ended = update(Sending).where(*mine).values(lease_owner=None, lease_until=None, **values)
    return (await session.scalar(ended.returning(Sending.id))) is not None


async def forget_old(session: AsyncSession, now: datetime) -> int:
    """Drop notices nobody needs any more; gives how many."""
    query = select(Notice.id).where(Notice.created_at < now - KEPT).order_by(Notice.created_at).limit(_FORGET_AT_ONCE)
    old = list(await session.scalars(query.with_for_update(skip_locked=True)))
    await session.execute(delete(Sending).where(Sending.notice_id.in_(old)))
    await session.execute(delete(Notice).where(Notice.id.in_(old)))
    return len(old)


def _due(channel: Channel, now: datetime) -> tuple[ColumnElement[bool], ...]:
    free = or_(Sending.lease_until.is_(None), Sending.lease_until <= now)
    return Sending.state == SendingState.WAITING, Sending.channel == str(channel), Sending.due_at <= now, free
