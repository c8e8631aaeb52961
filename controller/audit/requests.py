"""Makes every request known to what is recorded, and gives it an id that its answer names (`X-Request-Id`)."""

import secrets

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controller.audit.asking import Asked, asked

HEADER = "X-Request-Id"


class Requests:
    """ASGI middleware; also hands refusals to the controller's `denials`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        request = Asked(scope, secrets.token_hex(8))

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request.id
                scope["app"].state.controller.denials.saw(request, message["status"])
            await send(message)

        before = asked.set(request)
        try:
            await self._app(scope, receive, answer)
        finally:
            asked.reset(before)
