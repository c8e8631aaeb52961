"""What routes ask for: the controller and a session for reading. Sessions for writing: `idempotency.Write`."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from controller.media.service import MediaLibrary
from controller.runtime.server import Controller


def _controller(request: Request) -> Controller:
    controller: Controller = request.app.state.controller
    return controller


def _library(request: Request) -> MediaLibrary:
    library: MediaLibrary = request.app.state.library
    return library


TheController = Annotated[Controller, Depends(_controller)]
TheLibrary = Annotated[MediaLibrary, Depends(_library)]


async def _reading(controller: TheController) -> AsyncIterator[AsyncSession]:
    async with controller.db.reading() as session:
        yield session


Read = Annotated[AsyncSession, Depends(_reading, scope="function")]
