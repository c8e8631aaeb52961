"""One request of a browser: who looks, in which language, with what form; and the ways to answer it.

A page is a function of a `Visit`. It asks the API (`visit.api`), and answers by `visit.page(…)`, or, after it has done
something, by `visit.go(…)`: what was sent by a form is answered by a redirect, so that going back sends nothing again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from controller.access.rules import Permission
from controller.accounts import csrf
from controller.accounts.cookies import is_https
from controller.runtime.looks import Look
from controller.web import forms, moments
from controller.web.backend import Api, Refused
from controller.web.forms import ONCE, Form
from controller.web.navigation import places_for
from controller.web.rendering import Renderer
from controller.web.tellings import TELLINGS
from controller.web.translating import COOKIE, Language, Tongue, chosen

HOME = "/"
SIGN_IN = "/sign-in"
CODE = "/sign-in/code"
PROOF = "/account/proof"
TOLD = "loa-told"
_TOLD_S = 60
_LANGUAGE_S = 365 * 86_400
SAFE = frozenset({"GET", "HEAD"})


@dataclass(slots=True)
class Visit:
    """What a page works with; `me` and `may` once somebody is signed in; `since`: for events, from before it reads."""

    request: Request
    api: Api
    tongue: Tongue
    now: datetime
    renderer: Renderer
    me: dict[str, Any] | None = None
    reach: dict[str, list[str]] = field(default_factory=dict)
    form: Form = field(default_factory=Form)
    set_language: Language | None = None
    since: str = ""

    def may(self, permission: Permission | str) -> bool:
        """Whether they have a permission at some unit; what is not permitted anywhere is not drawn."""
        return str(permission) in self.reach

    @property
    def once(self) -> str:
        """The key of the form that was sent."""
        return self.form.get(ONCE)

    def take(self, form: Form) -> None:
        """This is what came; its token goes with what is written."""
        self.form = form
        self.api.token = form.get(csrf.FIELD)

    def page(self, name: str, http: int = HTTPStatus.OK, **values: Any) -> Response:
        """Answer with a template."""
        told = self.request.cookies.get(TOLD)
        everything = {
            "visit": self,
            "me": self.me,
            "form": self.form,
            "csrf": self.api.token,
            "places": places_for(self.reach) if self.me is not None else (),
            "path": self.request.url.path,
            "today": moments.today_of(self.now),
            "told": told if told in TELLINGS else None,
            "tellings": TELLINGS,
            "secure": self._secure(),
            **values,
        }
        answer = self.renderer.page(self.request, self.tongue.language, name, everything, http)
        if told is not None:
            answer.delete_cookie(TOLD)
        return self._furnished(answer)

    def again(self, name: str, refused: Refused, **values: Any) -> Response:
        """Show a form again with what was typed and why it was not done."""
        self.form.refuse(refused, self.tongue)
        return self.page(name, refused.status, **values)

    def go(self, where: str, *, told: str | None = None) -> Response:
        """Go on elsewhere here; `told`: a key of `TELLINGS`, said on top of the next page."""
        answer = RedirectResponse(where, HTTPStatus.SEE_OTHER)
        if told is not None:
            answer.set_cookie(TOLD, told, max_age=_TOLD_S, httponly=True, samesite="lax", secure=is_https(self.request))
        return self._furnished(answer)

    def reason(self, refused: Refused) -> str:
        """Why something was not done."""
        return forms.reason(refused, self.tongue)

    def _secure(self) -> bool:
        """Whether a browser gives this page the microphone and passkeys: by https, or on this machine."""
        host = self.request.url.hostname or ""
        return is_https(self.request) or host in {"localhost", "127.0.0.1", "::1"} or host.endswith(".localhost")

    def _furnished(self, answer: Response) -> Response:
        for line in self.api.cookies:
            answer.headers.append("set-cookie", line)
        if self.set_language is not None:
            answer.set_cookie(
                COOKIE,
                self.set_language,
                max_age=_LANGUAGE_S,
                httponly=True,
                samesite="lax",
                secure=is_https(self.request),
            )
        return answer


Page = Callable[[Visit], Awaitable[Response]]


@asynccontextmanager
async def begun(request: Request) -> AsyncIterator[Visit]:
    """A visit, of whom is not known yet. A page that is only shown is one look at what is stored."""
    state = request.app.state
    language = chosen(request.cookies.get(COOKIE), request.headers.get("accept-language", ""))
    look = Look(state.controller.db) if request.method in SAFE else None
    try:
        yield Visit(
            request=request,
            api=Api(state.api, request, look),
            tongue=state.tongues[language],
            now=state.controller.clock.now(),
            renderer=state.renderer,
            since=state.controller.changes.mark,
        )
    finally:
        if look is not None:
            await look.end()


async def received(visit: Visit) -> None:
    """The form, where one was sent."""
    if visit.request.method not in SAFE:
        visit.take(await forms.read(visit.request))


async def recognised(visit: Visit) -> None:
    """Who looks.

    Raises:
        Refused: nobody is signed in, or not quite yet.
    """
    visit.me = me = await visit.api.get("/permissions")
    visit.reach = me["reach"]
    if visit.request.method in SAFE:
        visit.api.token = me["csrf"] or ""


def open_page(page: Page) -> Callable[[Request], Awaitable[Response]]:
    """A page for whoever comes."""

    async def answer(request: Request) -> Response:
        async with begun(request) as visit:
            await received(visit)
            return await page(visit)

    return answer


def signed_page(
    page: Page, permission: Permission | None = None, *, reads_form: bool = True
) -> Callable[[Request], Awaitable[Response]]:
    """A page for who is signed in; others sign in first and come back.

    `permission`: what one needs somewhere for the page to have anything on it. `reads_form` False: the page does that.
    """

    async def answer(request: Request) -> Response:
        async with begun(request) as visit:
            try:
                if reads_form:
                    await received(visit)
                await recognised(visit)
                if permission is not None and not visit.may(permission):
                    return refused_page(visit, Refused(HTTPStatus.FORBIDDEN, {"code": "not_allowed"}))
                return await page(visit)
            except Refused as refused:
                return _elsewhere(visit, refused)

    return answer


def _elsewhere(visit: Visit, refused: Refused) -> Response:
    """Where to go with a refusal that a page has no answer of its own for."""
    back = quote(_own_address(visit.request), safe="/")
    if refused.code == "sign_in_unfinished":
        return visit.go(f"{CODE}?next={back}")
    if refused.code == "proof_needed":
        return visit.go(f"{PROOF}?next={back}")
    if refused.status == HTTPStatus.UNAUTHORIZED:
        over = "&over=1" if refused.code == "not_signed_in" and visit.request.cookies else ""
        return visit.go(f"{SIGN_IN}?next={back}{over}")
    return refused_page(visit, refused)


def refused_page(visit: Visit, refused: Refused) -> Response:
    """Why a page is not shown, or something not done."""
    return visit.page(
        "problem.html", refused.status, status=refused.status, code=refused.code, why=visit.reason(refused)
    )


def _own_address(request: Request) -> str:
    """The page that was asked for; of a form that was sent, the page that it stood on."""
    if request.method in SAFE:
        return request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return _path_of(request.headers.get("referer", ""))


def _path_of(address: str) -> str:
    parts = urlsplit(address)
    return local(parts.path + (f"?{parts.query}" if parts.query else ""))


def local(where: str | None) -> str:
    """An address on this host, whatever was asked for: nobody is sent elsewhere by a link to us."""
    plain = where is not None and where.startswith("/") and not where.startswith(("//", "/\\")) and where.isprintable()
    return where if plain and where is not None and "\\" not in where else HOME
