"""The cookie of a session: for this host alone, never for scripts, and only over https unless it stays on this machine.

`__Host-` makes browsers refuse a cookie that another name of the domain, or plain http, tries to set.
"""

from starlette.requests import Request
from starlette.responses import Response

from controller.runtime.settings import Settings

SECURE = "__Host-loa"
PLAIN = "loa"
"""Over plain http, which reaches this machine only."""


def is_https(request: Request) -> bool:
    """Whether people reach us by https: the settings say so, or a proxy we trust."""
    settings: Settings = request.app.state.controller.settings
    return request.url.scheme == "https" or (settings.public_url or "").startswith("https://")


def name_of(request: Request) -> str:
    """What the cookie is called here."""
    return SECURE if is_https(request) else PLAIN


def read(request: Request) -> str | None:
    """The secret in the cookie."""
    return request.cookies.get(name_of(request))


def give(request: Request, response: Response, secret: str) -> None:
    """Set it; it goes when the browser closes, the session by its own limits."""
    secure = is_https(request)
    response.set_cookie(name_of(request), secret, path="/", secure=secure, httponly=True, samesite="lax")


def take(request: Request, response: Response) -> None:
    """Take it back."""
    response.delete_cookie(name_of(request), path="/", secure=is_https(request), httponly=True, samesite="lax")
