"""The door of every route: what `table.TABLE` says of it is asked before it runs; there is no other way in.

A thing that somebody may not know of is answered as if nothing had its id. A route whose body or list decides must
have asked `Allowed` by its end: else its answer is not given, and nothing it wrote is kept (`WriteRoute` looks, too).
"""

from collections.abc import AsyncIterator, Iterable

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access import may as mays
from controller.access.may import May, may_of
from controller.access.table import PUBLIC, TABLE, Decides, Row
from controller.accounts.authentication import again
from controller.api.dependencies import TheController
from controller.people.acting import Acting
from controller.units.service import IdTaken


def require_rows(guarded_routers: Iterable[APIRouter], public_routers: Iterable[APIRouter] = ()) -> None:
    """Every route behind the guard has a row, every other one is public, and neither list says more than there is.

    Raises:
        AssertionError: the lists and the routes differ.
    """
    for routers, listed, name in ((guarded_routers, frozenset(TABLE), "TABLE"), (public_routers, PUBLIC, "PUBLIC")):
        differing = _addresses(routers) ^ listed
        if differing:
            raise AssertionError(f"routes and controller/access/table.py {name} differ: {sorted(differing)}")


def _addresses(routers: Iterable[APIRouter]) -> set[tuple[str, str]]:
    listed = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    return {(method, route.path) for route in listed for method in route.methods or ()}


async def guarded(request: Request, controller: TheController, actor: Acting) -> AsyncIterator[None]:
    """Let a request in, or not; what the actor may do is `Allowed` of the route from here on."""
    method, path = request.method, request.scope["route"].path
    row = TABLE[method, path]
    async with mays.looking(request) as session:
        may = mays.found(request) or await may_of(request, session, actor, controller.clock.now())
        if not actor.everywhere:
            with may.through(session):
                await _enter(request, session, row, may)
    may.asked = not (row.decides in _ROUTE_DECIDES or row.new)
    mays.carry_in(request, may)
    yield
    if not mays.is_transaction(request):
        mays.require_asked(request)


_ROUTE_DECIDES = frozenset({Decides.ROUTE, Decides.MAKER})


async def renewed(request: Request, may: May) -> May:
    """What the actor may do by now, for answers that last.

    Raises:
        LoaError: they may do nothing any more: they left, or their sign-in ended.
    """
    controller = request.app.state.controller
    actor = await again(request, may.actor)
    async with controller.db.reading() as session:
        now = await may_of(request, session, actor, controller.clock.now())
    now.settle(controller.db.reading)
    return now


async def _enter(request: Request, session: AsyncSession, row: Row, may: May) -> None:
    if row.permission is None:
        return
    if row.subject is None:
        if row.decides is Decides.ROLE:
            await may.require_anywhere(row.permission)
        return
    key = request.path_params[row.subject.name]
    if row.decides is Decides.SELF and key == may.actor.person_id:
        return
    if row.new:
        await _require_free_or_own(session, row, may, key)
    elif row.decides is Decides.ROUTE:
        await may.require_of(row.subject.read, row.subject, key)
    else:
        await may.require_of(row.permission, row.subject, key, refused=row.refused)


async def _require_free_or_own(session: AsyncSession, row: Row, may: May, key: str) -> None:
    """What is to be made must not be somebody else's already.

    Raises:
        IdTaken: it is.
        NotAllowed, SecondFactorNeeded: it is there and they may know of it and no more.
    """
    if row.subject is None or row.permission is None:
        raise AssertionError("a row that may make something says of what kind")
    owners = await row.subject.find(session, key)
    if owners is None:
        return
    if not await may.holds(row.subject.read, owners, either=True):
        raise IdTaken(f"{key} exists already; choose another id")
    await may.require(row.permission, *owners)
