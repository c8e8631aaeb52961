"""Signing in and out over HTTP, for who has not signed in yet: these routes stand before the guard.

None of them is done for a page of another site. A wrong proof is counted in its own transaction, whatever is answered.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from controller.accounts import cookies, csrf, factors, inviting, opaque, setting_up, signing_in, store
from controller.accounts.answers import Keep, KeepField, SignedInView, signed_in
from controller.accounts.authentication import Given, NotSignedIn, find_session, given
from controller.accounts.doors import Doors, caller_of, doors_of, unhurried
from controller.accounts.factors import Next, Way
from controller.accounts.setting_up import First, NewUnit
from controller.accounts.telling import Event, tell
from controller.api.dependencies import require_text
from controller.api.models import Body, IdField, Title, View

router = APIRouter(
    tags=["sign-in"],
    dependencies=[
        Depends(csrf.require_no_foreign_page),
        Depends(require_text),
        Depends(unhurried, scope="function"),
    ],
)


async def _doors(request: Request) -> Doors:
    return doors_of(request)


TheDoors = Annotated[Doors, Depends(_doors)]
Secret = Annotated[str, Field(min_length=1, max_length=1000)]
Code = Annotated[str, Field(max_length=100)]


class PasswordBody(Body):
    """Who signs in."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    password: Secret
    keep: KeepField = Keep.COOKIE


class SoFarView(View):
    """A session that is signed in, or waits for its second factor; as `SignedInView` says it."""

    next: Next
    ways: tuple[Way, ...]
    csrf: str


class CodeBody(Body):
    """A code of the authenticator, or one on paper."""

    code: Code


class LinkBody(Body):
    """A sign-in link's secret."""

    secret: Secret
    keep: KeepField = Keep.COOKIE


class InvitationBody(Body):
    """An invitation's secret, and the password to be set."""

    secret: Secret
    password: Secret
    keep: KeepField = Keep.COOKIE


class NewUnitBody(Body):
    """The first unit of the tree."""

    id: IdField
    name: Title
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,29}$")]


class SetUpBody(Body):
    """The first administrator; `unit_id` or `unit` may be left out where the tree has one root."""

    secret: Secret
    name: Title
    sign_in_name: Annotated[str, Field(min_length=1, max_length=200)]
    password: Secret
    unit_id: IdField | None = None
    unit: NewUnitBody | None = None
    keep: KeepField = Keep.COOKIE


@router.post("/sign-in")
async def sign_in(body: PasswordBody, request: Request, response: Response, doors: TheDoors) -> SignedInView:
    """By name and password; `next` says whether a second factor has to follow."""
    begun = await signing_in.with_password(doors, body.name, body.password, caller_of(request))
    return await signed_in(request, response, begun, keep=body.keep)


@router.get("/sign-in")
async def sign_in_so_far(request: Request, doors: TheDoors) -> SoFarView:
    """How far the sign-in of this browser has got, for the form that comes next."""
    await _shown(request, doors)
    found = request.state.signed_in
    async with doors.db.reading() as session:
        return SoFarView(
            next=await factors.next_of(session, found.row, doors.now),
            ways=await factors.ways(session, found.person.id),
            csrf=csrf.token_of(doors.keys, found.row),
        )


@router.post("/sign-in/code")
async def give_code(body: CodeBody, request: Request, response: Response, doors: TheDoors) -> SignedInView:
    """The second factor of a sign-in that was begun; the session gets a new secret."""
    shown = await _shown(request, doors)
    begun = await signing_in.with_code(doors, opaque.digest(shown.secret), body.code, caller_of(request))
    return await signed_in(request, response, begun, keep=keep_of(shown))


@router.post("/sign-in/link")
async def follow_link(body: LinkBody, request: Request, response: Response, doors: TheDoors) -> SignedInView:
    """By a one-time link, which only a demonstration makes."""
    begun = await inviting.follow(doors, body.secret, caller_of(request))
    return await signed_in(request, response, begun, keep=body.keep)


@router.delete("/sign-in", status_code=204)
async def sign_out(request: Request, response: Response, doors: TheDoors) -> None:
    """End the session, finished or not."""
    shown = await _shown(request, doors)
    async with doors.db.transaction() as session:
        found = await store.with_person(session, opaque.digest(shown.secret), held=True)
        if found is not None:
            tell(session, Event.SIGN_OUT, found[1], doors.now, row=found[0])
            await store.drop_session(session, found[0].id)
    if shown.cookie:
        cookies.take(request, response)


@router.post("/invitations")
async def accept_invitation(
    body: InvitationBody, request: Request, response: Response, doors: TheDoors
) -> SignedInView:
    """Set one's password by a one-time link, and sign in by it."""
    begun = await inviting.accept(doors, body.secret, body.password, caller_of(request))
    return await signed_in(request, response, begun, keep=body.keep)


@router.post("/set-up", status_code=201)
async def set_up(body: SetUpBody, request: Request, response: Response, doors: TheDoors) -> SignedInView:
    """Make the first administrator by the link that the first start printed."""
    unit = None if body.unit is None else NewUnit(body.unit.id, body.unit.name, body.unit.kind)
    first = First(body.name, body.sign_in_name, body.password, body.unit_id, unit)
    begun = await setting_up.set_up(doors, body.secret, first, caller_of(request))
    doors.controller.wake()
    return await signed_in(request, response, begun, keep=body.keep)


def keep_of(shown: Given) -> Keep:
    """A session that came in a cookie goes on in one."""
    return Keep.COOKIE if shown.cookie else Keep.TOKEN


async def _shown(request: Request, doors: Doors) -> Given:
    """The session of the request, pending or not.

    Raises:
        NotSignedIn, CsrfRefused: there is none.
    """
    shown = given(request)
    if shown is None:
        raise NotSignedIn("sign in first", vi="hãy đăng nhập")
    async with doors.db.reading() as session:
        await find_session(request, session, shown, doors.now)
    return shown
