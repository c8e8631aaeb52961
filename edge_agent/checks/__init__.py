"""Self-diagnosis: one small class per fault, named by the fault. Pure: a condition in, words out.

A fault that appears or goes is journalled once; what is wrong now stands in `health`.
"""

from edge_agent.checks.clock_untrusted import ClockUntrusted
from edge_agent.checks.condition import Check, Condition
from edge_agent.checks.disk_low import DiskLow
from edge_agent.checks.journal_unacknowledged import JournalUnacknowledged
from edge_agent.checks.output_failing import OutputFailing
from edge_agent.checks.relay_down import RelayDown

ALL: tuple[Check, ...] = (ClockUntrusted(), DiskLow(), OutputFailing(), JournalUnacknowledged(), RelayDown())


def faults(condition: Condition) -> dict[str, str]:
    """What is wrong: the fault's code and what a technician should know."""
    found = ((check.code, check.fault(condition)) for check in ALL)
    return {code: text for code, text in found if text is not None}


__all__ = ["ALL", "Check", "Condition", "faults"]
