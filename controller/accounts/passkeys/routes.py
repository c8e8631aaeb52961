"""Passkeys over HTTP: sign in by one, prove anew who one is, keep one's own.

Each step is two requests: what to ask the browser (`options`, as `navigator.credentials` takes it in
`PublicKeyCredential.parse…OptionsFromJSON`), and its answer (as `toJSON()` gives it). `public` stands before the guard:
there a session may still be pending.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import StringConstraints

from controller.accounts import csrf
from controller.accounts.answers import NO_STORE, Keep, KeepField, SignedInView, give, signed_in
from controller.accounts.authentication import Given, NotSignedIn, find_session, given
from controller.accounts.doors import caller_of, unhurried
from controller.accounts.own_address import address_of
from controller.accounts.passkeys import keeping as passkey_keeping
from controller.accounts.passkeys import service as passkeys
from controller.accounts.passkeys.answers import Assertion, Registration
from controller.accounts.passkeys.rules import RelyingParty, relying_party
from controller.accounts.routes import MySession
from controller.accounts.sign_in_routes import TheDoors, keep_of
from controller.accounts.store import Found
from controller.api.dependencies import Read, require_text
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import Body, IdField, View
from controller.people.acting import Acting

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
"""A challenge is used up whatever becomes of the answer, so that these have transactions of their own."""

PasskeyName = Annotated[
    str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")
]


class OptionsView(View):
    """What to ask the browser: pass `publicKey` on to `navigator.credentials`."""

    publicKey: dict[str, Any]  # noqa: N815 - as browsers call it


class SignInBody(Body):
    """What the browser answered."""

    credential: Assertion
    keep: KeepField = Keep.COOKIE


class ProofBody(Body):
    """What the browser answered."""

    credential: Assertion


class NewPasskeyBody(Body):
    """What the browser answered, and what to call its passkey."""

    name: PasskeyName
    credential: Registration


class NameBody(Body):
    """Another name."""

    name: PasskeyName


class PasskeyView(View):
    """A passkey. `backed_up`: its maker keeps it for all devices of its person; `copied_at`: it is locked since."""

    id: str
    name: str
    transports: list[str]
    backed_up: bool
    created_at: datetime
    used_at: datetime | None
    copied_at: datetime | None


class AddedView(PasskeyView):
    """A new passkey; `secret` is the session's new one, where it is not in a cookie, `csrf` goes with it."""

    secret: str | None
    csrf: str


async def _party(request: Request) -> RelyingParty:
    return relying_party(address_of(request))


Party = Annotated[RelyingParty, Depends(_party)]


class Shown:
    """A session, pending or not."""

    def __init__(self, given: Given, found: Found) -> None:
        self.row, self.keep = found.row, keep_of(given)


async def _shown(request: Request, doors: TheDoors) -> Shown:
    """The session of the request.

    Raises:
        NotSignedIn, CsrfRefused: there is none.
    """
    shown = given(request)
    if shown is None:
        raise NotSignedIn("sign in first", vi="hãy đăng nhập")
    async with doors.db.reading() as session:
        return Shown(shown, await find_session(request, session, shown, doors.now))


AnySession = Annotated[Shown, Depends(_shown)]


@public.post("/sign-in/passkey/options")
async def ask_to_sign_in(request: Request, response: Response, doors: TheDoors, party: Party) -> OptionsView:
    """What to ask the browser of somebody who signs in by a passkey alone."""
    response.headers.update(NO_STORE)
    return OptionsView(publicKey=await passkeys.sign_in_options(doors, party, caller_of(request)))


@public.post("/sign-in/passkey")
async def sign_in(
    *, body: SignInBody, request: Request, response: Response, doors: TheDoors, party: Party
) -> SignedInView:
    """Sign in by a passkey, which is two factors."""
    begun = await passkeys.sign_in(doors, party, body.credential, caller_of(request))
    return await signed_in(request, response, begun, keep=body.keep)


@public.post("/sign-in/proof/passkey/options")
async def ask_for_proof(response: Response, doors: TheDoors, party: Party, shown: AnySession) -> OptionsView:
    """What to ask the browser of somebody whose session is to go on, or who proves anew who they are."""
    response.headers.update(NO_STORE)
    return OptionsView(publicKey=await passkeys.proof_options(doors, party, shown.row))


@public.post("/sign-in/proof/passkey")
async def prove(
    *, body: ProofBody, request: Request, response: Response, doors: TheDoors, party: Party, shown: AnySession
) -> SignedInView:
    """Prove by a passkey who one is: as the second factor, or anew; the session gets a new secret and is strong."""
    begun = await passkeys.prove(doors, party, shown.row, body.credential, caller_of(request))
    return await signed_in(request, response, begun, keep=shown.keep)


@router.get("/second-factor/passkeys")
async def list_passkeys(session: Read, mine: MySession) -> list[PasskeyView]:
    """One's own passkeys, oldest first."""
    return [PasskeyView.model_validate(row) for row in await passkey_keeping.listed(session, mine.person.id)]


@plain.post("/second-factor/passkeys/options")
async def ask_for_passkey(
    *, response: Response, doors: TheDoors, party: Party, mine: MySession, actor: Acting
) -> OptionsView:
    """What to ask the browser of somebody who adds a passkey, a moment after a proof."""
    actor.require_recent(doors.now)
    response.headers.update(NO_STORE)
    return OptionsView(publicKey=await passkey_keeping.options(doors, party, mine.row, mine.person))


@plain.post("/second-factor/passkeys", status_code=201)
async def add_passkey(
    *,
    body: NewPasskeyBody,
    request: Request,
    response: Response,
    doors: TheDoors,
    party: Party,
    mine: MySession,
    actor: Acting,
) -> AddedView:
    """Keep the passkey that the browser made; other sessions end, this one is strong and gets a new secret."""
    actor.require_recent(doors.now)
    added = await passkey_keeping.add(doors, party, mine.row, body.name, body.credential)
    secret = give(request, response, added.secret, keep=mine.keep)
    told = PasskeyView.model_validate(added.passkey).model_dump()
    return AddedView(**told, secret=secret, csrf=csrf.token_of(doors.keys, added.row))


@router.patch("/second-factor/passkeys/{passkey_id}")
async def rename_passkey(passkey_id: IdField, body: NameBody, session: Write, mine: MySession) -> PasskeyView:
    """Call it otherwise."""
    return PasskeyView.model_validate(await passkey_keeping.rename(session, mine.person.id, passkey_id, body.name))


@router.delete("/second-factor/passkeys/{passkey_id}", status_code=204)
async def remove_passkey(passkey_id: IdField, session: Write, doors: TheDoors, mine: MySession, actor: Acting) -> None:
    """Do without it, a moment after a proof; other sessions end."""
    actor.require_recent(doors.now)
    await passkey_keeping.remove(doors, session, mine.row, passkey_id)
