"""No other page makes a browser do something here with the cookie it holds.

A write that comes with the cookie must come from a page of ours, as the browser itself says (`Sec-Fetch-Site`, or
`Origin` where it is too old for that), and carry the session's own token in a header or a form field. Reading changes
nothing. Requests that carry their secret in `Authorization` are made by no page and need neither.
"""

import hmac
from collections.abc import Collection, Mapping

from starlette.datastructures import UploadFile
from starlette.requests import Request

from controller.accounts.keys import AccountKeys
from controller.accounts.tables import SignedIn
from loa_protocol.errors import LoaError

HEADER = "X-Loa-CSRF"
FIELD = "csrf"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS = frozenset({"same-origin", "none"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class CsrfRefused(LoaError):
    """A write came with a session's cookie, and not from a page of ours."""

    code = "csrf_refused"


def token_of(keys: AccountKeys, row: SignedIn) -> str:
    """The token of a session; another one whenever its secret is renewed."""
    return keys.mark(f"csrf\x00{row.id}\x00{row.secret_sha256}")


def from_our_page(headers: Mapping[str, str], origins: Collection[str]) -> bool:
    """Whether the browser says that a page of ours asks; it says nothing: False."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in _OURS
    return headers.get("origin") in origins


def is_foreign(headers: Mapping[str, str], origins: Collection[str]) -> bool:
    """Whether the browser says that a page of somebody else asks; programs say nothing."""
    told = "sec-fetch-site" in headers or "origin" in headers
    return told and not from_our_page(headers, origins)


def own_origins(request: Request) -> frozenset[str]:
    """Where our pages are: at the public address, and at the one asked for, which the list of hosts has allowed."""
    asked = f"{request.url.scheme}://{request.headers.get('host', '')}".lower()
    public: str | None = request.app.state.controller.settings.public_url
    if public is None:
        return frozenset({asked})
    scheme, _, rest = public.partition("://")
    return frozenset({asked, f"{scheme}://{rest.partition('/')[0]}".lower()})


async def require_no_foreign_page(request: Request) -> None:
    """For what needs no session yet: nobody signs a browser in from a page of their own.

    Raises:
        CsrfRefused: a page of somebody else asks.
    """
    if request.method not in SAFE and is_foreign(request.headers, own_origins(request)):
        raise _refused("the request comes from a page of another site")


async def require(request: Request, keys: AccountKeys, row: SignedIn) -> None:
    """Go on only if a write with the cookie is meant by its owner.

    Raises:
        CsrfRefused: another page may have made it.
    """
    if request.method in SAFE:
        return
    if not from_our_page(request.headers, own_origins(request)):
        raise _refused("the browser does not say that the request comes from a page of ours")
    given = request.headers.get(HEADER) or await _field(request)
    if not hmac.compare_digest(given.encode(), token_of(keys, row).encode()):
        raise _refused(f"the token in {HEADER} (or the form field “{FIELD}”) is missing or of another session")


def _refused(why: str) -> CsrfRefused:
    return CsrfRefused(
        f"{why}; open the page again and repeat the step there",
        vi="trang này đã cũ hoặc yêu cầu đến từ trang khác; hãy mở lại trang rồi làm lại",
    )


async def _field(request: Request) -> str:
    if not request.headers.get("content-type", "").lower().startswith(_FORMS):
        return ""
    value = (await request.form()).get(FIELD, "")
    return "" if isinstance(value, UploadFile) else value
