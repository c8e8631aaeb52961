"""What routes ask for: the controller and a session for reading. Sessions for writing: `idempotency.Write`.

Dependencies of routes are coroutines, those that wait for nothing, too: others would be sent to a thread and back.
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from controller.access.may import carry_on
from controller.runtime.looks import reading
from controller.runtime.server import Controller
from loa_protocol.errors import LoaError


async def _controller(request: Request) -> Controller:
    controller: Controller = request.app.state.controller
    return controller


TheController = Annotated[Controller, Depends(_controller)]


class TextRefused(LoaError):
    """A text cannot be stored as text."""

    code = "text_refused"


async def require_text(request: Request) -> None:
    """Dependency of every route: the address is text, as bodies are by their models.

    Raises:
        TextRefused: it holds the character NUL, which is in no id.
    """
    if any("\x00" in part for part in (request.scope["path"], *request.query_params.values())):
        raise TextRefused("the address holds the character NUL, which is part of no id; correct the id")


async def _reading(request: Request, controller: TheController) -> AsyncIterator[AsyncSession]:
    async with reading(request, controller.db) as session:
        carry_on(request, session)
        request.state.reading = session
        try:
            yield session
        finally:
            request.state.reading = None


Read = Annotated[AsyncSession, Depends(_reading, scope="function")]
