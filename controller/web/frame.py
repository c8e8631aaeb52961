"""What belongs to every page: its language."""

from starlette.responses import Response
from starlette.routing import Route

from controller.web.translating import Language
from controller.web.visits import Visit, local, open_page


async def choose_language(visit: Visit) -> Response:
    """Read the pages in another language, in this browser."""
    wanted = visit.form.get("language")
    if wanted in set(Language):
        visit.set_language = Language(wanted)
    return visit.go(local(visit.form.get("next")))


routes = [Route("/language", open_page(choose_language), methods=["POST"])]
