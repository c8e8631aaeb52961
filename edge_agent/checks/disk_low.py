"""The disk is nearly full: content is not fetched, soon nothing can be journalled and then nothing plays."""

from typing import ClassVar

from edge_agent.checks.condition import Condition


class DiskLow:
    """Less free than the profile demands."""

    code: ClassVar[str] = "disk_low"

    def fault(self, condition: Condition) -> str | None:
        """What is wrong."""
        if condition.free_bytes >= condition.min_free_bytes:
            return None
        free_mib, wanted_mib = condition.free_bytes >> 20, condition.min_free_bytes >> 20
        return f"{free_mib} MiB are free, {wanted_mib} MiB are needed; remove what does not belong to the agent"
