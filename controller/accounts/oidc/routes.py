"""The provincial sign-on over HTTP: a browser is sent to the provider, and comes back to `/sign-in/oidc/callback`.

What it is sent with lies in a cookie of its own until then. `public` stands before the guard.
"""

import base64
import binascii
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from controller.access.may import Allowed
from controller.accounts import cookies, csrf
from controller.accounts.answers import NO_STORE
from controller.accounts.doors import caller_of, unhurried
from controller.accounts.oidc import links as oidc_links
from controller.accounts.oidc import service as oidc
from controller.accounts.oidc import store as oidc_store
from controller.accounts.oidc.rules import LIFE, LONGEST_SUBJECT, Back, OidcRefused, Purpose
from controller.accounts.oidc.service import SECRET_BYTES, Trip, require_provider
from controller.accounts.own_address import address_of
from controller.accounts.passkeys.routes import AnySession
from controller.accounts.routes import MySession
from controller.accounts.sign_in_routes import TheDoors
from controller.api.dependencies import Read, require_text
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import Body, IdField, View
from controller.people import service as people
from controller.people.acting import Acting
from controller.people.over import require_over

public = APIRouter(
    tags=["sign-in"],
    dependencies=[
        Depends(csrf.require_no_foreign_page),
        Depends(require_text),
        Depends(unhurried, scope="function"),
    ],
)
router = APIRouter(tags=["account"], route_class=WriteRoute)
plain = APIRouter(tags=["account"])
"""What asks the provider keeps no transaction meanwhile."""

CALLBACK = "/api/v1/sign-in/oidc/callback"
_SECURE, _PLAIN = "__Host-loa-oidc", "loa-oidc"
_Told = Annotated[str | None, Query(max_length=2000)]
Subject = Annotated[str, Field(min_length=1, max_length=LONGEST_SUBJECT, pattern=r"^[!-~]+$")]


class SentView(View):
    """Where to send the browser."""

    address: str


class SubjectBody(Body):
    """What the provider calls the person: `sub` of its tokens."""

    subject: Subject


class LinkView(View):
    """A person is who the provider `issuer` calls `subject`."""

    person_id: str
    issuer: str
    subject: str
    made_at: datetime
    made_by: str | None
    used_at: datetime | None


async def _trip(request: Request, doors: TheDoors) -> Trip:
    return Trip(require_provider(doors), address_of(request) + CALLBACK, caller_of(request))


TheTrip = Annotated[Trip, Depends(_trip)]


@public.post("/sign-in/oidc")
async def begin(request: Request, response: Response, doors: TheDoors, trip: TheTrip) -> SentView:
    """Sign in at the province's identity provider."""
    return _sent(request, response, await oidc.send(doors, trip, Purpose.SIGN_IN))


@public.post("/sign-in/proof/oidc")
async def begin_proof(
    request: Request, response: Response, doors: TheDoors, trip: TheTrip, shown: AnySession
) -> SentView:
    """Prove there anew who one is; the session goes on with a new secret."""
    return _sent(request, response, await oidc.send(doors, trip, Purpose.PROVE, shown.row))


@public.get("/sign-in/oidc/callback", status_code=303, response_class=RedirectResponse)
async def come_back(
    *,
    request: Request,
    doors: TheDoors,
    trip: TheTrip,
    state: Annotated[str, Query(max_length=200)] = "",
    code: _Told = None,
    iss: _Told = None,
    error: _Told = None,
) -> Response:
    """The provider sends the browser here; it gets its session, and goes on to the pages."""
    begun = await oidc.come_back(doors, trip, _secret(request), Back(state, code, iss, error))
    response = RedirectResponse(f"{address_of(request)}/", 303, NO_STORE)
    cookies.give(request, response, begun.secret)
    secure = cookies.is_https(request)
    response.delete_cookie(_name(request), path="/", secure=secure, httponly=True, samesite="lax")
    return response


@plain.post("/second-factor/oidc-link")
async def begin_link(
    *, request: Request, response: Response, doors: TheDoors, trip: TheTrip, mine: MySession, actor: Acting
) -> SentView:
    """Link oneself with who one is there, a moment after a proof."""
    actor.require_recent(doors.now)
    return _sent(request, response, await oidc.send(doors, trip, Purpose.LINK, mine.row))


@router.get("/second-factor/oidc-link")
async def list_own_links(session: Read, mine: MySession) -> list[LinkView]:
    """With whom one is linked."""
    return [LinkView.model_validate(row) for row in await oidc_store.of_person(session, mine.person.id)]


@router.delete("/second-factor/oidc-link", status_code=204)
async def remove_own_link(session: Write, doors: TheDoors, trip: TheTrip, mine: MySession, actor: Acting) -> None:
    """Do without the link, a moment after a proof; other sessions end."""
    actor.require_recent(doors.now)
    await oidc_links.unlink_own(doors, session, mine.row, trip.provider.issuer)


@router.get("/people/{person_id}/oidc-link")
async def list_links(person_id: IdField, session: Read) -> list[LinkView]:
    """With whom somebody is linked."""
    await people.require(session, person_id)
    return [LinkView.model_validate(row) for row in await oidc_store.of_person(session, person_id)]


@router.put("/people/{person_id}/oidc-link")
async def link(
    *, person_id: IdField, body: SubjectBody, session: Write, doors: TheDoors, actor: Acting, may: Allowed
) -> LinkView:
    """Link somebody with who they are there, a moment after a proof; they are told."""
    await require_over(may, session, person_id, doors.now)
    actor.require_recent(doors.now)
    person = await people.hold_present(session, person_id)
    issuer = require_provider(doors).issuer
    row = await oidc_links.link(session, person, issuer, body.subject, by=actor.person_id, doors=doors)
    await oidc_links.warn(session, row, doors)
    return LinkView.model_validate(row)


@router.delete("/people/{person_id}/oidc-link", status_code=204)
async def unlink(person_id: IdField, session: Write, doors: TheDoors) -> None:
    """Somebody is nobody there any more."""
    await people.hold(session, person_id)
    await oidc_links.unlink(session, person_id, require_provider(doors).issuer)


def _sent(request: Request, response: Response, sent: oidc.Sent) -> SentView:
    response.headers.update(NO_STORE)
    response.set_cookie(
        _name(request),
        base64.urlsafe_b64encode(sent.secret).decode(),
        max_age=int(LIFE.total_seconds()),
        path="/",
        secure=cookies.is_https(request),
        httponly=True,
        samesite="lax",
    )
    return SentView(address=sent.address)


def _secret(request: Request) -> bytes:
    """What the browser kept.

    Raises:
        OidcRefused: nothing, or something else.
    """
    try:
        secret = base64.urlsafe_b64decode(request.cookies.get(_name(request), "").encode("ascii"))
    except (UnicodeEncodeError, binascii.Error):
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise OidcRefused("the browser has no cookie of a sign-on")
    return secret


def _name(request: Request) -> str:
    return _SECURE if cookies.is_https(request) else _PLAIN
