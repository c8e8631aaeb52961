"""All queries about accounts, sessions, links and tokens. Passkeys and provincial sign-ons have stores of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts.rules import Failed
from controller.accounts.tables import (
    Account,
    Failures,
    IntegrationToken,
    Invitation,
    Password,
    RecoveryCode,
    SignedIn,
    Totp,
)
from controller.people.rules import Role
from controller.people.tables import Grant, Leave, Person
from controller.runtime import upsert

GUARDED = (str(Role.APPROVER), str(Role.ADMINISTRATOR))
"""Roles that count only for who signed in with two factors."""


@dataclass(frozen=True, slots=True)
class Found:
    """A session with its person; `guarded`: they hold one of `GUARDED`, or stand in for who does."""

    row: SignedIn
    person: Person
    guarded: bool


def holds_guarded(person_id: Any, on: date) -> ColumnElement[bool]:
    """The condition that somebody holds one of `GUARDED` that day, or is the deputy of an approver on leave."""
    in_force = and_(Grant.revoked_at.is_(None), Grant.begins <= on, or_(Grant.ends.is_(None), Grant.ends >= on))
    own = exists().where(Grant.person_id == person_id, Grant.role.in_(GUARDED), in_force)
    absent = (Leave.deputy_id == person_id, Leave.cancelled_at.is_(None), Leave.first_day <= on, Leave.last_day >= on)
    stands_in = exists().where(*absent, Grant.person_id == Leave.person_id, Grant.role == str(Role.APPROVER), in_force)
    return or_(own, stands_in)


async def is_guarded(session: AsyncSession, person_id: str, on: date) -> bool:
    """Whether somebody needs two factors that day."""
    return bool(await session.scalar(select(holds_guarded(person_id, on))))


async def signed_in(session: AsyncSession, secret_sha256: str, on: date) -> Found | None:
    """The session of a secret."""
    query = select(SignedIn, Person, holds_guarded(SignedIn.person_id, on)).join(
        Person, Person.id == SignedIn.person_id
    )
    row = (await session.execute(query.where(SignedIn.secret_sha256 == secret_sha256))).one_or_none()
    return None if row is None else Found(row[0], row[1], bool(row[2]))


async def with_person(
    session: AsyncSession, secret_sha256: str, *, held: bool = False
) -> tuple[SignedIn, Person] | None:
    """The session of a secret and whose it is; `held` for a change of it."""
    query = select(SignedIn, Person).join(Person, Person.id == SignedIn.person_id)
    query = query.where(SignedIn.secret_sha256 == secret_sha256, Person.retired_at.is_(None))
    if held:
        query = query.with_for_update(of=SignedIn).execution_options(populate_existing=True)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else (row[0], row[1])


async def sessions(session: AsyncSession, person_id: str) -> Sequence[SignedIn]:
    """A person's sessions, the one seen last first."""
    query = select(SignedIn).where(SignedIn.person_id == person_id)
    return (await session.scalars(query.order_by(SignedIn.seen_at.desc(), SignedIn.id))).all()


async def session_of(session: AsyncSession, person_id: str, session_id: str) -> SignedIn | None:
    """One of a person's sessions."""
    query = select(SignedIn).where(SignedIn.id == session_id, SignedIn.person_id == person_id)
    return (await session.scalars(query)).one_or_none()


async def touch(session: AsyncSession, session_id: str, now: datetime) -> None:
    """It is seen now. By the connection, beside what the audit looks at: reading changes nothing."""
    connection = await session.connection()
    await connection.execute(update(SignedIn.__table__).where(SignedIn.id == session_id).values(seen_at=now))  # type: ignore[arg-type]


async def drop_session(session: AsyncSession, session_id: str) -> None:
    """It is over."""
    await session.execute(delete(SignedIn).where(SignedIn.id == session_id))


async def drop_sessions(session: AsyncSession, person_id: str, *, but: str | None = None) -> int:
    """All of a person's are over, but one; gives how many were."""
    query = delete(SignedIn).where(SignedIn.person_id == person_id)
    if but is not None:
        query = query.where(SignedIn.id != but)
    return int((await session.execute(query)).rowcount)  # type: ignore[attr-defined]


async def drop_aged(session: AsyncSession, began_before: datetime) -> None:
    """Those that no limit lets live."""
    await session.execute(delete(SignedIn).where(SignedIn.began_at < began_before))


async def account(session: AsyncSession, person_id: str) -> Account | None:
    """By what somebody signs in."""
    return await session.get(Account, person_id)


async def account_named(session: AsyncSession, sign_in_name: str) -> Account | None:
    """Who signs in by a name, folded."""
    return (await session.scalars(select(Account).where(Account.sign_in_name == sign_in_name))).one_or_none()


async def password(session: AsyncSession, person_id: str) -> Password | None:
    """Somebody's password."""
    return await session.get(Password, person_id, populate_existing=True)


