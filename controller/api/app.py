"""The HTTP application: `/api/v1`, its description at `/docs` without any CDN, problem+json errors."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from controller.access import guard
from controller.access import routes as permissions
from controller.accounts import people_routes as accounts_of_people
from controller.accounts import routes as accounts
from controller.accounts import sign_in_routes
from controller.accounts.authentication import authenticated
from controller.accounts.doors import Doors
from controller.accounts.oidc import routes as oidc_routes
from controller.accounts.passkeys import routes as passkey_routes
from controller.api import description, errors, events, problems
from controller.api.dependencies import require_text
from controller.api.headers import SecurityHeaders
from controller.api.limits import RequestLimits
from controller.api.transport import EncryptedOnly
from controller.audience import routes as audience
from controller.audit import routes as audit
from controller.audit.requests import Requests
from controller.broadcasts import routes as broadcasts
from controller.bulletins import review_routes as reviews
from controller.bulletins import routes as bulletins
from controller.delivery import routes as delivery
from controller.devices import condition_routes as conditions
from controller.devices import routes as devices
from controller.jobs import routes as jobs
from controller.library import routes as library
from controller.media import routes as media
from controller.media.pictures import routes as pictures
from controller.monitoring import routes as monitoring
from controller.notices import routes as notices
from controller.people import routes as people
from controller.policies import routes as policies
from controller.receipts import routes as receipts
from controller.results import routes as results
from controller.runtime.exposure import is_loopback
from controller.runtime.server import Controller
from controller.runtime.settings import Settings
from controller.schedules import routes as schedules
from controller.schedules.sheets import routes as sheet_routes
from controller.schedules.slots import routes as slot_routes
from controller.sources import routes as sources
from controller.speech import routes as speech
from controller.speech import unit_routes as speech_units
from controller.stagger import routes as stagger
from controller.timelines import routes as timelines
from controller.today import routes as today
from controller.units import group_routes as groups
from controller.units import routes as units
from controller.web import app as pages
from controller.week import routes as week

CHECKS = (Depends(authenticated), Depends(require_text), Depends(guard.guarded, scope="function"))
"""What the routes behind the guard ask for, whatever else."""
LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]"]
"""Other names in the Host header are refused, so that no web page can reach the API by rebinding its own name."""


class _Application(FastAPI):
    """With the headers around everything, answers to faults of ours included; its description tells all problems."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = problems.documented(super().openapi())
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        settings: Settings = self.state.controller.settings
        https = (settings.public_url or "").startswith("https:")
        return SecurityHeaders(super().build_middleware_stack(), https=https, images=settings.map_tiles_origin)


def create_app(
    controller: Controller, token: str, started: Callable[[Controller], Awaitable[None]] | None = None
) -> FastAPI:
    """The application of one controller; the controller starts and stops with it. `started` is done in between."""
    doors = Doors.of(controller)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await controller.start()
        try:
            if started is not None:
                await started(controller)
            yield
        finally:
            doors.close()
            await controller.stop()

    app = _Application(
        title="Loa",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=description.OPENAPI,
    )
    app.state.controller = controller
    app.state.token = token
    app.state.doors = doors
    app.add_middleware(RequestLimits)
    app.add_middleware(Requests)
    if not is_loopback(controller.settings.http_host):
        app.add_middleware(EncryptedOnly)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=_hosts(controller.settings), www_redirect=False)
    errors.install(app)
    app.router.routes.extend(_routes())
    pages.install(app, controller)
    return app


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Those of every application of this process: to work them out costs more than all the rest of one."""
    public, features = public_routers(), guarded_routers()
    guard.require_rows(features, public)
    made = APIRouter()
    made.include_router(description.router)
    for router in public:
        made.include_router(router, prefix="/api/v1")
    for router in features:
        made.include_router(router, prefix="/api/v1", dependencies=CHECKS)
    return tuple(made.routes)


def public_routers() -> tuple[APIRouter, ...]:
    """What stands before the guard."""
    return (_public(), sign_in_routes.router, passkey_routes.public, oidc_routes.public)


def guarded_routers() -> tuple[APIRouter, ...]:
    """What stands behind the guard."""
    found = (
        permissions,
        today,
        units,
        groups,
        people,
        accounts,
        accounts_of_people,
        passkey_routes,
        oidc_routes,
        notices,
        devices,
        conditions,
        delivery,
        media,
        pictures,
        library,
        jobs,
        broadcasts,
        receipts,
        results,
        monitoring,
        sources,
        speech,
        speech_units,
        sheet_routes,  # before `/programmes/{id}`: sheet-template is no id
        schedules,
        slot_routes,
        week,
        policies,
        bulletins,
        reviews,
        audience,
        timelines,
        stagger,
        audit,
        events,
    )
    return (*(feature.router for feature in found), accounts.plain, passkey_routes.plain, oidc_routes.plain)


def _hosts(settings: Settings) -> list[str]:
    """This machine's names, and those under which people open the pages."""
    public = urlsplit(settings.public_url or "").hostname
    return [*LOOPBACK_NAMES, *settings.allowed_hosts, *([public] if public else [])]


def _public() -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/health")
    async def health() -> dict[str, str]:
        """Answers while the process lives."""
        return {"status": "ok"}

    return router
