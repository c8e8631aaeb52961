"""One's own account over HTTP: who one is, sessions, password, second factors. For who is signed in, nobody else."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from controller.accounts import authenticators, csrf, factors, passwords, sessions, signing_in, store
from controller.accounts.answers import NO_STORE, Keep, SessionView, SignedInView, give, signed_in
from controller.accounts.authentication import Given, given
from controller.accounts.doors import caller_of
from controller.accounts.factors import Next, Way
from controller.accounts.sign_in_routes import Code, CodeBody, Secret, TheDoors, keep_of
from controller.accounts.store import Found
from controller.accounts.tables import SignedIn
from controller.api.dependencies import Read
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import Body, IdField, View
from controller.people.acting import Acting, Via
from loa_protocol.errors import LoaError

router = APIRouter(tags=["account"], route_class=WriteRoute)
plain = APIRouter(tags=["account"])
"""What hashes or compares passwords keeps no transaction meanwhile."""


class SessionNeeded(LoaError):
    """Something is done in a session only: nobody is signed in by a token."""

    code = "session_needed"


class Mine:
    """The session of a request."""

    def __init__(self, found: Found, shown: Given) -> None:
        self.row, self.person = found.row, found.person
        self.keep: Keep = keep_of(shown)


async def _mine(request: Request, actor: Acting) -> Mine:
    shown = given(request)
    if actor.via is not Via.SESSION or shown is None:
        raise SessionNeeded("sign in as a person to do this; a token has no account of its own")
    return Mine(request.state.signed_in, shown)


MySession = Annotated[Mine, Depends(_mine)]


class MeView(View):
    """Who asks. `next`: what their account still needs; `csrf`: for writes with the cookie."""

    person_id: str | None
    name: str
    via: Via
    strong: bool
    proved_at: datetime | None
    session_id: str | None
    sign_in_name: str | None = None
    next: Next = Next.NOTHING
    ways: tuple[Way, ...] = ()
    recovery_codes_left: int = 0
    csrf: str | None = None


class ProofBody(Body):
    """The password anew, and a code where one has an authenticator."""

    password: Secret
    code: Code | None = None


class NewPasswordBody(Body):
    """The password from now on."""

    password: Secret


class RenewedView(View):
    """The session's new secret, where it is not in a cookie; the one before is worth nothing more."""

    secret: str | None
    csrf: str


class AuthenticatorView(View):
    """What an authenticator app is set up with: by hand, or as a QR code of `address`. Shown this once."""

    secret: str
    address: str


class CodesView(View):
    """Codes to write down, each of which stands in for the authenticator once; shown this once."""

    codes: list[str]


class ConfirmedView(RenewedView, CodesView):
    """The session is strong from now on."""


@router.get("/me")
async def who_am_i(request: Request, session: Read, doors: TheDoors, actor: Acting) -> MeView:
    """Who asks, and by what."""
    told = MeView(
        person_id=actor.person_id,
        name=actor.name,
        via=actor.via,
        strong=actor.strong,
        proved_at=actor.proved_at,
        session_id=actor.credential_id if actor.via is Via.SESSION else None,
    )
    if actor.via is not Via.SESSION:
        return told
    mine = await _mine(request, actor)
    account = await store.account(session, mine.person.id)
    return told.model_copy(
        update={
            "sign_in_name": None if account is None else account.sign_in_name,
            "next": await factors.next_of(session, mine.row, doors.now),
            "ways": await factors.ways(session, mine.person.id),
            "recovery_codes_left": await store.recovery_codes_left(session, mine.person.id),
            "csrf": csrf.token_of(doors.keys, mine.row),
        }
    )


@router.get("/sessions")
async def list_sessions(session: Read, mine: MySession) -> list[SessionView]:
    """One's own sessions, the one seen last first."""
    return views(await sessions.listed(session, mine.person.id), mine.row.id)


