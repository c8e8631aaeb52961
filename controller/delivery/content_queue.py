"""What goes to one broker next: first passes, merged wants, repairs for one device, each at its own pace. Pure.

Rules: a chunk is sent once for everybody who waits for it; what is still to come, or was sent a moment ago, is not sent
again for a want; the newest want of a device replaces what it wanted before; what is needed soonest goes first among
what its pace allows now; wants, assets and lanes that nobody renews are forgotten, so the state stays bounded.
"""

import heapq
import itertools
from dataclasses import dataclass, field

from controller.delivery.content_rules import (
    Pace,
    Recent,
    Repeats,
    Tally,
    all_of,
    bits_of,
    first_of,
    frame_bytes,
    threshold,
)
from loa_protocol.content import ContentIndex

GATHER_S, GATHER_LATER_S = 0.2, 1.0
URGENT_S = 60.0
WANT_LIFE_S = 30.0
MAX_WANTS = 50_000
TIDY_S = 10.0


@dataclass(frozen=True, slots=True)
class Send:
    """One frame: to one device, or to all (`device` None). `number` is a chunk or `INDEX`."""

    root: str
    number: int
    device: str | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Audience:
    """Who hears what goes to all of an asset: the lane they share, and its pace. `due_s`: when it is needed."""

    lane: str
    bytes_per_s: float
    due_s: float


@dataclass(frozen=True, slots=True)
class Asker:
    """A device that wants something. `alone`: it does not hear what goes to all."""

    device: str
    bytes_per_s: float
    latency_s: float
    alone: bool = False


@dataclass(slots=True)
class _Wanted:
    """What one device waits for of one asset: `asked` while wants are gathered, `own` once it goes to it alone."""

    asker: Asker
    until_s: float
    asked: int = 0
    own: int = 0
    recent: Recent = field(default_factory=Recent)


@dataclass(slots=True)
class _Asset:
    """`pending`: what goes to all, not before `from_s`."""

    index: ContentIndex
    audience: Audience
    from_s: float = 0.0
    pending: int = 0
    recent: Recent = field(default_factory=Recent)
    repeats: Repeats = field(default_factory=Repeats)
    wanted: dict[str, _Wanted] = field(default_factory=dict)
    gathering: bool = False
    touched_s: float = 0.0


@dataclass(slots=True)
class _Lane:
    """Assets that share a pace: those of one audience, or one device's repairs."""

    device: str | None
    pace: Pace
    roots: set[str] = field(default_factory=set)
    turn: int = 0


