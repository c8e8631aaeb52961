"""Use cases of passwords: judge one, set it, change it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import breached, password_rules, sessions, store
from controller.accounts.doors import Doors
from controller.accounts.tables import Password, SignedIn
from controller.people.tables import Person
from controller.units import store as units


async def about(session: AsyncSession, person: Person, *names: str) -> tuple[str, ...]:
    """What an account says of itself, which no password is made of; `names`: what it is going to be called."""
    account = await store.account(session, person.id)
    found = [await units.find(session, one) for one in await units.chain(session, person.unit_id)]
    told = [person.name, person.email or "", account.sign_in_name if account is not None else ""]
    return tuple(text for text in (*names, *told, *(unit.name for unit in found if unit is not None)) if text)


async def hashed(doors: Doors, password: str, told: tuple[str, ...]) -> str:
    """The hash of a new password; `told`: what the account says of itself.

    Raises:
        PasswordRefused: choose another.
        SignInBusy: too many wait.
    """
    text = await breached.require_unknown(password_rules.require(password, told))
    async with doors.desk.turn():
        return await doors.desk.make(text)


async def put(session: AsyncSession, person_id: str, made: str, now: datetime) -> None:
    """Set it."""
    row = await store.password(session, person_id)
    if row is None:
        session.add(Password(person_id=person_id, hash=made, changed_at=now))
    else:
        row.hash, row.changed_at = made, now
    await session.flush()


async def change(session: AsyncSession, row: SignedIn, made: str, now: datetime) -> str:
    """Another password for who is signed in; their other sessions end, this one gets a new secret, given back."""
    await put(session, row.person_id, made, now)
    await sessions.end_all(session, row.person_id, but=row.id)
    return await sessions.renew(session, row, now=now)
