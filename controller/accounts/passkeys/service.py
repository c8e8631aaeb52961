"""Use cases of signing in, and of proving anew who one is, with a passkey.

A challenge is taken away in a transaction of its own before anything else is looked at: no answer is looked at twice,
whatever comes of it. What is refused is told in the audit and counted, so that it is raised after the commit. A key
whose counter went back is locked, for nobody knows which of the two is the copy; its person is told.
"""

import logging
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import factors, sessions, store
from controller.accounts.doors import Doors
from controller.accounts.encoded import encoded
from controller.accounts.passkeys import checks as passkey_checks
from controller.accounts.passkeys import store as keys
from controller.accounts.passkeys.answers import Assertion
from controller.accounts.passkeys.checks import Proved
from controller.accounts.passkeys.rules import (
    CHALLENGE_BYTES,
    LIFE,
    Asked,
    PasskeyCopied,
    PasskeyRefused,
    Purpose,
    RelyingParty,
    challenge_of,
    digest,
    require_fit,
    went_back,
)
from controller.accounts.passkeys.tables import Passkey
from controller.accounts.sessions import Caller, How
from controller.accounts.signing_in import Begun
from controller.accounts.tables import SignedIn
from controller.accounts.telling import Event, tell
from controller.audit.asking import NOBODY
from controller.notices import service as notices
from controller.notices.rules import Message
from controller.people import store as people
from controller.people.tables import Person
from loa_protocol.errors import LoaError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Given:
    """An answer to a challenge that was ours, and what it is to prove."""

    answer: Assertion
    challenge: bytes
    party: RelyingParty
    caller: Caller
    event: Event


@dataclass(frozen=True, slots=True)
class _Used:
    passkey: Passkey
    person: Person


async def sign_in_options(doors: Doors, party: RelyingParty, caller: Caller) -> dict[str, Any]:
    """What a browser is asked of somebody who is about to sign in.

    Raises:
        SignInTooOften: from this address too often.
    """
    await doors.addresses.require(caller.address, doors.now)
    challenge = await ask(doors, Purpose.SIGN_IN)
    return passkey_checks.request_options(party, challenge=challenge)


async def sign_in(doors: Doors, party: RelyingParty, answer: Assertion, caller: Caller) -> Begun:
    """Sign in with a passkey alone, which is two factors.

    Raises:
        SignInTooOften, ChallengeOver, PasskeyRefused, PasskeyCopied: not so.
    """
    await doors.addresses.require(caller.address, doors.now)
    challenge = await take(doors, answer.response.client_data, Purpose.SIGN_IN)
    given = _Given(answer, challenge, party, caller, Event.SIGN_IN)

    async def work(session: AsyncSession) -> Begun | LoaError:
        used = await _used(doors, session, given)
        if isinstance(used, LoaError):
            return used
        person = used.person
        row, secret = await sessions.begin(
            session, person.id, strong=True, how=How.PASSKEY, now=doors.now, caller=caller
        )
        tell(session, Event.SIGN_IN, person, doors.now, row=row, caller=caller)
        return Begun(row, secret, person, await factors.next_of(session, row, doors.now))

    return _outcome(await doors.db.attempt(work))


async def proof_options(doors: Doors, party: RelyingParty, row: SignedIn) -> dict[str, Any]:
    """What a browser is asked of somebody who proves anew who they are; a pending session needs it to go on."""
    challenge = await ask(doors, Purpose.PROVE, row.person_id, row.id)
    async with doors.db.reading() as session:
        mine = await keys.of_person(session, row.person_id)
    return passkey_checks.request_options(party, challenge=challenge, known=known(mine))


async def prove(doors: Doors, party: RelyingParty, known_row: SignedIn, answer: Assertion, caller: Caller) -> Begun:
    """Prove anew who one is, in a session: it is strong from now on, and has a new secret.

    Raises:
        SignInTooOften, ChallengeOver, PasskeyRefused, PasskeyCopied: not so.
    """
    await doors.addresses.require(caller.address, doors.now)
    challenge = await take(doors, answer.response.client_data, Purpose.PROVE, known_row.id)
    event = Event.SECOND_FACTOR if known_row.pending else Event.PROOF
    given = _Given(answer, challenge, party, caller, event)

    async def work(session: AsyncSession) -> Begun | LoaError:
        used = await _used(doors, session, given, row=known_row)
        if isinstance(used, LoaError):
            return used
        found = await store.with_person(session, known_row.secret_sha256, held=True)
        if found is None:
            return PasskeyRefused("the session is over, or was renewed meanwhile")
        row, person = found
        how = How.PASSKEY if row.strong else How.PASSWORD_AND_PASSKEY
        secret = await sessions.renew(session, row, now=doors.now, strong=True, how=how)
        tell(session, event, person, doors.now, row=row, caller=caller)
        return Begun(row, secret, person, await factors.next_of(session, row, doors.now))

    return _outcome(await doors.db.attempt(work))