class ContentQueue:
    """The state of sending to one broker; instants are of one monotonic clock, seconds."""

    def __init__(self) -> None:
        self._assets: dict[str, _Asset] = {}
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._gathering: list[tuple[float, str]] = []
        self._waiting: list[tuple[float, int, tuple[str, str]]] = []
        self._ready: list[tuple[float, int, tuple[str, str]]] = []
        self._turns = itertools.count(1)
        self._wants = 0
        self._tidied_s = 0.0

    @property
    def size(self) -> tuple[int, int, int]:
        """How many assets, wants and lanes are held."""
        return len(self._assets), self._wants, len(self._lanes)

    @property
    def passing(self) -> frozenset[str]:
        """Assets of which something is still to go to all."""
        return frozenset(root for root, asset in self._assets.items() if asset.pending)

    def announce(self, index: ContentIndex, audience: Audience, now_s: float, *, delay_s: float = 0.0) -> None:
        """Send everything of an asset once to all, after a delay in which devices begin to listen."""
        asset = self._asset(index, audience, now_s)
        asset.pending, asset.from_s = all_of(index), now_s + delay_s
        for wanted in _hearing(asset):
            wanted.asked = wanted.own = 0
        self._schedule(self._audience_lane(asset), index.root, now_s)

    def want(
        self,
        asker: Asker,
        index: ContentIndex,
        audience: Audience,
        bits: int,
        now_s: float,
        *,
        asked_s: float | None = None,
    ) -> bool:
        """A device lacked these chunks when it asked (now, by default); False if there is no room to remember it."""
        left_s = (now_s if asked_s is None else asked_s) - asker.latency_s
        asset = self._asset(index, audience, now_s)
        wanted = asset.wanted.get(asker.device)
        if wanted is None:
            if self._wants >= MAX_WANTS:
                return False
            wanted = asset.wanted[asker.device] = _Wanted(asker, 0.0)
            self._wants += 1
        wanted.asker, wanted.until_s = asker, now_s + WANT_LIFE_S
        bits &= all_of(index)
        wanted.own &= bits
        fresh = bits & ~wanted.recent.since(left_s) & ~wanted.own
        if not asker.alone:
            fresh &= ~(asset.pending | asset.recent.since(left_s))
        if asker.alone:
            wanted.own, wanted.asked = wanted.own | fresh, 0
            self._schedule(self._device_lane(asker), index.root, now_s)
        else:
            wanted.asked = fresh
            self._gather(asset, now_s)
        return True

    def next(self, now_s: float) -> Send | None:
        """The frame to send now; None if nothing may go yet."""
        self._close_gatherings(now_s)
        self._tidy(now_s)
        while self._waiting and self._waiting[0][0] <= now_s:
            _, turn, key = heapq.heappop(self._waiting)
            if (lane := self._lanes.get(key)) is not None and lane.turn == turn:
                due_s = min((self._assets[root].audience.due_s for root in lane.roots), default=now_s)
                heapq.heappush(self._ready, (due_s, turn, key))
        while self._ready:
            _, turn, key = heapq.heappop(self._ready)
            lane = self._lanes.get(key)
            if lane is None or lane.turn != turn:
                continue
            send = self._take(lane, now_s)
            self._schedule(key, None, now_s)
            if send is not None:
                return send
        return None

    def wait_s(self, now_s: float) -> float | None:
        """How long until `next` may have something; None: not before somebody wants something."""
        if self._ready:
            return 0.0
        instants = [heap[0][0] for heap in (self._waiting, self._gathering) if heap]
        return max(0.0, min(instants) - now_s) if instants else None

    def sent(self, send: Send, now_s: float) -> None:
        """The broker has it only now: what a want names may still be on its way from here on."""
        asset = self._assets.get(send.root)
        if asset is not None:
            self._note(asset, send, now_s)

    def forget(self, root: str) -> None:
        """It cannot be sent: nothing of it waits any more."""
        asset = self._assets.get(root)
        if asset is not None:
            asset.pending = 0
            self._wants -= len(asset.wanted)
            asset.wanted.clear()

    def _asset(self, index: ContentIndex, audience: Audience, now_s: float) -> _Asset:
        asset = self._assets.get(index.root)
        if asset is None:
            asset = self._assets[index.root] = _Asset(index, audience)
        asset.audience, asset.touched_s = audience, now_s
        return asset

    def _audience_lane(self, asset: _Asset) -> tuple[str, str]:
        key = ("to all", asset.audience.lane)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(None, Pace(asset.audience.bytes_per_s))
        lane.pace.bytes_per_s = asset.audience.bytes_per_s
        return key

    def _device_lane(self, asker: Asker) -> tuple[str, str]:
        key = ("device", asker.device)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(asker.device, Pace(asker.bytes_per_s))
        lane.pace.bytes_per_s = asker.bytes_per_s
        return key

    def _schedule(self, key: tuple[str, str], root: str | None, now_s: float) -> None:
        """Give the lane its next turn; every earlier turn of it is void."""
        lane = self._lanes[key]
        if root is not None:
            lane.roots.add(root)
        for done in [one for one in lane.roots if not self._open(lane, one)]:
            lane.roots.discard(done)
        lane.turn = next(self._turns)
        if lane.roots:
            begin_s = min((self._assets[one].from_s for one in lane.roots), default=now_s) if not lane.device else 0.0
            heapq.heappush(self._waiting, (max(lane.pace.free_at_s, begin_s), lane.turn, key))

    def _open(self, lane: _Lane, root: str) -> int:
        """What of an asset the lane still has to send."""
        asset = self._assets.get(root)
        if asset is None:
            return 0
        if lane.device is None:
            return asset.pending
        wanted = asset.wanted.get(lane.device)
        return wanted.own if wanted is not None else 0

    def _take(self, lane: _Lane, now_s: float) -> Send | None:
        """The next frame of a lane, of the asset that is needed soonest."""
        assets = [self._assets[root] for root in lane.roots if self._open(lane, root)]
        if lane.device is None:
            assets = [asset for asset in assets if asset.from_s <= now_s]
        if not assets:
            return None
        asset = min(assets, key=lambda one: (one.audience.due_s, one.index.root))
        number = first_of(self._open(lane, asset.index.root))
        send = Send(asset.index.root, number, lane.device, frame_bytes(asset.index, number))
        lane.pace.delay_s(send.size_bytes, now_s)
        if lane.device is None:
            asset.pending &= ~bits_of([number])
            asset.repeats.sent(number, now_s)
        else:
            asset.wanted[lane.device].own &= ~bits_of([number])
        self._note(asset, send, now_s)
        return send

    def _note(self, asset: _Asset, send: Send, now_s: float) -> None:
        asset.touched_s = now_s
        if send.device is None:
            asset.recent.add(bits_of([send.number]), now_s)
        elif (wanted := asset.wanted.get(send.device)) is not None:
            wanted.recent.add(bits_of([send.number]), now_s)

    def _gather(self, asset: _Asset, now_s: float) -> None:
        if not asset.gathering:
            asset.gathering = True
            within_s = GATHER_S if asset.audience.due_s - now_s < URGENT_S else GATHER_LATER_S
            heapq.heappush(self._gathering, (now_s + within_s, asset.index.root))

    def _close_gatherings(self, now_s: float) -> None:
        """Merge what was wanted; while a pass runs nobody becomes whole sooner by it, and more may be wanted."""
        while self._gathering and self._gathering[0][0] <= now_s:
            _, root = heapq.heappop(self._gathering)
            asset = self._assets.get(root)
            if asset is not None and asset.pending:
                heapq.heappush(self._gathering, (now_s + GATHER_S, root))
            elif asset is not None:
                self._merge(asset, now_s)

    def _merge(self, asset: _Asset, now_s: float) -> None:
        """Decide for every chunk that is wanted: once to all, or to each alone.

        What went to all just now, again, and still many ask for it, is rather late than lost: they ask again.
        """
        asset.gathering, root = False, asset.index.root
        tally, askers = Tally(), 0
        for wanted in _hearing(asset):
            tally.add(wanted.asked | wanted.own)
            askers += 1
        many = tally.at_least(threshold(askers))
        to_all = asset.repeats.allowed(many, now_s)
        for wanted in _hearing(asset):
            wanted.own, wanted.asked = (wanted.own | wanted.asked) & ~many, 0
            if wanted.own:
                self._schedule(self._device_lane(wanted.asker), root, now_s)
        if to_all:
            asset.pending |= to_all
            self._schedule(self._audience_lane(asset), root, now_s)

    def _tidy(self, now_s: float) -> None:
        """Forget what nobody asks for any more."""
        if now_s - self._tidied_s < TIDY_S:
            return
        self._tidied_s = now_s
        for root, asset in list(self._assets.items()):
            for device, wanted in list(asset.wanted.items()):
                if wanted.until_s < now_s:
                    del asset.wanted[device]
                    self._wants -= 1
            if not asset.wanted and not asset.pending and asset.touched_s < now_s - WANT_LIFE_S:
                del self._assets[root]
        for key, lane in list(self._lanes.items()):
            lane.roots = {one for one in lane.roots if self._open(lane, one)}
            if not lane.roots and lane.pace.free_at_s < now_s:
                del self._lanes[key]


def _hearing(asset: _Asset) -> list[_Wanted]:
    """Those that wait for something and hear what goes to all."""
    return [one for one in asset.wanted.values() if not one.asker.alone and one.asked | one.own]
