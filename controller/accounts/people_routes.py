"""Accounts of people, for who tends to them: invitations, locks, sessions, tokens of integrations.

Nobody gives a new start to an account that may do more than they themselves look after, opens it to who guesses, or
puts its person out: that needs the permission at every unit where the person has a role.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from controller.access.may import Allowed
from controller.accounts import attempts, factors, forgetting, inviting, sessions, store, tokens
from controller.accounts.answers import NO_STORE, SessionView
from controller.accounts.doors import Doors
from controller.accounts.factors import Way
from controller.accounts.inviting import Kind
from controller.accounts.routes import views
from controller.accounts.sign_in_routes import TheDoors
from controller.api.dependencies import Read
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import Body, IdField, Title, View
from controller.people import service as people
from controller.people.acting import Acting
from controller.people.over import require_over, require_own_or_over
from loa_protocol.errors import LoaError

router = APIRouter(tags=["people"], route_class=WriteRoute)


class LinksRefused(LoaError):
    """Sign-in links are for demonstrations only."""

    code = "sign_in_links_refused"


class InvitationForm(Body):
    """`sign_in_name`: left out, the one they have, or else their mail address.

    `forgets_factors`: who uses the link starts without a second factor, for one who lost it.
    """

    sign_in_name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    forgets_factors: bool = False


class LinkView(View):
    """A one-time link, shown this once; `link` is a page, `secret` what is in it."""

    link: str
    secret: str
    expires_at: datetime
    sign_in_name: str | None = None


class AccountView(View):
    """How a person signs in; `locked`: after too many wrong codes."""

    person_id: str
    sign_in_name: str | None
    password_changed_at: datetime | None
    ways: tuple[Way, ...]
    locked: bool


class TokenBody(Body):
    """A token to make."""

    name: Title
    days: Annotated[int, Field(ge=1, le=tokens.LONGEST.days)] = tokens.LONGEST.days


class TokenView(View):
    """A token; its secret is told only when it is made."""

    id: str
    person_id: str
    name: str
    made_at: datetime
    made_by: str | None
    expires_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None


class NewTokenView(TokenView):
    """With its secret, shown this once."""

    secret: str


@router.get("/people/{person_id}/account")
async def get_account(person_id: IdField, session: Read) -> AccountView:
    """How somebody signs in."""
    await people.require(session, person_id)
    account, password = await store.account(session, person_id), await store.password(session, person_id)
    return AccountView(
        person_id=person_id,
        sign_in_name=None if account is None else account.sign_in_name,
        password_changed_at=None if password is None else password.changed_at,
        ways=await factors.ways(session, person_id),
        locked=await attempts.is_locked(session, person_id),
    )


@router.post("/people/{person_id}/invitation", status_code=201)
async def invite(
    *,
    person_id: IdField,
    body: InvitationForm,
    request: Request,
    response: Response,
    session: Write,
    doors: TheDoors,
    actor: Acting,
    may: Allowed,
) -> LinkView:
    """A one-time link by which somebody sets their password, a moment after a proof; links before it end."""
    await require_over(may, session, person_id, doors.now)
    actor.require_recent(doors.now)
    invited = await inviting.invite(
        session,
        person_id,
        sign_in_name=body.sign_in_name,
        forgets_factors=body.forgets_factors,
        by=actor.person_id,
        now=doors.now,
    )
    response.headers.update(NO_STORE)
    return LinkView(
        link=_link(doors, request, Kind.INVITATION, invited.secret),
        secret=invited.secret,
        expires_at=invited.expires_at,
        sign_in_name=invited.sign_in_name,
    )


@router.post("/people/{person_id}/sign-in-link", status_code=201)
async def make_sign_in_link(
    *, person_id: IdField, request: Request, response: Response, session: Write, doors: TheDoors, actor: Acting
) -> LinkView:
    """A link that signs somebody in, for demonstrations: by the host's token, where it may act for people."""
    settings = doors.controller.settings
    if not (actor.everywhere and settings.host_acts_for_people):
        raise LinksRefused("sign-in links are made by the host's token where `host_acts_for_people` is set, else never")
    await people.hold_present(session, person_id)
    secret, expires_at = await inviting.make(session, Kind.SIGN_IN, person_id, by=None, now=doors.now)
    response.headers.update(NO_STORE)
    return LinkView(link=_link(doors, request, Kind.SIGN_IN, secret), secret=secret, expires_at=expires_at)


@router.delete("/people/{person_id}/lock")
async def unlock(person_id: IdField, session: Write, doors: TheDoors, may: Allowed) -> dict[str, bool]:
    """Open an account again that wrong passwords or codes have shut."""
    await require_own_or_over(may, session, person_id, doors.now)
    await people.require(session, person_id)
    was = await attempts.is_locked(session, person_id)
    await forgetting.forget_failures(session, person_id)
    return {"was_locked": was}


@router.get("/people/{person_id}/sessions")
async def list_sessions_of(person_id: IdField, session: Read) -> list[SessionView]:
    """Somebody's sessions."""
    await people.require(session, person_id)
    return views(await sessions.listed(session, person_id))


@router.delete("/people/{person_id}/sessions")
async def end_sessions_of(person_id: IdField, session: Write, doors: TheDoors, may: Allowed) -> dict[str, int]:
    """End all sessions of somebody."""
    await require_own_or_over(may, session, person_id, doors.now)
    await people.require(session, person_id)
    return {"ended": await sessions.end_all(session, person_id)}


@router.get("/people/{person_id}/tokens")
async def list_tokens(person_id: IdField, session: Read) -> list[TokenView]:
    """All tokens of an integration, newest first."""
    return [TokenView.model_validate(row) for row in await tokens.listed(session, person_id)]


@router.post("/people/{person_id}/tokens", status_code=201)
async def make_token(
    *,
    person_id: IdField,
    body: TokenBody,
    response: Response,
    session: Write,
    doors: TheDoors,
    actor: Acting,
    may: Allowed,
) -> NewTokenView:
    """A token for another system, a moment after a proof; its secret is told this once."""
    await require_over(may, session, person_id, doors.now)
    actor.require_recent(doors.now)
    row, secret = await tokens.make(
        session, person_id, name=body.name, days=body.days, by=actor.person_id, now=doors.now
    )
    response.headers.update(NO_STORE)
    return NewTokenView(**TokenView.model_validate(row).model_dump(), secret=secret)


@router.delete("/people/{person_id}/tokens/{token_id}")
async def revoke_token(
    person_id: IdField, token_id: IdField, session: Write, doors: TheDoors, actor: Acting
) -> TokenView:
    """A token is good for nothing more."""
    row = await tokens.revoke(session, person_id, token_id, by=actor.person_id, now=doors.now)
    return TokenView.model_validate(row)


def _link(doors: Doors, request: Request, kind: Kind, secret: str) -> str:
    base = doors.controller.settings.public_url or f"{request.url.scheme}://{request.headers['host']}"
    return inviting.page(base, kind, secret)
