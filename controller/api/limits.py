"""How much a request may say, how deep, and how slowly: decided before anything of it is understood.

A body that is read as a whole is received here, within a size and a time, and is handed on in one piece; so nobody who
sends too much, too deep or too slowly reaches a parser, a transaction or a worker. Files go on block by block to those
who bound them themselves (the spool, the reader of tables): of them only the pace is watched.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controller.api.dependencies import TextRefused
from controller.api.errors import of_loa_error
from loa_protocol.errors import LoaError

MOST_BYTES = 2 * 1024**2
DEEPEST = 32
FILES = frozenset({"/api/v1/media", "/api/v1/pictures", "/api/v1/programmes/sheet", "/compose"})
"""`POST` to these carries a file."""
_QUOTE = ord('"')
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"{[")], _STEPS[list(b"}]")] = 1, -1


class BodyTooLarge(LoaError):
    """A request has more bytes than are read of one."""

    code = "body_too_large"


class BodyTooDeep(LoaError):
    """A request's JSON has lists within lists deeper than anything that is understood here."""

    code = "body_too_deep"


class BodyTooSlow(LoaError):
    """A request's bytes did not come in time."""

    code = "body_too_slow"


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for a body that is read as a whole, and for the next block of a file."""

    body_s: float = 20.0
    block_s: float = 30.0


class RequestLimits:
    """ASGI middleware; what is refused is answered as a problem document."""

    def __init__(self, app: ASGIApp, patience: Patience | None = None) -> None:
        self._app, self._patience = app, patience or Patience()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Receive the request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] in FILES and scope["method"] == "POST":
            await _Paced(receive, send, self._patience.block_s).run(self._app, scope)
        else:
            await self._whole(scope, receive, send)

    async def _whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if not _carries(headers):
            await self._app(scope, receive, send)
            return
        try:
            body = await _received(headers, receive, self._patience.body_s)
            if "json" in headers.get("content-type", "").lower():
                _require_plain(body)
        except LoaError as error:
            await _refused(error)(scope, receive, send)
        except ClientDisconnect:
            return
        else:
            await self._app(scope, _handing_on(body, receive), send)


def _require_plain(body: bytes) -> None:
    if b"\x00" in body:
        raise TextRefused("the request's JSON holds the character NUL, or is not written in UTF-8; write it so")
    if depth_of(body) > DEEPEST:
        raise BodyTooDeep(f"the request's JSON is deeper than {DEEPEST} levels; nothing here needs that")


def depth_of(body: bytes) -> int:
    """How deep the brackets of a JSON text in UTF-8 go, those within strings not counted; no text takes long."""
    signs = np.frombuffer(body.replace(b"\\\\", b"").replace(b'\\"', b""), np.uint8)
    within = np.cumsum(signs == _QUOTE) & 1
    depths = np.cumsum(np.where(within, 0, _STEPS[signs]), dtype=np.int32)
    return max(0, int(depths.max(initial=0)))


def _carries(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def _received(headers: Headers, receive: Receive, within_s: float) -> bytes:
    """The whole body.

    Raises:
        BodyTooLarge, BodyTooSlow: it is not.
        ClientDisconnect: nobody waits for an answer any more.
    """
    said = headers.get("content-length", "0")
    if said.isdigit() and int(said) > MOST_BYTES:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(within_s):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                body += message.get("body", b"")
                if len(body) > MOST_BYTES:
                    raise _too_large()
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise BodyTooSlow(f"the request did not come within {within_s:g} s; send it again on a better line") from None


def _refused(error: LoaError) -> Response:
    """The answer; the connection ends with it, because what is left of the request is not waited for."""
    answer = of_loa_error(error)
    answer.headers["Connection"] = "close"
    return answer


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"a request has at most {MOST_BYTES} bytes; send less at a time, and files to /media")


def _handing_on(body: bytes, receive: Receive) -> Callable[[], Awaitable[Message]]:
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def handed() -> Message:
        return left.pop() if left else await receive()

    return handed


class _Paced:
    """A request whose blocks must keep coming: when they do not, the application sees its client go."""

    def __init__(self, receive: Receive, send: Send, block_s: float) -> None:
        self._receive, self._send, self._block_s = receive, send, block_s
        self._receiving, self._slow, self._answered = True, False, False

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self._next, self._told)
        except ClientDisconnect:
            if not self._slow:
                raise
        if self._slow and not self._answered:
            slow = BodyTooSlow(f"nothing of the file came for {self._block_s:g} s; send it again on a better line")
            await _refused(slow)(scope, self._receive, self._send)

    async def _next(self) -> Message:
        if not self._receiving:
            return await self._receive()
        try:
            async with asyncio.timeout(self._block_s):
                message = await self._receive()
        except TimeoutError:
            self._slow, self._receiving = True, False
            return {"type": "http.disconnect"}
        self._receiving = bool(message.get("more_body", False))
        return message

    async def _told(self, message: Message) -> None:
        if self._slow and not self._answered:
            return
        self._answered = self._answered or message["type"] == "http.response.start"
        await self._send(message)
