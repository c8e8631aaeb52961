"""The pages as an application of their own, behind the one of the API: whatever that has no route for comes here.

The pages keep no rules: see `backend`. Faults are told as pages; what is below `/api/` and `/docs` stays the API's.
"""

import contextlib
import logging
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Mount, Route
from starlette.types import Scope

from controller.runtime.server import Controller
from controller.web import (
    account,
    administration,
    audit,
    bulletins,
    compose,
    compose_when,
    compose_where,
    devices,
    entering,
    frame,
    groups,
    keys,
    monitoring,
    people,
    policies,
    results,
    review,
    second_factors,
    today,
    units,
    week,
)
from controller.web.assets import ROOT, Assets
from controller.web.backend import Refused
from controller.web.rendering import Renderer
from controller.web.translating import Language, Tongue, tongues
from controller.web.visits import begun, recognised, refused_page

log = logging.getLogger(__name__)
_API = ("/api/", "/docs", "/openapi")


class Pages(Mount):
    """Everything but what is the API's own."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As any mounted application, but for the addresses of the API."""
        if scope["type"] != "http" or scope["path"].startswith(_API):
            return Match.NONE, {}
        return super().matches(scope)


def install(api: FastAPI, controller: Controller) -> None:
    """Put the pages behind the routes of the API."""
    api.router.routes.append(Pages("", create_pages(api, controller), name="pages"))


def create_pages(api: FastAPI, controller: Controller) -> Starlette:
    """The pages; they ask `api`."""
    assets, words, renderer = _furniture()
    routes = [
        Route(f"{ROOT}/{{name}}", assets.serve),
        *frame.routes,
        *entering.routes,
        *today.routes,
        *review.routes,
        *week.routes,
        *account.routes,
        *second_factors.routes,
        *bulletins.routes,
        *compose.routes,
        *compose_where.routes,
        *compose_when.routes,
        *results.routes,
        *monitoring.routes,
        *people.routes,
        *keys.routes,
        *policies.routes,
        *units.routes,
        *groups.routes,
        *administration.routes,
        *devices.routes,
        *audit.routes,
    ]
    handlers = {HTTPException: _told, Refused: _refused, Exception: _fault}
    pages = Starlette(routes=routes, exception_handlers=handlers)
    pages.router.redirect_slashes = False
    pages.state.api, pages.state.controller = api, controller
    pages.state.tongues, pages.state.renderer = words, renderer
    return pages


@cache
def _furniture() -> tuple[Assets, Mapping[Language, Tongue], Renderer]:
    """What is the same for every application of this process: made once."""
    assets, words = Assets(), tongues()
    return assets, words, Renderer(assets, words)


async def _problem(request: Request, status: int, code: str) -> Response:
    """With the places that one may go to, where that can still be found out."""
    async with begun(request) as visit:
        with contextlib.suppress(Exception):
            await recognised(visit)
        return refused_page(visit, Refused(status, {"code": code}))


async def _told(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    return await _problem(request, status, f"http_{status}")


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise TypeError("only refusals come here")
    async with begun(request) as visit:
        return refused_page(visit, error)


async def _fault(request: Request, _error: Exception) -> Response:
    return await _problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "http_500")
