"""One-time links: an administrator gives somebody an account, or a new start; the demonstration signs people in.

A link is good once and for a while; the database has only its digest. A link is taken back by making another. Whoever
uses one sets a password, and where it says so starts without a second factor. An invitation leads nowhere once whoever
made it does not look after its person any more: they may have been given more since.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import factors, forgetting, naming, opaque, passwords, sessions, signing_in, store
from controller.accounts.doors import Doors
from controller.accounts.factors import Next
from controller.accounts.opaque import Prefix
from controller.accounts.sessions import Caller, How
from controller.accounts.signing_in import Begun
from controller.accounts.tables import Account, Invitation
from controller.accounts.telling import Event, tell
from controller.people import service as people_service
from controller.people import store as people
from controller.people.over import is_over
from controller.people.tables import Person
from controller.runtime.ids import new_id
from loa_protocol.errors import LoaError


class Kind(StrEnum):
    """What a link leads to, and its page."""

    SET_UP = "set-up"
    INVITATION = "invitation"
    SIGN_IN = "sign-in-link"


LIFE = {Kind.SET_UP: timedelta(hours=24), Kind.INVITATION: timedelta(days=3), Kind.SIGN_IN: timedelta(minutes=15)}


class LinkOver(LoaError):
    """A one-time link was used, has expired, was replaced by another, or never was."""

    code = "link_over"


@dataclass(frozen=True, slots=True)
class Invited:
    """A link's secret, until when it is good, and the name its person signs in by."""

    secret: str
    expires_at: datetime
    sign_in_name: str


async def invite(
    session: AsyncSession,
    person_id: str,
    *,
    sign_in_name: str | None,
    forgets_factors: bool,
    by: str | None,
    now: datetime,
) -> Invited:
    """A link by which a person sets their password; the account is made where there is none.

    `sign_in_name`: a new one; None: the one they have, else their mail address.

    Raises:
        PersonNotFound, PersonLeft, SignInNameRefused, SignInNameTaken: it cannot be.
    """
    person = await people_service.hold_present(session, person_id)
    account = await store.account(session, person_id)
    wanted = sign_in_name or (account.sign_in_name if account is not None else person.email or "")
    name = naming.require(wanted)
    await _require_free(session, name, person_id)
    if account is None:
        session.add(Account(person_id=person_id, sign_in_name=name, made_at=now, made_by=by))
    else:
        account.sign_in_name = name
    secret, expires_at = await make(
        session, Kind.INVITATION, person_id, forgets_factors=forgets_factors, by=by, now=now
    )
    return Invited(secret, expires_at, name)


async def make(
    session: AsyncSession,
    kind: Kind,
    person_id: str | None,
    *,
    by: str | None,
    now: datetime,
    forgets_factors: bool = False,
) -> tuple[str, datetime]:
    """A link's secret, and until when it is good; earlier ones of the same person lead nowhere any more."""
    await store.drop_invitations(session, person_id)
    secret = opaque.new(Prefix.LINK)
    row = Invitation(
        id=new_id(now),
        secret_sha256=opaque.digest(secret),
        kind=str(kind),
        person_id=person_id,
        forgets_factors=forgets_factors,
        made_at=now,
        made_by=by,
        expires_at=now + LIFE[kind],
    )
    session.add(row)
    await session.flush()
    return secret, row.expires_at


def page(base: str, kind: Kind, secret: str) -> str:
    """The page of a one-time link; the secret is behind “#”, which browsers send to no server and no log."""
    return f"{base.rstrip('/')}/{kind}#{secret}"


async def require(session: AsyncSession, kind: Kind, secret: str, now: datetime, *, held: bool = False) -> Invitation:
    """The link of a secret; `held` for its use.

    Raises:
        LinkOver: it leads nowhere.
    """
    row = await store.invitation(session, opaque.digest(secret), held=held)
    if row is None or row.kind != kind or row.expires_at <= now:
        raise _over()
    return row


async def accept(doors: Doors, secret: str, password: str, caller: Caller) -> Begun:
    """Use an invitation: set the password and sign in, as by the password alone.

    Raises:
        SignInTooOften, LinkOver, PasswordRefused, SignInBusy: not so, or not now.
    """
    await doors.addresses.require(caller.address, doors.now)

    async with doors.db.reading() as reading:
        seen = await require(reading, Kind.INVITATION, secret, doors.now)
        told = await passwords.about(reading, await people_service.require(reading, seen.person_id or ""))
    made = await passwords.hashed(doors, password, told)

    async def work(session: AsyncSession) -> Begun:
        row, person = await _invited(session, Kind.INVITATION, secret, doors.now)
        if row.made_by is not None and not await is_over(session, row.made_by, person.id, doors.now):
            raise _over()
        if row.forgets_factors:
            await factors.forget(session, person.id)
        await forgetting.forget_failures(session, person.id)
        await passwords.put(session, person.id, made, doors.now)
        await sessions.end_all(session, person.id)
        tell(session, Event.INVITATION_USED, person, doors.now, caller=caller)
        await store.drop_invitations(session, person.id)
        return await signing_in.begin(doors, session, person, How.PASSWORD, caller)

    return await doors.db.attempt(work)


async def follow(doors: Doors, secret: str, caller: Caller) -> Begun:
    """Use a sign-in link, which only the demonstration makes: signed in as if with two factors.

    Where the host does not act for people a link leads nowhere, whoever made it and when.

    Raises:
        SignInTooOften, LinkOver: not so, or not now.
    """
    await doors.addresses.require(caller.address, doors.now)
    if not doors.controller.settings.host_acts_for_people:
        raise _over()

    async def work(session: AsyncSession) -> Begun:
        _, person = await _invited(session, Kind.SIGN_IN, secret, doors.now)
        await store.drop_invitations(session, person.id)
        row, made = await sessions.begin(session, person.id, strong=True, how=How.LINK, now=doors.now, caller=caller)
        tell(session, Event.SIGN_IN, person, doors.now, row=row, caller=caller)
        return Begun(row, made, person, Next.NOTHING)

    return await doors.db.attempt(work)


def _over() -> LinkOver:
    return LinkOver(
        "this link was used, has expired or was replaced; ask your administrator for another",
        vi="liên kết này đã dùng, hết hạn hoặc đã được thay; hãy xin người quản trị liên kết mới",
    )


async def _invited(session: AsyncSession, kind: Kind, secret: str, now: datetime) -> tuple[Invitation, Person]:
    row = await require(session, kind, secret, now, held=True)
    person = await people.to_change(session, row.person_id or "")
    if person is None or person.retired_at is not None:
        raise AssertionError("links of who has left are deleted with their account")
    return row, person


async def _require_free(session: AsyncSession, name: str, person_id: str) -> None:
    holder = await store.account_named(session, name)
    if holder is not None and holder.person_id != person_id:
        raise naming.SignInNameTaken(
            f"somebody else signs in as {name}; choose another name",
            vi=f"đã có người dùng tên đăng nhập “{name}”; hãy chọn tên khác",
        )
