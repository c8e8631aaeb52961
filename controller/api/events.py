"""Server-sent events: every change of the ledger and of the devices, as it is committed."""

from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent

from controller.api.dependencies import TheController
from controller.runtime.changes import REREAD

router = APIRouter(tags=["events"])


@router.get("/events", response_class=EventSourceResponse)
async def events(controller: TheController, broadcast: str | None = None) -> AsyncIterator[ServerSentEvent]:
    """`ledger`, `broadcast` and `device` events; with `broadcast`, only those of that broadcast.

    `reread` tells a watcher that was too slow to read everything again.
    """
    async with controller.changes.subscribe() as changes:
        yield ServerSentEvent(event="hello", data={})
        async for change in changes:
            if broadcast is None or change.kind == REREAD or change.data.get("broadcast_id") == broadcast:
                yield ServerSentEvent(event=change.kind, data=change.data)
