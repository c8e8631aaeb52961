"""The device does not know the time: no schedule plays."""

from typing import ClassVar

from edge_agent.checks.condition import Condition
from loa_protocol.documents.device import ClockState


class ClockUntrusted:
    """No time answer yet, or it is too long ago."""

    code: ClassVar[str] = "clock_untrusted"

    def fault(self, condition: Condition) -> str | None:
        """What is wrong."""
        if condition.clock is not ClockState.UNTRUSTED:
            return None
        way = "the controller does not answer" if condition.connected else "there is no connection to the broker"
        return f"the clock is not trusted and {way}; no schedule plays until it is"
