"""What every answer tells a browser it may do with it: one place, errors and streams included.

A web page may load and run what comes from here and nothing else; no script or style stands inside a page. What is no
page (JSON, sounds, pictures, tables, drawings) is inert: opened by itself it runs and loads nothing, it is never taken
for another type, and what a browser would show by itself is offered as a file. No answer is kept by a cache unless its
route says so. A route sets none of these headers but `Cache-Control` and `Content-Disposition`.
"""

import mimetypes
import re
from collections.abc import Mapping
from types import MappingProxyType

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_TYPES = frozenset({"text/html", "text/javascript", "text/css", "application/manifest+json"})
"""Pages and what they are made of; a script's own policy rules the worker that it becomes."""
_SHOWN_TYPES = PAGE_TYPES | {"application/json", "application/problem+json", "text/event-stream", "text/plain"}
_TRUSTED_TYPES = "; require-trusted-types-for 'script'; trusted-types default"
_IMAGES = "img-src 'self' data:"
_SELF_ONLY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "font", "connect", "worker", "manifest")),
        "media-src 'self' blob:",
        _IMAGES,
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
PAGE = _SELF_ONLY + _TRUSTED_TYPES
"""What a page's own script recorded can be heard before it is sent (`blob:`).

Text becomes HTML or script nowhere, but by the one policy that a page's own script may name `default`."""
DESCRIPTION = _SELF_ONLY
"""Of `/docs` alone: Swagger UI makes HTML of texts, so trusted types are not asked for there."""
INERT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; sandbox"
HSTS = "max-age=63072000; includeSubDomains"
_FEATURES = (
    *("accelerometer", "autoplay", "bluetooth", "camera", "display-capture", "encrypted-media", "fullscreen"),
    *("geolocation", "gyroscope", "hid", "magnetometer", "microphone", "midi", "payment"),
    *("publickey-credentials-create", "publickey-credentials-get", "screen-wake-lock", "serial", "usb"),
    *("web-share", "xr-spatial-tracking"),
)
_OF_PAGES = frozenset(
    {"autoplay", "fullscreen", "microphone", "publickey-credentials-create", "publickey-credentials-get"}
)
_DOCS = "/docs"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def _features(allowed: frozenset[str]) -> str:
    return ", ".join(f"{one}=({'self' if one in allowed else ''})" for one in _FEATURES)


ALWAYS: Mapping[str, str] = MappingProxyType(
    {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
    }
)
"""`Referrer-Policy: no-referrer` would make browsers send `Origin: null` with a page's own forms."""
_PAGE_FEATURES, _NO_FEATURES = _features(_OF_PAGES), _features(frozenset())


class SecurityHeaders:
    """ASGI middleware around everything else; `https`: whether people open the pages over HTTPS.

    `images`: the one other origin that pages show pictures of (tiles of a map), if there is one.
    """

    def __init__(self, app: ASGIApp, *, https: bool, images: str = "") -> None:
        self._app, self._https = app, https
        self._page = PAGE.replace(_IMAGES, f"{_IMAGES} {images}") if images else PAGE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                furnish(MutableHeaders(scope=message), scope["path"], https=self._https, policy=self._page)
            await send(message)

        await self._app(scope, receive, told)


def furnish(headers: MutableHeaders, path: str, *, https: bool, policy: str = PAGE) -> None:
    """Set them on one answer, whatever a route had set itself; `policy`: that of pages."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    page = kind in PAGE_TYPES
    described = path == _DOCS or path.startswith(f"{_DOCS}/")
    headers.update(ALWAYS)
    headers["Content-Security-Policy"] = (DESCRIPTION if described else policy) if page else INERT
    headers["Permissions-Policy"] = _PAGE_FEATURES if page and not described else _NO_FEATURES
    headers.setdefault("Cache-Control", "no-store")
    if https:
        headers["Strict-Transport-Security"] = HSTS
    if kind and kind not in _SHOWN_TYPES:
        headers.setdefault("Content-Disposition", f'attachment; filename="{_file_name(path, kind)}"')


def _file_name(path: str, kind: str) -> str:
    """The last word of the address, with the ending of its type."""
    name = _UNSAFE.sub("-", path.rpartition("/")[2]).strip("-.") or "loa"
    return name if "." in name else name + (mimetypes.guess_extension(kind) or "")
