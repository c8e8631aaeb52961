"""The API as the command line uses it: where it is, the token, requests, errors as our own."""

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from loa_cli import kept_sessions
from loa_protocol.errors import LoaError

_TIMEOUT_S = 30.0
_UPLOAD_TIMEOUT_S = 930.0
_MAKING_TIMEOUT_S = 130.0
_BLOCK_BYTES = 256 * 1024


class ApiUnreachable(LoaError):
    """No controller answers where one was expected."""

    code = "api_unreachable"


class ApiRefused(LoaError):
    """The controller refused a request; `code` of the answer is in `details`."""

    code = "api_refused"

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(f"{problem.get('code', '?')}: {problem.get('detail', problem)}", **problem)
        self.problem_code = str(problem.get("code", ""))


class Client:
    """One controller. Every write carries a fresh Idempotency-Key, so that a retry does nothing twice."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=f"{self.url}/api/v1", timeout=_TIMEOUT_S)
        if token is not None:
            self.sign(token)

    def sign(self, token: str) -> None:
        """Say by what is asked from now on."""
        self._http.headers["Authorization"] = f"Bearer {token}"

    def act_for(self, person: str) -> None:
        """Say who answers for what is asked from now on."""
        self._http.headers["X-Loa-Person"] = person

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def get(self, path: str, query: dict[str, str] | None = None) -> Any:
        """A JSON answer."""
        return self._send("GET", path, params=query)

    def post(self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None) -> Any:
        """A write; `None` values are left out. With a `key` of the caller it may be repeated safely."""
        content = {name: value for name, value in (body or {}).items() if value is not None}
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self._send("POST", path, json=content, headers=headers)

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """A whole new version; `None` is sent."""
        return self._send("PUT", path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())})

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        """A change of what is named; `None` is sent and takes a value away."""
        return self._send("PATCH", path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())})

    def hand_in_picture(self, file: Path, said: Mapping[str, str]) -> Any:
        """Take an image or video in and wait until it is ready; `said`: its title and labels."""
        with file.open("rb") as opened:
            return self._send(
                "POST",
                "/pictures",
                files={"file": (file.name, opened)},
                params=said,
                headers={"Idempotency-Key": str(uuid.uuid4())},
                timeout=_UPLOAD_TIMEOUT_S,
            )

    def delete(self, path: str) -> Any:
        """Take something back."""
        return self._send("DELETE", path)

    def upload(self, file: Path, title: str | None = None, unit: str | None = None) -> Any:
        """Take a sound file of a unit in and wait until it is a sound."""
        with file.open("rb") as opened:
            return self._hand_in(opened, file.name, {"title": title}, {}, {"unit": unit} if unit else None)

    def begin_upload(
        self, opened: BinaryIO, name: str, title: str | None = None, said: Mapping[str, str] | None = None
    ) -> Any:
        """Hand a sound file in as a background job, with what is said of it; gives the job as it is now."""
        return self._hand_in(opened, name, {"title": title}, {"Prefer": "respond-async"}, said)

    def begin_join(self, title: str, parts: list[dict[str, str | int]], unit: str | None = None) -> Any:
        """Have parts joined into one sound of a unit as a background job; gives the job as it is now."""
        headers = {"Idempotency-Key": str(uuid.uuid4()), "Prefer": "respond-async"}
        content = {"title": title, "parts": parts, "unit": unit}
        return self._send("POST", "/media/joined", json=content, headers=headers)

    def begin_speech(self, body: dict[str, Any]) -> Any:
        """Have a reading spoken as a background job; gives the job as it is now."""
        headers = {"Idempotency-Key": str(uuid.uuid4()), "Prefer": "respond-async"}
        content = {name: value for name, value in body.items() if value is not None}
        return self._send("POST", "/speech", json=content, headers=headers)

    def fetch(self, path: str, body: dict[str, Any]) -> tuple[bytes, Mapping[str, str]]:
        """Bytes that are made at once, and the answer's headers."""
        content = {name: value for name, value in body.items() if value is not None}
        answer = self._asked("POST", path, json=content, timeout=_MAKING_TIMEOUT_S)
        return answer.content, answer.headers

    def save(self, path: str, query: dict[str, str], target: Path) -> int:
        """Write an answer's bytes to a file, which is there whole or not at all; gives their number."""
        partial = target.with_name(f".{target.name}.part")
        try:
            with partial.open("wb") as opened:
                opened.write(self._asked("GET", path, params=query, timeout=_MAKING_TIMEOUT_S).content)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return target.stat().st_size

    def lines(self, path: str, query: dict[str, str]) -> Iterator[bytes]:
        """An answer line by line, however long; one that breaks off in the middle raises."""
        try:
            with self._http.stream("GET", path, params=query, timeout=_MAKING_TIMEOUT_S) as response:
                if not response.is_success:
                    response.read()
                    raise _refusal(response)
                rest = b""
                for block in response.iter_raw(_BLOCK_BYTES):
                    *whole, rest = (rest + block).split(b"\n")
                    yield from whole
                if rest:
                    yield rest
        except httpx.HTTPError as error:
            raise _unreachable(self.url, error) from error

    def _hand_in(
        self,
        opened: BinaryIO,
        name: str,
        fields: dict[str, str | None],
        headers: dict[str, str],
        said: Mapping[str, str] | None = None,
    ) -> Any:
        return self._send(
            "POST",
            "/media",
            files={"file": (name, opened)},
            data={field: value for field, value in fields.items() if value},
            params=said,
            headers={"Idempotency-Key": str(uuid.uuid4()), **headers},
            timeout=_UPLOAD_TIMEOUT_S,
        )

    def _send(self, method: str, path: str, **options: Any) -> Any:
        answer = self._asked(method, path, **options)
        return answer.json() if answer.content else None

    def _asked(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise _unreachable(self.url, error) from error
        if response.is_success:
            return response
        raise _refusal(response)


def _unreachable(url: str, error: httpx.HTTPError) -> ApiUnreachable:
    return ApiUnreachable(f"no controller answers at {url} ({error}); start one with “loa serve”")


def _refusal(response: httpx.Response) -> ApiRefused:
    try:
        return ApiRefused(response.json())
    except ValueError:
        return ApiRefused({"code": f"http_{response.status_code}", "detail": response.text[:300]})


def private_file(target: Path, lines: Iterator[bytes]) -> int:
    """Write lines to a file that only its owner may read, there whole or not at all; gives their number."""
    partial, count = target.with_name(f".{target.name}.part"), 0
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
            for line in lines:
                opened.write(line + b"\n")
                count += 1
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return count


def locate(data_dir: Path, url: str | None, token: str | None, sessions: Path | None = None) -> Client:
    """The controller of a data folder, unless an address is given.

    It is asked by the token that is given, else as who signed in there (`sessions` is the file that knows), else by the
    host's token in the data folder.

    Raises:
        ApiUnreachable: no address is known, or nobody signed in and the host's token may not be read.
        SignInFileUnsafe: others may read the file of sessions.
    """
    address = url.rstrip("/") if url else address_of(data_dir)
    kept = kept_sessions.find(sessions, address) if sessions is not None and token is None else None
    if token is None and kept is not None:
        return Client(address, kept.secret)
    try:
        return Client(address, token or (data_dir / "api-token").read_text().strip())
    except OSError as error:
        raise ApiUnreachable(
            f"nobody is signed in at {address} ({error}); run “loa sign-in”, or give --token",
            vi=f"chưa đăng nhập ở {address}; hãy chạy “loa sign-in”",
        ) from error


def address_of(data_dir: Path) -> str:
    """Where the controller of a data folder listens.

    Raises:
        ApiUnreachable: it does not run.
    """
    try:
        return str(json.loads((data_dir / "api.json").read_text())["url"]).rstrip("/")
    except (OSError, ValueError, KeyError) as error:
        raise ApiUnreachable(
            f"no running controller is known in {data_dir} ({error}); start “loa serve”, or give --url"
        ) from error


@contextmanager
def connected(data_dir: Path, url: str | None, token: str | None) -> Iterator[Client]:
    """As `locate`, closed at the end."""
    client = locate(data_dir, url, token)
    try:
        yield client
    finally:
        client.close()
