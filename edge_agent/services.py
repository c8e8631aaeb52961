"""The parts of the agent that run side by side: what one did not foresee is logged, and that one starts again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

RESTART_S = 1.0
Part = Callable[[], Awaitable[None]]


class Services:
    """Named tasks."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, part: Part) -> None:
        """Run a part until it returns or is ended."""
        self._tasks[name] = asyncio.create_task(_for_ever(name, part), name=name)

    async def finish(self, name: str, within_s: float) -> None:
        """Give a part that was told to end some time to do so."""
        task = self._tasks.get(name)
        if task is not None:
            await asyncio.wait({task}, timeout=within_s)

    async def end(self, *names: str) -> None:
        """Cancel these, or all, and wait until they are gone."""
        tasks = [self._tasks[name] for name in names or self._tasks if name in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _for_ever(name: str, part: Part) -> None:
    while True:
        try:
            await part()
        except Exception:
            log.exception("%s failed; starting it again", name)
        else:
            return
        await asyncio.sleep(RESTART_S)
