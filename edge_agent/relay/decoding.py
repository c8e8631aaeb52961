"""From the bytes of a stream to mono blocks at 48 kHz, with PyAV over our own reader: it never opens anything itself.

Rules: the demuxer is the one the format asks for, nothing is guessed; only the codecs of a relay are decoded; bad
packets are skipped up to a cap in a row.
"""

from collections.abc import Iterator

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from edge_agent.player.decoding import Mono
from edge_agent.player.levels import Samples
from edge_agent.relay.errors import RelayError, RelayUndecodable
from edge_agent.relay.fetching import Readable
from edge_agent.relay.formats import Format

CODECS = frozenset({"mp3", "mp3float", "aac", "vorbis", "opus", "libopus", "libvorbis"})
_OPTIONS = {
    "protocol_whitelist": "none",
    "format_whitelist": "mp3,aac,ogg",
    "codec_whitelist": ",".join(sorted(CODECS)),
    "probesize": "16384",
    "analyzeduration": "500000",
}
_READ_BYTES = 4096
_BAD_PACKETS_MAX = 50


class _Reader:
    """What PyAV reads from: forward only. A fault of the line is kept, because FFmpeg turns it into one of its own."""

    def __init__(self, first: bytes, body: Readable) -> None:
        self._first, self._body = first, body
        self.fault: RelayError | None = None

    def read(self, most: int) -> bytes:
        """The next bytes; none at the end or after a fault."""
        if self._first:
            taken, self._first = self._first[:most], self._first[most:]
            return taken
        if self.fault is not None:
            return b""
        try:
            return self._body.read(min(most, _READ_BYTES))
        except RelayError as error:
            self.fault = error
            return b""


def blocks(sort: Format, first: bytes, body: Readable) -> Iterator[Samples]:
    """Mono float32 as it comes, until the stream ends; `first` was read from the body already.

    Raises:
        RelayUndecodable: it is no sound of that format.
        RelayStalled, RelayUnreachable: the line broke.
    """
    reader = _Reader(first, body)
    try:
        with av.open(reader, "r", format=sort, options=dict(_OPTIONS), buffer_size=_READ_BYTES) as container:
            yield from _decoded(container)
    except av.error.FFmpegError as error:
        if reader.fault is None:
            raise RelayUndecodable(f"the stream is no readable sound ({error.strerror}); trying again") from error
    if reader.fault is not None:
        raise reader.fault


def _decoded(container: InputContainer) -> Iterator[Samples]:
    if not container.streams.audio:
        raise RelayUndecodable("the stream holds no sound; ask the station for another address")
    stream: AudioStream = container.streams.audio[0]
    if stream.codec_context.name not in CODECS:
        raise RelayUndecodable(f"the stream is coded as {stream.codec_context.name}, which is not relayed")
    mono, bad = Mono(), 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError as error:
            bad += 1
            if bad > _BAD_PACKETS_MAX:
                raise RelayUndecodable("the stream is damaged; trying again") from error
            continue
        for frame in frames:
            bad = 0
            yield from mono.take(frame)
