"""Where people are told: their browsers, and the webhooks of units. Only at hosts an operator has listed."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.notices import addresses, encryption, store
from controller.notices.service import LEFT
from controller.notices.tables import PushSubscription, Webhook
from controller.people.tables import Person
from controller.runtime.ids import new_id
from controller.units import service as units
from loa_protocol.errors import LoaError

MOST_BROWSERS = 10


class BrowsersFull(LoaError):
    """A person has as many browsers that are told as one may have."""

    code = "browsers_full"


class SubscriptionUnknown(LoaError):
    """The person has no such browser."""

    code = "subscription_unknown"


class WebhookUnknown(LoaError):
    """The unit has no webhook of its own."""

    code = "webhook_unknown"


async def subscribe(
    session: AsyncSession, person: Person, *, endpoint: str, p256dh: str, auth: str, hosts: Iterable[str], now: datetime
) -> PushSubscription:
    """A browser of this person wants to be told; it is known by its endpoint, and is whose it was last.

    Raises:
        NoticeAddressRefused, SubscriptionInvalid, BrowsersFull: it cannot be.
    """
    addresses.require_allowed(endpoint, map(addresses.listed, hosts), "LOA_PUSH_HOSTS")
    encryption.browser_keys(p256dh, auth)
    digest = hashlib.sha256(endpoint.encode()).hexdigest()
    row = await store.browser_at(session, digest)
    if row is not None and row.person_id != person.id:  # somebody else sits at it now
        await store.forget_subscriptions(session, [row.id], LEFT)
        await session.flush()
        row = None
    if row is None:
        if await store.browsers_of(session, person.id) >= MOST_BROWSERS:
            raise BrowsersFull(f"{MOST_BROWSERS} browsers of this person are told already; remove one of them first")
        row = PushSubscription(id=new_id(now), person_id=person.id, endpoint_sha256=digest, created_at=now)
        session.add(row)
    row.endpoint, row.p256dh, row.auth = endpoint, p256dh, auth
    await session.flush()
    return row


async def unsubscribe(session: AsyncSession, person_id: str, subscription_id: str) -> None:
    """The browser is told no more.

    Raises:
        SubscriptionUnknown: the person has none like this.
    """
    mine = {one.id for one in await store.subscriptions(session, [person_id])}
    if subscription_id not in mine:
        raise SubscriptionUnknown(
            f"person {person_id} has no browser {subscription_id}; list them to find the right id"
        )
    await store.forget_subscriptions(session, [subscription_id], "subscription_gone")


async def set_webhook(
    session: AsyncSession, unit_id: str, *, url: str, hosts: Iterable[str], by: str | None, now: datetime
) -> Webhook:
    """Notices of the unit's people go there from now on, signed with a new secret.

    Raises:
        UnitUnknown, NoticeAddressRefused: it cannot be.
    """
    await units.require(session, unit_id)
    addresses.require_allowed(url, map(addresses.listed, hosts), "LOA_WEBHOOK_HOSTS")
    return await store.set_webhook(session, unit_id, url, by, now)


async def require_webhook(session: AsyncSession, unit_id: str) -> Webhook:
    """The unit's own webhook.

    Raises:
        WebhookUnknown: it has none.
    """
    row = await store.webhook(session, unit_id)
    if row is None:
        raise WebhookUnknown(f"unit {unit_id} has no webhook of its own, maybe one above it has", unit=unit_id)
    return row


async def clear_webhook(session: AsyncSession, unit_id: str) -> None:
    """Nothing goes there any more.

    Raises:
        WebhookUnknown: it has none.
    """
    await session.delete(await require_webhook(session, unit_id))
    await session.flush()
