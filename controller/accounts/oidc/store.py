"""All queries about links with a provider's accounts and the sign-ons under way."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts.oidc.tables import OidcFlow, OidcLink

_AT_ONCE = 100


async def linked(session: AsyncSession, issuer: str, subject: str) -> OidcLink | None:
    """The link of who the provider calls so."""
    query = select(OidcLink).where(OidcLink.issuer == issuer, OidcLink.subject == subject)
    return (await session.scalars(query)).one_or_none()


async def of_person(session: AsyncSession, person_id: str, issuer: str | None = None) -> list[OidcLink]:
    """Their links, or the one at a provider."""
    query = select(OidcLink).where(OidcLink.person_id == person_id).order_by(OidcLink.made_at, OidcLink.id)
    if issuer is not None:
        query = query.where(OidcLink.issuer == issuer)
    return list(await session.scalars(query))


async def begin(session: AsyncSession, row: OidcFlow, *, now: datetime) -> None:
    """Keep that a browser was sent to the provider; old ones go."""
    old = select(OidcFlow.state_sha256).where(OidcFlow.expires_at < now).limit(_AT_ONCE)
    await session.execute(delete(OidcFlow).where(OidcFlow.state_sha256.in_(old.with_for_update(skip_locked=True))))
    session.add(row)


async def take(session: AsyncSession, state_sha256: str) -> OidcFlow | None:
    """The sign-on that a browser brings back, which nobody can bring back again."""
    query = delete(OidcFlow).where(OidcFlow.state_sha256 == state_sha256).returning(OidcFlow)
    row = (await session.scalars(query)).one_or_none()
    if row is not None:
        session.expunge(row)
    return row


async def forget(session: AsyncSession, person_id: str) -> None:
    """All links of somebody who leaves."""
    await session.execute(delete(OidcFlow).where(OidcFlow.person_id == person_id))
    await session.execute(delete(OidcLink).where(OidcLink.person_id == person_id))
