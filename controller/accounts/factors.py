"""By what a person can prove who they are besides the password, and what they are asked for next."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import store
from controller.accounts.oidc import store as oidc_store
from controller.accounts.passkeys import store as passkey_store
from controller.accounts.tables import SignedIn
from controller.people.approving import local_day


class Way(StrEnum):
    """A second factor."""

    CODE = "code"
    RECOVERY_CODE = "recovery_code"
    PASSKEY = "passkey"


class Next(StrEnum):
    """What is asked of somebody whose sign-in has got so far."""

    NOTHING = "nothing"
    SECOND_FACTOR = "second_factor"
    ENROL = "enrol"
    """They hold a role that needs two factors and have one; until then the role does not count."""


async def ways(session: AsyncSession, person_id: str) -> tuple[Way, ...]:
    """The second factors a person has."""
    found = []
    if await store.has_totp(session, person_id):
        found.append(Way.CODE)
        if await store.recovery_codes_left(session, person_id):
            found.append(Way.RECOVERY_CODE)
    if await passkey_store.usable(session, person_id):
        found.append(Way.PASSKEY)
    return tuple(found)


async def forget(session: AsyncSession, person_id: str) -> None:
    """Drop all of them, and the link with the provincial sign-on, which may count as one."""
    await store.drop_totp(session, person_id)
    await passkey_store.forget(session, person_id)
    await oidc_store.forget(session, person_id)


async def next_of(session: AsyncSession, row: SignedIn, now: datetime) -> Next:
    """What is asked next in a session."""
    asked = not (row.pending or row.strong)
    return next_for(row, guarded=asked and await store.is_guarded(session, row.person_id, local_day(now)))


def next_for(row: SignedIn, *, guarded: bool) -> Next:
    """As `next_of`, where it is known whether a role of theirs needs two factors."""
    if row.pending:
        return Next.SECOND_FACTOR
    return Next.ENROL if guarded and not row.strong else Next.NOTHING
