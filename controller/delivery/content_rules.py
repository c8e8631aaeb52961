"""Sets of chunks, who lacks how many of them, and how fast anything may go. Pure.

Chunks of an asset are bits of one integer, the index the lowest, so that ten thousand wants are merged by a few
operations on 65 bytes each. What many lack goes once to all, what few lack to each of them alone: a device pays for
every byte it hears.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from loa_protocol.content import HEADER_BYTES, ContentIndex
from loa_protocol.documents.device import LinkClass

MANY = 3
"""Fewer askers than this are answered each alone."""
SHARE = 2
"""A chunk goes to all where at least one in so many of those who lack something of the asset lacks it: from a half on
that takes fewer bytes, both hops counted."""
BURST = 4
REFILL_S = 5.0
CREDIT_S = 0.1
LONGEST_REPEAT_S = 60.0
LATENCY_S: Mapping[LinkClass, float] = {"fibre": 0.1, "mobile": 0.5, "narrow": 4.0}
"""What was sent so long ago may still be on its way: a want that names it may have left before."""
_REMEMBERED = 100_000
_SLICE_S, _SLICES = 0.1, 64

INDEX = -1
"""Stands for the index among chunk numbers: it goes first."""


def bits_of(numbers: Iterable[int]) -> int:
    """A set of chunk numbers as bits."""
    bits = 0
    for number in numbers:
        bits |= 1 << (number + 1)
    return bits


def numbers_of(bits: int) -> Iterator[int]:
    """The chunk numbers of a set, the index first, then in order."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 2
        bits ^= lowest


def first_of(bits: int) -> int:
    """The chunk number that goes first; there must be one."""
    return (bits & -bits).bit_length() - 2


def all_of(index: ContentIndex) -> int:
    """Everything of an asset, the index too."""
    return (1 << (index.chunk_count + 1)) - 1


def frame_bytes(index: ContentIndex, number: int) -> int:
    """Bytes of the frame of a chunk or of the index."""
    return HEADER_BYTES + (len(index.raw) if number == INDEX else index.chunk_length(number))


def threshold(askers: int) -> int:
    """How many of so many askers must lack a chunk for it to go to all."""
    return max(MANY, -(-askers // SHARE))


@dataclass(slots=True)
class Tally:
    """Counts for every chunk how many sets hold it: binary digits, each digit of all chunks in one integer."""

    _digits: list[int] = field(default_factory=list)

    def add(self, bits: int) -> None:
        """Count one set."""
        for at, digit in enumerate(self._digits):
            self._digits[at], bits = digit ^ bits, digit & bits
            if not bits:
                return
        if bits:
            self._digits.append(bits)

    def at_least(self, count: int) -> int:
        """The chunks that `count` sets or more hold; `count` is 1 or more."""
        above, equal = 0, -1
        for place in range(max(len(self._digits), count.bit_length()) - 1, -1, -1):
            digit = self._digits[place] if place < len(self._digits) else 0
            if count >> place & 1:
                equal &= digit
            else:
                above |= equal & digit
                equal &= ~digit
        return above | equal


@dataclass(slots=True)
class Recent:
    """What was sent lately: a few sets, each with the instant it was begun and a slice of time it stands for."""

    _slices: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_SLICES))

    def add(self, bits: int, now_s: float) -> None:
        """These were sent now."""
        if self._slices and now_s - self._slices[-1][0] < _SLICE_S:
            at_s, held = self._slices[-1]
            self._slices[-1] = at_s, held | bits
        else:
            self._slices.append((now_s, bits))

    def since(self, instant_s: float) -> int:
        """All that was sent since then, and perhaps up to a slice before."""
        bits = 0
        for at_s, held in self._slices:
            if at_s + _SLICE_S > instant_s:
                bits |= held
        return bits


@dataclass(slots=True)
class Repeats:
    """How often each chunk of an asset went to all: again at once, then after 4, 8, 16 … s, so that no queue grows.

    Where everybody's line or the broker is behind, everybody asks for what is still on its way.
    """

    _sent: dict[int, tuple[int, float]] = field(default_factory=dict)

    def sent(self, number: int, now_s: float) -> None:
        """A chunk goes to all."""
        times, at_s = self._sent.get(number, (0, now_s))
        self._sent[number] = (1 if now_s - at_s > LONGEST_REPEAT_S else times + 1), now_s

    def allowed(self, bits: int, now_s: float) -> int:
        """Which of these chunks may go to all."""
        for number in numbers_of(bits):
            times, at_s = self._sent.get(number, (0, now_s))
            if times > 1 and now_s - at_s < min(LONGEST_REPEAT_S, 2.0**times):
                bits &= ~bits_of([number])
        return bits


@dataclass(slots=True)
class Allowance:
    """A token bucket for each (device, root): a restarting agent may ask at once, a mad one cannot flood."""

    burst: int = BURST
    refill_s: float = REFILL_S
    _levels: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def take(self, device: str, root: str, now_s: float) -> bool:
        """Whether this want is served."""
        level, at_s = self._levels.get((device, root), (float(self.burst), now_s))
        level = min(float(self.burst), level + (now_s - at_s) / self.refill_s)
        if level < 1:
            return False
        if len(self._levels) > _REMEMBERED:
            self._levels.clear()
        self._levels[device, root] = (level - 1, now_s)
        return True


@dataclass(slots=True)
class Pace:
    """Bytes a second, with a tenth of a second's credit; `free_at_s` is when the next may go."""

    bytes_per_s: float
    free_at_s: float = 0.0

    def delay_s(self, size_bytes: int, now_s: float) -> float:
        """Take `size_bytes`; how long to wait before sending them."""
        begin_s = max(self.free_at_s, now_s - CREDIT_S)
        self.free_at_s = begin_s + size_bytes / self.bytes_per_s
        return max(0.0, begin_s - now_s)


def shared_pace(
    listening: Collection[LinkClass], paces: Mapping[LinkClass, float], floor_bytes_per_s: float
) -> float | None:
    """Pace of what goes to all: that of the slowest class that listens, but not below the floor.

    Narrow links do not listen to what goes to all; None: nobody does. Where nothing is known of who listens, mobile.
    """
    hearing: set[LinkClass] = {link for link in listening if link != "narrow"}
    if not listening:
        hearing = {"mobile"}
    return max(floor_bytes_per_s, min(paces[link] for link in hearing)) if hearing else None
