"""The mono sound between the passes: raw float32 at 48 kHz in a file, read in blocks of half a second.

These are plain numbers of ours, no longer the hostile file; a number that is none is refused here, once.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from controller.media.contour import Gathering
from controller.media.errors import MediaUnreadable
from controller.media.levels import RATE_HZ, Part, Survey, db

BATCH = RATE_HZ // 2
"""Samples of a block, so that a stage's fixed costs are paid twice a second."""
_SAMPLE_BYTES = 4
_FULL_SCALE = 0.999

Block = npt.NDArray[np.float32]


def blocks(spool: Path, part: Part | None = None) -> Iterator[Block]:
    """The sound from its start, or the pieces of it that stand for the whole."""
    piece_bytes = _SAMPLE_BYTES * RATE_HZ * part.take_s if part else spool.stat().st_size
    with spool.open("rb") as opened:
        start = 0
        while True:
            opened.seek(start)
            end = start + piece_bytes
            while data := opened.read(min(_SAMPLE_BYTES * BATCH, end - opened.tell())):
                yield np.frombuffer(data, np.float32, len(data) // _SAMPLE_BYTES)
            if part is None or opened.tell() < end:
                return
            start += _SAMPLE_BYTES * RATE_HZ * part.every_s


def survey(sound: Iterable[Block]) -> Survey:
    """Plain facts of the sound.

    Raises:
        MediaUnreadable: it holds numbers that are no sound (NaN, infinite).
    """
    samples, peak, total, full = 0, 0.0, 0.0, 0
    outline = Gathering()
    for block in sound:
        size = np.abs(block)
        highest = float(size.max())
        if not np.isfinite(highest):
            raise MediaUnreadable("the file holds numbers that are no sound; export it again")
        peak = max(peak, highest)
        total += float(block.sum(dtype=np.float64))
        if highest >= _FULL_SCALE:
            full += int(np.count_nonzero(size >= _FULL_SCALE))
        samples += block.size
        outline.add(block)
    return Survey(samples, db(peak), total / max(1, samples), full, outline.contour())
