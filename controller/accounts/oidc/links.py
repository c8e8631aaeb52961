"""Links of people with who they are at the provincial sign-on: made, told of, taken away."""

from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import authenticators, sessions
from controller.accounts.doors import Doors
from controller.accounts.oidc import store as oidc_store
from controller.accounts.oidc.rules import OidcLinkTaken, OidcLinkUnknown
from controller.accounts.oidc.tables import OidcLink
from controller.accounts.passkeys import keeping as passkey_keeping
from controller.accounts.tables import SignedIn
from controller.notices import service as notices
from controller.notices.rules import Message
from controller.people import service as people
from controller.people.tables import Person
from controller.runtime.ids import new_id


async def link(
    session: AsyncSession, person: Person, issuer: str, subject: str, *, by: str | None, doors: Doors
) -> OidcLink:
    """A person is who the provider calls so. Again changes nothing.

    Raises:
        PersonLeft: they are here no more.
        OidcLinkTaken: somebody else is, or they are another.
    """
    await people.hold_present(session, person.id)
    taken = await oidc_store.linked(session, issuer, subject)
    mine = await oidc_store.of_person(session, person.id, issuer)
    if taken is not None and taken.person_id == person.id:
        return taken
    if taken is not None or mine:
        raise OidcLinkTaken(
            "who signed on is linked with somebody else, or you are linked with another; remove that link first",
            vi="tài khoản đăng nhập một lần này đã gắn với người khác, hoặc bạn đã gắn với tài khoản khác",
        )
    row = OidcLink(
        id=new_id(doors.now),
        person_id=person.id,
        issuer=issuer,
        subject=subject,
        made_at=doors.now,
        made_by=by,
        used_at=None,
    )
    session.add(row)
    await session.flush()
    return row


async def warn(session: AsyncSession, row: OidcLink, doors: Doors) -> None:
    """Tell somebody that another has linked them: whoever signs on there as that account signs in here as they."""
    text = (
        f"Tài khoản đăng nhập một lần “{row.subject}” ({row.issuer}) vừa được gắn với bạn: ai đăng nhập bằng tài khoản"
        " đó là đăng nhập thay bạn. Nếu đó không phải tài khoản của bạn, hãy báo ngay người quản trị."
    )
    message = Message("oidc_linked", row.id, "Tài khoản của bạn vừa được gắn với đăng nhập một lần", text)
    await notices.tell(session, [row.person_id], message, doors.now)


async def unlink(session: AsyncSession, person_id: str, issuer: str) -> OidcLink:
    """A person is nobody at the provider any more.

    Raises:
        OidcLinkUnknown: they were not.
    """
    mine = await oidc_store.of_person(session, person_id, issuer)
    if not mine:
        raise OidcLinkUnknown(
            f"person {person_id} is not linked with {issuer}", vi="chưa gắn với tài khoản đăng nhập một lần nào"
        )
    await session.delete(mine[0])
    await session.flush()
    return mine[0]


async def unlink_own(doors: Doors, session: AsyncSession, row: SignedIn, issuer: str) -> None:
    """As `unlink`, by the person themselves; other sessions end.

    Raises:
        OidcLinkUnknown: they were not.
        StrongerNeeded: the session began without the second factor.
        LastFactor: they could not sign in any more as their roles demand.
    """
    await people.hold(session, row.person_id)
    await authenticators.require_strong(session, row)
    await unlink(session, row.person_id, issuer)
    await passkey_keeping.require_enough(doors, session, row.person_id)
    await sessions.end_all(session, row.person_id, but=row.id)
