"""Who makes a request: found out once, before anything else is looked at, and put into `request.state.actor`.

In this order: `Authorization: Bearer …` with the host's token, a session's secret or an integration's token; else the
cookie of a session. A session that is over, or whose person has left, is nobody's. The host's token is taken from this
machine only. Only the host's token may name a person it acts for, and only where the settings let it.

A session lies idle while nobody asks: what an open page fetches by itself, and a stream that looks again, are no use.
"""

import contextlib
import ipaddress
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts import cookies, csrf, opaque, rules, sessions, store
from controller.accounts.opaque import Prefix
from controller.accounts.store import Found
from controller.people import store as people
from controller.people.acting import HEADER, TOKEN, Actor, PersonUnknown, Via
from controller.people.approving import local_day
from controller.runtime.database_faults import DatabaseBusy, DatabaseUnavailable
from controller.runtime.looks import reading
from controller.runtime.server import Controller
from loa_protocol.errors import LoaError

_bearer = HTTPBearer(auto_error=False, description="A session's secret, an integration's token, or the host's token")
_TOKEN_SEEN_EVERY = timedelta(hours=1)
PART = "HX-Request"
"""In it a page says that it fetches a part of itself, by a timer or for an event, and that nobody pressed anything."""
WALL = "Loa-Wall"
"""In it such a page says that it hangs on a wall: nobody is meant to press anything, but for who has a guarded role."""


class NotSignedIn(LoaError):
    """Nobody in particular asks, or somebody whose session or token is no longer good."""

    code = "not_signed_in"


class SignInUnfinished(LoaError):
    """The password was right; the second factor is still to come."""

    code = "sign_in_unfinished"


class ActingRefused(LoaError):
    """Somebody may not act for a person."""

    code = "acting_refused"


@dataclass(frozen=True, slots=True)
class Given:
    """What a request shows of who makes it; `cookie`: its browser added it by itself."""

    secret: str
    cookie: bool


