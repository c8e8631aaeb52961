"""How each rendition is written, for every backend alike. Pure data.

The same sound gives the same bytes: fixed Ogg serial number, no writer's name, one thread.
"""

from dataclasses import dataclass

from controller.media.intake import Codec, IntakeProfile


@dataclass(frozen=True, slots=True)
class Encoding:
    """One rendition; `file_name` in the working folder. `makeup_db` gives back what the encoder itself takes away."""

    codec: Codec
    file_name: str
    media_type: str
    container: str
    encoder: str
    decoders: str
    sample_format: str
    bits_per_s: int
    makeup_db: float
    options: dict[str, str]
    container_options: dict[str, str]


def encodings(profile: IntakeProfile) -> tuple[Encoding, ...]:
    """The renditions that the profile asks for, best first."""
    known = {
        "opus": _opus(profile.opus_bits_per_s, "voip" if profile.speech else "audio"),
        "mp3": _mp3(profile.mp3_bits_per_s),
    }
    return tuple(known[codec] for codec in profile.renditions)


def _opus(bits_per_s: int, application: str) -> Encoding:
    return Encoding(
        codec="opus",
        file_name="sound.opus",
        media_type="audio/ogg; codecs=opus",
        container="ogg",
        encoder="libopus",
        decoders="opus,libopus",
        sample_format="flt",
        bits_per_s=bits_per_s,
        makeup_db=0.0,
        options={"application": application, "vbr": "on", "frame_duration": "20", "flags": "+bitexact"},
        container_options={"fflags": "+bitexact", "serial_offset": "1"},
    )


def _mp3(bits_per_s: int) -> Encoding:
    """LAME scales every sound by 0.95, which is 0.45 dB."""
    return Encoding(
        codec="mp3",
        file_name="sound.mp3",
        media_type="audio/mpeg",
        container="mp3",
        encoder="libmp3lame",
        decoders="mp3,mp3float",
        sample_format="fltp",
        bits_per_s=bits_per_s,
        makeup_db=0.45,
        options={"flags": "+bitexact", "compression_level": "7"},
        container_options={"fflags": "+bitexact", "id3v2_version": "0"},
    )
