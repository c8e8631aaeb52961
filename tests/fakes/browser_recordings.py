"""Recordings as browsers leave them, byte by byte: no duration, sizes unknown, stereo; whole, and cut off.

Chromium's `MediaRecorder` writes a live WebM: the segment and its clusters have no size, there is no duration, no cue
and no end; Opus in packets of 60 ms. Safari writes fragmented MP4: a `moov` without a sample, then a `moof` and its
`mdat` for every second or so; AAC. What libavformat's own WebM writer makes differs from Chromium's in just these
points, so the WebM is written here element by element.
"""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.fakes.media_corpus import Signal

PACKET_MS = 60
UNKNOWN = bytes.fromhex("01ffffffffffffff")
_EBML = bytes.fromhex("1a45dfa3")
_SEGMENT, _CLUSTER = bytes.fromhex("18538067"), bytes.fromhex("1f43b675")
_RATE_HZ = 48_000


def chromium(path: Path, signal: Signal, *, cluster_ms: int = 5_000, duration_ms: int | None = None) -> Path:
    """WebM with Opus as Chromium records it; `duration_ms` as only some later tools write it."""
    packets = _packets(signal, "libopus", {"frame_duration": str(PACKET_MS)})
    with path.open("wb") as out:
        out.write(_element(_EBML, _ebml_head()) + _SEGMENT + UNKNOWN)
        told = b"" if duration_ms is None else _element("4489", struct.pack(">d", duration_ms))
        out.write(
            _element(
                "1549a966", _number("2ad7b1", 1_000_000) + _text("4d80", "Chrome") + _text("5741", "Chrome") + told
            )
        )
        out.write(_element("1654ae6b", _element("ae", _track(signal.shape[0]))))
        start = None
        for number, packet in enumerate(packets):
            at = number * PACKET_MS
            if start is None or at - start >= cluster_ms:
                start = at
                out.write(_CLUSTER + UNKNOWN + _number("e7", at))
            out.write(_element("a3", b"\x81" + struct.pack(">hB", at - start, 0x80) + packet))
    return path


def safari(path: Path, signal: Signal, *, fragment_ms: int = 1_000) -> Path:
    """Fragmented MP4 with AAC as Safari records it: `ftyp`, a `moov` without samples, `moof` and `mdat` to the end."""
    options = {
        "movflags": "empty_moov+default_base_moof+skip_trailer",
        "frag_duration": str(1000 * fragment_ms),
        "brand": "iso5",
    }
    layout = {1: "mono", 2: "stereo"}[signal.shape[0]]
    with av.open(str(path), "w", format="mp4", options=options) as out:
        stream = out.add_stream("aac", rate=_RATE_HZ, layout=layout)
        stream.bit_rate = 128_000
        for frame in _frames(signal):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def fragments(path: Path) -> list[tuple[str, int, int]]:
    """The boxes of an MP4: kind, start and end in bytes."""
    data, at, found = path.read_bytes(), 0, []
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        found.append((data[at + 4 : at + 8].decode("latin-1"), at, at + size))
        at += size
    return found


def _packets(signal: Signal, codec: str, options: dict[str, str]) -> list[bytes]:
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout = _RATE_HZ, {1: "mono", 2: "stereo"}[signal.shape[0]]
    context.format, context.bit_rate, context.options = "flt", 128_000, options
    context.time_base = Fraction(1, _RATE_HZ)
    resampler = av.AudioResampler("flt", context.layout, _RATE_HZ, frame_size=_RATE_HZ * PACKET_MS // 1000)
    ready = [one for frame in _frames(signal) for one in resampler.resample(frame)] + resampler.resample(None)
    return [bytes(packet) for frame in (*ready, None) for packet in context.encode(frame)]


def _frames(signal: Signal) -> list[av.AudioFrame]:
    layout = {1: "mono", 2: "stereo"}[signal.shape[0]]
    made = []
    for at in range(0, signal.shape[1], _RATE_HZ):
        part = np.ascontiguousarray(signal[:, at : at + _RATE_HZ])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = _RATE_HZ, at, Fraction(1, _RATE_HZ)
        made.append(frame)
    return made


def _ebml_head() -> bytes:
    numbers = (("4286", 1), ("42f7", 1), ("42f2", 4), ("42f3", 8))
    return b"".join(_number(*one) for one in numbers) + _text("4282", "webm") + _number("4287", 4) + _number("4285", 2)


def _track(channels: int) -> bytes:
    head = b"OpusHead" + struct.pack("<BBHIHB", 1, channels, 0, _RATE_HZ, 0, 0)
    sound = _element("b5", struct.pack(">f", _RATE_HZ)) + _number("9f", channels) + _number("6264", 32)
    facts = _number("d7", 1) + _number("73c5", 0x5EED) + _number("83", 2) + _text("86", "A_OPUS")
    return facts + _element("63a2", head) + _element("e1", sound)


def _element(name: str | bytes, content: bytes) -> bytes:
    name = bytes.fromhex(name) if isinstance(name, str) else name
    return name + struct.pack(">Q", 1 << 56 | len(content)) + content


def _number(name: str, value: int) -> bytes:
    return _element(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


def _text(name: str, value: str) -> bytes:
    return _element(name, value.encode())
