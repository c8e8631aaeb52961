"""When a device asks for which chunks: what is due, how much its link carries, and how not to be in the way. Pure.

Rules: nobody asks while chunks of the asset still come, nor, before a longer silence, for what follows the last one
that came, because chunks go out in order; wants are jittered, at most one in 5 s (for what is due within a minute: for
each asset, the first three in 2 s), and rarer while nothing answers; a want names no more than the link carries until
the next one may follow; a device whose link falls behind what goes to all leaves it, and asks for little at a time
until little comes in time again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loa_protocol.documents.device import LinkClass

WANT_EVERY_S, LONGEST_EVERY_S = 5.0, 60.0
WANT_EVERY_URGENT_S, WANTS_URGENT = 2.0, 3
URGENT_S, SOON_S = 60.0, 600.0
QUIET_URGENT_S, QUIET_S = 0.5, 3.0
UNHEARD_S, TAIL_S = 0.6, 2.0
"""How long silence may last before the first chunk, and before what follows the last one is given up as lost."""
GAPS = 2.5
"""A pass has ended when nothing came for so many times the pause between two of its chunks."""
JITTER_URGENT_S, JITTER_SOON_S, JITTER_S = 0.2, 2.0, 30.0
CARRIES_BYTES_PER_S: Mapping[LinkClass, float] = {"fibre": 2_000_000, "mobile": 256_000, "narrow": 6_000}
LEAST_CHUNKS = 2
LAG_S = 0.75
"""An answer of the broker that takes longer waits behind content."""
_LONGEST_GAP_S = 10.0


def jitter_s(left_s: float, chance: float) -> float:
    """How long to hold back the first want of what is needed in `left_s`; `chance` in 0..1."""
    limit_s = JITTER_URGENT_S if left_s < URGENT_S else JITTER_SOON_S if left_s < SOON_S else JITTER_S
    return chance * limit_s


@dataclass(slots=True)
class Patience:
    """When one asset may be asked for; instants of one monotonic clock, seconds."""

    ask_from_s: float
    heard_s: float
    asked_s: float = -1e9
    asked: int = 0
    in_vain: int = 0
    gap_s: float = 0.0
    last: int | None = None

    def heard(self, number: int, now_s: float) -> None:
        """A chunk came, or the index (-1)."""
        self.last = number
        gap_s = min(now_s - self.heard_s, _LONGEST_GAP_S)
        self.gap_s = gap_s if self.gap_s == 0.0 else 0.75 * self.gap_s + 0.25 * gap_s
        self.heard_s, self.in_vain = now_s, 0

    def wanted(self, now_s: float) -> None:
        """A want went out."""
        self.asked_s, self.gap_s, self.last = now_s, 0.0, None
        self.asked += 1
        self.in_vain += 1

    def may_ask(self, now_s: float, left_s: float, any_asked_s: float) -> bool:
        """Whether to ask now; `any_asked_s`: when the device last asked for anything."""
        urgent = left_s < URGENT_S
        if urgent:
            self.ask_from_s = min(self.ask_from_s, now_s + JITTER_URGENT_S)
        least_s = QUIET_S if not urgent else UNHEARD_S if self.last is None else QUIET_URGENT_S
        quiet_s = max(least_s, GAPS * self.gap_s)
        asked_s = self.asked_s if urgent else max(self.asked_s, any_asked_s)
        return now_s >= max(self.ask_from_s, self.heard_s + quiet_s, asked_s + self._every_s(urgent=urgent))

    def lost(self, missing: Sequence[int], now_s: float) -> tuple[int, ...]:
        """What of the missing chunks will not come by itself."""
        if self.last is None or now_s >= self.heard_s + TAIL_S:
            return tuple(missing)
        return tuple(number for number in missing if number < self.last)

    def _every_s(self, *, urgent: bool) -> float:
        if urgent:
            return WANT_EVERY_URGENT_S if self.asked <= WANTS_URGENT else WANT_EVERY_S
        return min(LONGEST_EVERY_S, WANT_EVERY_S * 2.0 ** max(0, self.in_vain - 1))


@dataclass(slots=True)
class Window:
    """How much a want may name: what the link carries until the next want, less after it has lagged."""

    link: LinkClass
    _chunks: int | None = None

    @property
    def alone(self) -> bool:
        """Whether the device keeps off what goes to all."""
        return self.link == "narrow" or self._chunks is not None

    def lagged(self) -> None:
        """Content stood before an answer of the broker."""
        self._chunks = LEAST_CHUNKS if self._chunks is None else max(1, self._chunks // 2)

    def kept_up(self, chunk_bytes: int) -> None:
        """All that was asked for came without a lag."""
        if self._chunks is not None:
            self._chunks *= 2
            if self._chunks >= self._full(chunk_bytes):
                self._chunks = None

    def chunks(self, chunk_bytes: int) -> int:
        """How many chunks a want may name."""
        full = self._full(chunk_bytes)
        return full if self._chunks is None else min(self._chunks, full)

    def of(self, missing: Sequence[int], chunk_bytes: int) -> tuple[int, ...]:
        """What to ask for."""
        return tuple(missing[: self.chunks(chunk_bytes)])

    def _full(self, chunk_bytes: int) -> int:
        least = 1 if chunk_bytes > CARRIES_BYTES_PER_S[self.link] * WANT_EVERY_S else LEAST_CHUNKS
        return max(least, int(CARRIES_BYTES_PER_S[self.link] * WANT_EVERY_S / chunk_bytes))
