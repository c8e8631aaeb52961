"""What the ffmpeg programs say, understood: JSON of ffprobe, the end of ffmpeg's log, its measured values. Pure.

Written for ffmpeg 5 to 9. Log lines carry their level (`-loglevel level+…`).
"""

import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from controller.media.errors import (
    MediaBadChannels,
    MediaChildFailed,
    MediaChildLimit,
    MediaError,
    MediaFormatRefused,
    MediaNoAudio,
    MediaUnreadable,
)

_READ = re.compile(
    r"Input stream #0:\d+ \(audio\): (\d+) packets read \(\d+ bytes\); "
    r"\d+ frames decoded(?:; (\d+) decode errors)? \((\d+) samples\)"
)
_BAD = re.compile(r"Error (?:while decoding stream|submitting packet to decoder)")
_SHAPE = re.compile(r"tb:\S+ samplefmt:(\S+) samplerate:(\d+) (?:chlayout|channel_layout):(\S+)")
_OUT_TIME = re.compile(rb"out_time_us=(\d+)")
_OTHER_CODEC = re.compile(r"Codec \(\S+\) not on whitelist")
_CHANNELS = re.compile(r"Too many channels|Invalid number of channels", re.IGNORECASE)
_ENDED_BY = re.compile(rf"received signal (?:{int(signal.SIGXCPU)}|{int(signal.SIGXFSZ)})\b")
_LIMITS = ("Cannot allocate memory", "No space left on device", "File too large", "Disk quota exceeded")


class ProbedStream(msgspec.Struct, frozen=True):
    """A stream as ffprobe tells it; unknown fields are left out."""

    codec_type: str = ""
    codec_name: str = ""
    sample_rate: str = "0"
    channels: int = 0
    duration: str | None = None


class ProbedFormat(msgspec.Struct, frozen=True):
    """The container as ffprobe tells it."""

    format_name: str = ""
    duration: str | None = None


class Probed(msgspec.Struct, frozen=True):
    """A whole answer of ffprobe."""

    streams: tuple[ProbedStream, ...] = ()
    format: ProbedFormat = ProbedFormat()

    def sounds(self) -> list[ProbedStream]:
        """The audio streams.

        Raises:
            MediaNoAudio: there is none.
        """
        found = [one for one in self.streams if one.codec_type == "audio"]
        if not found:
            raise MediaNoAudio("the file has no audio track; was the sound switched off while recording?")
        return found


@dataclass(frozen=True, slots=True)
class DecodeLog:
    """The end of the log of a decoding run; `shapes` are (rate in Hz, layout) in their order."""

    packets: int
    bad_packets: int
    shapes: tuple[tuple[int, str], ...]


def probed(said: bytes) -> Probed:
    """The answer of ffprobe.

    Raises:
        MediaUnreadable: it is none.
    """
    try:
        return msgspec.json.decode(said, type=Probed)
    except msgspec.MsgspecError as error:
        raise MediaUnreadable("the file cannot be read; is it damaged or not a sound?") from error


def decode_log(complaint: str) -> DecodeLog:
    """Packets, damaged packets and shapes of a decoding run that ended."""
    read = _READ.search(complaint)
    packets, errors = (int(read[1]), int(read[2] or 0)) if read else (0, 0)
    shapes = tuple((int(rate_hz), layout) for _, rate_hz, layout in _SHAPE.findall(complaint))
    return DecodeLog(packets, max(errors, len(_BAD.findall(complaint))), shapes)


def out_time_s(said: bytes) -> float:
    """How far a run came, from its progress; 0 if it says nothing."""
    found = _OUT_TIME.findall(said)
    return int(found[-1]) / 1e6 if found else 0.0


def last_value(tail: bytes, key: str, default: float) -> float:
    """The last value of a key that `ametadata` printed into a file."""
    at = tail.rfind(f"{key}=".encode())
    return float(tail[at:].partition(b"=")[2].split(b"\n")[0]) if at >= 0 else default


def values(lines: Iterable[bytes], key: str) -> tuple[float, ...]:
    """All values of a key that `ametadata` printed, in their order."""
    start = f"{key}=".encode()
    return tuple(float(line[len(start) :]) for line in lines if line.startswith(start))


def reading_failure(complaint: str) -> MediaError:
    """Why a hostile file could not be read."""
    if _CHANNELS.search(complaint):
        return MediaBadChannels("the sound has more channels than there can be, 1 to 8 are accepted")
    if "Format not on whitelist" in complaint or names_other_codec(complaint):
        return MediaFormatRefused("the file is of a kind that is not accepted; use mp3, m4a, ogg, opus, flac or wav")
    return limit_failure(complaint) or MediaUnreadable(
        "the file cannot be read; is it damaged or not a sound?", complaint=complaint[-500:]
    )


def names_other_codec(complaint: str) -> bool:
    """Whether a stream is coded in a way that is off the list."""
    return _OTHER_CODEC.search(complaint) is not None


def ended_by_limit(complaint: str) -> bool:
    """Whether ffmpeg, which catches the signals of its limits, ended by one."""
    return _ENDED_BY.search(complaint) is not None


def own_failure(status: int, complaint: str) -> MediaError:
    """Why a pass over our own files failed."""
    return limit_failure(complaint) or MediaChildFailed(
        f"ffmpeg ended with status {status}; report this file", status=status, complaint=complaint[-2000:]
    )


def limit_failure(complaint: str) -> MediaChildLimit | None:
    """Whether a limit was the reason."""
    word = next((word for word in _LIMITS if word in complaint), None)
    return None if word is None else MediaChildLimit(f"the sound needs more than a job may have ({word})")
