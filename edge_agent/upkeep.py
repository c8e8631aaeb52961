"""Small regular duties, counted on the loop's own clock: a stepping wall clock must not disturb them."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import msgspec

from edge_agent.clock import ClockKeeper
from edge_agent.holdings import Holdings, named_occurrences
from edge_agent.journal import Journal
from edge_agent.log_tail import LogTail
from edge_agent.notebook import Notebook
from edge_agent.reactions import AgentReactions
from edge_agent.refusals import Refusals
from edge_agent.reports import Reports
from edge_agent.session import Session
from loa_protocol import topics
from loa_protocol.errors import LoaError
from loa_protocol.receipts import Body, Note
from loa_protocol.topics import Family

log = logging.getLogger(__name__)

SECOND_S = 1.0
DIAGNOSE_EVERY_S = 5
SHED_EVERY_S = 5
"""Every plan that is held is merged anew whenever one comes: those that nothing needs must not pile up."""
HEALTH_EVERY_S = 60
SHOWN_EVERY_S = 2
TIDY_EVERY_S = 600


class Upkeep:
    """Each second: refusals that were folded; then diagnosis, plans let go of, health, and tidying up what is old."""

    def __init__(
        self,
        *,
        device_id: str,
        session: Session,
        reports: Reports,
        tail: LogTail,
        refusals: Refusals,
        notebook: Notebook,
        journal: Journal,
        clock: ClockKeeper,
        holdings: Holdings,
        reactions: AgentReactions,
        each_second: Callable[[], Awaitable[None]],
    ) -> None:
        self._device_id, self._session, self._reports, self._refusals = device_id, session, reports, refusals
        self._tail = tail
        self._notebook, self._journal, self._clock, self._holdings = notebook, journal, clock, holdings
        self._reactions, self._each_second = reactions, each_second
        self._health_is_due = False

    def health_is_due(self) -> None:
        """Send it within a second."""
        self._health_is_due = True

    async def run(self) -> None:
        """Until cancelled."""
        second = 0
        while True:
            await asyncio.sleep(SECOND_S)
            second += 1
            await self._each_second()
            for entry in self._refusals.due(self._clock.monotonic_ns):
                await self._write(entry)
            if second % DIAGNOSE_EVERY_S == 0:
                await self._diagnose()
            if second % SHED_EVERY_S == 0:
                await self._tidy(self._reactions.prune())
            shows = second % SHOWN_EVERY_S == 0 and self._tail.shown and bool(self._tail.untold())
            if second % HEALTH_EVERY_S == 0 or self._health_is_due or shows:
                self._health_is_due = False
                await self._send_health()
            if second % TIDY_EVERY_S == 0:
                with contextlib.suppress(OSError):
                    await asyncio.to_thread(self._clock.save)
                await self._tidy(self._prune_journal())

    async def _diagnose(self) -> None:
        fresh, gone = await self._reports.diagnose(connected=self._session.connected.is_set())
        for code, text in fresh.items():
            log.warning("%s: %s: %s", self._device_id, code, text)
        if fresh or gone:
            self._health_is_due = True
        for code, text in fresh.items():
            await self._write(Note(code=code, text=text))
        for code in gone:
            await self._write(Note(code=f"{code}_over"))

    async def _write(self, body: Body) -> None:
        """A full disk must not end the upkeep; health tells of it."""
        try:
            await self._notebook.write(body)
        except LoaError as error:
            log.error("%s: %s: %s", self._device_id, error.code, error)  # noqa: TRY400 - foreseen

    async def _send_health(self) -> None:
        health = await self._reports.health()
        topic = topics.up(Family.HEALTH, self._device_id)
        if await self._session.publish(topic, msgspec.json.encode(health), qos=0):
            self._tail.told(health.log)

    async def _prune_journal(self) -> None:
        if self._clock.read().schedules_play:
            await self._journal.prune(now=self._clock.now(), named=named_occurrences(self._holdings.plans))

    async def _tidy(self, pruning: Awaitable[None]) -> None:
        try:
            await pruning
        except LoaError as error:
            log.error("%s: nothing could be tidied up: %s", self._device_id, error)  # noqa: TRY400 - foreseen
