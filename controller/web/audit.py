"""“Nhật ký”: who did what, newest first, for who may look into it."""

from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.web.tables import ROWS
from controller.web.visits import Visit, signed_page


async def show(visit: Visit) -> Response:
    """A page of entries; older ones behind the last."""
    before = visit.request.query_params.get("before", "")
    older = before if before.isascii() and before.isdigit() and len(before) < 16 and before != "0" else None  # noqa: PLR2004
    entries = await visit.api.get("/audit", before=older, limit=ROWS)
    following = entries[-1]["sequence"] if len(entries) == ROWS and entries[-1]["sequence"] > 1 else None
    return visit.page("audit.html", entries=entries, following=following, first=older is None)


routes = [Route("/audit", signed_page(show, Permission.AUDIT), methods=["GET"])]
