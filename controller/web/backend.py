"""Pages ask the API of the same process, as whoever looks at them: what it refuses, no page shows or does.

The request is handed to the application itself, without a socket, with the caller's own cookie, address and what their
browser says of where it comes from. So there is one set of rules, and one place where they are kept.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope

from controller.accounts import csrf
from controller.api.idempotency import HEADER as IDEMPOTENCY
from controller.runtime.looks import Look

PREFIX = "/api/v1"
_PASSED_ON = (
    b"host",
    b"user-agent",
    b"origin",
    b"referer",
    b"sec-fetch-site",
    b"sec-fetch-mode",
    b"x-forwarded-for",
    b"hx-request",
    b"loa-wall",
)
_OUR_STATE = frozenset({"app", "router", "route", "endpoint", "path_params", "root_path", "state", "fastapi_astack"})


class Refused(Exception):
    """The API did not do it; `code` is stable, `vi` is what to say in Vietnamese where it has words."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(problem.get("detail", ""))
        self.status = status
        self.code = str(problem.get("code", f"http_{status}"))
        self.detail = str(problem.get("detail", ""))
        self.details: Mapping[str, Any] = problem.get("details") or {}
        self.errors: list[dict[str, str]] = list(problem.get("errors") or [])

    @property
    def vi(self) -> str | None:
        """In Vietnamese."""
        found = self.details.get("vi")
        return found if isinstance(found, str) else None


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    content: bytearray = field(default_factory=bytearray)

    async def take(self, message: Message) -> None:
        """As an application sends it."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            self.content += message.get("body", b"")

    @property
    def cookies(self) -> list[str]:
        """What it sets."""
        return [value.decode("latin-1") for name, value in self.headers if name.lower() == b"set-cookie"]


class Api:
    """The API, for one request of a browser. `cookies` is what the answer to the browser has to set.

    `token` goes with every write: the one that came with the form, so that a form of somebody else's page does
    nothing; when a write renews the session it becomes the new one.

    `look`: what is read shares it, and is asked for by one actor, found out once; a write ends that.
    """

    def __init__(self, app: ASGIApp, request: Request, look: Look | None = None) -> None:
        self._app, self._request = app, request
        self._shared: dict[str, Any] | None = None if look is None else {"look": look}
        self.jar: dict[str, str] = dict(request.cookies)
        self.cookies: list[str] = []
        self.token = ""

    async def get(self, path: str, **query: Any) -> Any:
        """Read something.

        Raises:
            Refused: it is not for them, or not there.
        """
        wanted = {name: value for name, value in query.items() if value is not None}
        return await self._ask("GET", path, urlencode(wanted, doseq=True))

    async def send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, once: str = "", **query: Any
    ) -> Any:
        """Change something; `once`: the key under which the same form does it once only.

        Raises:
            Refused: it was not done.
        """
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        return await self._ask(method, path, urlencode(query), self._written(once), content)

    async def hand_in(self, path: str, blocks: AsyncIterator[bytes], once: str = "", **query: Any) -> Any:
        """Post a file, block by block.

        Raises:
            Refused: it was not taken in.
        """
        headers = [*self._written(once), (b"content-type", b"application/octet-stream")]

        async def receive() -> Message:
            block = await anext(blocks, b"")
            return {"type": "http.request", "body": block, "more_body": bool(block)}

        return await self._ask("POST", path, urlencode(query), headers, receive=receive)

    def _written(self, once: str) -> list[tuple[bytes, bytes]]:
        headers = [(csrf.HEADER.lower().encode(), self.token.encode())] if self.token else []
        if once:
            headers.append((IDEMPOTENCY.lower().encode(), once.encode("ascii", "replace")))
        return headers

    async def _ask(  # noqa: PLR0917 - one a part of a request
        self,
        method: str,
        path: str,
        query: str,
        more: list[tuple[bytes, bytes]] | None = None,
        content: bytes = b"",
        receive: Receive | None = None,
    ) -> Any:
        answer = Answer()
        left: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

        async def whole() -> Message:
            return left.pop() if left else {"type": "http.disconnect"}

        await self._app(self._scope(method, path, query, more or [], content), receive or whole, answer.take)
        self._keep(answer)
        told = msgspec.json.decode(answer.content) if answer.content else None
        if answer.status >= 400:  # noqa: PLR2004
            raise Refused(answer.status, told if isinstance(told, dict) else {})
        if method != "GET" and isinstance(told, dict) and isinstance(told.get("csrf"), str):
            self.token = told["csrf"]
        return told

    def _scope(self, method: str, path: str, query: str, more: list[tuple[bytes, bytes]], content: bytes) -> Scope:
        if method != "GET":
            self._shared = None
        known = self._request.scope
        headers = [(name, value) for name, value in known["headers"] if name in _PASSED_ON]
        headers += [(b"accept", b"application/json"), *more]
        if self.jar:
            together = "; ".join(f"{name}={value}" for name, value in self.jar.items())
            headers.append((b"cookie", together.encode("latin-1", "replace")))
        if content:
            headers += [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        asked = {name: value for name, value in known.items() if name not in _OUR_STATE}
        target = f"{PREFIX}{path}"
        return {
            **asked,
            "method": method,
            "path": target,
            "raw_path": target.encode(),
            "query_string": query.encode(),
            "headers": headers,
            "root_path": "",
            "state": {} if self._shared is None else self._shared,
        }

    def _keep(self, answer: Answer) -> None:
        """Cookies go to the browser, and with what is asked next."""
        for line in answer.cookies:
            self.cookies.append(line)
            name, _, value = line.partition(";")[0].partition("=")
            if '""' in value or not value:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value
