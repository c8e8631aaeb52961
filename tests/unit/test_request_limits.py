"""How much a request may say, how deep and how slowly."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from controller.api.limits import DEEPEST, MOST_BYTES, Patience, RequestLimits, depth_of

pytestmark = pytest.mark.timeout(30)
_JSON = {"Content-Type": "application/json"}


class _App:
    """Says how many bytes it got, and keeps whether it was reached."""

    def __init__(self) -> None:
        self.reached = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached = True
        size = len(await Request(scope, receive).body())
        await JSONResponse({"bytes": size})(scope, receive, send)


async def _posted(app: _App, path: str = "/api/v1/units", **given: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app=RequestLimits(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.post(path, **given)


async def _blocks(count: int) -> Any:
    for _ in range(count):
        yield b" " * 65_536


@pytest.mark.parametrize(
    "given", [{"content": b" " * (MOST_BYTES + 1)}, {"content": _blocks(MOST_BYTES // 65_536 + 1)}]
)
async def test_more_bytes_than_are_read_of_a_request_are_refused(given: dict[str, Any]) -> None:
    app = _App()

    answer = await _posted(app, **given)

    assert (answer.status_code, answer.json()["code"], app.reached) == (413, "body_too_large", False)
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("given", [{"content": b" " * MOST_BYTES}, {"content": _blocks(3)}, {}])
async def test_what_is_small_enough_arrives_whole(given: dict[str, Any]) -> None:
    answer = await _posted(_App(), **given)

    assert answer.json()["bytes"] in {MOST_BYTES, 3 * 65_536, 0}


async def test_a_file_is_not_bounded_here_but_where_it_goes() -> None:
    answer = await _posted(_App(), "/api/v1/media", content=b" " * (MOST_BYTES + 1))

    assert answer.json()["bytes"] == MOST_BYTES + 1


@pytest.mark.parametrize(("depth", "status"), [(DEEPEST, 200), (DEEPEST + 1, 400), (100_000, 400)])
async def test_json_deeper_than_anything_here_is_refused_before_it_is_parsed(depth: int, status: int) -> None:
    answer = await _posted(_App(), content=b"[" * depth + b"]" * depth, headers=_JSON)

    assert answer.status_code == status
    assert status == 200 or answer.json()["code"] == "body_too_deep"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32-be"])
async def test_json_is_written_in_utf_8_and_nothing_else_is_guessed(encoding: str) -> None:
    answer = await _posted(_App(), content='["\\"",[]]'.encode(encoding), headers={"Content-Type": "Application/JSON"})

    assert (answer.status_code, answer.json()["code"]) == (422, "text_refused")


_VALUES = st.recursive(
    st.none() | st.text() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)


@given(_VALUES)
def test_the_depth_is_that_of_the_value_whatever_its_texts_hold(value: Any) -> None:
    def deep(inner: Any) -> int:
        parts = inner.values() if isinstance(inner, dict) else inner if isinstance(inner, list) else None
        return 0 if parts is None else 1 + max(map(deep, parts), default=0)

    assert (
        depth_of(json.dumps(value).encode()) == depth_of(json.dumps(value, ensure_ascii=False).encode()) == deep(value)
    )


def test_the_depth_of_a_largest_text_is_found_without_effort() -> None:
    hostile = b'["' + b'\\"[{' * (MOST_BYTES // 4) + b'"]'

    assert depth_of(hostile) == 1


async def _never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


def _comes(*messages: Message) -> Callable[[], Any]:
    left = list(messages)

    async def receive() -> Message:
        return left.pop(0) if left else await _never()

    return receive


async def _status(limits: RequestLimits, path: str, receive: Receive) -> int | None:
    told: list[Message] = []

    async def send(message: Message) -> None:
        told.append(message)

    headers = [(b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}
    await limits(scope, receive, send)
    return next((message["status"] for message in told if message["type"] == "http.response.start"), None)


@pytest.mark.parametrize("path", ["/api/v1/units", "/api/v1/media"])
async def test_who_stops_sending_is_not_waited_for(path: str) -> None:
    app = _App()
    limits = RequestLimits(app, Patience(body_s=0.02, block_s=0.02))

    status = await _status(limits, path, _comes({"type": "http.request", "body": b"x", "more_body": True}))

    assert status == 408
    assert app.reached == (path == "/api/v1/media")


async def test_who_answers_after_the_file_is_whole_may_take_its_time() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        watching = asyncio.create_task(asyncio.wait_for(receive(), 0.1))  # as routes watch for a client that goes
        with pytest.raises(TimeoutError):
            await watching
        await JSONResponse({})(scope, receive, send)

    limits = RequestLimits(app, Patience(block_s=0.02))

    assert await _status(limits, "/api/v1/media", _comes({"type": "http.request", "body": b"x"})) == 200


async def test_who_hangs_up_reaches_nothing() -> None:
    app = _App()

    assert await _status(RequestLimits(app), "/api/v1/units", _comes({"type": "http.disconnect"})) is None
    assert not app.reached
    with pytest.raises(ClientDisconnect):
        await _status(RequestLimits(app), "/api/v1/media", _comes({"type": "http.disconnect"}))
