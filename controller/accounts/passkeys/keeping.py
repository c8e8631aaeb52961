"""Use cases of one's own passkeys: add, list, name, remove.

Whoever changes a factor has proved a moment ago who they are, with two factors if they have two; their other sessions
end, and they are told. The passkey without which somebody's roles could not be used stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import authenticators, sessions, store
from controller.accounts.doors import Doors
from controller.accounts.oidc import store as oidc_store
from controller.accounts.passkeys import checks as passkey_checks
from controller.accounts.passkeys import store as keys
from controller.accounts.passkeys.answers import Registration
from controller.accounts.passkeys.checks import Made
from controller.accounts.passkeys.rules import (
    ChallengeOver,
    Factors,
    PasskeyInvalid,
    PasskeyRefused,
    PasskeyUnknown,
    Purpose,
    RelyingParty,
    require_removable,
    require_room,
)
from controller.accounts.passkeys.service import ask, handle_of, known, take
from controller.accounts.passkeys.tables import Passkey
from controller.accounts.sessions import How
from controller.accounts.tables import SignedIn
from controller.notices import service as notices
from controller.notices.rules import Message
from controller.people import store as people
from controller.people.approving import local_day
from controller.people.tables import Person
from controller.runtime.ids import new_id


@dataclass(frozen=True, slots=True)
class Added:
    """A new passkey, and the session in which it was added with its new secret."""

    passkey: Passkey
    row: SignedIn
    secret: str


async def options(doors: Doors, party: RelyingParty, row: SignedIn, person: Person) -> dict[str, Any]:
    """What a browser is asked of somebody who adds a passkey.

    Raises:
        StrongerNeeded, PasskeysFull: not so.
    """
    async with doors.db.reading() as session:
        await authenticators.require_strong(session, row)
        mine = await keys.of_person(session, person.id)
    require_room(len(mine))
    challenge = await ask(doors, Purpose.REGISTER, person.id, row.id)
    return passkey_checks.creation_options(
        party, handle=handle_of(person.id), name=person.name, challenge=challenge, known=known(mine)
    )


async def add(doors: Doors, party: RelyingParty, row: SignedIn, name: str, answer: Registration) -> Added:
    """Keep the passkey that a browser made; the session is strong from now on.

    Raises:
        ChallengeOver, PasskeyInvalid, StrongerNeeded, PasskeysFull: not so.
    """
    try:
        challenge = await take(doors, answer.response.client_data, Purpose.REGISTER, row.id)
    except PasskeyRefused as error:
        raise PasskeyInvalid(f"the browser's answer holds no new passkey ({error.reason}); begin again") from error
    made = passkey_checks.made(answer, challenge, party)
    return await doors.db.attempt(lambda session: _keep(doors, session, row, name, made))


async def _keep(doors: Doors, session: AsyncSession, known_row: SignedIn, name: str, made: Made) -> Added:
    await people.to_change(session, known_row.person_id)
    found = await store.with_person(session, known_row.secret_sha256, held=True)
    if found is None:
        raise ChallengeOver("the session is over, or was renewed meanwhile; begin again")
    row, person = found
    await authenticators.require_strong(session, row)
    require_room(len(await keys.of_person(session, person.id)))
    if await keys.to_use(session, made.credential_id) is not None:
        raise PasskeyInvalid(
            "this passkey is kept already; add another one", vi="khóa truy cập này đã có rồi; hãy thêm khóa khác"
        )
    passkey = Passkey(
        id=new_id(doors.now),
        person_id=person.id,
        name=name,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        transports=list(made.transports),
        backed_up=made.backed_up,
        created_at=doors.now,
        used_at=None,
        copied_at=None,
    )
    session.add(passkey)
    await _tell(doors, session, passkey, "added", "được thêm vào")
    await sessions.end_all(session, person.id, but=row.id)
    how = None if row.strong else How.PASSWORD_AND_PASSKEY
    secret = await sessions.renew(session, row, now=doors.now, strong=True, how=how)
    return Added(passkey, row, secret)


async def listed(session: AsyncSession, person_id: str) -> Sequence[Passkey]:
    """Somebody's passkeys, oldest first."""
    return await keys.of_person(session, person_id)


async def rename(session: AsyncSession, person_id: str, passkey_id: str, name: str) -> Passkey:
    """Call it otherwise.

    Raises:
        PasskeyUnknown: they have none like this.
    """
    row = await _require(session, person_id, passkey_id)
    row.name = name
    await session.flush()
    return row


async def remove(doors: Doors, session: AsyncSession, row: SignedIn, passkey_id: str) -> None:
    """It is worth nothing any more, and other sessions end.

    Raises:
        PasskeyUnknown: they have none like this.
        StrongerNeeded: the session began without the second factor.
        LastFactor: they could not sign in any more as their roles demand.
    """
    person_id = row.person_id
    await people.to_change(session, person_id)
    passkey = await _require(session, person_id, passkey_id)
    await authenticators.require_strong(session, row)
    await session.delete(passkey)
    await session.flush()
    await require_enough(doors, session, person_id)
    await _tell(doors, session, passkey, "removed", "bị xóa khỏi")
    await sessions.end_all(session, person_id, but=row.id)


async def require_enough(doors: Doors, session: AsyncSession, person_id: str) -> None:
    """What a person has left suffices to sign in as their roles demand.

    Raises:
        LastFactor: it does not.
    """
    left = Factors(
        passkeys=await keys.usable(session, person_id),
        password=await store.password(session, person_id) is not None,
        totp=await store.has_totp(session, person_id),
        linked=bool(await oidc_store.of_person(session, person_id)),
    )
    require_removable(left, needs_strong=await store.is_guarded(session, person_id, local_day(doors.now)))


async def _tell(doors: Doors, session: AsyncSession, passkey: Passkey, what: str, vi: str) -> None:
    """Its person is told, in case it was not they."""
    subject = f"Khóa truy cập vừa {vi} tài khoản của bạn"
    text = f"{subject}: “{passkey.name}”. Nếu không phải bạn làm, hãy báo ngay người quản trị."
    message = Message(f"passkey_{what}", passkey.id, subject, text)
    await notices.tell(session, [passkey.person_id], message, doors.now)


async def _require(session: AsyncSession, person_id: str, passkey_id: str) -> Passkey:
    row = await keys.one(session, person_id, passkey_id)
    if row is None:
        raise PasskeyUnknown(
            f"you have no passkey {passkey_id}; list them to find the right id",
            vi="bạn không có khóa truy cập này; hãy xem lại danh sách",
        )
    return row
