"""Use cases of integration tokens: what another system acts by, for a year at most, as a person of its own.

A token gives what its person may do as an integration and nothing else, whatever other roles they hold. Roles given
after it was made are none of it: whoever made it looked after what there was then.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import opaque, store
from controller.accounts.opaque import Prefix
from controller.accounts.tables import IntegrationToken
from controller.people import service as people
from controller.people import store as people_store
from controller.people.approving import local_day
from controller.people.rules import Held, Role
from controller.runtime.ids import new_id
from loa_protocol.errors import LoaError

LONGEST = timedelta(days=365)
MOST = 20


class TokenRefused(LoaError):
    """A token cannot be made so."""

    code = "token_refused"


class TokenUnknown(LoaError):
    """The person has no such token."""

    code = "token_unknown"


async def make(
    session: AsyncSession, person_id: str, *, name: str, days: int, by: str | None, now: datetime
) -> tuple[IntegrationToken, str]:
    """A token and its secret, which is shown this once.

    Raises:
        PersonNotFound, PersonLeft: nobody works here as this.
        TokenRefused: they are no integration, it would live too long, or they have too many.
    """
    await people.hold_present(session, person_id)
    grants = await people_store.grants(session, person_id)
    on = local_day(now)
    held = (
        Held(one.person_id, one.unit_id, one.begins, one.ends) for one in grants if _counts(one.role, one.revoked_at)
    )
    if not any(one.holds(on) for one in held):
        raise TokenRefused("grant the role “integration” first: a token is of a system, not of somebody who signs in")
    if not 1 <= days <= LONGEST.days:
        raise TokenRefused(f"a token lives 1 to {LONGEST.days} days")
    standing = [
        one for one in await store.tokens(session, person_id) if one.revoked_at is None and one.expires_at > now
    ]
    if len(standing) >= MOST:
        raise TokenRefused(f"there are {MOST} tokens of this integration; revoke one first")
    secret = opaque.new(Prefix.INTEGRATION)
    row = IntegrationToken(
        id=new_id(now),
        person_id=person_id,
        name=name,
        secret_sha256=opaque.digest(secret),
        made_at=now,
        made_by=by,
        expires_at=now + timedelta(days=days),
    )
    session.add(row)
    await session.flush()
    return row, secret


async def listed(session: AsyncSession, person_id: str) -> Sequence[IntegrationToken]:
    """All tokens of a person, newest first.

    Raises:
        PersonNotFound: there is none.
    """
    await people.require(session, person_id)
    return await store.tokens(session, person_id)


async def revoke(
    session: AsyncSession, person_id: str, token_id: str, *, by: str | None, now: datetime
) -> IntegrationToken:
    """It is good for nothing from the next request on. Again changes nothing.

    Raises:
        TokenUnknown: the person has none with this id.
    """
    row = next((one for one in await store.tokens(session, person_id) if one.id == token_id), None)
    if row is None:
        raise TokenUnknown(f"person {person_id} has no token {token_id}; list their tokens to find the right id")
    if row.revoked_at is None:
        row.revoked_at, row.revoked_by = now, by
        await session.flush()
    return row


def _counts(role: str, revoked_at: datetime | None) -> bool:
    return role == Role.INTEGRATION and revoked_at is None
