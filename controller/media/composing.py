"""What is done to the spooled sound beside its loudness: ends cut, repeats and chimes put around it. Plain samples.

Every part is brought to the loudness of the sound itself before they are joined, so that the whole can be prepared as
one: a faint recording does not make its chime roar. Nothing is held in memory but a block.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from controller.media.contour import STEP, STEP_MS, Contour
from controller.media.levels import RATE_HZ
from controller.media.spool import BATCH, Block, blocks

MARGIN_BEFORE_MS, MARGIN_AFTER_MS = 250, 400
"""What stays of the silence around a trimmed sound."""
CHIME_GAP_MS = 300
"""The rest between a chime and the sound."""
_WORTH_MS = 100
_FADE = RATE_HZ // 100
_SAMPLE_BYTES = 4


@dataclass(frozen=True, slots=True)
class Trim:
    """What is kept of a sound, in samples, and what goes at each end, in ms."""

    start: int
    end: int
    start_ms: int = 0
    end_ms: int = 0


def trim(contour: Contour, samples: int) -> Trim:
    """What to cut; less than a tenth of a second is not worth it."""
    first, last = contour.sounding()
    start_ms = first * STEP_MS - MARGIN_BEFORE_MS
    end_ms = (contour.level_db.size - last) * STEP_MS - MARGIN_AFTER_MS
    start_ms, end_ms = (one if one >= _WORTH_MS else 0 for one in (start_ms, end_ms))
    end = min(samples, (contour.level_db.size - end_ms // STEP_MS) * STEP) if end_ms else samples
    return Trim(start_ms // STEP_MS * STEP, end, start_ms, end_ms)


def cut(spool: Path, kept: Trim, offset: float, *, joined: bool) -> None:
    """Take the offset and the ends off, in place; ends that are new or will be joined are faded over 10 ms."""
    fade_in, fade_out = joined or kept.start_ms > 0, joined or kept.end_ms > 0
    size = kept.end - kept.start
    with spool.open("r+b") as opened:
        for at in range(0, size, BATCH):
            opened.seek(_SAMPLE_BYTES * (kept.start + at))
            block = np.frombuffer(opened.read(_SAMPLE_BYTES * min(BATCH, size - at)), np.float32) - np.float32(offset)
            _fade(block, at, size, fade_in=fade_in, fade_out=fade_out)
            opened.seek(_SAMPLE_BYTES * at)
            opened.write(block.data)
        opened.truncate(_SAMPLE_BYTES * size)


def _fade(block: Block, at: int, size: int, *, fade_in: bool, fade_out: bool) -> None:
    positions = np.arange(at, at + block.size, dtype=np.float32)
    if fade_in and at < _FADE:
        block *= np.minimum(1, positions / _FADE)
    if fade_out and at + block.size > size - _FADE:
        block *= np.minimum(1, (size - 1 - positions) / _FADE)


@dataclass(frozen=True, slots=True)
class Piece:
    """A spooled sound with its factor, or so many samples of silence."""

    samples: int
    spool: Path | None = None
    factor: float = 1.0


def rest(duration_ms: int) -> Piece:
    """Silence."""
    return Piece(duration_ms * RATE_HZ // 1000)


def pieces(sound: Piece, repeats: int, gap_ms: int, before: Piece | None, after: Piece | None) -> list[Piece]:
    """Everything in its order."""
    repeated = [sound] + [rest(gap_ms), sound] * (repeats - 1)
    opening = [before, rest(CHIME_GAP_MS)] if before else []
    closing = [rest(CHIME_GAP_MS), after] if after else []
    return [*opening, *repeated, *closing]


def write(parts: Iterable[Piece], target: Path) -> None:
    """Put the pieces one after another into a new spool."""
    with target.open("wb") as out:
        for part in parts:
            out.writelines(block.data for block in _samples(part))


def _samples(part: Piece) -> Iterator[Block]:
    if part.spool is not None:
        for block in blocks(part.spool):
            yield block if part.factor == 1.0 else block * np.float32(part.factor)
        return
    silence = np.zeros(BATCH, np.float32)
    for at in range(0, part.samples, BATCH):
        yield silence[: part.samples - at]
