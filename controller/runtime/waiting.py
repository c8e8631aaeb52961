"""Waiting and ending, where cancellation must neither be swallowed nor cut a transaction in the middle.

`asyncio.wait_for` of Python 3.11 may swallow a cancellation that comes together with what it waits for, and the MQTT
client uses it inside; a transaction cut in the middle keeps its lock until its connection is thrown away.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")
_AGAIN_S = 2.0


async def happens(event: asyncio.Event, within_s: float) -> bool:
    """Whether the event came within so many seconds."""
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def heeding(work: Awaitable[T]) -> T:
    """Await what may swallow a cancellation; it is raised here then."""
    result = await work
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    return result


async def unbroken(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end even when the caller is cancelled meanwhile; the cancellation is passed on after it."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return task.result()


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until each of them has ended."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_S)
