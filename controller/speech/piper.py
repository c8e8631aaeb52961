"""Piper: a better voice, from a file that the operator brings and whose SHA-256 and licence the list of voices names.

It is spoken by sherpa-onnx in a process of its own, which takes no file but the one that was written down.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from controller.media.intake import MIB, ChildLimits
from controller.speech import espeak
from controller.speech.config import PiperVoice
from controller.speech.errors import EngineMissing
from controller.speech.messages import PiperOrder
from controller.speech.port import Progress, Spoken, SpokenText, Voice
from controller.speech.talking import Talker

NAME = "piper"
LIMITS = ChildLimits(address_space_bytes=2048 * MIB, cpu_s=3600, file_bytes=1024 * MIB, open_files=64, wall_s=3600.0)


@dataclass(frozen=True, slots=True)
class PiperEngine:
    """Implements `Engine`."""

    files: Sequence[PiperVoice]
    talker: Talker = field(default_factory=lambda: Talker("controller.speech.piper_child", LIMITS))
    name: str = NAME

    def voices(self) -> Sequence[Voice]:
        """Those of the list; the file itself is looked at when it speaks."""
        return [
            Voice(f"{NAME}/{one.name}", one.language, one.about or one.name, one.licence, _missing(one))
            for one in self.files
        ]

    async def speak(self, spoken: SpokenText, voice: Voice, folder: Path, progress: Progress) -> Spoken:
        """As the port says."""
        if voice.missing is not None:
            raise EngineMissing(voice.missing)
        file = next(one for one in self.files if f"{NAME}/{one.name}" == voice.name)
        order = PiperOrder(
            model=file.model,
            config=file.config_path,
            sha256=file.sha256,
            speaker=file.speaker,
            speed=spoken.speed,
            pause_ms=spoken.pause_ms,
        )
        return await self.talker.speak(order, spoken, folder, progress)


def _missing(file: PiperVoice) -> str | None:
    if find_spec("sherpa_onnx") is None or not espeak.installed():
        return "sherpa-onnx is not installed; install Loa with the extra “speech”"
    gone = [path for path in (Path(file.model), Path(file.config_path)) if not path.is_file()]
    return f"{gone[0].name} is not there; put the voice's file back" if gone else None
