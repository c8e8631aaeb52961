"""Writes the prepared sound as Ogg Opus and MP3, and reads it back for proof. Runs inside the child.

The same sound gives the same bytes: fixed Ogg serial number, no writer's name, one thread.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import av

from controller.media.errors import MediaVerifyFailed
from controller.media.intake import IntakeProfile
from controller.media.sound import RATE_HZ, Block, Levels, Meter, MonoConverter, frame


@dataclass(frozen=True, slots=True)
class Encoding:
    """How one rendition is written; `file_name` in the child's working folder."""

    codec: Literal["opus", "mp3"]
    file_name: str
    media_type: str
    container: str
    encoder: str
    sample_format: str
    bits_per_s: int
    options: dict[str, str]
    container_options: dict[str, str]


def encodings(profile: IntakeProfile) -> tuple[Encoding, ...]:
    """The renditions of the profile, best first."""
    exact = {"fflags": "+bitexact"}
    opus = {"application": "voip", "vbr": "on", "frame_duration": "20", "flags": "+bitexact"}
    return (
        Encoding(
            codec="opus",
            file_name="sound.opus",
            media_type="audio/ogg; codecs=opus",
            container="ogg",
            encoder="libopus",
            sample_format="flt",
            bits_per_s=profile.opus_bits_per_s,
            options=opus,
            container_options=exact | {"serial_offset": "1"},
        ),
        Encoding(
            codec="mp3",
            file_name="sound.mp3",
            media_type="audio/mpeg",
            container="mp3",
            encoder="libmp3lame",
            sample_format="fltp",
            bits_per_s=profile.mp3_bits_per_s,
            options={"flags": "+bitexact", "compression_level": "7"},
            container_options=exact | {"id3v2_version": "0"},
        ),
    )


class _Writer:
    """One open rendition."""

    def __init__(self, encoding: Encoding, folder: Path, files: ExitStack) -> None:
        self._output = files.enter_context(
            av.open(
                str(folder / encoding.file_name),
                mode="w",
                format=encoding.container,
                options=encoding.container_options,
            )
        )
        stream = self._output.add_stream(encoding.encoder, rate=RATE_HZ, options=encoding.options)
        if not isinstance(stream, av.AudioStream):
            raise TypeError(f"{encoding.encoder} is not an audio encoder")
        stream.codec_context.layout = "mono"
        stream.codec_context.format = encoding.sample_format
        stream.codec_context.bit_rate = encoding.bits_per_s
        stream.codec_context.thread_count = 1
        self._stream = stream

    def write(self, given: av.AudioFrame | None) -> None:
        self._output.mux(self._stream.encode(given))


def encode(blocks: Iterable[Block], folder: Path, wanted: Iterable[Encoding]) -> None:
    """Write all renditions in one pass over the sound."""
    with ExitStack() as files:
        writers = [_Writer(encoding, folder, files) for encoding in wanted]
        position = 0
        for block in blocks:
            for writer in writers:
                writer.write(frame(block, position))
            position += block.size
        for writer in writers:
            writer.write(None)


def decode(path: Path) -> Iterator[Block]:
    """A rendition as a device will hear it."""
    with av.open(f"file:{path}", mode="r", options={"protocol_whitelist": "file"}) as container:
        yield from MonoConverter().convert(container.decode(container.streams.audio[0]))


def measure(path: Path) -> Levels:
    """The levels of a rendition, decoded again."""
    meter = Meter()
    for _ in meter.through(decode(path)):
        pass
    return meter.levels()


def check(encoding: Encoding, heard: Levels, sent: Levels, wanted_lufs: float, profile: IntakeProfile) -> None:
    """Compare a decoded rendition with what it should be.

    Raises:
        MediaVerifyFailed: its duration or its loudness is another.
    """
    if abs(heard.duration_ms - sent.duration_ms) > profile.duration_tolerance_ms:
        raise MediaVerifyFailed(
            f"the {encoding.codec} file plays {heard.duration_ms} ms, not {sent.duration_ms} ms; report this sound",
            heard_ms=heard.duration_ms,
            sent_ms=sent.duration_ms,
        )
    if abs(heard.integrated_lufs - wanted_lufs) > profile.loudness_tolerance_lu:
        raise MediaVerifyFailed(
            f"the {encoding.codec} file has {heard.integrated_lufs:.1f} LUFS, not {wanted_lufs:.1f}; report this sound",
            heard_lufs=heard.integrated_lufs,
            wanted_lufs=wanted_lufs,
        )
