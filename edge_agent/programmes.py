"""From a broadcast of a plan to what the player is given and what the cache must hold. Pure.

Rules: what a device sounds of variants is said by `loa_protocol.spoken`, and nothing else is fetched; a relay waits for
no fallback that is not there yet; a chime this player does not know becomes the opening one, because a strange chime
must not cost the bulletin.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from edge_agent.player import wire
from loa_protocol import spoken
from loa_protocol.documents.plan import (
    Broadcast,
    ChimeSegment,
    Content,
    ContentSegment,
    PauseSegment,
    Plan,
    RelaySegment,
    Segment,
    Segments,
)
from loa_protocol.errors import LoaError
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import Item, turn_length_ms

HEARD_MS = 50
"""What was heard for less is not said to have sounded: a cut falls between two sounds only as well as clocks agree."""
CHIMES = frozenset({"opening", "closing", "attention"})


class ProgrammeUnplayable(LoaError):
    """A broadcast has something this device cannot sound: a reference that its plan does not name."""

    code = "programme_unplayable"


@dataclass(frozen=True, slots=True)
class Programme:
    """What one broadcast sounds on this device; `contents` are its assets, in the manifest's words."""

    segments: Segments
    repeats: int
    contents: Mapping[str, Content]

    @property
    def roots(self) -> tuple[str, ...]:
        """Every asset once, in the order in which they sound."""
        return tuple(dict.fromkeys(content.root for content in self._sounding((ContentSegment, RelaySegment))))

    @property
    def required(self) -> tuple[str, ...]:
        """The assets without which it does not begin: all but the fallbacks of relays."""
        return tuple(dict.fromkeys(content.root for content in self._sounding((ContentSegment,))))

    def heard(self, spans: Iterable[tuple[int, int]]) -> frozenset[str]:
        """The assets of which something sounded in any of the spans [from, to) of the programme, in ms.

        Where the manifest does not say how long one lasts, whatever follows it may have sounded, too.
        """
        spans = [(begin, end) for begin, end in spans if end > begin]
        found: set[str] = set()
        at_ms = 0
        for segment in self.segments * self.repeats:
            content = self.contents.get(segment.ref) if isinstance(segment, ContentSegment) else None
            length_ms = content.duration_ms if content is not None else _written_ms(segment)
            if content is not None and _overlaps(spans, at_ms, length_ms):
                found.add(content.root)
            at_ms += length_ms
        return frozenset(found)

    def sources(self, path: Callable[[str], Path]) -> tuple[wire.Source, ...]:
        """What the player is given; `path` tells where an asset lies.

        Raises:
            ProgrammeUnplayable: nothing of it can sound here.
        """
        return tuple(self._source(segment, path) for segment in self.segments)

    def _sounding(self, kinds: tuple[type[Segment], ...]) -> Iterator[Content]:
        for segment in self.segments:
            if isinstance(segment, kinds):
                yield from (self.contents[ref] for ref in spoken.refs_of(segment, ()) if ref in self.contents)

    def _source(self, segment: object, path: Callable[[str], Path]) -> wire.Source:
        match segment:
            case PauseSegment(duration_ms=duration_ms):
                return wire.Silence(duration_ms)
            case ChimeSegment(name=name):
                return wire.Chime(name if name in CHIMES else "opening")
            case RelaySegment(url=url, duration_ms=duration_ms, fallback=fallback):
                named = fallback is not None and fallback in self.contents
                return wire.Relay(url, duration_ms, self._file(fallback, path) if fallback and named else None)
            case ContentSegment(ref=ref):
                return self._file(ref, path)
            case _:
                raise ProgrammeUnplayable("the plan has a kind of segment that this agent is too old for; update it")

    def _file(self, ref: str, path: Callable[[str], Path]) -> wire.Content:
        content = self.contents.get(ref)
        if content is None:
            raise ProgrammeUnplayable(f"the plan's manifest does not name {ref}; the planner must correct it")
        return wire.Content(str(path(content.root)), content.duration_ms or None, content.bytes)


def _written_ms(segment: Segment) -> int:
    """How long something lasts that is no content."""
    return 0 if isinstance(segment, ContentSegment) else segment.duration_ms


def _overlaps(spans: Iterable[tuple[int, int]], at_ms: int, length_ms: int) -> bool:
    """Whether enough of what lasts so long from then on lies in a span; a length of 0 is unknown."""
    ends_ms = at_ms + length_ms if length_ms else math.inf
    least_ms = min(HEARD_MS, length_ms or HEARD_MS)
    return any(min(end, ends_ms) - max(begin, at_ms) >= least_ms for begin, end in spans)


def programme_of(broadcast: Broadcast, plan: Plan, languages: Sequence[str]) -> Programme:
    """What a device that lists these languages sounds of a broadcast."""
    segments = spoken.parts_of(broadcast.segments, plan.manifest, languages)
    refs = spoken.every_ref(segments)
    return Programme(segments, broadcast.repeats, {ref: plan.manifest[ref] for ref in refs if ref in plan.manifest})


class Catalogue:
    """Finds the broadcast an item of the timeline came from."""

    def __init__(self, plans: Iterable[Plan], languages: Sequence[str]) -> None:
        self._languages = tuple(languages)
        self._plans = {(plan.scope, plan.version): plan for plan in plans}

    def programme(self, item: Item) -> Programme | None:
        """What the item sounds; None where no held plan names it any more."""
        plan = self._plans.get((item.scope, item.version))
        named = plan.broadcasts if plan is not None else ()
        found = next((one for one in named if one.id == item.occurrence.id), None)
        return None if found is None or plan is None else programme_of(found, plan, self._languages)

    def needs(
        self, settled: Callable[[Occurrence], bool], now: datetime, *, turn: int = 0
    ) -> Iterator[tuple[Content, datetime]]:
        """(asset, when it must be there) of everything that may still sound on a device that has this turn."""
        for broadcast, plan in self._newest():
            lag = turn * turn_length_ms(broadcast)
            length_ms = spoken.sound_ms(broadcast, plan.manifest, self._languages)
            over = broadcast.latest_start + timedelta(milliseconds=lag + length_ms)
            if over <= now or not length_ms or settled(Occurrence(id=broadcast.id)):
                continue
            for content in programme_of(broadcast, plan, self._languages).contents.values():
                yield content, broadcast.start

    def picture(self, item: Item) -> Content | None:
        """What the manifest says of an item's image; None where it has none, or no held plan names it any more."""
        plan = self._plans.get((item.scope, item.version))
        ref = item.board.image if item.board is not None else None
        return None if plan is None or ref is None else plan.manifest.get(ref)

    def pictures(self, settled: Callable[[Occurrence], bool], now: datetime) -> Iterator[tuple[Content, datetime]]:
        """(image, when it must be there) of everything that a board may still show."""
        for broadcast, plan in self._newest():
            board = broadcast.board
            if board is None or board.until <= now or settled(Occurrence(id=broadcast.id)):
                continue
            if board.image is not None and board.image in plan.manifest:
                yield plan.manifest[board.image], broadcast.start

    def _newest(self) -> Iterable[tuple[Broadcast, Plan]]:
        """Each broadcast once: most of a newer version says again what the older ones, which are still held, said."""
        oldest_first = sorted(self._plans.values(), key=lambda plan: plan.version)
        return {(plan.scope, one.id, one.rev): (one, plan) for plan in oldest_first for one in plan.broadcasts}.values()
