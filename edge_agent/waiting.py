"""Waiting for an event, but not longer than a while.

`asyncio.wait_for` of Python 3.11 may swallow a cancellation that comes together with the event; `timeout` does not.
"""

import asyncio


async def happens(event: asyncio.Event, within_s: float | None) -> bool:
    """Whether the event came within so many seconds; None waits without end."""
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
