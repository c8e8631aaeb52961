"""Whose turn it is on a board. Pure: no clock, no pictures.

Rules: only items inside their window count; the highest rank has the whole board; items of one rank take turns in the
order of (start, occurrence); one that was cut by a higher rank keeps its turn; an occurrence that has ended does not
come back; one that has begun may only change its end, and get the image that it lacked.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace

from edge_agent.board.items import BoardItem, Ending, Showing

_REMEMBERED = 1024


class Rotation:
    """The items a board holds and their turns."""

    def __init__(self) -> None:
        self._showings: dict[str, Showing] = {}
        self._turn: dict[int, str] = {}
        self._after: dict[int, tuple[int, str]] = {}
        self._done: OrderedDict[str, None] = OrderedDict()

    def replace(self, items: Iterable[BoardItem], now_ns: int) -> list[tuple[Showing, Ending]]:
        """Hold these items instead; gives those that end by it: no longer among them, and their window had opened."""
        given = {item.occurrence: item for item in items}
        ended = [
            (showing, Ending.WITHDRAWN)
            for occurrence, showing in self._showings.items()
            if occurrence not in given and (showing.begun or showing.item.start_ns <= now_ns)
        ]
        for occurrence in [*self._showings]:
            if occurrence not in given:
                del self._showings[occurrence]
        for showing, _ in ended:
            self._remember(showing.item.occurrence)
        for occurrence, item in given.items():
            self._take(occurrence, item)
        return ended

    def over(self, now_ns: int) -> list[tuple[Showing, Ending]]:
        """Take out the items whose window has ended, first the earliest."""
        ended = [showing for showing in self._showings.values() if showing.item.end_ns <= now_ns]
        for showing in ended:
            self.drop(showing)
        ended.sort(key=lambda showing: (showing.item.end_ns, showing.item.occurrence))
        return [(showing, Ending.WINDOW_OVER) for showing in ended]

    def drop(self, showing: Showing) -> None:
        """Take one item out for good."""
        self._showings.pop(showing.item.occurrence, None)
        self._remember(showing.item.occurrence)

    def begun(self) -> list[Showing]:
        """The items that have been on the board."""
        return [showing for showing in self._showings.values() if showing.begun]

    def choose(self, now_ns: int) -> Showing | None:
        """Whose turn it is now."""
        open_now = [s for s in self._showings.values() if s.item.start_ns <= now_ns < s.item.end_ns]
        if not open_now:
            return None
        rank = max(showing.item.rank for showing in open_now)
        equals = sorted((s for s in open_now if s.item.rank == rank), key=lambda s: s.item.order)
        holder = next((s for s in equals if s.item.occurrence == self._turn.get(rank)), None)
        if holder is None:
            after = self._after.get(rank)
            holder = next((s for s in equals if after is None or s.item.order > after), equals[0])
            self._turn[rank] = holder.item.occurrence
            self._after[rank] = holder.item.order
        return holder

    def turn_over(self, showing: Showing) -> None:
        """The item has had its turn: the next of its rank follows."""
        self._turn.pop(showing.item.rank, None)

    def next_change_ns(self, now_ns: int, showing: Showing | None) -> int | None:
        """When the choice may change by itself: the shown item's end, or the start of one that would take its place."""
        rank = showing.item.rank if showing is not None else None
        starts = [
            s.item.start_ns
            for s in self._showings.values()
            if s.item.start_ns > now_ns and (rank is None or s.item.rank > rank)
        ]
        ends = [s.item.end_ns for s in self._showings.values() if s.item.end_ns > now_ns]
        return min(starts + ends, default=None)

    def _take(self, occurrence: str, item: BoardItem) -> None:
        if occurrence in self._done:
            return
        held = self._showings.get(occurrence)
        if held is None:
            self._showings[occurrence] = Showing(item)
        elif held.begun:
            ends = max(item.end_ns, held.item.start_ns + 1)
            held.item = replace(held.item, end_ns=ends, image=item.image or held.item.image, lacks=item.lacks)
        else:
            held.item = item

    def _remember(self, occurrence: str) -> None:
        self._done[occurrence] = None
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
