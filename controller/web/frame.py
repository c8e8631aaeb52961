"""What belongs to every page: its language, and where the places are that a phone has no room for."""

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from controller.web.navigation import MORE
from controller.web.translating import Language
from controller.web.visits import HOME, Visit, local, open_page, signed_page


async def choose_language(visit: Visit) -> Response:
    """Read the pages in another language, in this browser."""
    wanted = visit.form.get("language")
    if wanted in set(Language):
        visit.set_language = Language(wanted)
    return visit.go(readable(local(visit.form.get("next")), visit.request.app.routes))


def readable(where: str, routes: Sequence[BaseRoute]) -> str:
    """The page itself; of an address that only takes forms, the nearest one above it that can be read."""
    path, mark, query = where.partition("?")
    if _is_read(path, routes):
        return f"{path}{mark}{query}"
    while path := path.rpartition("/")[0]:
        if _is_read(path, routes):
            return path
    return HOME


def _is_read(path: str, routes: Sequence[BaseRoute]) -> bool:
    asked = {"type": "http", "method": "GET", "path": path, "root_path": ""}
    return any(one.matches(asked)[0] is Match.FULL for one in routes)


async def show_more(visit: Visit) -> Response:
    """The places that the bar of a phone does not show."""
    return visit.page("more.html")


routes = [
    Route("/language", open_page(choose_language), methods=["POST"]),
    Route(MORE, signed_page(show_more), methods=["GET"]),
]
