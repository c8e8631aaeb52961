"""The opening processes of one ingest: there when there is much to open, gone when there is not.

They are started when so much waits that threads need half a second for it, and ended after two minutes in which threads
would have done as well; a small commune never pays their memory. One that ends is started again, seldom.
"""

import asyncio
import logging
import os
from dataclasses import dataclass

from controller.receipts.opening_process import OpeningProcess, OpeningProcessGone
from controller.runtime.waiting import ended

log = logging.getLogger(__name__)

_MOST = 4


@dataclass(frozen=True, slots=True)
class Needs:
    """When processes are worth their memory.

    `backlog`: messages waiting to be opened that start them; `quiet_per_s`: fewer messages a second than this, for
    `idle_s`, end them; `again_s`: this long after one has died, another is started.
    """

    backlog: int = 512
    quiet_per_s: float = 100.0
    idle_s: float = 120.0
    again_s: float = 10.0


def usual_count() -> int:
    """So many processes leave one core for what stores."""
    return max(1, min(_MOST, (os.cpu_count() or 1) - 1))


class OpeningPool:
    """At most `most` processes; `end` when done."""

    def __init__(self, most: int, needs: Needs) -> None:
        self._most, self._needs = most, needs
        self._ready: list[OpeningProcess] = []
        self._living: asyncio.Task[None] | None = None
        self._opened = 0

    @property
    def pids(self) -> list[int]:
        """Of those that are ready."""
        return [process.pid for process in self._ready]

    def count(self, opening: int, backlog: int) -> None:
        """So many messages are opened now, and so many more wait; starts processes where that is much."""
        self._opened += opening
        if self._most and backlog >= self._needs.backlog and (self._living is None or self._living.done()):
            self._living = asyncio.create_task(self._live(), name="ingest-openers")

    def least_busy(self) -> OpeningProcess | None:
        """The process to ask, if there is one."""
        return min(self._ready, key=lambda process: process.in_hand, default=None)

    async def end(self) -> None:
        """End all of them."""
        if self._living is not None:
            await ended([self._living])

    async def _live(self) -> None:
        log.info("much is to be opened: starting %d opening processes", self._most)
        keeping = [asyncio.create_task(self._keep(), name="ingest-opener-kept") for _ in range(self._most)]
        try:
            while True:
                self._opened = 0
                await asyncio.sleep(self._needs.idle_s)
                if self._opened < self._needs.quiet_per_s * self._needs.idle_s:
                    break
            log.info("little is to be opened: ending the opening processes")
        finally:
            await ended(keeping)

    async def _keep(self) -> None:
        """One process, and after it another."""
        while True:
            try:
                await self._follow(await OpeningProcess.start())
            except OSError as error:
                log.warning("an opening process cannot be started: %s; messages are opened in threads", error)
            await asyncio.sleep(self._needs.again_s)

    async def _follow(self, process: OpeningProcess) -> None:
        """Until it has ended."""
        try:
            await process.ready()
            self._ready.append(process)
            await process.gone()
        except OpeningProcessGone:
            pass
        finally:
            if process in self._ready:
                self._ready.remove(process)
            await process.end()
        log.warning("opening process %d has ended; what it was asked is opened in threads", process.pid)
