"""What the timeline says once everything is held back that is due and lacks its content: it must not hold the channel.

Pure but for the desk it asks; used by the loudspeaker's runner and by simulated devices.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import timedelta

from edge_agent.agenda import Desk, Outlook
from edge_agent.performance import Ending
from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import Past, Segment

Ready = Callable[[str], bool]
"""Whether an asset, by its root, is whole and verified."""


def look(
    desk: Desk,
    history: Mapping[Occurrence, Past],
    *,
    ready: Ready,
    under_way: Collection[Occurrence],
    lead: timedelta,
) -> tuple[Outlook, dict[Occurrence, Ending]]:
    """The outlook without what lacks its content, and how that will end if nothing comes.

    What is due within `lead` counts as due; what is `under_way` has its content.
    """
    lacking: dict[Occurrence, Ending] = {}
    outlook = desk.look(history, frozenset())
    while fresh := _lacking(desk, outlook, ready, under_way, lead) - lacking.keys():
        lacking |= {occurrence: _why(desk, occurrence, outlook, ready) for occurrence in fresh}
        fuller = outlook
        outlook = desk.look(history, frozenset(lacking))
        outlook = replace(outlook, verdicts={**fuller.verdicts, **outlook.verdicts})
    return outlook, lacking


def _lacking(
    desk: Desk, outlook: Outlook, ready: Ready, under_way: Collection[Occurrence], lead: timedelta
) -> set[Occurrence]:
    soon = outlook.now + lead
    return {
        segment.occurrence
        for segment in outlook.segments
        if segment.begin <= soon and segment.occurrence not in under_way and not _has_all(desk, segment, ready)
    }


def _has_all(desk: Desk, segment: Segment, ready: Ready) -> bool:
    programme = desk.programme(segment.item)
    return programme is not None and all(ready(root) for root in programme.required)


def _why(desk: Desk, occurrence: Occurrence, outlook: Outlook, ready: Ready) -> Ending:
    item = next(segment.item for segment in outlook.segments if segment.occurrence == occurrence)
    programme = desk.programme(item)
    missing = [root for root in programme.required if not ready(root)] if programme else []
    return Ending(Outcome.FAILED, Reason.CONTENT_MISSING, f"missing {', '.join(root[:12] for root in missing)}")
