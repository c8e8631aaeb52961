"""Writes the prepared sound as Ogg Opus or MP3, and reads it back for proof. Runs inside the PyAV child."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import av

from controller.media.encodings import Encoding
from controller.media.levels import RATE_HZ, Heard
from controller.media.sound import Meter, MonoConverter, frame
from controller.media.spool import Block


def encode(blocks: Iterable[Block], encoding: Encoding, target: Path, at: Callable[[int], object]) -> None:
    """Write one rendition; `at` is told how many samples are written."""
    with av.open(str(target), mode="w", format=encoding.container, options=encoding.container_options) as output:
        stream = output.add_stream(encoding.encoder, rate=RATE_HZ, options=encoding.options)
        if not isinstance(stream, av.AudioStream):
            raise TypeError(f"{encoding.encoder} is not an audio encoder")
        stream.codec_context.layout = "mono"
        stream.codec_context.format = encoding.sample_format
        stream.codec_context.bit_rate = encoding.bits_per_s
        stream.codec_context.thread_count = 1
        position = 0
        for block in blocks:
            output.mux(stream.encode(frame(block, position)))
            position += block.size
            at(position)
        output.mux(stream.encode(None))


def frames(path: Path) -> Iterator[av.AudioFrame]:
    """A rendition as a device decodes it."""
    with av.open(f"file:{path}", mode="r", options={"protocol_whitelist": "file"}) as container:
        stream = container.streams.audio[0]
        stream.codec_context.thread_type = "NONE"
        yield from container.decode(stream)


def decode(path: Path) -> Iterator[Block]:
    """A rendition as a device will hear it."""
    return MonoConverter().convert(frames(path))


def hear(path: Path, at: Callable[[int], object]) -> Heard:
    """Measure a rendition, decoded again; `at` is told how many samples were heard."""
    meter = Meter(true_peak=True)
    for given in frames(path):
        meter.add(given)
        at(meter.samples)
    lufs, true_peak_dbtp = meter.result()
    return Heard(meter.samples, lufs, true_peak_dbtp, tuple(meter.momentary_lufs))
