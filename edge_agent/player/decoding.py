"""From a file to 48 kHz mono blocks, with PyAV; exact to the sample at any offset, in bounded memory.

Files are walked packet by packet from the front and decoded only from shortly before the offset: seeking in MP3
guesses, walking does not, and an hour takes about half a second. Stereo is the mean of its channels.
"""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from edge_agent.player.errors import ContentMissingError, ContentUndecodableError
from edge_agent.player.levels import RATE_HZ, Samples

# Local files of sound formats only: a playlist renamed to .mp3 opens nothing else.
_OPEN_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mp3,wav,w64,ogg,flac,mov,matroska,aac,aiff,caf,asf",
}
_PREROLL_S = 2.0  # a speech decoder has forgotten after this that it began in the middle
_BAD_PACKETS_MAX = 20


class Mono:
    """Frames of any rate and layout as mono float32 at 48 kHz."""

    def __init__(self) -> None:
        self._resampler: AudioResampler | None = None
        self._layout: tuple[object, ...] = ()

    def take(self, frame: AudioFrame | None) -> Iterator[Samples]:
        """Resample and mix down one frame; None flushes. A change of format in mid-stream makes a new resampler."""
        if frame is None:
            if self._resampler is not None:
                yield from _mixed_down(self._resampler.resample(None))
            return
        layout = (frame.format.name, frame.layout.name, frame.sample_rate)
        if layout != self._layout:
            yield from self.take(None)
            self._layout = layout
            self._resampler = AudioResampler(format="fltp", layout=frame.layout, rate=RATE_HZ)
        frame.pts = None
        if self._resampler is not None:
            yield from _mixed_down(self._resampler.resample(frame))


class AudioFile:
    """One open audio file, read once from `offset_frames` to its end."""

    def __init__(self, path: Path, offset_frames: int = 0) -> None:
        self._path = path
        self._offset = offset_frames
        self._bad_packets = 0
        self._mono = Mono()

    def blocks(self) -> Iterator[Samples]:
        """Blocks of mono float32 at 48 kHz; the first begins exactly at the offset.

        Raises:
            ContentMissingError: the file is not there.
            ContentUndecodableError: it is no audio, or too much of it is damaged.
        """
        if not self._path.is_file():
            raise ContentMissingError(f"{self._path.name} is not in the cache; fetch it again")
        try:
            with av.open(f"file:{self._path}", options=dict(_OPEN_OPTIONS)) as container:
                yield from self._placed(container)
        except av.error.FFmpegError as error:
            raise ContentUndecodableError(f"{self._path.name} is no readable audio ({error.strerror})") from error

    def _placed(self, container: InputContainer) -> Iterator[Samples]:
        if not container.streams.audio:
            raise ContentUndecodableError(f"{self._path.name} holds no sound")
        stream = container.streams.audio[0]
        position: int | None = None
        for frame in self._frames(container, stream):
            if position is None:
                position = _instant_frames(frame, stream)
            for block in self._mono.take(frame):
                skip = min(max(0, self._offset - position), block.size)
                position += block.size
                if skip < block.size:
                    yield block[skip:]
        if position is None and self._offset == 0:
            raise ContentUndecodableError(f"{self._path.name} holds no sound that can be decoded")
        for block in self._mono.take(None):
            yield block[max(0, self._offset - (position or 0)) :]

    def _frames(self, container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
        wanted_s = self._offset / RATE_HZ - _PREROLL_S
        for packet in container.demux(stream):
            if _before(packet, wanted_s):
                continue
            try:
                yield from packet.decode()
            except av.error.InvalidDataError as error:
                self._bad_packets += 1
                if self._bad_packets > _BAD_PACKETS_MAX:
                    raise ContentUndecodableError(f"{self._path.name} is damaged; fetch it again") from error


def measure_frames(path: Path) -> int:
    """Length of a file in frames at 48 kHz: walks all packets, decodes only the end.

    Raises:
        ContentMissingError: the file is not there.
        ContentUndecodableError: it is no audio, or too much of it is damaged.
    """
    end_s = _last_packet_s(path)
    offset = max(0, round((end_s - _PREROLL_S) * RATE_HZ))
    return offset + sum(block.size for block in AudioFile(path, offset).blocks())


def _last_packet_s(path: Path) -> float:
    if not path.is_file():
        raise ContentMissingError(f"{path.name} is not in the cache; fetch it again")
    try:
        with av.open(f"file:{path}", options=dict(_OPEN_OPTIONS)) as container:
            if not container.streams.audio:
                raise ContentUndecodableError(f"{path.name} holds no sound")
            return max((_packet_s(packet) or 0.0 for packet in container.demux(audio=0)), default=0.0)
    except av.error.FFmpegError as error:
        raise ContentUndecodableError(f"{path.name} is no readable audio ({error.strerror})") from error


def _packet_s(packet: "Packet[AudioStream]") -> float | None:
    if packet.pts is None or packet.time_base is None:
        return None
    return float(packet.pts * packet.time_base)


def _before(packet: "Packet[AudioStream]", wanted_s: float) -> bool:
    instant_s = _packet_s(packet)
    return instant_s is not None and instant_s < wanted_s


def _instant_frames(frame: AudioFrame, stream: AudioStream) -> int:
    """Place of a frame in the programme: the encoder's own delay, which the decoder drops, does not count."""
    if frame.pts is None or frame.time_base is None:
        return 0
    delay_s = stream.start_time * stream.time_base if stream.start_time and stream.time_base else 0
    return max(0, round((frame.pts * frame.time_base - delay_s) * RATE_HZ))


def _mixed_down(frames: list[AudioFrame]) -> Iterator[Samples]:
    for frame in frames:
        yield np.ascontiguousarray(frame.to_ndarray().mean(axis=0, dtype=np.float32))