async def ask(doors: Doors, purpose: Purpose, person_id: str | None = None, session_id: str | None = None) -> bytes:
    """A fresh challenge, which any process knows that shares the database."""
    challenge, now = secrets.token_bytes(CHALLENGE_BYTES), doors.now
    asked = Asked(purpose, person_id, session_id, now + LIFE)

    async def work(session: AsyncSession) -> None:
        await keys.ask(session, digest(challenge), asked, now=now)

    await doors.db.attempt(work)
    return challenge


async def take(doors: Doors, client_data: bytes, purpose: Purpose, session_id: str | None = None) -> bytes:
    """The challenge that a browser answers; nobody answers it again.

    Raises:
        PasskeyRefused, ChallengeOver: it is none of ours for this.
    """
    challenge = challenge_of(client_data)
    asked = await doors.db.attempt(lambda session: keys.take(session, digest(challenge)))
    require_fit(asked, purpose=purpose, session_id=session_id, now=doors.now)
    return challenge


def known(mine: Iterable[Passkey]) -> list[tuple[str, list[str]]]:
    """Passkeys as a browser is told of them."""
    return [(one.credential_id, [str(way) for way in one.transports]) for one in mine]


async def _used(
    doors: Doors, session: AsyncSession, given: _Given, row: SignedIn | None = None
) -> _Used | PasskeyRefused | PasskeyCopied:
    """Whose passkey proved something now; or why it did not, told in the audit; `row`: it has to be this session's."""
    passkey = await keys.to_use(session, encoded(given.answer.raw_id))
    person = None if passkey is None else await people.find(session, passkey.person_id)
    if passkey is None or person is None:
        log.info("a passkey was refused: nobody has it")
        doors.controller.denials.note(NOBODY, str(given.event), PasskeyRefused.code)
        return PasskeyRefused("nobody has this passkey")
    found = _proved(given, passkey, person, row)
    wrong = found if isinstance(found, PasskeyRefused) else await _count(doors, session, passkey, person, found)
    if wrong is None:
        return _Used(passkey, person)
    log.info("passkey %s of %s was refused: %s", passkey.id, person.id, wrong.reason)
    asks = person if row is None else await people.find(session, row.person_id) or person
    tell(session, given.event, asks, doors.now, row=row, outcome=wrong.code, caller=given.caller)
    return wrong


def _proved(given: _Given, passkey: Passkey, person: Person, row: SignedIn | None) -> Proved | PasskeyRefused:
    if person.retired_at is not None:
        return PasskeyRefused("its person has left")
    if row is not None and row.person_id != person.id:
        return PasskeyRefused("it is not of the person who is signed in")
    handle = given.answer.response.handle
    if handle != handle_of(person.id) and (handle is not None or row is None):
        return PasskeyRefused("the browser names somebody else as its owner")
    try:
        return passkey_checks.proved(given.answer, given.challenge, given.party, passkey.public_key)
    except PasskeyRefused as error:
        return error


async def _count(
    doors: Doors, session: AsyncSession, passkey: Passkey, person: Person, proved: Proved
) -> PasskeyCopied | None:
    """Let its counter go on, or lock it."""
    if passkey.copied_at is None and went_back(passkey.sign_count, proved.sign_count):
        passkey.copied_at = doors.now
        await notices.tell(session, [person.id], _warning(passkey), doors.now)
    if passkey.copied_at is not None:
        return PasskeyCopied(f"its counter went back from {passkey.sign_count} to {proved.sign_count}")
    passkey.sign_count, passkey.backed_up, passkey.used_at = proved.sign_count, proved.backed_up, doors.now
    return None


def handle_of(person_id: str) -> bytes:
    """What browsers keep with a passkey so that it says whose it is."""
    return person_id.encode()


def _warning(passkey: Passkey) -> Message:
    text = (
        f"Khóa truy cập “{passkey.name}” của bạn có dấu hiệu bị sao chép nên đã bị khóa. Hãy đăng nhập bằng cách khác,"
        " xóa khóa này và không dùng thiết bị đó nữa. Nếu không rõ vì sao, hãy báo ngay người quản trị."
    )
    return Message("passkey_copied", passkey.id, "Khóa truy cập của bạn có thể đã bị sao chép", text)


def _outcome(outcome: Begun | LoaError) -> Begun:
    """A refusal is raised when what it told is committed."""
    if isinstance(outcome, LoaError):
        raise outcome
    return outcome
