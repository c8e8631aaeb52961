"""What every answer tells a browser: the same for data, files, pages, streams and faults."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response
from starlette.responses import StreamingResponse

from controller.api import headers
from controller.api.headers import PAGE, SecurityHeaders
from controller.runtime.settings import Settings, SettingsInvalid

_KINDS = {
    "page": "text/html; charset=utf-8",
    "script.js": "text/javascript",
    "data": "application/json",
    "sound": "audio/ogg; codecs=opus",
    "waveform.svg": "image/svg+xml",
    "table": "text/csv",
}


def _app() -> FastAPI:
    app = FastAPI()

    @app.get("/given/{name}")
    async def given(name: str) -> Response:
        return Response(b"x", media_type=_KINDS[name])

    @app.get("/careless")
    async def careless() -> Response:
        loose = {"Content-Security-Policy": "default-src *", "Cache-Control": "private, no-cache"}
        return Response(b"x", media_type="image/png", headers={**loose, "Content-Disposition": "inline"})

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def blocks() -> AsyncIterator[bytes]:
            yield b"data: 1\n\n"

        return StreamingResponse(blocks(), media_type="text/event-stream")

    @app.get("/fault")
    async def fault() -> None:
        raise ZeroDivisionError

    return app


async def _asked(path: str, *, https: bool = False) -> httpx.Response:
    app = SecurityHeaders(_app(), https=https)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get(path)


@pytest.mark.parametrize("path", [*(f"/given/{name}" for name in _KINDS), "/careless", "/stream", "/missing", "/fault"])
async def test_every_answer_has_the_headers(path: str) -> None:
    told = (await _asked(path)).headers

    assert {name: told[name] for name in headers.ALWAYS} == dict(headers.ALWAYS)
    policy = told["content-security-policy"]
    assert all(part in policy for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"))
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "no-cache" in told["cache-control"] if path == "/careless" else told["cache-control"] == "no-store"
    assert "strict-transport-security" not in told


@pytest.mark.parametrize("name", ["data", "sound", "waveform.svg", "table"])
async def test_what_is_no_page_runs_and_loads_nothing(name: str) -> None:
    told = (await _asked(f"/given/{name}")).headers

    assert told["content-security-policy"] == headers.INERT
    assert "sandbox" in headers.INERT
    assert "microphone=()" in told["permissions-policy"]


async def test_a_page_loads_its_own_host_only_and_may_ask_for_the_microphone() -> None:
    told = (await _asked("/given/page")).headers

    parts = dict(part.strip().partition(" ")[::2] for part in told["content-security-policy"].split(";"))
    assert parts["script-src"] == parts["style-src"] == parts["connect-src"] == parts["form-action"] == "'self'"
    assert parts["require-trusted-types-for"] == "'script'"
    assert "microphone=(self)" in told["permissions-policy"]
    assert "camera=()" in told["permissions-policy"]


@pytest.mark.parametrize(
    ("path", "disposition"),
    [
        ("/given/waveform.svg", 'attachment; filename="waveform.svg"'),
        ("/given/table", 'attachment; filename="table.csv"'),
        ("/careless", "inline"),
        ("/given/data", None),
        ("/given/page", None),
    ],
)
async def test_what_a_browser_would_show_by_itself_is_offered_as_a_file(path: str, disposition: str | None) -> None:
    told = (await _asked(path)).headers

    assert told.get("content-disposition") == disposition


async def test_a_route_cannot_loosen_what_is_said_for_all() -> None:
    told = (await _asked("/careless")).headers

    assert told.get_list("content-security-policy") == [headers.INERT]


@pytest.mark.parametrize("path", ["/given/data", "/missing", "/fault"])
async def test_over_https_browsers_are_told_to_stay_there_for_a_year_at_least(path: str) -> None:
    told = (await _asked(path, https=True)).headers["strict-transport-security"]

    assert int(told.partition("max-age=")[2].partition(";")[0]) >= 365 * 86_400
    assert "includeSubDomains" in told


def test_pages_show_pictures_of_the_tiles_host_alone_where_it_is_set() -> None:
    settings = Settings(map_tiles="https://tiles.example.vn/v1/{z}/{x}/{y}.png")
    policy = SecurityHeaders(_nothing, https=True, images=settings.map_tiles_origin)._page

    assert "img-src 'self' data: https://tiles.example.vn;" in policy
    assert policy.replace(" https://tiles.example.vn", "") == PAGE
    assert SecurityHeaders(_nothing, https=True, images=Settings().map_tiles_origin)._page == PAGE


@pytest.mark.parametrize(
    "tiles",
    ["tiles.vn/{z}", "https://*.vn/{z}", "https://{s}.vn/{z}", "https://a.vn/x.png", "https://a.vn; script-src *//{z}"],
)
def test_an_address_of_tiles_names_one_host(tiles: str) -> None:
    with pytest.raises(SettingsInvalid):
        Settings(map_tiles=tiles)


async def _nothing(_scope: Any, _receive: Any, _send: Any) -> None:
    return None
