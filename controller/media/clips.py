"""Short clips put together in memory: a chime, a pause, a spoken line. For clips of at most 2 minutes each.

Whole clips are held in memory, which is why nothing longer is let in: long sounds go through the intake. What comes
out is a WAV (48 kHz, mono, 16 bit) that goes through the intake like every other file, so loudness is not judged here.
"""

import io
import warnings
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loa_protocol.errors import LoaError

with warnings.catch_warnings():
    # pydub looks for an ffmpeg program when it is imported and warns without one; WAV needs none.
    warnings.simplefilter("ignore")
    from pydub import AudioSegment

MAX_CLIP_MS = 120_000
_RATE_HZ = 48_000
_SAMPLE_BYTES = 2
_MAX_FILE_BYTES = 64 * 1024 * 1024
_FADE_MS = 5


class ClipRefused(LoaError):
    """A clip is too long, or not a PCM WAV."""

    code = "clip_refused"


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence between two clips."""

    duration_ms: int


def join(parts: Sequence[Path | Pause], target: Path) -> int:
    """Write the parts one after another to `target` as WAV; returns its duration in ms.

    Each part is a PCM WAV file or a pause. Edges of clips are faded over 5 ms, so that a join does not click.

    Raises:
        ClipRefused: a part, or the whole, is longer than 2 minutes, is no PCM WAV, or there is nothing to join.
    """
    if not parts:
        raise ClipRefused("there is no clip to join; give at least one")
    whole = AudioSegment.silent(duration=0, frame_rate=_RATE_HZ)
    for part in parts:
        whole += _loaded(part)
        _check_length("the joined clip", len(whole))
    whole.export(target, format="wav").close()
    return len(whole)


def _loaded(part: Path | Pause) -> AudioSegment:
    if isinstance(part, Pause):
        _check_length("a pause", part.duration_ms)
        return AudioSegment.silent(duration=part.duration_ms, frame_rate=_RATE_HZ)
    data = _checked_wav(part)
    clip = AudioSegment.from_file(io.BytesIO(data), format="wav")
    clip = clip.set_channels(1).set_frame_rate(_RATE_HZ).set_sample_width(_SAMPLE_BYTES)
    return clip.fade_in(_FADE_MS).fade_out(_FADE_MS)


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
    _check_length(path.name, duration_ms)
    return data


def _check_length(what: str, duration_ms: int) -> None:
    if not 0 <= duration_ms <= MAX_CLIP_MS:
        raise ClipRefused(f"{what} has {duration_ms} ms, a clip has at most {MAX_CLIP_MS}", duration_ms=duration_ms)
