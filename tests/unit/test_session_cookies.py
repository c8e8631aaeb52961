"""The cookie of a session as browsers are told to keep it."""

from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.requests import Request
from starlette.responses import Response

from controller.accounts import cookies
from controller.runtime.settings import Settings

HTTPS = {"public_url": "https://loa.xa-anbinh.example"}


def _request(folder: Path, cookie: str = "", **given: str) -> Request:
    settings = Settings(data_dir=folder, **given)
    app = SimpleNamespace(state=SimpleNamespace(controller=SimpleNamespace(settings=settings)))
    headers = [(b"host", b"127.0.0.1"), (b"cookie", cookie.encode())]
    return Request({"type": "http", "scheme": "http", "path": "/", "query_string": b"", "headers": headers, "app": app})


def _told(response: Response) -> Morsel[str]:
    (line,) = response.headers.getlist("set-cookie")
    (found,) = SimpleCookie(line).values()
    return found


def test_over_https_it_is_bound_to_this_host_and_hidden_from_scripts(tmp_path: Path) -> None:
    response = Response()

    cookies.give(_request(tmp_path, **HTTPS), response, "bi-mat")

    told = _told(response)
    assert told.key.startswith("__Host-")
    assert told["secure"]
    assert told["httponly"]
    assert told["samesite"].lower() in {"lax", "strict"}
    assert (told["path"], told["domain"]) == ("/", "")


def test_a_cookie_that_plain_http_could_have_set_counts_for_nothing_over_https(tmp_path: Path) -> None:
    planted = _request(tmp_path, f"{cookies.PLAIN}=planted", **HTTPS)

    assert cookies.read(planted) is None
    assert cookies.read(_request(tmp_path, f"{cookies.SECURE}=mine", **HTTPS)) == "mine"


@pytest.mark.parametrize("given", [HTTPS, {}])
def test_taken_back_it_is_gone(given: dict[str, str], tmp_path: Path) -> None:
    response = Response()

    cookies.take(_request(tmp_path, **given), response)

    told = _told(response)
    assert (told.value, told["max-age"]) == ("", "0")
    assert bool(told["secure"]) == bool(given)