@router.delete("/sessions/{session_id}")
async def end_session(session_id: IdField, session: Write, mine: MySession) -> SessionView:
    """End one of one's own sessions."""
    return SessionView.model_validate(await sessions.end(session, mine.person.id, session_id))


@router.delete("/sessions")
async def end_other_sessions(session: Write, mine: MySession) -> dict[str, int]:
    """End all one's sessions but this."""
    return {"ended": await sessions.end_all(session, mine.person.id, but=mine.row.id)}


@plain.post("/sign-in/proof")
async def prove(
    *, body: ProofBody, request: Request, response: Response, doors: TheDoors, mine: MySession
) -> SignedInView:
    """Prove anew who one is, before what needs that; the session gets a new secret."""
    begun = await signing_in.prove(doors, mine.row.secret_sha256, body.password, body.code, caller_of(request))
    return await signed_in(request, response, begun, keep=mine.keep)


@plain.put("/password")
async def change_password(
    *, body: NewPasswordBody, request: Request, response: Response, doors: TheDoors, mine: MySession, actor: Acting
) -> RenewedView:
    """Set another password, a moment after a proof; other sessions end, this one gets a new secret."""
    actor.require_recent(doors.now)
    async with doors.db.reading() as reading:
        told = await passwords.about(reading, mine.person)
    made = await passwords.hashed(doors, body.password, told)
    async with doors.db.transaction() as session:
        found = await store.with_person(session, mine.row.secret_sha256, held=True)
        if found is None:
            raise signing_in.refused()
        secret = await passwords.change(session, found[0], made, doors.now)
    return RenewedView(secret=give(request, response, secret, keep=mine.keep), csrf=csrf.token_of(doors.keys, found[0]))


@router.post("/second-factor/authenticator", status_code=201)
async def begin_authenticator(
    response: Response, session: Write, doors: TheDoors, mine: MySession, actor: Acting
) -> AuthenticatorView:
    """A secret for an authenticator app, a moment after a proof; it counts once a code confirms it."""
    actor.require_recent(doors.now)
    response.headers.update(NO_STORE)
    return AuthenticatorView.model_validate(await authenticators.begin(doors, session, mine.row))


@router.post("/second-factor/authenticator/confirmation")
async def confirm_authenticator(
    *,
    body: CodeBody,
    request: Request,
    response: Response,
    session: Write,
    doors: TheDoors,
    mine: MySession,
    actor: Acting,
) -> ConfirmedView:
    """The app shows the right code: it is the second factor now; other sessions end, this one gets a new secret."""
    actor.require_recent(doors.now)
    confirmed = await authenticators.confirm(doors, session, mine.row, body.code)
    secret = give(request, response, confirmed.secret, keep=mine.keep)
    return ConfirmedView(secret=secret, csrf=csrf.token_of(doors.keys, mine.row), codes=confirmed.codes)


@router.delete("/second-factor/authenticator")
async def remove_authenticator(
    session: Write, doors: TheDoors, mine: MySession, actor: Acting
) -> dict[str, tuple[Way, ...]]:
    """Do without the authenticator, a moment after a proof; other sessions end. Gives the second factors left."""
    actor.require_recent(doors.now)
    await authenticators.remove(doors, session, mine.row)
    return {"ways": await factors.ways(session, mine.person.id)}


@router.post("/second-factor/recovery-codes")
async def new_recovery_codes(
    response: Response, session: Write, doors: TheDoors, mine: MySession, actor: Acting
) -> CodesView:
    """Ten fresh codes, a moment after a proof; those before are worth nothing more."""
    actor.require_recent(doors.now)
    await authenticators.require_strong(session, mine.row)
    response.headers.update(NO_STORE)
    return CodesView(codes=await authenticators.new_paper_codes(doors, session, mine.person.id))


def views(rows: Iterable[SignedIn], current: str | None = None) -> list[SessionView]:
    """Sessions as they are told; `current` is the one that asks."""
    return [SessionView.model_validate(row).model_copy(update={"current": row.id == current}) for row in rows]
