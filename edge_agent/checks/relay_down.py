"""A relay is due and its stream is not heard: the fallback sounds, or nothing."""

from typing import ClassVar

from edge_agent.checks.condition import Condition


class RelayDown:
    """The stream cannot be opened, has stalled, or is silent."""

    code: ClassVar[str] = "relay_down"

    def fault(self, condition: Condition) -> str | None:
        """What is wrong."""
        return condition.relay_down or None
