"""How the horns of a place keep apart in ordinary broadcasts: nothing, delays or turns, cluster by cluster. Pure.

- Horns that are heard in one place hang together in a cluster. Where no place hears an echo nothing is done.
- Fixed delays, where they keep every place of the whole cluster below the echo threshold: everybody stays together.
- Else turns: those between which an echo is heard get different ones. A cluster that needs more turns than are wanted
  is left as it is and called too dense: its reaches are wrong, or its horns too loud for each other.
- The answer depends on the set of horns alone, not on their order, and is the same each time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from controller.stagger import colouring, delays
from controller.stagger.acoustics import Air, Horn, Pair, pairs
from loa_protocol.timeline import TURN_GAP_MS


class Remedy(StrEnum):
    """What a cluster is given."""

    IN_STEP = "in_step"
    DELAYS = "delays"
    TURNS = "turns"
    TOO_DENSE = "too_dense"


class Reason(StrEnum):
    """Why: of delays and in step, that it suffices; of turns and too dense, why no delays do.

    TOO_WIDE: around some pair the differences lie too far apart for any delay; NOT_ALL_AT_ONCE: every pair could be
    helped, but not all of them together within the longest delay that is wanted.
    """

    NO_ECHO = "no_echo"
    DELAYS_SUFFICE = "delays_suffice"
    TOO_WIDE = "too_wide"
    NOT_ALL_AT_ONCE = "not_all_at_once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is assumed and wanted."""

    air: Air = field(default_factory=Air)
    most_turns: int = 6
    most_delay_ms: int = 5000


