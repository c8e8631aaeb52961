"""Wrong proofs in a row, counted in the database: a restart forgives nothing, and every process knows.

Counted apart: the password of a sign-in name (whether anybody has it), the codes of an account, and proofs within a
session. So a stranger who guesses names makes nobody wait who is signed in.
"""

import hashlib
import math
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import rules, store
from controller.accounts.rules import Failed
from loa_protocol.errors import LoaError

_CODES = "codes:"


class SignInWaits(LoaError):
    """Too many wrong proofs in a row: nothing is looked at for a while."""

    code = "sign_in_waits"


class AccountLocked(LoaError):
    """Too many wrong codes in a row: an administrator has to open the account."""

    code = "account_locked"


def of_name(sign_in_name: str) -> str:
    """Passwords given with a folded name."""
    return f"name:{hashlib.sha256(sign_in_name.encode()).hexdigest()}"


def of_codes(person_id: str) -> str:
    """Codes given after the password."""
    return _CODES + person_id


def of_proofs(session_id: str) -> str:
    """Proofs given in a session."""
    return f"proofs:{session_id}"


async def require_turn(session: AsyncSession, key: str, now: datetime, *, held: bool = False) -> None:
    """Go on only if the next proof is looked at; `held`: until the commit nobody else counts.

    Raises:
        SignInWaits: not yet.
    """
    found = await (store.failed_to_change(session, key) if held else store.failed(session, key))
    until = rules.waits_until(found, now)
    if until is None:
        return
    seconds = max(1, math.ceil((until - now).total_seconds()))
    raise SignInWaits(
        f"too many wrong attempts; try again in {seconds} s",
        vi=f"đã sai nhiều lần; hãy thử lại sau {_spoken(seconds)}",
        retry_after_s=seconds,
    )


async def require_unlocked(session: AsyncSession, person_id: str) -> None:
    """Go on only if wrong codes have not locked the account.

    Raises:
        AccountLocked: they have.
    """
    if await is_locked(session, person_id):
        raise AccountLocked(
            "the account is locked after too many wrong codes; an administrator of your unit unlocks it",
            vi="tài khoản bị khóa vì nhập sai mã quá nhiều lần; hãy nhờ người quản trị của đơn vị mở lại",
        )


async def is_locked(session: AsyncSession, person_id: str) -> bool:
    """Whether wrong codes have locked the account."""
    return rules.is_locked(await store.failed(session, of_codes(person_id)))


async def count(session: AsyncSession, key: str, now: datetime) -> Failed:
    """One more was wrong; what is long past is cleared away, but for locks."""
    failed = rules.after(await store.failed_to_change(session, key), now)
    await store.keep_failed(session, key, failed)
    await store.forget_old_failures(session, now - rules.FORGOTTEN, but=(_CODES,))
    return failed


async def clear(session: AsyncSession, *keys: str) -> None:
    """A right one."""
    await store.forget_failed(session, *keys)


def _spoken(seconds: int) -> str:
    return f"{seconds} giây" if seconds < 60 else f"{math.ceil(seconds / 60)} phút"  # noqa: PLR2004
