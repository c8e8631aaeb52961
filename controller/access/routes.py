"""What one may do, over HTTP: for programs and pages that draw nothing that would be refused."""

from fastapi import APIRouter

from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.models import View

router = APIRouter(tags=["account"])


class PermissionsView(View):
    """`reach`: permission → the units at which one has it, there and below; one that is had nowhere is left out.

    `everywhere`: whoever runs the controller asks, who may do all of it.
    """

    everywhere: bool
    reach: dict[str, list[str]]


@router.get("/permissions")
async def my_permissions(may: Allowed) -> PermissionsView:
    """What one may do by now, and where."""
    found = {str(one): await may.reach(one) for one in Permission}
    return PermissionsView(
        everywhere=may.actor.everywhere,
        reach={name: sorted(reach.roots) for name, reach in found.items() if reach.roots or reach.everywhere},
    )
