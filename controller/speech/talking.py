"""Speaking children from the parent's side: started, fed the reading, heard, and their WAV looked at."""

import asyncio
import wave
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from controller.media.errors import MediaError
from controller.media.intake import MIB, ChildLimits
from controller.media.limited_process import Order
from controller.media.messages import Refused
from controller.media.progress import Steps
from controller.media.python_child import ENVIRONMENT, ask, command
from controller.speech.errors import BY_CODE, EngineFailed
from controller.speech.messages import Said
from controller.speech.port import Progress, Spoken, SpokenText

LIMITS = ChildLimits(address_space_bytes=512 * MIB, cpu_s=300, file_bytes=1024 * MIB, open_files=64, wall_s=600.0)
RATES_HZ = range(8_000, 48_001)
LONGEST_MS = 7_200_000
_SAMPLE_BYTES = 2
_ANSWERS: "msgspec.json.Decoder[Said | Refused]" = msgspec.json.Decoder(Said | Refused)


@dataclass(frozen=True, slots=True)
class Talker:
    """A module that is started for every reading, within its limits."""

    module: str
    limits: ChildLimits = LIMITS

    async def speak(self, order: msgspec.Struct, spoken: SpokenText, folder: Path, progress: Progress) -> Spoken:
        """Have the child speak; its standard input is the reading, byte for byte.

        Raises:
            EngineError: it refused, or did not answer with a sound.
        """
        given = Order(
            command=(*command(self.module), msgspec.json.encode(order).decode()),
            folder=folder,
            limits=self.limits,
            given=spoken.raw,
            environment=ENVIRONMENT,
        )
        try:
            answer = await ask(given, _ANSWERS, Steps(progress))
        except TimeoutError as error:
            raise EngineFailed(
                f"the voice was not ready after {self.limits.wall_s:.0f} s; is the machine busy?"
            ) from error
        except MediaError as error:
            raise EngineFailed(f"the voice's process failed: {error}", **error.details) from error
        if isinstance(answer, Refused):
            raise BY_CODE.get(answer.code, EngineFailed)(answer.message, **answer.details)
        facts = {"version": answer.version, "cpu_s": answer.cpu_s, "peak_rss_bytes": answer.peak_rss_bytes}
        facts |= {"skipped": answer.skipped} if answer.skipped else {}
        sound = await asyncio.to_thread(looked_at, folder / Path(answer.file_name).name)
        return replace(sound, facts=facts)


def looked_at(path: Path) -> Spoken:
    """A plain WAV: PCM of 16 bit, one or two channels, 8 to 48 kHz, of some length. For a thread, not the event loop.

    Raises:
        EngineFailed: it is none.
    """
    try:
        if path.is_symlink():
            raise EngineFailed(f"{path.name} is a link")
        with wave.open(str(path)) as opened:
            rate_hz, frames = opened.getframerate(), opened.getnframes()
            shape = opened.getsampwidth(), opened.getnchannels()
    except (OSError, EOFError, wave.Error) as error:
        raise EngineFailed(f"what the voice left is no WAV ({error})") from error
    duration_ms = 1000 * frames // rate_hz if rate_hz > 0 else 0
    if shape not in {(_SAMPLE_BYTES, 1), (_SAMPLE_BYTES, 2)} or rate_hz not in RATES_HZ:
        raise EngineFailed(
            f"the voice's WAV has {8 * shape[0]} bit, {shape[1]} channels, {rate_hz} Hz; 16 bit mono is read"
        )
    if not 0 < duration_ms <= LONGEST_MS:
        raise EngineFailed(f"the voice's WAV lasts {duration_ms} ms")
    return Spoken(path, duration_ms)
