"""“Nhật ký”: who did what, newest first, for who may look into it."""

from http import HTTPStatus

from starlette.responses import Response
from starlette.routing import Route

from controller.access.rules import Permission
from controller.api.errors import STATUS
from controller.web import words
from controller.web.tables import ROWS
from controller.web.visits import Visit, signed_page


async def show(visit: Visit) -> Response:
    """A page of entries; older ones behind the last."""
    before = visit.request.query_params.get("before", "")
    older = before if before.isascii() and before.isdigit() and len(before) < 16 and before != "0" else None  # noqa: PLR2004
    entries = await visit.api.get("/audit", before=older, limit=ROWS)
    following = entries[-1]["sequence"] if len(entries) == ROWS and entries[-1]["sequence"] > 1 else None
    return visit.page(
        "audit.html", entries=entries, following=following, first=older is None, said=said_of, refusal=refusal_of
    )


def said_of(action: str) -> str:
    """What was done, in words that are marked; what only was read is told by what it is about."""
    method, _, route = action.partition(" ")
    read = words.READS.get(route[1:].partition("/")[0]) if method == "GET" else None
    return words.ACTIONS.get(action) or read or action


def refusal_of(outcome: str) -> str:
    """Why it was not done, in words that are marked."""
    unseen = STATUS.get(outcome) == HTTPStatus.NOT_FOUND or outcome == "http_404"
    return words.NOT_SEEN if unseen else words.REFUSALS.get(outcome, outcome)


routes = [Route("/audit", signed_page(show, Permission.AUDIT), methods=["GET"])]
