"""What a sign-in is answered, whatever way it was. The secret goes into the cookie, or to who asks for it.

Answers with a secret are kept by nobody: no cache, and no Idempotency-Key replays them.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Request, Response
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import cookies, csrf, factors
from controller.accounts.doors import doors_of
from controller.accounts.factors import Next, Way
from controller.accounts.signing_in import Begun
from controller.accounts.tables import SignedIn
from controller.api.models import View

NO_STORE = {"Cache-Control": "no-store"}


class Keep(StrEnum):
    """Where the secret of a session goes: a browser keeps a cookie, a program the token."""

    COOKIE = "cookie"
    TOKEN = "token"  # noqa: S105 - a word, no secret


KeepField = Annotated[Keep, Field(description="`token`: the secret comes in the answer, for programs")]


class PersonName(View):
    """A person by name."""

    id: str
    name: str


class SignedInView(View):
    """A session. `next`: what is asked now; `ways`: by which second factors; `csrf`: for writes with the cookie.

    `secret` is there only for `keep: token`; send it as `Authorization: Bearer …`.
    """

    session_id: str
    person: PersonName
    strong: bool
    next: Next
    ways: tuple[Way, ...]
    csrf: str
    secret: str | None = None


class SessionView(View):
    """One session of a person."""

    id: str
    how: str
    strong: bool
    began_at: datetime
    proved_at: datetime
    seen_at: datetime
    agent: str
    address: str
    current: bool = False


async def signed_in(request: Request, response: Response, begun: Begun, *, keep: Keep) -> SignedInView:
    """The answer to a sign-in, its cookie set where it goes into one."""
    doors = doors_of(request)
    async with doors.db.reading() as session:
        ways = await factors.ways(session, begun.person.id)
    give(request, response, begun.secret, keep=keep)
    return SignedInView(
        session_id=begun.row.id,
        person=PersonName.model_validate(begun.person),
        strong=begun.row.strong,
        next=begun.next,
        ways=ways,
        csrf=csrf.token_of(doors.keys, begun.row),
        secret=begun.secret if keep is Keep.TOKEN else None,
    )


def give(request: Request, response: Response, secret: str, *, keep: Keep) -> str | None:
    """A session's new secret: into the cookie, or given back for the answer."""
    response.headers.update(NO_STORE)
    if keep is Keep.COOKIE:
        cookies.give(request, response, secret)
        return None
    return secret


async def next_of(session: AsyncSession, request: Request, row: SignedIn) -> Next:
    """What is asked next in a session."""
    return await factors.next_of(session, row, doors_of(request).now)
