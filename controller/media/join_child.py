"""The process that joins clips: `python -m controller.media.join_child`, one order, then gone. Limited as any child.

The clips lie encoded in its folder under their assets' ids. Each becomes a plain WAV, chimes are struck, pydub puts
everything together; what comes out still goes through the intake.
"""

import sys
import wave
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec

from controller.media import joining
from controller.media.child import answered, say
from controller.media.joining import Chime, Clip, Part, Pause
from controller.media.levels import RATE_HZ
from controller.media.messages import Joined, JoinOrder, Progress
from controller.media.progress import Steps
from controller.media.spool import Block
from loa_protocol.chimes import CHIMES, struck

JOINED = "joined.wav"
_FULL_SCALE = 32_767
_SAMPLE_BYTES = 2


def joined(order: JoinOrder) -> Joined:
    """Do it in the current folder.

    Raises:
        ClipRefused, MediaError: it cannot be done.
    """
    from controller.media import clips  # noqa: PLC0415  # what answers a refusal needs no pydub

    parts = joining.understood(order.parts)
    steps = Steps(lambda share: say(Progress(share)))
    ready: list[Path | Pause] = []
    for number, part in enumerate(parts, 1):
        ready.append(_ready(part))
        steps(number / (len(parts) + 1))
    return Joined(JOINED, clips.join(ready, Path(JOINED)))


@cache
def _ready(part: Part) -> Path | Pause:
    """A part as pydub takes it; a sound that comes again is decoded once."""
    match part:
        case Pause():
            return part
        case Chime() if part.name in CHIMES:
            return _written(Path(f"chime-{part.name}.wav"), [struck(CHIMES[part.name])])
        case Clip():
            from controller.media.encode import decode  # noqa: PLC0415  # as above, no decoder

            return _written(Path(f"{part.asset_id}.wav"), decode(Path(part.asset_id)))
    raise joining.strange(part)


def _written(target: Path, blocks: Iterable[Block]) -> Path:
    """The sound as a WAV; one that has no end is ended by the clip's bound."""
    samples = 0
    with wave.open(str(target), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(_SAMPLE_BYTES)
        out.setframerate(RATE_HZ)
        for block in blocks:
            samples += block.size
            joining.require_short(target.stem, 1000 * samples // RATE_HZ)
            out.writeframes((block.clip(-1, 1) * _FULL_SCALE).round().astype("<i2").tobytes())
    return target


def main() -> None:
    """Read the order, join, answer."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=JoinOrder)
    say(answered(lambda: joined(order)))


if __name__ == "__main__":
    main()
