"""Who is on, and the one receipt each occurrence of sound gets."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from edge_agent.agenda import Outlook
from edge_agent.clock import ClockKeeper
from edge_agent.notebook import Notebook
from edge_agent.performance import Ending, Performance, Stage, receipt_of
from loa_protocol.receipts import Occurrence, Receipt

log = logging.getLogger(__name__)

_DETAIL_MAX = 300


@dataclass(slots=True)
class Cast:
    """Everything that is prepared, sounds or was cut; and why what was due could not begin, if it could not."""

    performances: dict[Occurrence, Performance] = field(default_factory=dict)
    lacked: dict[Occurrence, Ending] = field(default_factory=dict)

    def in_stage(self, *stages: Stage) -> list[Performance]:
        """Those that stand there."""
        return [one for one in self.performances.values() if one.stage in stages]

    def by_cue(self, cue: str) -> Performance | None:
        """The one the player calls so."""
        return next((one for one in self.performances.values() if one.cue == cue), None)


class Answers:
    """Writes receipts; `told` is called after each."""

    def __init__(self, cast: Cast, notebook: Notebook, clock: ClockKeeper, told: Callable[[], None]) -> None:
        self._cast, self._notebook, self._clock, self._told = cast, notebook, clock, told

    async def write(self, receipt: Receipt) -> None:
        """Commit a receipt.

        Raises:
            DiskFull, StorageFailed: it must be written again later.
        """
        await self._notebook.write(receipt)
        self._cast.lacked.pop(receipt.occurrence, None)
        log.info("%s: %s %s", receipt.occurrence.id, receipt.outcome, receipt.reason or "")
        self._told()

    async def finish(self, performance: Performance, ending: Ending) -> None:
        """The receipt of something the player was given; until it is committed the performance stays `ended`.

        Raises:
            DiskFull, StorageFailed: it must be finished again later.
        """
        performance.stage, performance.ending = Stage.ENDED, ending
        reading = self._clock.read()
        await self.write(receipt_of(performance, ending, ended=reading.now, clock=reading.report()))
        self._cast.performances.pop(performance.occurrence, None)


def unbegun(occurrence: Occurrence, planned: datetime, ending: Ending, outlook: Outlook) -> Receipt:
    """The receipt of something that never began in this life of the agent."""
    item = outlook.items.get(occurrence)
    return Receipt(
        occurrence=occurrence,
        outcome=ending.outcome,
        reason=ending.reason,
        detail=ending.detail[:_DETAIL_MAX],
        plan_version=item.version if item else 0,
        rev=item.rev if item else 0,
        planned=planned,
        ended=outlook.now,
        clock=outlook.clock,
    )
