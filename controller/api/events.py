"""Server-sent events: every change of the ledger, the devices and the background jobs, as it is committed.

People get what they may see. What they may is asked anew every `RENEWED_EVERY_S`, so that the stream of who leaves, or
signs out, ends; until then it is remembered, so that ten thousand receipts are no ten thousand queries.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy import select

from controller.access import subjects
from controller.access.guard import renewed
from controller.access.may import Allowed, May
from controller.access.rules import Permission
from controller.access.subjects import Subject
from controller.api.dependencies import TheController
from controller.devices.tables import Device
from controller.jobs import store as jobs
from controller.runtime.changes import REREAD, Change
from controller.runtime.server import Controller
from controller.units import store as units
from loa_protocol import topics
from loa_protocol.errors import LoaError

router = APIRouter(tags=["events"])
RENEWED_EVERY_S = 30.0


class Seeing:
    """Which changes somebody may see, as of the last `renew`."""

    def __init__(self, controller: Controller, renew: Callable[[May], Awaitable[May]], may: May) -> None:
        self._controller, self._renew, self._may = controller, renew, may
        self._devices: dict[str, bool] = {}
        self._broadcasts: dict[str, bool] = {}
        self._jobs: dict[str, bool] = {}
        self._scopes: dict[str, bool] = {}

    async def renew(self) -> None:
        """What they may see from now on.

        Raises:
            LoaError: nothing any more.
        """
        self._may = await self._renew(self._may)
        self._broadcasts, self._jobs, self._scopes = {}, {}, {}
        async with self._controller.db.reading() as session:
            seen = select(Device.id).where(await self._may.where(Permission.SEE, Device.unit_id))
            self._devices = dict.fromkeys(await session.scalars(seen), True)

    async def sees(self, change: Change) -> bool:
        """Whether a change is one of theirs; of an unknown kind none is."""
        if change.kind == REREAD or self._may.actor.everywhere:
            return True
        told = change.data
        if change.kind == "job":
            return await self._known(self._jobs, told.get("job_id"), self._is_my_job)
        if change.kind == "document":
            return await self._known(self._scopes, _scope_of(told.get("topic")), self._is_known_scope)
        if change.kind == "source":
            unit = next((one.unit for one in self._controller.sources if one.name == told.get("source")), None)
            return await self._may.holds(Permission.SEE, [unit])
        if "device_id" in told:
            return await self._known(self._devices, told["device_id"], self._of(subjects.DEVICE, Permission.SEE))
        return await self._known(
            self._broadcasts, told.get("broadcast_id"), self._of(subjects.BROADCAST, Permission.KNOW)
        )

    async def _known(self, seen: dict[str, bool], key: Any, look: Callable[[str], Awaitable[bool]]) -> bool:
        if not isinstance(key, str):
            return False
        if key not in seen:
            seen[key] = await look(key)
        return seen[key]

    def _of(self, subject: Subject, permission: Permission) -> Callable[[str], Awaitable[bool]]:
        async def look(key: str) -> bool:
            async with self._controller.db.reading() as session:
                owners = await subject.find(session, key)
            return owners is not None and await self._may.holds(permission, owners, either=subject.either)

        return look

    async def _is_known_scope(self, key: str) -> bool:
        async with self._controller.db.reading() as session:
            owners = await units.owners(session, [key])
        return key in owners and await self._may.holds(Permission.KNOW, [owners[key]])

    async def _is_my_job(self, key: str) -> bool:
        async with self._controller.db.reading() as session:
            row = await jobs.find(session, key)
        return row is not None and self._may.is_mine(row.requested_by)


async def _seeing(request: Request, controller: TheController, may: Allowed) -> Seeing:
    """Asks before the stream begins: what is sent later is sent under this."""
    seeing = Seeing(controller, partial(renewed, request), may)
    await may.reach(Permission.SEE)
    await seeing.renew()
    return seeing


@router.get("/events", response_class=EventSourceResponse)
async def events(
    controller: TheController,
    seeing: Annotated[Seeing, Depends(_seeing)],
    broadcast: str | None = None,
    job: str | None = None,
    since: Annotated[str | None, Query(max_length=40)] = None,
) -> AsyncIterator[ServerSentEvent]:
    """`ledger`, `broadcast`, `device`, `document` and `job` events; with `broadcast` or `job`, only those of that one.

    `since` is the mark that a page was given when it was read: what came in between is told first. `reread` tells a
    watcher that was too slow, or away for too long, to read everything again. The stream ends when one may see nothing
    more.
    """
    async with controller.changes.subscribe(since) as changes:
        yield ServerSentEvent(event="hello", data={})
        async for change in watched(changes, seeing):
            if change.kind == REREAD or _concerns(change.data, broadcast, job):
                yield ServerSentEvent(event=change.kind, data=change.data)


async def watched(changes: AsyncIterator[Change], seeing: Seeing) -> AsyncIterator[Change]:
    """Those changes that may be seen, until nothing may be any more, or there are no more."""
    loop = asyncio.get_running_loop()
    due_s = loop.time() + RENEWED_EVERY_S
    awaited = asyncio.ensure_future(anext(changes, None))
    try:
        while True:
            await asyncio.wait({awaited}, timeout=max(0.0, due_s - loop.time()))
            if loop.time() >= due_s:
                try:
                    await seeing.renew()
                except LoaError:
                    return
                due_s = loop.time() + RENEWED_EVERY_S
            if not awaited.done():
                continue
            change = awaited.result()
            if change is None:
                return
            awaited = asyncio.ensure_future(anext(changes, None))
            if await seeing.sees(change):
                yield change
    finally:
        awaited.cancel()


def _scope_of(topic: Any) -> str | None:
    """Whom a document speaks to; None: it is none of a unit, a group or a device."""
    try:
        address = topics.parse(str(topic))
    except topics.TopicUnknown:
        return None
    return address.subject if address.family in topics.SCOPED else None


def _concerns(told: Mapping[str, Any], broadcast: str | None, job: str | None) -> bool:
    """Whether a watcher asked for it."""
    if broadcast is None and job is None:
        return True
    named = {("broadcast_id", broadcast), ("job_id", job)}
    return any(wanted is not None and told.get(key) == wanted for key, wanted in named)
