"""Use cases of signing in: by name and password, then by a code; and proving anew who one is.

Passwords are compared outside of transactions, one at a time; what follows is decided in one, where failures are
looked at again: of many guesses at the same moment no more are answered than of guesses one after the other. Whether
somebody has a name, or an account, shows in no answer.
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import attempts, factors, naming, password_rules, proofs, rules, sessions, store
from controller.accounts.doors import Doors
from controller.accounts.factors import Next
from controller.accounts.proofs import Turn
from controller.accounts.sessions import Caller, How
from controller.accounts.tables import Password, SignedIn
from controller.accounts.telling import Event, tell
from controller.audit.recording import NOBODY
from controller.people import store as people
from controller.people.tables import Person
from loa_protocol.errors import LoaError


class SignInRefused(LoaError):
    """Nobody has this name and password."""

    code = "sign_in_refused"


@dataclass(frozen=True, slots=True)
class Begun:
    """A session with its secret, whose it is, and what is asked next."""

    row: SignedIn
    secret: str
    person: Person
    next: Next


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a name before its password is looked at."""

    person: Person | None
    password: str | None


async def with_password(doors: Doors, name: str, password: str, caller: Caller) -> Begun:
    """Sign in by name and password; pending where the person has a second factor.

    Raises:
        SignInTooOften, SignInWaits, SignInBusy, SignInRefused, AccountLocked: not so, or not now.
    """
    await doors.addresses.require(caller.address, doors.now)
    folded = naming.folded(name)
    async with doors.desk.turn():
        return await _by_password(doors, folded, password, caller)


async def _by_password(doors: Doors, folded: str, password: str, caller: Caller) -> Begun:
    key = attempts.of_name(folded)
    async with doors.db.reading() as reading:
        await attempts.require_turn(reading, key, doors.now)
        known = await _known(reading, folded)
    right = await _compared(doors, known.password, password)
    fresh = await _rehashed(doors, known.password, password) if right else None

    async def work(session: AsyncSession) -> Begun | LoaError:
        await attempts.require_turn(session, key, doors.now, held=True)
        person = await people.to_change(session, known.person.id) if known.person is not None else None
        kept = await store.password(session, person.id) if person is not None else None
        if not right or person is None or kept is None or kept.hash != known.password or person.retired_at is not None:
            await _wrong(doors, session, key, known.person, caller)
            return refused()
        await attempts.clear(session, key)
        if fresh is not None:
            kept.hash = fresh
        return await begin(doors, session, person, How.PASSWORD, caller)

    return _given(await doors.db.attempt(work))


async def begin(doors: Doors, session: AsyncSession, person: Person, how: How, caller: Caller) -> Begun:
    """A session of somebody who gave one factor; pending where they have a second.

    Raises:
        AccountLocked: too many wrong codes were given after the password.
    """
    await attempts.require_unlocked(session, person.id)
    pending = bool(await factors.ways(session, person.id))
    row, secret = await sessions.begin(
        session, person.id, strong=False, how=how, now=doors.now, caller=caller, pending=pending
    )
    tell(session, Event.SIGN_IN, person, doors.now, row=row, caller=caller, facts={"pending": pending})
    return Begun(row, secret, person, await factors.next_of(session, row, doors.now))


async def with_code(doors: Doors, shown: str, code: str, caller: Caller) -> Begun:
    """Give the second factor of a pending session, of the authenticator or on paper.

    Raises:
        SignInRefused: the session is over, or not pending.
        SignInWaits, AccountLocked, CodeWrong: not so, or not now.
    """
    await doors.addresses.require(caller.address, doors.now)

    async def work(session: AsyncSession) -> Begun | LoaError:
        found = await store.with_person(session, shown, held=True)
        if found is None or not found[0].pending:
            raise refused()
        row, person = found
        spent = await proofs.spend(Turn(doors, session, person, caller), code)
        if isinstance(spent, LoaError):
            return spent
        secret = await sessions.renew(session, row, now=doors.now, strong=True, how=spent)
        tell(session, Event.SECOND_FACTOR, person, doors.now, row=row, caller=caller)
        return Begun(row, secret, person, await factors.next_of(session, row, doors.now))

    return _given(await doors.db.attempt(work))


