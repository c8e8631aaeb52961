"""The door of every route: what `table.TABLE` says of it is asked before it runs; there is no other way in.

A thing that somebody may not know of is answered as if nothing had its id. A route whose body or list decides must
have asked `Allowed` by its end: else its answer is not given, and nothing it wrote is kept.
"""

from collections.abc import AsyncIterator, Iterable

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute

from controller.access.may import May, looking, may_of
from controller.access.rules import Permission
from controller.access.subjects import Owners, Subject
from controller.access.table import TABLE, Decides, Row
from controller.api.dependencies import TheController
from controller.people.acting import Acting

_LOOKING = frozenset({Permission.KNOW, Permission.SEE})


def require_rows(routers: Iterable[APIRouter]) -> None:
    """Every route of these routers has a row, and every row a route.

    Raises:
        AssertionError: the table and the routes differ.
    """
    listed = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    routes = {(method, route.path) for route in listed for method in route.methods or ()}
    if routes != TABLE.keys():
        raise AssertionError(f"routes and controller/access/table.py differ: {sorted(routes ^ TABLE.keys())}")


async def guarded(request: Request, controller: TheController, actor: Acting) -> AsyncIterator[None]:
    """Let a request in, or not; what the actor may do is `Allowed` of the route from here on."""
    method, path = request.method, request.scope["route"].path
    row = TABLE[method, path]
    may = await may_of(request, actor, controller.clock.now())
    request.state.may = may
    if not actor.everywhere:
        await _enter(request, row, may)
    may.asked = False
    yield
    if (row.decides is Decides.ROUTE or row.new) and not may.asked:
        raise AssertionError(f"{method} {path} was answered without asking who may")


async def _enter(request: Request, row: Row, may: May) -> None:
    if row.permission is None or row.decides is Decides.ROUTE:
        return
    if row.decides is Decides.ROLE or row.subject is None:
        await may.require_anywhere(row.permission)
        return
    key = request.path_params[row.subject.name]
    if row.decides is Decides.SELF and key == may.actor.person_id:
        return
    async with looking(request) as session:
        owners = await row.subject.find(session, key)
    if owners is None and row.new:
        return
    await _require(row.permission, row.subject, may, key, owners)


async def _require(permission: Permission, subject: Subject, may: May, key: str, owners: Owners | None) -> None:
    """As a stranger sees it there is no such thing; who may look at it learns what they may not do.

    Raises:
        LoaError: as its kind says that nothing has the id.
        NotAllowed, SecondFactorNeeded: they may look and no more.
    """
    if owners is None or not await may.holds(subject.read, owners, either=True):
        raise subject.unknown(key)
    if subject.either and permission in _LOOKING:
        return
    await may.require(permission, *owners)
