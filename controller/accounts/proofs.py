"""The second factor after a right password: codes are used up here, and wrong ones counted, in the transaction."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import attempts, authenticators, codes, opaque, rules, store
from controller.accounts.authenticators import StrongerNeeded
from controller.accounts.codes import CodeWrong
from controller.accounts.doors import Doors
from controller.accounts.rules import Failed
from controller.accounts.sessions import Caller, How
from controller.accounts.tables import SignedIn
from controller.accounts.telling import Event, tell
from controller.people.tables import Person
from loa_protocol.errors import LoaError


@dataclass(frozen=True, slots=True)
class Turn:
    """One proof of somebody, in a transaction."""

    doors: Doors
    session: AsyncSession
    person: Person
    caller: Caller


async def second(turn: Turn, row: SignedIn, code: str | None) -> How | LoaError:
    """How a right password is joined to a proof as good as the session was; or why it is not, to be raised later.

    Raises:
        StrongerNeeded: another factor than a code made the session strong, and has to prove it anew.
        SignInWaits, AccountLocked: codes are not looked at.
    """
    if await store.has_totp(turn.session, turn.person.id):
        return await spend(turn, code or "")
    if row.strong:
        raise StrongerNeeded(
            "prove who you are as you signed in: by your passkey or the provincial sign-on",
            vi="hãy xác nhận bằng cách đã dùng khi đăng nhập: khóa truy cập hoặc đăng nhập một lần",
        )
    return How.PASSWORD


async def spend(turn: Turn, code: str) -> How | LoaError:
    """How a code, used up now, makes a proof of two factors; or why it does not, to be raised after the commit.

    Raises:
        SignInWaits, AccountLocked: it is not even looked at.
    """
    now, key = turn.doors.now, attempts.of_codes(turn.person.id)
    await attempts.require_unlocked(turn.session, turn.person.id)
    await attempts.require_turn(turn.session, key, now, held=True)
    how = await _way(turn, code)
    if how is not None:
        await attempts.clear(turn.session, key)
        return how
    failed = await attempts.count(turn.session, key, now)
    tell(turn.session, Event.SECOND_FACTOR, turn.person, now, outcome=CodeWrong.code, caller=turn.caller)
    if failed.count >= rules.FREE_FAILURES:
        tell(turn.session, Event.LOCKED, turn.person, now, caller=turn.caller, facts=told(failed))
    return codes.wrong()


def told(failed: Failed) -> dict[str, int | bool]:
    """Failures as the audit has them."""
    return {"failures": failed.count, "locked": rules.is_locked(failed)}


async def _way(turn: Turn, code: str) -> How | None:
    if codes.is_code(code):
        taken = await authenticators.take(turn.doors, turn.session, turn.person.id, code)
        return How.PASSWORD_AND_CODE if taken else None
    digest = opaque.digest(codes.normal_paper_code(code))
    spent = await store.spend_recovery_code(turn.session, turn.person.id, digest, turn.doors.now)
    return How.PASSWORD_AND_RECOVERY if spent else None