async def prove(doors: Doors, shown: str, password: str, code: str | None, caller: Caller) -> Begun:
    """Prove anew who one is, in a session: by the password, and by a code where the person has an authenticator.

    Raises:
        SignInRefused, SignInWaits, SignInBusy, AccountLocked, CodeWrong, StrongerNeeded: not so, or not now.
    """
    async with doors.desk.turn():
        return await _proved(doors, shown, password, code, caller)


async def _proved(doors: Doors, shown: str, password: str, code: str | None, caller: Caller) -> Begun:
    async with doors.db.reading() as session:
        found = await store.with_person(session, shown)
        if found is None:
            raise refused()
        key = attempts.of_proofs(found[0].id)
        await attempts.require_turn(session, key, doors.now)
        kept = await store.password(session, found[1].id)
        known = None if kept is None else kept.hash
    right = await _compared(doors, known, password)

    async def work(session: AsyncSession) -> Begun | LoaError:
        await attempts.require_turn(session, key, doors.now, held=True)
        again = await store.with_person(session, shown, held=True)
        if again is None or again[0].pending:
            raise refused()
        row, person = again
        if not right or not await _is_still(session, person.id, known):
            await attempts.count(session, key, doors.now)
            tell(session, Event.PROOF, person, doors.now, row=row, outcome=SignInRefused.code, caller=caller)
            return refused()
        spent = await proofs.second(Turn(doors, session, person, caller), row, code)
        if isinstance(spent, LoaError):
            return spent
        strong, how = spent is not How.PASSWORD, spent
        await attempts.clear(session, key)
        secret = await sessions.renew(session, row, now=doors.now, strong=strong, how=how)
        tell(session, Event.PROOF, person, doors.now, row=row, caller=caller)
        return Begun(row, secret, person, await factors.next_of(session, row, doors.now))

    return _given(await doors.db.attempt(work))


def refused() -> SignInRefused:
    """The same for every reason."""
    return SignInRefused(
        "name or password is wrong, or the sign-in took too long; try again",
        vi="tên đăng nhập hoặc mật khẩu không đúng, hoặc đã quá lâu; hãy thử lại",
    )


def _given(outcome: Begun | LoaError) -> Begun:
    """A refusal is raised when what it counted is committed."""
    if isinstance(outcome, LoaError):
        raise outcome
    return outcome


async def _known(session: AsyncSession, folded: str) -> _Known:
    account = await store.account_named(session, folded)
    if account is None:
        return _Known(None, None)
    kept = await store.password(session, account.person_id)
    return _Known(await people.find(session, account.person_id), None if kept is None else kept.hash)


async def _compared(doors: Doors, kept: str | None, password: str) -> bool:
    """The same work whether there is anything to compare with, and for as many characters as a password may have."""
    text = password_rules.normal(password)
    same = await doors.desk.compare(kept, text[: password_rules.LONGEST])
    return same and len(text) <= password_rules.LONGEST


async def _rehashed(doors: Doors, kept: str | None, password: str) -> str | None:
    if kept is None or not doors.desk.is_outdated(kept):
        return None
    return await doors.desk.make(password_rules.normal(password))


async def _is_still(session: AsyncSession, person_id: str, known: str | None) -> bool:
    kept: Password | None = await store.password(session, person_id)
    return kept is not None and kept.hash == known


async def _wrong(doors: Doors, session: AsyncSession, key: str, person: Person | None, caller: Caller) -> None:
    """Counted for names that nobody has, too; those are told in the audit by their number only."""
    failed = await attempts.count(session, key, doors.now)
    if person is None:
        doors.controller.denials.note(NOBODY, str(Event.SIGN_IN), SignInRefused.code)
        return
    tell(session, Event.SIGN_IN, person, doors.now, outcome=SignInRefused.code, caller=caller)
    if failed.count >= rules.FREE_FAILURES:
        tell(session, Event.LOCKED, person, doors.now, caller=caller, facts=proofs.told(failed))
