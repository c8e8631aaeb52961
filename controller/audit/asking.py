"""The request that a task answers, as far as the audit wants to know of it; set by the middleware `requests`."""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from starlette.types import Scope

from controller.audit.rules import Who
from controller.people.acting import Actor

NOBODY = Who(via="nobody")
"""Who has not signed in."""


@dataclass(slots=True)
class Asked:
    """A request that is being answered; `refused` is the code of a refusal, `hidden` that it was told as a 404."""

    scope: Scope
    id: str
    refused: str = ""
    hidden: bool = False

    @property
    def now(self) -> datetime:
        """The controller's instant."""
        instant: datetime = self.scope["app"].state.controller.clock.now()
        return instant

    @property
    def who(self) -> Who:
        """Who asked, as far as that was found out."""
        state = self.scope["state"]
        actor = state.get("actor") or getattr(state.get("may"), "actor", None)
        return NOBODY if actor is None else who_of(actor)

    @property
    def action(self) -> str:
        """The route, as in the table of who may what."""
        route = self.scope.get("route")
        return f"{self.scope['method']} {getattr(route, 'path', '')}"

    @property
    def about(self) -> dict[str, str]:
        """What its address names."""
        return {name: str(value)[:200] for name, value in self.scope.get("path_params", {}).items()}


asked: ContextVar[Asked | None] = ContextVar("loa_audit_asked", default=None)
"""The request that this task answers."""


def hidden() -> None:
    """Somebody asked for what they may not know of, and is told that it is not there."""
    request = asked.get()
    if request is not None:
        request.hidden = True


def who_of(actor: Actor) -> Who:
    """An actor as entries name them."""
    return Who(via=str(actor.via), person=actor.person_id or "", credential=actor.credential_id or "")