def given(request: Request) -> Given | None:
    """The secret of a request."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret.strip():
        return Given(secret.strip(), cookie=False)
    found = cookies.read(request)
    return Given(found, cookie=True) if found else None


async def authenticate(request: Request, session: AsyncSession, *, seen: bool = True) -> Actor:
    """Who makes a request, into `request.state.actor`; a session is seen in the request's transaction, if it has one.

    `seen` False: somebody need not be there for it.

    Raises:
        NotSignedIn, SignInUnfinished, ActingRefused, PersonUnknown, CsrfRefused: it is refused.
    """
    shown = given(request)
    if shown is None:
        raise NotSignedIn("sign in first", vi="hãy đăng nhập")
    now = _controller(request).clock.now()
    if _is_host(request, shown):
        actor = await _host(request, session)
    elif request.headers.get(HEADER) is not None:
        raise ActingRefused(f"only the host's own token names a person in {HEADER}; leave the header out")
    elif shown.secret.startswith(Prefix.INTEGRATION) and not shown.cookie:
        actor = await _integration(request, session, shown.secret, now)
    else:
        actor = await _signed_in(request, session, shown, now, seen=seen)
    request.state.actor = actor
    return actor


async def find_session(request: Request, session: AsyncSession, shown: Given, now: datetime) -> Found:
    """The session of a secret, pending or not; a write with a cookie is meant by its owner.

    Raises:
        NotSignedIn, CsrfRefused: it is none, or it is over.
    """
    controller = _controller(request)
    found = await store.signed_in(session, opaque.digest(shown.secret), local_day(now))
    if found is None or found.person.retired_at is not None or _is_over(controller, found, now):
        raise NotSignedIn("the session is over, or there is none; sign in again", vi="phiên đã hết; hãy đăng nhập lại")
    if shown.cookie:
        await csrf.require(request, controller.account_keys, found.row)
    request.state.signed_in = found
    return found


async def authenticated(
    request: Request,
    _shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],  # for the description of the API
) -> Actor:
    """Dependency of every route but the public ones, in the transaction of what writes.

    Raises:
        NotSignedIn, SignInUnfinished, ActingRefused, PersonUnknown, CsrfRefused: it is refused.
    """
    writing: AsyncSession | None = getattr(request.state, "session", None)
    if writing is not None:
        return await authenticate(request, writing)
    known: Actor | None = getattr(request.state, "actor", None)
    if known is not None:  # found out by a read of the same look
        return known
    async with reading(request, _controller(request).db) as session:
        return await authenticate(request, session)


async def again(request: Request, actor: Actor) -> Actor:
    """The same actor as they are by now, for answers that last; their session is not seen by that.

    Raises:
        NotSignedIn, SignInUnfinished, ActingRefused, PersonUnknown: they are no more.
    """
    async with _controller(request).db.reading() as session:
        now = await authenticate(request, session, seen=False)
    if now.person_id != actor.person_id:
        raise AssertionError("one request became another person's")
    return now


def _controller(request: Request) -> Controller:
    controller: Controller = request.app.state.controller
    return controller


def _is_host(request: Request, shown: Given) -> bool:
    expected: str = request.app.state.token
    same = secrets.compare_digest(shown.secret.encode(), expected.encode())
    return same and not shown.cookie and _is_from_here(request)


def _is_from_here(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


async def _host(request: Request, session: AsyncSession) -> Actor:
    person_id = request.headers.get(HEADER)
    if person_id is None:
        return TOKEN
    if not _controller(request).settings.host_acts_for_people:
        raise ActingRefused(
            f"the host's token acts for nobody here; leave {HEADER} out, or sign in as that person",
            vi="ở máy này không được làm thay người khác; hãy đăng nhập bằng tài khoản của người đó (loa sign-in)",
        )
    person = await people.find(session, person_id)
    if person is None or person.retired_at is not None:
        raise PersonUnknown(f"{person_id} in {HEADER} is nobody who works here; list the people", person=person_id)
    return Actor(person.id, person.name)


async def _integration(request: Request, session: AsyncSession, secret: str, now: datetime) -> Actor:
    found = await store.token(session, opaque.digest(secret))
    if found is None or found[0].revoked_at is not None or found[0].expires_at <= now or found[1].retired_at:
        raise NotSignedIn("the token is unknown, revoked or has expired; have an administrator make another")
    row, person = found
    if row.used_at is None or row.used_at + _TOKEN_SEEN_EVERY <= now:
        await _note(request, lambda writing: store.touch_token(writing, row.id, now))
    return Actor(person.id, person.name, Via.TOKEN, strong=False, credential_id=row.id, given_by=row.made_at)


async def _signed_in(request: Request, session: AsyncSession, shown: Given, now: datetime, *, seen: bool) -> Actor:
    found = await find_session(request, session, shown, now)
    row = found.row
    if row.pending:
        raise SignInUnfinished(
            "give the second factor first (POST /sign-in/code, or a passkey)",
            vi="hãy nhập mã xác thực hoặc dùng khóa truy cập để hoàn tất đăng nhập",
        )
    by_itself = request.headers.get(PART) == "true" and (found.guarded or WALL not in request.headers)
    if seen and not by_itself and row.seen_at + rules.SEEN_EVERY <= now:
        await _note(request, lambda writing: store.touch(writing, row.id, now))
    return Actor(found.person.id, found.person.name, Via.SESSION, row.strong, row.proved_at, row.id)


def _is_over(controller: Controller, found: Found, now: datetime) -> bool:
    row = found.row
    if row.pending and now >= row.began_at + rules.PENDING_LIFE:
        return True
    limits = sessions.limits_of(controller.settings, guarded=found.guarded, strong=row.strong)
    return rules.is_over(rules.Times(row.began_at, row.seen_at), limits, now)


async def _note(request: Request, write: Callable[[AsyncSession], Awaitable[None]]) -> None:
    """In the request's transaction; what only reads takes one of its own, if the database has time for it."""
    session: AsyncSession | None = getattr(request.state, "session", None)
    if session is not None:
        await write(session)
        return
    with contextlib.suppress(DatabaseBusy, DatabaseUnavailable):
        await _controller(request).db.attempt(write)
