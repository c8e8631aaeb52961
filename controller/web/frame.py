"""What belongs to every page: its language, and where the places are that a phone has no room for."""

from starlette.responses import Response
from starlette.routing import Route

from controller.web.navigation import MORE
from controller.web.translating import Language
from controller.web.visits import Visit, local, open_page, signed_page


async def choose_language(visit: Visit) -> Response:
    """Read the pages in another language, in this browser."""
    wanted = visit.form.get("language")
    if wanted in set(Language):
        visit.set_language = Language(wanted)
    return visit.go(local(visit.form.get("next")))


async def show_more(visit: Visit) -> Response:
    """The places that the bar of a phone does not show."""
    return visit.page("more.html")


routes = [
    Route("/language", open_page(choose_language), methods=["POST"]),
    Route(MORE, signed_page(show_more), methods=["GET"]),
]
