"""What parent and speaking child say to each other: the order is an argument, the reading is standard input, alone."""

import msgspec


class EspeakOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`voice` is espeak-ng's own name; `speed` and `pause_ms` as in `SpokenText`."""

    voice: str
    speed: float
    pause_ms: int


class PiperOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Absolute paths of a Piper voice and of its configuration; `sha256` is that of the voice."""

    model: str
    config: str
    sha256: str
    speaker: int
    speed: float
    pause_ms: int


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="said"):
    """The child's answer when the WAV lies in its folder; `version` is the engine's.

    `skipped`: how many signs of sound the voice does not know and left out.
    """

    file_name: str
    duration_ms: int
    sentences: int
    version: str
    skipped: int
    peak_rss_bytes: int
    cpu_s: float
