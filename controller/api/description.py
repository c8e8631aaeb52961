"""`/docs`: the API's description, drawn by Swagger UI from files of our own host, without a script inside the page.

Swagger UI's files are those that come with `fastapi-offline`; only the three that are needed are served.
"""

import asyncio
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

from fastapi import APIRouter, HTTPException, Response

router = APIRouter(include_in_schema=False)
OPENAPI = "/api/v1/openapi.json"
_OURS = files("controller.api") / "docs_page"
_SWAGGER = files("fastapi_offline") / "static"
_HTML, _SCRIPT, _STYLE = "text/html", "text/javascript", "text/css"
_FILES: MappingProxyType[str, tuple[Traversable, str]] = MappingProxyType(
    {
        "start.js": (_OURS / "start.js", _SCRIPT),
        "swagger-ui-bundle.js": (_SWAGGER / "swagger-ui-bundle.js", _SCRIPT),
        "swagger-ui.css": (_SWAGGER / "swagger-ui.css", _STYLE),
        "favicon.png": (_SWAGGER / "favicon.png", "image/png"),
    }
)
_KEEP = "no-cache"
"""A browser asks again: these are files of the installed version."""


@router.get("/docs")
async def page() -> Response:
    """The page."""
    return await _answer(_OURS / "index.html", _HTML)


@router.get("/docs/{name}")
async def part(name: str) -> Response:
    """One of the files that the page is made of."""
    if name not in _FILES:
        raise HTTPException(404, "the page has no such file")
    return await _answer(*_FILES[name])


async def _answer(file: Traversable, kind: str) -> Response:
    return Response(await asyncio.to_thread(file.read_bytes), media_type=kind, headers={"Cache-Control": _KEEP})
