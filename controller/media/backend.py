"""The port between the pipeline and who works on samples: PyAV in a child, or the ffmpeg program."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from controller.media.encodings import Encoding
from controller.media.intake import SpeechFilter
from controller.media.levels import Heard, Part, Preparation, Survey
from controller.media.rules import Decoding

Tell = Callable[[float], object]
"""Takes the share of a step that is done, 0 to 1."""


class Backend(Protocol):
    """The work on samples; every call is one pass over a sound. All of it may raise a `MediaError`."""

    def decode(self, spool: Path, tell: Tell) -> Decoding:
        """The source as raw mono float32 at 48 kHz into `spool`; every channel weighs the same."""
        ...

    def survey(self, spool: Path) -> Survey:
        """Plain facts of the spooled sound."""
        ...

    def filter(self, spool: Path, target: Path, wanted: SpeechFilter) -> None:
        """The spooled sound, filtered for horns, into another spool; as many samples."""
        ...

    def unpack(self, rendition: Path, spool: Path) -> None:
        """A rendition of ours in the working folder, as raw mono float32 at 48 kHz into `spool`."""
        ...

    def loudness(self, spool: Path, preparation: Preparation | None, part: Part | None) -> float:
        """LUFS as dual mono of the spooled sound, or of a part of it, prepared if asked."""
        ...

    def encode(self, spool: Path, preparation: Preparation, encoding: Encoding, target: Path, tell: Tell) -> None:
        """Write one rendition of the prepared sound."""
        ...

    def hear(self, encoding: Encoding, source: Path, tell: Tell) -> Heard:
        """Decode a rendition and measure it."""
        ...
