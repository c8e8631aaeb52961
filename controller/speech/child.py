"""What every speaking child does around its engine: read the order, read the reading, write the WAV, answer.

It is started as a limited child with the order as its one argument. Standard input is the reading as UTF-8 and nothing
else, so that what an engine was given can be shown byte for byte.
"""

import resource
import sys
import wave
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from controller.media.messages import Progress, Refused, refused
from controller.media.progress import Steps
from controller.speech.errors import EngineFailed
from controller.speech.messages import Said
from loa_protocol.errors import LoaError

FILE_NAME = "speech.wav"
_SAMPLE_BYTES = 2

T = TypeVar("T")


class Writer:
    """The WAV of a child, 16 bit and mono."""

    def __init__(self, path: Path, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._samples = 0
        self._wav = wave.open(str(path), "wb")  # noqa: SIM115  # closed by `close`
        self._wav.setnchannels(1)
        self._wav.setsampwidth(_SAMPLE_BYTES)
        self._wav.setframerate(rate_hz)

    @property
    def duration_ms(self) -> int:
        """Of what was written."""
        return 1000 * self._samples // self._rate_hz

    def add(self, pcm: bytes) -> None:
        """Samples, 16 bit little-endian."""
        self._samples += len(pcm) // _SAMPLE_BYTES
        self._wav.writeframesraw(pcm)

    def rest(self, pause_ms: int) -> None:
        """Silence."""
        self.add(bytes(_SAMPLE_BYTES * (self._rate_hz * pause_ms // 1000)))

    def close(self) -> None:
        """Write the length into the head."""
        self._wav.close()


def said(writer: Writer, sentences: int, version: str, skipped: int = 0) -> Said:
    """The answer to a reading that was spoken.

    Raises:
        EngineFailed: the engine said nothing of it.
    """
    writer.close()
    if not writer.duration_ms:
        raise EngineFailed("the engine said nothing of the reading; has it letters of this language?")
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = used.ru_utime + used.ru_stime
    return Said(FILE_NAME, writer.duration_ms, sentences, version, skipped, _peak_rss_bytes(), seconds)


def run(order_type: type[T], speak: Callable[[T, str, Steps], Said]) -> None:
    """Take the order and the reading, speak, answer."""
    order = msgspec.json.decode(sys.argv[1].encode(), type=order_type)
    reading = sys.stdin.buffer.read().decode()
    say(_answered(lambda: speak(order, reading, Steps(lambda share: say(Progress(share))))))


def say(what: msgspec.Struct) -> None:
    """One line to the parent."""
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


def each(parts: Iterable[T], count: int, steps: Steps) -> Iterable[T]:
    """The parts, with progress told after each."""
    for number, part in enumerate(parts, 1):
        yield part
        steps(number / count)


def _answered(work: Callable[[], Said]) -> Said | Refused:
    try:
        return work()
    except LoaError as error:
        return refused(error)
    except MemoryError:
        return refused(EngineFailed("the voice needs more memory than it may have"))
    except OSError as error:
        return refused(EngineFailed(f"the voice could not do its work ({error.strerror or error})"))


def _peak_rss_bytes() -> int:
    """Of this program alone: getrusage would also count the parent's pages from before the exec."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])
