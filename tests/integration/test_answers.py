"""The application as a browser or a stranger meets it: every answer is furnished, and tells nothing it need not."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from starlette.routing import Route

from controller.accounts import inviting
from controller.accounts.inviting import Kind
from controller.api import headers
from controller.api.app import create_app
from controller.api.limits import DEEPEST, FILES, MOST_BYTES
from controller.runtime.server import Controller
from controller.runtime.settings import Role, Settings
from tests.fakes.databases import with_schema

pytestmark = pytest.mark.asyncio(loop_scope="module")
TOKEN = "bi-mat"  # noqa: S105 - of tests alone
_SIGNED_IN = {"Authorization": f"Bearer {TOKEN}"}
_JSON = {**_SIGNED_IN, "Content-Type": "application/json"}
_SECRET = re.compile(r"secret|password|token(?!_id)|^code$|^key$", re.IGNORECASE)
_REFERENCE = re.compile(r"#/components/schemas/([^'\"]+)")
_OF_BROWSERS = {"Assertion", "AssertionResponse", "AttestationResponse", "Registration"}
"""As the standard of passkeys has browsers write them; members that it adds later are not read."""
_BYTES = {
    "/api/v1/audit/export",
    "/api/v1/people/{person_id}/data",
    "/api/v1/media/{asset_id}/sound",
    "/api/v1/media/{asset_id}/waveform.svg",
    "/api/v1/library/{asset_id}/picture",
    "/api/v1/programmes/sheet-template",
    "/api/v1/speech/preview",
    "/api/v1/units/{unit_id}/week-sheet",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FastAPI]:
    folder: Path = tmp_path_factory.mktemp("controller")
    controller = Controller(
        Settings(data_dir=with_schema(folder), roles=frozenset({Role.API}), brokers=("mqtt://127.0.0.1:1",))
    )
    await controller.start()
    yield create_app(controller, TOKEN)
    await controller.stop()


async def _asked(app: FastAPI, method: str, path: str, **given: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.request(method, path, **given)


@pytest.mark.parametrize(
    ("method", "path", "given", "status"),
    [
        ("GET", "/api/v1/health", {}, 200),
        ("GET", "/api/v1/openapi.json", {}, 200),
        ("GET", "/docs", {}, 200),
        ("GET", "/docs/swagger-ui-bundle.js", {}, 200),
        ("GET", "/api/v1/units", {}, 401),
        ("GET", "/api/v1/units", {"headers": _SIGNED_IN}, 200),
        ("GET", "/api/v1/programmes/sheet-template?format=csv", {"headers": _SIGNED_IN}, 200),
        ("GET", "/api/v1/programmes/sheet-template?format=xlsx", {"headers": _SIGNED_IN}, 200),
        ("GET", "/api/v1/media/019a", {"headers": _SIGNED_IN}, 404),
        ("GET", "/sign-in", {}, 200),
        ("GET", "/nothing", {}, 404),
        ("GET", "/docs/../controller", {}, 404),
        ("GET", "/docs/redoc.standalone.js", {}, 404),
        ("DELETE", "/api/v1/health", {}, 405),
        ("TRACE", "/api/v1/health", {}, 405),
        ("POST", "/api/v1/units", {"headers": _JSON, "content": b"{}"}, 422),
        ("POST", "/api/v1/units", {"headers": _JSON, "content": b"[" * (DEEPEST + 1)}, 400),
        ("POST", "/api/v1/units", {"headers": _JSON, "content": b" " * (MOST_BYTES + 1)}, 413),
        ("GET", "/api/v1/health", {"headers": {"Host": "evil.example"}}, 400),
    ],
)
async def test_whatever_is_answered_is_furnished(
    app: FastAPI, method: str, path: str, given: dict[str, Any], status: int
) -> None:
    answer = await _asked(app, method, path, **given)

    assert answer.status_code == status
    assert {name: answer.headers[name] for name in headers.ALWAYS} == dict(headers.ALWAYS)
    described = path.startswith("/docs") and status == 200
    kind = answer.headers["content-type"]
    page = headers.PAGE if kind.startswith("text/html") else headers.INERT
    assert answer.headers["content-security-policy"] == (headers.DESCRIPTION if described else page)
    assert answer.headers["cache-control"] == ("no-cache" if described else "no-store")
    assert "charset=utf-8" in kind or not kind.startswith("text/")


@pytest.mark.parametrize("headers_", [{}, {"Access-Control-Request-Method": "POST"}])
async def test_no_page_of_another_origin_is_let_read_or_ask(app: FastAPI, headers_: dict[str, str]) -> None:
    given = {"Origin": "https://evil.example", **headers_, **_SIGNED_IN}
    answers = [await _asked(app, method, "/api/v1/units", headers=given) for method in ("GET", "OPTIONS")]

    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control-")]
    assert answers[1].status_code == 405


async def test_a_fault_of_ours_tells_nothing_about_us(app: FastAPI) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("SELECT secret FROM /srv/loa")

    route = Route("/api/v1/broken", broken)
    app.router.routes.insert(0, route)
    answer = await _asked(app, "GET", "/api/v1/broken")
    app.router.routes.remove(route)

    assert (answer.status_code, answer.json()["code"]) == (500, "http_500")
    assert not [word for word in ("SELECT", "/srv", "ZeroDivision", "Traceback", ".py") if word in answer.text]
    assert answer.headers["content-security-policy"] == headers.INERT


def _operations(app: FastAPI) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


async def test_every_route_that_serves_bytes_is_known_here_and_was_looked_at(app: FastAPI) -> None:
    found = {
        path
        for method, path, operation in _operations(app)
        for status, answer in operation["responses"].items()
        if status in {"200", "201"} and not {"application/json", "text/event-stream"} & set(answer.get("content", {}))
    }

    assert found == _BYTES


async def test_no_body_takes_a_field_that_nobody_named(app: FastAPI) -> None:
    kinds = app.openapi()["components"]["schemas"]
    waiting = [
        operation["requestBody"]["content"].get("application/json")
        for _, _, operation in _operations(app)
        if "requestBody" in operation
    ]
    seen, loose = set[str](), set[str]()
    while waiting:
        for name in set(_REFERENCE.findall(str(waiting.pop()))) - seen:
            seen.add(name)
            waiting.append(kinds[name])
            if "properties" in kinds[name] and kinds[name].get("additionalProperties") is not False:
                loose.add(name)

    assert len(seen) > 30
    assert loose == _OF_BROWSERS


async def test_files_go_where_files_are_taken(app: FastAPI) -> None:
    described = app.openapi()["paths"]
    takes = {
        path
        for path, methods in described.items()
        for operation in methods.values()
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    }

    assert takes == {one for one in FILES if one.startswith("/api/")}


async def test_no_secret_stands_in_an_address(app: FastAPI) -> None:
    named = {
        (path, parameter["name"])
        for _, path, operation in _operations(app)
        for parameter in operation.get("parameters", [])
        if parameter["in"] in {"query", "path"} and _SECRET.search(parameter["name"])
    }

    # A provider leads the browser back with its code: good once, for the browser that began, with its verifier.
    assert named <= {("/api/v1/sign-in/oidc/callback", "code")}
    link = urlsplit(inviting.page("https://loa.example", Kind.INVITATION, "loal_bi-mat"))
    assert (link.query, link.fragment) == ("", "loal_bi-mat")
    assert "loal_bi-mat" not in link.path
