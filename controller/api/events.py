"""Server-sent events: every change of the ledger, the devices and the background jobs, as it is committed."""

from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent

from controller.api.dependencies import TheController
from controller.runtime.changes import REREAD, Change

router = APIRouter(tags=["events"])


@router.get("/events", response_class=EventSourceResponse)
async def events(
    controller: TheController, broadcast: str | None = None, job: str | None = None
) -> AsyncIterator[ServerSentEvent]:
    """`ledger`, `broadcast`, `device` and `job` events; with `broadcast` or `job`, only those of that one.

    `reread` tells a watcher that was too slow to read everything again.
    """
    async with controller.changes.subscribe() as changes:
        yield ServerSentEvent(event="hello", data={})
        async for change in changes:
            if change.kind == REREAD or _concerns(change, broadcast, job):
                yield ServerSentEvent(event=change.kind, data=change.data)


def _concerns(change: Change, broadcast: str | None, job: str | None) -> bool:
    """Whether a watcher asked for it."""
    if broadcast is None and job is None:
        return True
    named = {("broadcast_id", broadcast), ("job_id", job)}
    return any(wanted is not None and change.data.get(key) == wanted for key, wanted in named)
