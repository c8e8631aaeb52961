"""Who asks and what they may do, over HTTP: for programs and pages that draw nothing that would be refused."""

from fastapi import APIRouter, Request

from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.accounts import csrf, factors
from controller.accounts.factors import Next
from controller.accounts.sign_in_routes import TheDoors
from controller.accounts.store import Found
from controller.api.models import View
from controller.people.acting import Via

router = APIRouter(tags=["account"])


class PermissionsView(View):
    """`reach`: permission → the units at which one has it, there and below; one that is had nowhere is left out.

    `everywhere`: whoever runs the controller asks, who may do all of it. `next`: what their account still needs;
    `csrf`: for writes with the cookie.
    """

    person_id: str | None
    name: str
    everywhere: bool
    reach: dict[str, list[str]]
    next: Next = Next.NOTHING
    csrf: str | None = None


@router.get("/permissions")
async def my_permissions(request: Request, may: Allowed, doors: TheDoors) -> PermissionsView:
    """What one may do by now, and where."""
    found = {str(one): await may.reach(one) for one in Permission}
    told = PermissionsView(
        person_id=may.actor.person_id,
        name=may.actor.name,
        everywhere=may.actor.everywhere,
        reach={name: sorted(reach.roots) for name, reach in found.items() if reach.roots or reach.everywhere},
    )
    if may.actor.via is not Via.SESSION:
        return told
    mine: Found = request.state.signed_in
    return told.model_copy(
        update={
            "next": factors.next_for(mine.row, guarded=mine.guarded),
            "csrf": csrf.token_of(doors.keys, mine.row),
        }
    )
