"""Use cases of the provincial sign-on: sign in, prove anew who one is, link oneself.

A browser is sent to the provider with secrets that it keeps in a cookie, and brings back a code. What was begun is
taken away before anything is asked of the provider: nothing is brought back twice. A sign-in makes nobody, and skips no
second factor: who has one here and did not give one there is asked for it here.
"""

import hashlib
import logging
import secrets
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import authenticators, factors, sessions, signing_in, store
from controller.accounts.authenticators import StrongerNeeded
from controller.accounts.doors import Doors
from controller.accounts.oidc import links as oidc_links
from controller.accounts.oidc import rules as oidc_rules
from controller.accounts.oidc import store as oidc_store
from controller.accounts.oidc.provider import OidcProvider
from controller.accounts.oidc.rules import (
    ANEW,
    LIFE,
    Back,
    OidcNotLinked,
    OidcNotSetUp,
    OidcRefused,
    Purpose,
    Told,
    flow,
    proved_at,
)
from controller.accounts.oidc.tables import OidcFlow
from controller.accounts.sessions import Caller, How
from controller.accounts.signing_in import Begun
from controller.accounts.tables import SignedIn
from controller.accounts.telling import Event, tell
from controller.people import service as people
from controller.people.tables import Person
from loa_protocol.errors import LoaError

log = logging.getLogger(__name__)

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Sent:
    """Where a browser goes, and what it keeps meanwhile."""

    address: str
    secret: bytes


@dataclass(frozen=True, slots=True)
class Trip:
    """To one provider, and back to one address of ours."""

    provider: OidcProvider
    redirect_uri: str
    caller: Caller


def require_provider(doors: Doors) -> OidcProvider:
    """The provider of the settings.

    Raises:
        OidcNotSetUp: there is none.
    """
    if doors.controller.oidc is None:
        raise OidcNotSetUp(
            "there is no provincial sign-on here; sign in with a password or a passkey",
            vi="ở đây không có đăng nhập một lần; hãy đăng nhập bằng mật khẩu hoặc khóa truy cập",
        )
    return doors.controller.oidc


async def send(doors: Doors, trip: Trip, purpose: Purpose, row: SignedIn | None = None) -> Sent:
    """Begin a sign-on; `row` is the session in which somebody proves who they are or links themselves.

    Raises:
        SignInTooOften, OidcProviderAway, OidcProviderWrong: not now.
        StrongerNeeded: a session that began without the second factor links nobody.
    """
    await doors.addresses.require(trip.caller.address, doors.now)
    if row is not None and purpose is Purpose.LINK:
        async with doors.db.reading() as reading:
            await authenticators.require_strong(reading, row)
    said = await trip.provider.describe()
    secret = secrets.token_bytes(SECRET_BYTES)
    made = flow(secret)
    begun = OidcFlow(
        state_sha256=_digest(made.state),
        purpose=str(purpose),
        person_id=None if row is None else row.person_id,
        session_id=None if row is None else row.id,
        expires_at=doors.now + LIFE,
    )
    async with doors.db.transaction() as session:
        await oidc_store.begin(session, begun, now=doors.now)
    address = trip.provider.address(said, made, trip.redirect_uri, anew=purpose is not Purpose.SIGN_IN)
    return Sent(address, secret)


async def come_back(doors: Doors, trip: Trip, secret: bytes, back: Back) -> Begun:
    """A browser brings back what the provider gave it: the session it gets, or the one it had with a new secret.

    Raises:
        SignInTooOften, OidcProviderAway, OidcProviderWrong: not now.
        OidcRefused, OidcNotLinked, OidcLinkTaken, StrongerNeeded, AccountLocked: not so.
    """
    await doors.addresses.require(trip.caller.address, doors.now)
    try:
        asked, told = await _told(doors, trip, secret, back)
    except OidcRefused as error:
        log.info("a sign-on was refused: %s", error.reason)  # the audit sees that it was
        raise

    async def work(session: AsyncSession) -> Begun | LoaError:
        match Purpose(asked.purpose):
            case Purpose.SIGN_IN:
                return await _signed_in(doors, session, trip, told)
            case Purpose.PROVE:
                return await _proved(doors, session, trip, asked, told)
            case Purpose.LINK:
                return await _linked(doors, session, trip, asked, told)

    outcome = await doors.db.attempt(work)
    if isinstance(outcome, LoaError):
        raise outcome
    return outcome