async def totp(session: AsyncSession, person_id: str, *, confirmed: bool) -> Totp | None:
    """Somebody's authenticator, held for a change of it."""
    query = select(Totp).where(Totp.person_id == person_id, Totp.confirmed.is_(confirmed)).with_for_update()
    return (await session.scalars(query.execution_options(populate_existing=True))).one_or_none()


async def has_totp(session: AsyncSession, person_id: str) -> bool:
    """Whether an authenticator is a factor of theirs."""
    query = select(Totp.person_id).where(Totp.person_id == person_id, Totp.confirmed.is_(True))
    return await session.scalar(query) is not None


async def drop_totp(session: AsyncSession, person_id: str) -> None:
    """Their authenticator and the codes that stand in for it."""
    for table in (Totp, RecoveryCode):
        await session.execute(delete(table).where(table.person_id == person_id))


async def drop_recovery_codes(session: AsyncSession, person_id: str) -> None:
    """They hold no more."""
    await session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))


async def spend_recovery_code(session: AsyncSession, person_id: str, code_sha256: str, now: datetime) -> bool:
    """Use a code up; False where it is none of theirs, or was used."""
    unused = update(RecoveryCode).where(
        RecoveryCode.person_id == person_id, RecoveryCode.code_sha256 == code_sha256, RecoveryCode.used_at.is_(None)
    )
    return bool((await session.execute(unused.values(used_at=now))).rowcount)  # type: ignore[attr-defined]


async def recovery_codes_left(session: AsyncSession, person_id: str) -> int:
    """How many of their codes are unused."""
    query = select(RecoveryCode.id).where(RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))
    return len((await session.scalars(query)).all())


async def invitation(session: AsyncSession, secret_sha256: str, *, held: bool = False) -> Invitation | None:
    """The one-time link of a secret; `held` for its use."""
    query = select(Invitation).where(Invitation.secret_sha256 == secret_sha256)
    if held:
        query = query.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(query)).one_or_none()


async def drop_invitations(session: AsyncSession, person_id: str | None) -> None:
    """Links of a person lead nowhere any more; None: those that make the first administrator."""
    whose = Invitation.person_id.is_(None) if person_id is None else Invitation.person_id == person_id
    await session.execute(delete(Invitation).where(whose))


async def anybody(session: AsyncSession) -> bool:
    """Whether anybody can sign in."""
    return await session.scalar(select(Account.person_id).limit(1)) is not None


async def token(session: AsyncSession, secret_sha256: str) -> tuple[IntegrationToken, Person] | None:
    """The token of a secret, and as whom it acts."""
    query = select(IntegrationToken, Person).join(Person, Person.id == IntegrationToken.person_id)
    row = (await session.execute(query.where(IntegrationToken.secret_sha256 == secret_sha256))).one_or_none()
    return None if row is None else (row[0], row[1])


async def tokens(session: AsyncSession, person_id: str) -> Sequence[IntegrationToken]:
    """All tokens of a person, newest first, revoked and expired ones too."""
    query = select(IntegrationToken).where(IntegrationToken.person_id == person_id)
    return (await session.scalars(query.order_by(IntegrationToken.made_at.desc(), IntegrationToken.id.desc()))).all()


async def touch_token(session: AsyncSession, token_id: str, now: datetime) -> None:
    """It is used now; as `touch`."""
    connection = await session.connection()
    used = update(IntegrationToken.__table__).where(IntegrationToken.id == token_id).values(used_at=now)  # type: ignore[arg-type]
    await connection.execute(used)


async def failed(session: AsyncSession, key: str) -> Failed | None:
    """Wrong proofs in a row."""
    row = await session.get(Failures, key, populate_existing=True)
    return None if row is None else Failed(row.count, row.last_at)


async def failed_to_change(session: AsyncSession, key: str) -> Failed | None:
    """As `failed`, held for a change."""
    query = select(Failures).where(Failures.key == key).with_for_update()
    row = (await session.scalars(query.execution_options(populate_existing=True))).one_or_none()
    return None if row is None else Failed(row.count, row.last_at)


async def keep_failed(session: AsyncSession, key: str, failed: Failed) -> None:
    """Note them."""
    values = {"count": failed.count, "last_at": failed.last_at}
    made = upsert.insert(session, Failures).values(key=key, **values)
    await session.execute(made.on_conflict_do_update(index_elements=[Failures.key], set_=values))


async def forget_failed(session: AsyncSession, *keys: str) -> None:
    """They count no more."""
    await session.execute(delete(Failures).where(Failures.key.in_(keys)))


async def forget_old_failures(session: AsyncSession, before: datetime, but: tuple[str, ...]) -> None:
    """Those of long ago, except under keys that begin so."""
    kept = [~Failures.key.startswith(prefix) for prefix in but]
    await session.execute(delete(Failures).where(Failures.last_at < before, *kept))


async def drop_all(session: AsyncSession, person_id: str) -> None:
    """Nothing by which somebody could sign in, nor as whom a token acts."""
    await drop_sessions(session, person_id)
    await drop_totp(session, person_id)
    for table in (Password, Account, Invitation, IntegrationToken):
        await session.execute(delete(table).where(table.person_id == person_id))
