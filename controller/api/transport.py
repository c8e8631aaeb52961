"""Beyond this machine only https is answered, as a proxy we trust says it; the sign of life is for everybody."""

from starlette.types import ASGIApp, Receive, Scope, Send

from controller.api.errors import of_loa_error
from controller.runtime.exposure import is_loopback
from loa_protocol.errors import LoaError

_ALIVE = "/api/v1/health"


class HttpsNeeded(LoaError):
    """A request came over plain http from another machine."""

    code = "https_needed"


class EncryptedOnly:
    """ASGI middleware of a controller that listens beyond its machine."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] == "http" and not _is_fine(scope):
            refusal = of_loa_error(HttpsNeeded("this is answered over https only; open the public address"))
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_fine(scope: Scope) -> bool:
    client = scope.get("client")
    return scope["scheme"] == "https" or scope["path"] == _ALIVE or (client is not None and is_loopback(client[0]))