async def _told(doors: Doors, trip: Trip, secret: bytes, back: Back) -> tuple[OidcFlow, Told]:
    made = flow(secret)
    asked = await doors.db.attempt(lambda session: oidc_store.take(session, _digest(back.state)))
    code = oidc_rules.require_code(made, back)
    if asked is None or asked.expires_at <= doors.now:
        raise OidcRefused("the sign-on was brought back before, or took too long")
    said = await trip.provider.describe()
    oidc_rules.require_same_provider(said, back.issuer)
    return asked, await trip.provider.who(said, code, made, trip.redirect_uri)


async def _signed_in(doors: Doors, session: AsyncSession, trip: Trip, told: Told) -> Begun | LoaError:
    link = await oidc_store.linked(session, trip.provider.issuer, told.subject)
    person = None if link is None else await people.require(session, link.person_id)
    if link is None or person is None or person.retired_at is not None:
        return _nobody()
    link.used_at = doors.now
    if not told.strong:
        begun = await signing_in.begin(doors, session, person, How.OIDC, trip.caller)
    else:
        row, secret = await sessions.begin(
            session, person.id, strong=True, how=How.OIDC, now=doors.now, caller=trip.caller
        )
        tell(session, Event.SIGN_IN, person, doors.now, row=row, caller=trip.caller)
        begun = Begun(row, secret, person, await factors.next_of(session, row, doors.now))
    begun.row.proved_at = proved_at(told, doors.now)
    return begun


async def _proved(doors: Doors, session: AsyncSession, trip: Trip, asked: OidcFlow, told: Told) -> Begun | LoaError:
    row, person = await _session_of(session, asked)
    link = await oidc_store.linked(session, trip.provider.issuer, told.subject)
    if link is None or link.person_id != person.id:
        tell(session, Event.PROOF, person, doors.now, row=row, outcome=OidcRefused.code, caller=trip.caller)
        return OidcRefused("somebody else signed on than who is signed in")
    if proved_at(told, doors.now) < doors.now - ANEW:
        return OidcRefused("the provider did not ask anew who it is")
    if (row.strong or row.pending) and not told.strong:
        return StrongerNeeded(
            "the sign-on was without a second factor; give the one you have here",
            vi="đăng nhập một lần lần này chưa đủ hai lớp; hãy dùng khóa truy cập hoặc mã xác thực",
        )
    secret = await sessions.renew(session, row, now=doors.now, strong=told.strong, how=How.OIDC)
    tell(session, Event.PROOF, person, doors.now, row=row, caller=trip.caller)
    return Begun(row, secret, person, await factors.next_of(session, row, doors.now))


async def _linked(doors: Doors, session: AsyncSession, trip: Trip, asked: OidcFlow, told: Told) -> Begun | LoaError:
    row, person = await _session_of(session, asked)
    await authenticators.require_strong(session, row)
    tell(session, Event.LINKED, person, doors.now, row=row, caller=trip.caller)
    await oidc_links.link(session, person, trip.provider.issuer, told.subject, by=person.id, doors=doors)
    await sessions.end_all(session, person.id, but=row.id)
    secret = await sessions.renew(session, row, now=doors.now)
    return Begun(row, secret, person, await factors.next_of(session, row, doors.now))


async def _session_of(session: AsyncSession, asked: OidcFlow) -> tuple[SignedIn, Person]:
    """The session in which a sign-on was begun.

    Raises:
        OidcRefused: it is over.
    """
    row = await store.session_of(session, asked.person_id or "", asked.session_id or "")
    found = None if row is None else await store.with_person(session, row.secret_sha256, held=True)
    if found is None:
        raise OidcRefused("the session in which it was begun is over")
    return found


def _nobody() -> OidcNotLinked:
    return OidcNotLinked(
        "nobody here is linked with who signed on there; sign in another way and link it, or ask an administrator",
        vi="tài khoản đăng nhập một lần này chưa gắn với ai ở đây; hãy đăng nhập cách khác rồi gắn, hoặc nhờ quản trị",
    )


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
