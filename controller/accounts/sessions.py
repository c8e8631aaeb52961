"""Sessions: begun, strengthened, proved anew, ended. A secret is given out once and kept as its digest only.

Every sign-in and every further proof gives a new secret, so that one that somebody planted or saw before is worth
nothing after. `begin` is for every way to sign in: passwords, passkeys, a provincial sign-on, links.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import opaque, store
from controller.accounts.opaque import Prefix
from controller.accounts.rules import Limits
from controller.accounts.tables import SignedIn
from controller.runtime.ids import new_id
from controller.runtime.settings import Settings
from loa_protocol.errors import LoaError

_AGENT_CHARACTERS = 200
_ADDRESS_CHARACTERS = 45
_OLDEST = timedelta(days=90)


class How(StrEnum):
    """By what somebody signed in, or proved anew who they are."""

    PASSWORD = "password"  # noqa: S105 - a word, no secret
    PASSWORD_AND_CODE = "password+code"  # noqa: S105
    PASSWORD_AND_RECOVERY = "password+recovery"  # noqa: S105
    PASSWORD_AND_PASSKEY = "password+passkey"  # noqa: S105
    PASSKEY = "passkey"
    OIDC = "oidc"
    LINK = "link"


class SessionUnknown(LoaError):
    """The person has no such session."""

    code = "session_unknown"


@dataclass(frozen=True, slots=True)
class Caller:
    """From where and with what somebody signs in, so that they recognise their sessions."""

    agent: str = ""
    address: str = ""


def limits_of(settings: Settings, *, guarded: bool, strong: bool) -> Limits:
    """How long a session lives; `guarded`: its person holds a role that needs two factors."""
    if guarded and strong:
        return Limits(
            timedelta(minutes=settings.strong_session_idle_min), timedelta(hours=settings.strong_session_hours)
        )
    return Limits(timedelta(hours=settings.session_idle_hours), timedelta(days=settings.session_days))


async def begin(
    session: AsyncSession,
    person_id: str,
    *,
    strong: bool,
    how: How,
    now: datetime,
    caller: Caller = Caller(),
    pending: bool = False,
) -> tuple[SignedIn, str]:
    """A new session, and its secret. `pending`: until a second factor it may do nothing but give it."""
    secret = opaque.new(Prefix.SESSION)
    row = SignedIn(
        id=new_id(now),
        person_id=person_id,
        secret_sha256=opaque.digest(secret),
        how=str(how),
        strong=strong,
        pending=pending,
        began_at=now,
        proved_at=now,
        seen_at=now,
        agent=caller.agent[:_AGENT_CHARACTERS],
        address=caller.address[:_ADDRESS_CHARACTERS],
    )
    await store.drop_aged(session, now - _OLDEST)
    session.add(row)
    await session.flush()
    return row, secret


async def renew(
    session: AsyncSession, row: SignedIn, *, now: datetime, strong: bool | None = None, how: How | None = None
) -> str:
    """A new secret for a session whose person has just proved who they are; the old secret is worth nothing more."""
    secret = opaque.new(Prefix.SESSION)
    row.secret_sha256 = opaque.digest(secret)
    row.proved_at = row.seen_at = now
    row.pending = False
    row.strong = row.strong if strong is None else strong
    row.how = row.how if how is None else str(how)
    await session.flush()
    return secret


async def listed(session: AsyncSession, person_id: str) -> Sequence[SignedIn]:
    """A person's sessions, the one seen last first; some may be over and not cleared away yet."""
    return await store.sessions(session, person_id)


async def end(session: AsyncSession, person_id: str, session_id: str) -> SignedIn:
    """End one session of a person.

    Raises:
        SessionUnknown: they have none with this id.
    """
    row = await store.session_of(session, person_id, session_id)
    if row is None:
        raise SessionUnknown(f"there is no session {session_id}; list the sessions to find the right id")
    await store.drop_session(session, row.id)
    return row


async def end_all(session: AsyncSession, person_id: str, *, but: str | None = None) -> int:
    """End all sessions of a person, but one; gives how many."""
    return await store.drop_sessions(session, person_id, but=but)
