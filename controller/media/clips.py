"""Short clips put together in memory: a chime, a pause, a spoken line. For clips of at most 2 minutes each.

Whole clips are held in memory, which is why nothing longer is let in: long sounds go through the intake. What comes
out is a WAV (48 kHz, mono, 16 bit) that goes through the intake like every other file, so loudness is not judged here.
Runs inside the limited child `join_child`.
"""

import io
import warnings
import wave
from collections.abc import Sequence
from pathlib import Path

from controller.media.joining import ClipRefused, NothingToJoin, Pause, require_short

with warnings.catch_warnings():
    # pydub looks for an ffmpeg program when it is imported and warns without one; WAV needs none.
    warnings.simplefilter("ignore")
    from pydub import AudioSegment

_RATE_HZ = 48_000
_SAMPLE_BYTES = 2
_MAX_FILE_BYTES = 64 * 1024 * 1024
_FADE_MS = 5


def join(parts: Sequence[Path | Pause], target: Path) -> int:
    """Write the parts one after another to `target` as WAV; returns its duration in ms.

    Each part is a PCM WAV file or a pause. Edges of clips are faded over 5 ms, so that a join does not click; pauses
    are exact to the sample, clips are cut to whole milliseconds.

    Raises:
        ClipTooLong: a part, or the whole, is longer than 2 minutes.
        ClipRefused: a part is no PCM WAV.
        NothingToJoin: there is no part.
    """
    if not parts:
        raise NothingToJoin("there is no clip to join; give at least one")
    whole = _silence(0)
    for part in parts:
        whole += _loaded(part)
        require_short("the joined clip", len(whole))
    whole.export(target, format="wav").close()
    return len(whole)


def _loaded(part: Path | Pause) -> AudioSegment:
    if isinstance(part, Pause):
        require_short("a pause", part.duration_ms)
        return _silence(part.duration_ms)
    data = _checked_wav(part)
    clip = AudioSegment.from_file(io.BytesIO(data), format="wav")
    clip = clip.set_channels(1).set_frame_rate(_RATE_HZ).set_sample_width(_SAMPLE_BYTES)
    return clip.fade_in(_FADE_MS).fade_out(_FADE_MS)


def _silence(duration_ms: int) -> AudioSegment:
    """Exact; pydub's own `silent` is a sample short of many durations."""
    data = bytes(_SAMPLE_BYTES * _RATE_HZ * duration_ms // 1000)
    return AudioSegment(data, sample_width=_SAMPLE_BYTES, frame_rate=_RATE_HZ, channels=1)


def _checked_wav(path: Path) -> bytes:
    """The file's bytes, once the header has shown that they are few and PCM."""
    if path.stat().st_size > _MAX_FILE_BYTES:
        raise ClipRefused(f"{path.name} is too large for a clip; take it in as a sound of its own")
    data = path.read_bytes()
    try:
        with wave.open(io.BytesIO(data)) as header:
            duration_ms = 1000 * header.getnframes() // header.getframerate()
    except (wave.Error, EOFError, ZeroDivisionError) as error:
        raise ClipRefused(f"{path.name} is not a PCM WAV file; convert it first") from error
    require_short(path.name, duration_ms)
    return data
