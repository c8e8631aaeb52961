"""The controller has not acknowledged the journal for long although there is a connection."""

from typing import ClassVar

from edge_agent.checks.condition import Condition

PATIENCE_S = 600.0


class JournalUnacknowledged:
    """Receipts are sent and nobody commits them."""

    code: ClassVar[str] = "journal_unacknowledged"

    def fault(self, condition: Condition) -> str | None:
        """What is wrong."""
        if not condition.connected or condition.unacknowledged_s < PATIENCE_S:
            return None
        minutes = condition.unacknowledged_s / 60
        return f"{condition.unacknowledged} entries wait for an acknowledgement for {minutes:.0f} min; look at ingest"