@dataclass(frozen=True, slots=True)
class Setting:
    """What a device's assignment says."""

    stagger_ms: int = 0
    turn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Horns that are dealt with together, by their ids.

    `apart_ms`: the largest difference that anybody hears if all begin together, `left_ms`: with the remedy, among those
    of one turn. `turns`: how many there are; at least `at_least` are needed, and never are there more than `at_most`.
    """

    members: tuple[str, ...]
    remedy: Remedy
    reason: Reason
    settings: Mapping[str, Setting]
    apart_ms: float
    left_ms: float
    turns: int = 1
    at_least: int = 1
    at_most: int = 1


@dataclass(frozen=True, slots=True)
class StaggerMap:
    """Who is heard with whom, and what is done about it; horns that nobody else is heard with are in no cluster."""

    horns: Mapping[str, Horn]
    pairs: tuple[Pair, ...]
    clusters: tuple[Cluster, ...]

    @property
    def settings(self) -> dict[str, Setting]:
        """What each horn should be told."""
        found = dict.fromkeys(self.horns, Setting())
        for cluster in self.clusters:
            found.update(cluster.settings)
        return found


def stagger_map(horns: Iterable[Horn], wishes: Wishes) -> StaggerMap:
    """What to do about horns; an id occurs once."""
    known = {horn.id: horn for horn in sorted(horns, key=lambda horn: horn.id)}
    heard = pairs(list(known.values()), wishes.air)
    graph = colouring.graph_of(known, ((pair.first, pair.second) for pair in heard))
    parts = [part for part in colouring.components(graph) if len(part) > 1]
    home = {member: number for number, part in enumerate(parts) for member in part}
    within: list[list[Pair]] = [[] for _ in parts]
    for pair in heard:
        within[home[pair.first]].append(pair)
    clusters = [cluster for part, own in zip(parts, within, strict=True) for cluster in _clusters(part, own, wishes)]
    return StaggerMap(known, tuple(heard), tuple(clusters))


def _clusters(members: Sequence[str], own: Sequence[Pair], wishes: Wishes) -> Iterable[Cluster]:
    """What to do about horns that hang together; turns part them further."""
    echo_ms = wishes.air.echo_ms
    apart_ms = max(pair.apart_ms for pair in own)
    if apart_ms <= echo_ms:
        yield _together(members, Remedy.IN_STEP, Reason.NO_ECHO, dict.fromkeys(members, 0), own)
        return
    found = delays.best(members, own, echo_ms=echo_ms, most_ms=wishes.most_delay_ms)
    if found is not None:
        yield _together(members, Remedy.DELAYS, Reason.DELAYS_SUFFICE, found, own)
        return
    narrow = all(delays.narrow_enough(pair, echo_ms) for pair in own)
    reason = Reason.NOT_ALL_AT_ONCE if narrow else Reason.TOO_WIDE
    yield from _in_turns(members, own, reason, wishes)


def _together(
    members: Sequence[str], remedy: Remedy, reason: Reason, found: Mapping[str, int], own: Sequence[Pair]
) -> Cluster:
    return Cluster(
        members=tuple(members),
        remedy=remedy,
        reason=reason,
        settings={member: Setting(stagger_ms=found[member]) for member in members},
        apart_ms=max(pair.apart_ms for pair in own),
        left_ms=delays.left_ms(found, own),
    )


def _in_turns(members: Sequence[str], own: Sequence[Pair], reason: Reason, wishes: Wishes) -> Iterable[Cluster]:
    echoes = [pair for pair in own if pair.apart_ms > wishes.air.echo_ms]
    graph = colouring.graph_of(members, ((pair.first, pair.second) for pair in echoes))
    parts = [part for part in colouring.components(graph) if len(part) > 1]
    home = {member: number for number, part in enumerate(parts) for member in part}
    within: list[list[Pair]] = [[] for _ in parts]
    for pair in own:
        if home.get(pair.first, -1) == home.get(pair.second, -2):
            within[home[pair.first]].append(pair)
    for part, inside in zip(parts, within, strict=True):
        yield _taking_turns(part, inside, graph, reason, wishes)


def _taking_turns(
    part: Sequence[str], inside: Sequence[Pair], graph: colouring.Graph, reason: Reason, wishes: Wishes
) -> Cluster:
    turn = colouring.colours(graph, part)
    turns = max(turn.values()) + 1
    dense = turns > wishes.most_turns
    settings = dict.fromkeys(part, Setting()) if dense else {one: Setting(turn=turn[one]) for one in part}
    together = [pair for pair in inside if settings[pair.first].turn == settings[pair.second].turn]
    return Cluster(
        members=tuple(part),
        remedy=Remedy.TOO_DENSE if dense else Remedy.TURNS,
        reason=reason,
        settings=settings,
        apart_ms=max(pair.apart_ms for pair in inside),
        left_ms=max((pair.apart_ms for pair in together), default=0.0),
        turns=turns,
        at_least=colouring.at_least(graph, part),
        at_most=colouring.at_most(graph, part),
    )


def waits_s(turns: int, duration_s: float) -> float:
    """How long after the planned start the last turn of a broadcast begins."""
    return (turns - 1) * (duration_s + TURN_GAP_MS / 1000)


@dataclass(frozen=True, slots=True, order=True)
class Round:
    """A broadcast as some devices have it ahead; `turn_ms` 0: they all begin together."""

    start: datetime
    id: str
    duration_ms: int
    turn_ms: int

    def end(self, turns: int) -> datetime:
        """When the last turn has ended."""
        return self.start + timedelta(milliseconds=self.duration_ms + (turns - 1) * self.turn_ms)


@dataclass(frozen=True, slots=True)
class Clash:
    """The turns of one broadcast are not over when the next begins."""

    earlier: str
    later: str
    over_s: float


def clashes(rounds: Iterable[Round], turns: int) -> list[Clash]:
    """Broadcasts that would sound side by side only because of the turns, for devices of a cluster."""
    found = []
    ordered = sorted(rounds)
    for index, earlier in enumerate(ordered):
        end = earlier.end(turns)
        for later in ordered[index + 1 :]:
            if later.start >= end:
                break
            if earlier.end(1) <= later.start:
                found.append(Clash(earlier.id, later.id, (end - later.start).total_seconds()))
    return found
