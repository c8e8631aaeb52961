"""Writes: one transaction a request, committed before the answer is sent, and the same answer for the same key.

A route on `WriteRoute` gets its session from `Write`. With an `Idempotency-Key` header the answer is stored in the
very transaction of the change: a client that lost the answer asks again with the same key and nothing happens twice.
The key is looked up when it is known who asks and that they may: an answer is for who it was given to. Where another
writer was in the way the whole request is done again, so that a route has no effect but on its session; of two requests
with one key at the same moment the later one so finds the answer of the earlier.
An answer with a secret in it says `Cache-Control: no-store` and is not kept here either.
"""

import hashlib
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.may import May, require_asked
from controller.api.errors import of_loa_error
from controller.api.tables import IdempotencyRow
from controller.runtime.server import Controller
from loa_protocol.errors import LoaError

HEADER = "Idempotency-Key"
REPLAYED = {"Idempotency-Replayed": "true"}
KEPT = timedelta(days=2)
_LONGEST_KEY = 100
_AT_ONCE = 100
_NOT_KEPT = "no-store"
_SUCCESS = range(200, 300)
_SAFE = frozenset({"GET", "HEAD"})


class IdempotencyConflict(LoaError):
    """A key was used before for another request."""

    code = "idempotency_conflict"


class IdempotencyKeyBad(LoaError):
    """A key is empty or too long."""

    code = "idempotency_key_bad"


class _RolledBack(Exception):
    def __init__(self, response: Response) -> None:
        self.response = response


class _Known(Exception):
    """The request was answered before."""

    def __init__(self, row: IdempotencyRow) -> None:
        self.row = row


class WriteRoute(APIRoute):
    """Gives every writing request its transaction."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler inside the transaction."""
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            if request.method in _SAFE:
                return await inner(request)
            controller: Controller = request.app.state.controller

            async def answer(session: AsyncSession) -> Response:
                return await _answer(inner, request, session, controller.clock.now())

            try:
                response = await controller.db.attempt(answer)
            except _RolledBack as failed:
                return failed.response
            controller.wake()
            return response

        return handler


async def _answer(
    inner: Callable[[Request], Coroutine[Any, Any, Response]], request: Request, session: AsyncSession, now: datetime
) -> Response:
    key = request.headers.get(HEADER)
    request.state.session = session
    try:
        response = await inner(request)
        require_asked(request)
    except _Known as known:
        return Response(known.row.body, known.row.status, media_type="application/json", headers=REPLAYED)
    except LoaError as error:
        raise _RolledBack(of_loa_error(error)) from error
    if response.status_code not in _SUCCESS:
        raise _RolledBack(response)
    if key is not None and response.headers.get("Cache-Control") != _NOT_KEPT:
        body = bytes(response.body).decode()
        digest = await _digest(request)
        await remember(session, key, digest, status=response.status_code, body=body, now=now)
    return response


async def _digest(request: Request) -> str:
    return digest_of(request, await request.body())


def digest_of(request: Request, content: bytes) -> str:
    """What makes a request the same as another: its address, who asks, and what for."""
    may: May | None = getattr(request.state, "may", None)
    who = "" if may is None else f"{may.actor.via} {may.actor.person_id or ''}"
    address = f"{request.method} {request.url.path}?{request.url.query}"
    return hashlib.sha256(f"{address}\n{who}\n".encode() + content).hexdigest()


async def recall(session: AsyncSession, key: str, digest: str) -> IdempotencyRow | None:
    """What was answered to this key before.

    Raises:
        IdempotencyKeyBad: the key is empty or too long.
        IdempotencyConflict: it belongs to a request with another digest.
    """
    if not 1 <= len(key) <= _LONGEST_KEY:
        raise IdempotencyKeyBad(f"an {HEADER} has 1 to {_LONGEST_KEY} characters; this one has {len(key)}")
    row = await session.get(IdempotencyRow, key)
    if row is None:
        return None
    if row.request != digest:
        raise IdempotencyConflict(f"the {HEADER} {key!r} was used for another request; make a new key")
    return row


async def remember(session: AsyncSession, key: str, digest: str, *, status: int, body: str, now: datetime) -> None:
    """Keep an answer for its key, in the transaction of what it tells; old ones go."""
    old = select(IdempotencyRow.key).where(IdempotencyRow.created_at < now - KEPT).limit(_AT_ONCE)
    await session.execute(delete(IdempotencyRow).where(IdempotencyRow.key.in_(old.with_for_update(skip_locked=True))))
    session.add(IdempotencyRow(key=key, request=digest, status=status, body=body, created_at=now))


async def _session(request: Request) -> AsyncSession:
    session: AsyncSession = request.state.session
    key = request.headers.get(HEADER)
    if key is not None and (known := await recall(session, key, await _digest(request))) is not None:
        raise _Known(known)
    return session


Write = Annotated[AsyncSession, Depends(_session)]
