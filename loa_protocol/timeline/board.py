"""What a board shows: windows from start to `until`; a higher class takes the whole board, equals share it in turns.

Policy speaks of sound and does not bind a board. A board that was off shows what is left of the window, also after a
power cut: a picture may come twice, a sound may not.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

from loa_protocol.outcomes import Outcome, Reason
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline.answers import BoardWindow, Verdict
from loa_protocol.timeline.items import Item
from loa_protocol.timeline.standing import Standing

Span = tuple[datetime, datetime, Occurrence]


def share_board(items: Iterable[Item], standing: Standing) -> tuple[list[BoardWindow], dict[Occurrence, Verdict]]:
    """Windows that end after `now`, in the order of time, and a verdict for each item."""
    windows: list[BoardWindow] = []
    verdicts: dict[Occurrence, Verdict] = {}
    above: list[Span] = []
    for _, equals in groupby(sorted(items, key=lambda one: (-one.cls, one.order)), key=lambda one: one.cls):
        level: list[Span] = []
        for item in equals:
            verdict = _unshown(item, standing)
            if verdict is None:
                shown = _windows(item, above)
                level.extend((window.begin, window.end, item.occurrence) for window in shown)
                windows.extend(window for window in shown if window.end > standing.now)
                verdict = _shown(item, standing, shown, above)
            verdicts[item.occurrence] = verdict
        above = sorted([*above, *level], key=lambda span: span[:2])
    return sorted(windows, key=lambda one: (one.begin, one.item.order)), verdicts


def _unshown(item: Item, standing: Standing) -> Verdict | None:
    """The board had no chance to show it."""
    if item.occurrence in standing.history:
        return None
    if item.start >= item.expires or item.expires <= min(standing.now, item.until):
        at = max(item.start, item.expires)
        return standing.verdict(item, Outcome.SKIPPED, Reason.EXPIRED, at, "plan_expired")
    if item.until <= standing.now:
        reason = Reason.CLOCK if standing.was_clockless(item.until) else Reason.TOO_LATE
        return standing.verdict(item, Outcome.SKIPPED, reason, item.until, "window_over")
    return None


def _windows(item: Item, above: list[Span]) -> list[BoardWindow]:
    """The item's window without what higher classes take; `above` is sorted."""
    if item.board is None:
        return []
    shown = []
    at = item.start
    for begin, end, _ in above:
        shown.append((at, min(begin, item.until)))
        at = max(at, end)
    shown.append((at, item.until))
    return [BoardWindow(item.occurrence, b, e, item.cls, item.board, item) for b, e in shown if b < e]


def _shown(item: Item, standing: Standing, shown: list[BoardWindow], above: list[Span]) -> Verdict:
    if not shown and item.occurrence not in standing.history:
        by = next((one for begin, end, one in above if begin <= item.start < end), None)
        if by is None:
            return standing.verdict(item, Outcome.SKIPPED, Reason.TOO_LATE, item.until, "window_over")
        return standing.verdict(item, Outcome.SKIPPED, Reason.CONFLICT, item.until, "hidden_by_a_higher_class", by=by)
    at = max((window.end for window in shown), default=item.until)
    return standing.verdict(item, Outcome.PLAYED, None, at, "complete")
