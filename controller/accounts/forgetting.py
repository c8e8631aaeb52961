"""Whoever leaves loses every way to sign in, with the request that retires them."""

from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import attempts, store
from controller.accounts.oidc import store as oidc_store
from controller.accounts.passkeys import store as passkey_store


async def forget(session: AsyncSession, person_id: str) -> None:
    """Their account, password, factors, sessions, links and tokens go."""
    await forget_failures(session, person_id)
    await passkey_store.forget(session, person_id)
    await oidc_store.forget(session, person_id)
    await store.drop_all(session, person_id)


async def forget_failures(session: AsyncSession, person_id: str) -> None:
    """What made their account wait, or locked it, counts no more."""
    account = await store.account(session, person_id)
    names = [] if account is None else [attempts.of_name(account.sign_in_name)]
    await attempts.clear(session, attempts.of_codes(person_id), *names)
