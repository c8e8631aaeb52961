"""The sound output does not open: everything due fails with `output_failed`."""

from typing import ClassVar

from edge_agent.checks.condition import Condition

PATIENCE_S = 15.0


class OutputFailing:
    """The player has had no running output for a while."""

    code: ClassVar[str] = "output_failing"

    def fault(self, condition: Condition) -> str | None:
        """What is wrong."""
        if condition.output_open in {None, True} or condition.output_down_s < PATIENCE_S:
            return None
        return f"no sound output for {condition.output_down_s:.0f} s; check the card, its cable and its name"
