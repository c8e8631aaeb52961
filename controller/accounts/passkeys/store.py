"""All queries about passkeys and their challenges."""

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts.passkeys.rules import Asked, Purpose
from controller.accounts.passkeys.tables import Passkey, PasskeyChallenge

_AT_ONCE = 100


async def of_person(session: AsyncSession, person_id: str) -> list[Passkey]:
    """Their passkeys, oldest first."""
    query = select(Passkey).where(Passkey.person_id == person_id).order_by(Passkey.created_at, Passkey.id)
    return list(await session.scalars(query))


async def one(session: AsyncSession, person_id: str, passkey_id: str) -> Passkey | None:
    """One of a person's passkeys."""
    query = select(Passkey).where(Passkey.id == passkey_id, Passkey.person_id == person_id)
    return (await session.scalars(query)).one_or_none()


async def usable(session: AsyncSession, person_id: str) -> int:
    """How many passkeys they can sign in with."""
    query = select(func.count()).where(Passkey.person_id == person_id, Passkey.copied_at.is_(None))
    return await session.scalar(query) or 0


async def to_use(session: AsyncSession, credential_id: str) -> Passkey | None:
    """The passkey that browsers know by this id, held until the commit: its counter goes on once at a time."""
    query = select(Passkey).where(Passkey.credential_id == credential_id).with_for_update()
    return (await session.scalars(query.execution_options(populate_existing=True))).one_or_none()


async def ask(session: AsyncSession, digest: str, asked: Asked, *, now: datetime) -> None:
    """Keep what a browser is asked; old ones go."""
    old = select(PasskeyChallenge.digest).where(PasskeyChallenge.expires_at < now).limit(_AT_ONCE)
    gone = PasskeyChallenge.digest.in_(old.with_for_update(skip_locked=True))
    await session.execute(delete(PasskeyChallenge).where(gone))
    session.add(
        PasskeyChallenge(
            digest=digest,
            purpose=str(asked.purpose),
            person_id=asked.person_id,
            session_id=asked.session_id,
            expires_at=asked.expires_at,
        )
    )


async def take(session: AsyncSession, digest: str) -> Asked | None:
    """What was asked, which nobody can answer again."""
    query = delete(PasskeyChallenge).where(PasskeyChallenge.digest == digest).returning(PasskeyChallenge)
    row = (await session.scalars(query)).one_or_none()
    if row is None:
        return None
    return Asked(Purpose(row.purpose), row.person_id, row.session_id, row.expires_at)


async def forget(session: AsyncSession, person_id: str) -> None:
    """All passkeys of somebody who leaves, and what their browsers were asked."""
    await session.execute(delete(PasskeyChallenge).where(PasskeyChallenge.person_id == person_id))
    await session.execute(delete(Passkey).where(Passkey.person_id == person_id))
