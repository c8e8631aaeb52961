"""Use cases of authenticator apps: show a secret, confirm it by a code, take codes, replace it, take it away.

The secret in use stays until another is confirmed. Whoever changes a factor has proved a moment ago who they are, and
their other sessions end.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import codes, factors, opaque, sessions, store
from controller.accounts.doors import Doors
from controller.accounts.factors import Way
from controller.accounts.passkeys.rules import LastFactor
from controller.accounts.sessions import How
from controller.accounts.tables import RecoveryCode, SignedIn, Totp
from controller.people.approving import local_day
from controller.runtime.ids import new_id
from loa_protocol.errors import LoaError

CONFIRM_WITHIN = timedelta(minutes=15)


class StrongerNeeded(LoaError):
    """A session that began without the second factor may not change it."""

    code = "stronger_proof_needed"


class NothingToConfirm(LoaError):
    """No authenticator waits to be confirmed, or it waited too long."""

    code = "authenticator_unknown"


@dataclass(frozen=True, slots=True)
class Shown:
    """What an authenticator is set up with."""

    secret: str
    address: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The session's new secret, and the codes to write down; both are shown this once."""

    secret: str
    codes: list[str]


async def begin(doors: Doors, session: AsyncSession, row: SignedIn) -> Shown:
    """A fresh secret for an authenticator.

    Raises:
        StrongerNeeded: there is a second factor, and the session began without it.
    """
    await require_strong(session, row)
    secret = codes.new_secret()
    waiting = await store.totp(session, row.person_id, confirmed=False)
    sealed = doors.keys.seal(secret.encode(), about(row.person_id))
    if waiting is None:
        session.add(Totp(person_id=row.person_id, confirmed=False, sealed=sealed, made_at=doors.now, last_step=None))
    else:
        waiting.sealed, waiting.made_at = sealed, doors.now
    account = await store.account(session, row.person_id)
    return Shown(secret, codes.address(secret, row.person_id if account is None else account.sign_in_name))


async def confirm(doors: Doors, session: AsyncSession, row: SignedIn, code: str) -> Confirmed:
    """It shows the right code: it is a factor from now on, and this session is strong.

    Raises:
        StrongerNeeded, NothingToConfirm, CodeWrong: it is not.
    """
    await require_strong(session, row)
    waiting = await store.totp(session, row.person_id, confirmed=False)
    if waiting is None or waiting.made_at + CONFIRM_WITHIN <= doors.now:
        raise NothingToConfirm("no authenticator waits to be confirmed; begin again", vi="hãy bắt đầu lại từ đầu")
    step = codes.step_of(_secret(doors, waiting), code, doors.now, None)
    if step is None:
        raise codes.wrong()
    await store.drop_totp(session, row.person_id)
    session.add(Totp(person_id=row.person_id, confirmed=True, sealed=waiting.sealed, made_at=doors.now, last_step=step))
    made = await new_paper_codes(doors, session, row.person_id)
    await sessions.end_all(session, row.person_id, but=row.id)
    secret = await sessions.renew(session, row, now=doors.now, strong=True, how=How.PASSWORD_AND_CODE)
    return Confirmed(secret, made)


async def take(doors: Doors, session: AsyncSession, person_id: str, code: str) -> bool:
    """Use a code up; False where it is wrong, or was used."""
    row = await store.totp(session, person_id, confirmed=True)
    if row is None:
        return False
    step = codes.step_of(_secret(doors, row), code, doors.now, row.last_step)
    if step is None:
        return False
    row.last_step = step
    return True


async def remove(doors: Doors, session: AsyncSession, row: SignedIn) -> None:
    """The authenticator and its paper codes are factors no more; other sessions end.

    Raises:
        StrongerNeeded: the session began without a second factor.
        LastFactor: the person's roles need one, and there is no other.
    """
    await require_strong(session, row)
    others = set(await factors.ways(session, row.person_id)) - {Way.CODE, Way.RECOVERY_CODE}
    if not others and await store.is_guarded(session, row.person_id, local_day(doors.now)):
        raise LastFactor(
            "your roles need a second factor; set up another one first",
            vi="vai trò của bạn cần hai lớp xác thực; hãy thêm cách khác trước khi bỏ cách này",
        )
    await store.drop_totp(session, row.person_id)
    await sessions.end_all(session, row.person_id, but=row.id)


async def new_paper_codes(doors: Doors, session: AsyncSession, person_id: str) -> list[str]:
    """Ten fresh codes; those before are worth nothing more."""
    await store.drop_recovery_codes(session, person_id)
    made = codes.new_paper_codes()
    session.add_all(
        RecoveryCode(
            id=new_id(doors.now),
            person_id=person_id,
            code_sha256=opaque.digest(codes.normal_paper_code(one)),
            made_at=doors.now,
            used_at=None,
        )
        for one in made
    )
    await session.flush()
    return made


async def require_strong(session: AsyncSession, row: SignedIn) -> None:
    """Go on only if the session began with the second factor, or there is none yet.

    Raises:
        StrongerNeeded: it began without.
    """
    if not row.strong and await factors.ways(session, row.person_id):
        raise StrongerNeeded(
            "sign in with the second factor to change it",
            vi="hãy đăng nhập bằng cả hai lớp rồi mới đổi cách xác thực",
        )


def _secret(doors: Doors, row: Totp) -> str:
    return doors.keys.unseal(row.sealed, about(row.person_id)).decode()


def about(person_id: str) -> str:
    """What a sealed secret is bound to: it opens for no other person."""
    return f"totp\x00{person_id}"
