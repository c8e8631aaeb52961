"""What the devices of one fleet share beside each other's documents: the loop's clock, chance, faults and pace."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from edge_agent.light.content import ContentMaker, assumed
from edge_agent.light.faults import Faults, Pace
from edge_agent.light.shared import SharedExamination, SharedMerging


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Made inside the running loop. `extra`: topics every device listens to beside its own, for measuring."""

    pace: Pace
    faults: Faults
    chance: random.Random
    content: ContentMaker = assumed
    extra: tuple[str, ...] = ()
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    examination: SharedExamination = field(default_factory=SharedExamination)
    merging: SharedMerging = field(default_factory=SharedMerging)

    def now_s(self) -> float:
        """Seconds of the loop's clock."""
        return self.loop.time()

    def later(self, act: Callable[[], None], wait_s: float) -> asyncio.TimerHandle:
        """Call once after so many seconds."""
        return self.loop.call_later(wait_s, act)

    def loses(self) -> bool:
        """Whether this message vanishes."""
        return self.faults.loss > 0 and self.chance.random() < self.faults.loss
